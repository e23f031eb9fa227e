//! Twin of `wgsl/avg_pool.wgsl`.

use crate::avg_pool::Params;

/// See the WGSL file for the formula and the shapes.
pub fn avg_pool(params: &Params, x: &[f32], y: &mut [f32]) {
    let p = params;
    for index in 0..p.count {
        let c = index % p.channels;
        let mut rest = index / p.channels;
        let w = rest % p.out_width;
        rest /= p.out_width;
        let h = rest % p.out_height;
        let n = rest / p.out_height;
        let corner = ((n * p.height + h * p.stride) * p.width + w * p.stride) * p.channels + c;
        let mut sum = 0.0;
        for i in 0..p.window {
            for j in 0..p.window {
                sum += x[(corner + (i * p.width + j) * p.channels) as usize];
            }
        }
        y[index as usize] = sum / (p.window * p.window) as f32;
    }
}
