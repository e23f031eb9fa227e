//! Twin of `wgsl/reduce_max.wgsl`.

use crate::reduce_max::Params;

/// See the WGSL file for the formula and the shapes.
pub fn reduce_max(params: &Params, x: &[f32], y: &mut [f32]) {
    for index in 0..params.count {
        let i = index % params.inner;
        let group = (index / params.inner) % params.groups;
        let outer = index / (params.inner * params.groups);
        let begin = group * params.per_group;
        let end = (begin + params.per_group).min(params.length);
        let base = outer * params.length * params.inner + i;
        let mut best = x[(base + begin * params.inner) as usize];
        for l in begin..end {
            let value = x[(base + l * params.inner) as usize];
            let larger = value > best;
            best = if value.is_nan() || (larger && !best.is_nan()) { value } else { best };
        }
        y[index as usize] = best;
    }
}
