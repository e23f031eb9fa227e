//! Twin of `wgsl/unpack_f16.wgsl`.

use crate::unpack_f16::Params;

/// See the WGSL file for the formula and the shapes.
pub fn unpack_f16(params: &Params, x: &[u32], y: &mut [f32]) {
    for index in 0..params.count as usize {
        let word = x[index];
        y[index * 2] = half_value(word & 0xffff);
        if index * 2 + 1 < params.values as usize {
            y[index * 2 + 1] = half_value(word >> 16);
        }
    }
}

/// The value of the sixteen bits of an f16.
#[must_use]
pub fn half_value(bits: u32) -> f32 {
    let sign = (bits & 0x8000) << 16;
    let exponent = (bits >> 10) & 0x1f;
    let fraction = bits & 0x3ff;
    match exponent {
        0 => f32::from_bits((fraction as f32 / 16_777_216.0).to_bits() | sign),
        31 => f32::from_bits(sign | 0x7f80_0000 | (fraction << 13)),
        _ => f32::from_bits(sign | ((exponent + 112) << 23) | (fraction << 13)),
    }
}
