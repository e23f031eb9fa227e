//! Twin of `wgsl/pack_f16.wgsl`.

use crate::pack_f16::Params;

/// See the WGSL file for the formula and the shapes. Rounds half to even, where WGSL leaves it open.
pub fn pack_f16(params: &Params, x: &[f32], y: &mut [u32]) {
    for index in 0..params.count as usize {
        let low = x[index * 2];
        let mut high = 0.0;
        if index * 2 + 1 < params.values as usize {
            high = x[index * 2 + 1];
        }
        y[index] = half_bits(low) | (half_bits(high) << 16);
    }
}

/// The bits of the nearest f16, ties to even; infinite from 65520 on.
#[must_use]
pub fn half_bits(x: f32) -> u32 {
    let bits = x.to_bits();
    let magnitude = bits & 0x7fff_ffff;
    let sign = (bits >> 16) & 0x8000;
    if magnitude > 0x7f80_0000 {
        return sign | 0x7e00;
    }
    if magnitude >= 0x477f_f000 {
        return sign | 0x7c00;
    }
    if magnitude < 0x3880_0000 {
        // Below 2^-14 an f16 is a multiple of 2^-24; adding 1/2 leaves those multiples in the last bits, rounded.
        return sign | ((f32::from_bits(magnitude) + 0.5).to_bits() - 0x3f00_0000);
    }
    let rounded = magnitude + 0x0fff + ((magnitude >> 13) & 1);
    sign | ((rounded - 0x3800_0000) >> 13)
}
