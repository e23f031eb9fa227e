//! Twin of `wgsl/dropout.wgsl`.

use crate::dropout::Params;

/// See the WGSL file for the formula and the shapes.
pub fn dropout(params: &Params, x: &[f32], clock: &[u32], y: &mut [f32]) {
    for index in 0..params.count {
        let mut c = [index, clock[0], 0, 0];
        let mut key = [params.key0, params.key1];
        for _ in 0..10 {
            let a = multiply(0xd251_1f53, c[0]);
            let b = multiply(0xcd9e_8d57, c[2]);
            c = [b[0] ^ c[1] ^ key[0], b[1], a[0] ^ c[3] ^ key[1], a[1]];
            key = [key[0].wrapping_add(0x9e37_79b9), key[1].wrapping_add(0xbb67_ae85)];
        }
        for lane in 0..4 {
            let at = index as usize * 4 + lane;
            if at < params.values as usize {
                y[at] = if c[lane] >= params.threshold { x[at] * params.scale } else { 0.0 };
            }
        }
    }
}

/// The high and the low word of a product.
fn multiply(a: u32, b: u32) -> [u32; 2] {
    let product = u64::from(a) * u64::from(b);
    [(product >> 32) as u32, product as u32]
}
