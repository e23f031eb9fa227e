//! Twin of `wgsl/fill.wgsl`.

use crate::fill::Params;

/// See the WGSL file for the formula and the shapes.
pub fn fill(params: &Params, y: &mut [u32]) {
    let offset = params.offset as usize;
    y[offset..offset + params.count as usize].fill(params.bits);
}
