//! Twin of `wgsl/log_softmax.wgsl`.

use super::softmax::largest_and_sum;
use crate::log_softmax::Params;

/// See the WGSL file for the formula and the shapes.
pub fn log_softmax(params: &Params, x: &[f32], y: &mut [f32]) {
    let columns = params.columns as usize;
    for index in 0..params.count as usize {
        let x = &x[index * columns..(index + 1) * columns];
        let y = &mut y[index * columns..(index + 1) * columns];
        let (best, sum) = largest_and_sum(x);
        let log_sum = sum.ln();
        for c in 0..columns {
            y[c] = (x[c] - best) - log_sum;
        }
    }
}
