//! Twin of `wgsl/add.wgsl`.

use crate::add::Params;

/// See the WGSL file for the formula and the shapes.
pub fn add(params: &Params, a: &[f32], b: &[f32], sum: &mut [f32]) {
    let count = params.count as usize;
    let (a, b, sum) = (&a[..count], &b[..count], &mut sum[..count]);
    for index in 0..count {
        sum[index] = a[index] + b[index];
    }
}
