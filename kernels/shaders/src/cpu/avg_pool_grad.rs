//! Twin of `wgsl/avg_pool_grad.wgsl`.

use crate::avg_pool_grad::Params;

/// See the WGSL file for the formula and the shapes.
pub fn avg_pool_grad(params: &Params, y_grad: &[f32], x_grad: &mut [f32]) {
    let p = params;
    for index in 0..p.count {
        let c = index % p.channels;
        let mut rest = index / p.channels;
        let column = rest % p.width;
        rest /= p.width;
        let row = rest % p.height;
        let n = rest / p.height;
        let mut sum = 0.0;
        for i in 0..p.window {
            if row < i || (row - i) % p.stride != 0 {
                continue;
            }
            let h = (row - i) / p.stride;
            if h >= p.out_height {
                continue;
            }
            for j in 0..p.window {
                if column < j || (column - j) % p.stride != 0 {
                    continue;
                }
                let w = (column - j) / p.stride;
                if w >= p.out_width {
                    continue;
                }
                sum += y_grad[(((n * p.out_height + h) * p.out_width + w) * p.channels + c) as usize];
            }
        }
        x_grad[index as usize] = sum / (p.window * p.window) as f32;
    }
}
