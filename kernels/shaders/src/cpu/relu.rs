//! Twin of `wgsl/relu.wgsl`.

use crate::relu::Params;

/// See the WGSL file for the formula and the shapes.
pub fn relu(params: &Params, x: &[f32], y: &mut [f32]) {
    let count = params.count as usize;
    let (x, y) = (&x[..count], &mut y[..count]);
    for index in 0..count {
        let bits = x[index].to_bits();
        let negative = (bits >> 31) == 1 && (bits & 0x7fff_ffff) <= 0x7f80_0000;
        y[index] = f32::from_bits(if negative { 0 } else { bits });
    }
}
