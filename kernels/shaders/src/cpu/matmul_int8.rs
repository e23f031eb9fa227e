//! Twin of `wgsl/matmul_int8.wgsl`: the packed dot product gives the same integers as the emulated one.

use crate::{matmul_int8::Params, matmul_int8_emulated};

/// See the WGSL file for the formula and the shapes.
pub fn matmul_int8(params: &Params, x: &[u32], weight: &[u32], scale: &[f32], bias: &[f32], y: &mut [f32]) {
    let Params { m, n, words, relu, y_offset } = *params;
    let same = matmul_int8_emulated::Params { m, n, words, relu, y_offset };
    super::matmul_int8_emulated(&same, x, weight, scale, bias, y);
}
