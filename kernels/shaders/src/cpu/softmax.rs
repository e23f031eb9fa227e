//! Twin of `wgsl/softmax.wgsl`.

use crate::softmax::Params;

/// See the WGSL file for the formula and the shapes.
pub fn softmax(params: &Params, x: &[f32], y: &mut [f32]) {
    let columns = params.columns as usize;
    for index in 0..params.count as usize {
        let x = &x[index * columns..(index + 1) * columns];
        let y = &mut y[index * columns..(index + 1) * columns];
        let (best, sum) = largest_and_sum(x);
        for c in 0..columns {
            y[c] = (x[c] - best).exp() / sum;
        }
    }
}

/// The largest of a row, and the sum of exp(x - largest).
pub(super) fn largest_and_sum(x: &[f32]) -> (f32, f32) {
    let mut best = x[0];
    for c in 1..x.len() {
        best = best.max(x[c]);
    }
    let mut sum = 0.0;
    for c in 0..x.len() {
        sum += (x[c] - best).exp();
    }
    (best, sum)
}
