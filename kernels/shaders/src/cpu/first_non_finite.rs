//! Twin of `wgsl/first_non_finite.wgsl`.

use crate::first_non_finite::Params;

/// See the WGSL file for the formula and the shapes.
pub fn first_non_finite(params: &Params, x: &[f32], flags: &mut [u32]) {
    let flag = &mut flags[params.slot as usize];
    for i in 0..params.values {
        if super::is_non_finite(x[i as usize]) {
            *flag = (*flag).min(params.base + i);
            break;
        }
    }
}
