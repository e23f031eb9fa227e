//! Twin of `wgsl/sum_squares.wgsl`.

use crate::sum_squares::Params;

/// See the WGSL file for the formula and the shapes.
pub fn sum_squares(params: &Params, x: &[f32], y: &mut [f32]) {
    for index in 0..params.count {
        let begin = index * params.per_group;
        let end = (begin + params.per_group).min(params.length);
        let mut sum = 0.0;
        for i in begin as usize..end as usize {
            sum += x[i] * x[i];
        }
        y[index as usize] = sum;
    }
}
