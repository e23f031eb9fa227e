//! Twin of `wgsl/reduce_sum.wgsl`.

use crate::reduce_sum::Params;

/// See the WGSL file for the formula and the shapes.
pub fn reduce_sum(params: &Params, x: &[f32], y: &mut [f32]) {
    for index in 0..params.count {
        let i = index % params.inner;
        let group = (index / params.inner) % params.groups;
        let outer = index / (params.inner * params.groups);
        let begin = group * params.per_group;
        let end = (begin + params.per_group).min(params.length);
        let base = outer * params.length * params.inner + i;
        let mut sum = 0.0;
        for l in begin..end {
            sum += x[(base + l * params.inner) as usize];
        }
        y[index as usize] = sum;
    }
}
