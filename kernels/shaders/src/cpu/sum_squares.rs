//! Twin of `wgsl/sum_squares.wgsl`.

use crate::sum_squares::Params;

/// See the WGSL file for the formula and the shapes.
pub fn sum_squares(params: &Params, x: &[f32], y: &mut [f32]) {
    for index in 0..params.count {
        let mut sum = 0.0;
        let mut at = index;
        for _ in 0..params.per_group {
            if at < params.length {
                sum += x[at as usize] * x[at as usize];
            }
            at += params.count;
        }
        y[index as usize] = sum;
    }
}
