//! Twin of `wgsl/matmul_int8_emulated.wgsl`.

use crate::matmul_int8_emulated::Params;

/// See the WGSL file for the formula and the shapes.
pub fn matmul_int8_emulated(
    params: &Params,
    x: &[u32],
    weight: &[u32],
    scale: &[f32],
    bias: &[f32],
    y: &mut [f32],
) {
    let words = params.words as usize;
    for row in 0..params.m as usize {
        for col in 0..params.n as usize {
            let mut sum = 0;
            for k in 0..words {
                sum += dot_bytes(x[row * words + k], weight[col * words + k]);
            }
            let mut value = sum as f32 * scale[col] + bias[col];
            if params.relu == 1 {
                value = value.max(0.0);
            }
            y[params.y_offset as usize + row * params.n as usize + col] = value;
        }
    }
}

/// The sum of the products of four signed bytes: WGSL's `dot4I8Packed`.
#[must_use]
pub fn dot_bytes(a: u32, b: u32) -> i32 {
    let (p, q) = (a as i32, b as i32);
    ((p << 24) >> 24) * ((q << 24) >> 24)
        + ((p << 16) >> 24) * ((q << 16) >> 24)
        + ((p << 8) >> 24) * ((q << 8) >> 24)
        + (p >> 24) * (q >> 24)
}
