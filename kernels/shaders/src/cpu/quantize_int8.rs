//! Twin of `wgsl/quantize_int8.wgsl`.

use crate::quantize_int8::Params;

/// See the WGSL file for the formula and the shapes.
pub fn quantize_int8(params: &Params, x: &[f32], quantized: &mut [u32]) {
    let values = params.values as usize;
    for index in 0..params.count as usize {
        let mut word = 0;
        for lane in 0..4 {
            let at = index * 4 + lane;
            if at < values {
                let q = (x[at] * params.inverse_scale).round_ties_even().clamp(-127.0, 127.0) as i32;
                word |= (q as u32 & 0xff) << (lane * 8);
            }
        }
        quantized[index] = word;
    }
}
