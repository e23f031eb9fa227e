//! Twin of `wgsl/max_pool_grad.wgsl`.

use crate::max_pool_grad::Params;

/// See the WGSL file for the formula and the shapes.
pub fn max_pool_grad(params: &Params, x: &[f32], y: &[f32], y_grad: &[f32], x_grad: &mut [f32]) {
    let (width, channels, window) = (params.width as usize, params.channels as usize, params.window as usize);
    let (out_height, out_width) = (params.out_height as usize, params.out_width as usize);
    for index in 0..params.count as usize {
        let c = index % channels;
        let mut rest = index / channels;
        let w = rest % out_width;
        rest /= out_width;
        let h = rest % out_height;
        let n = rest / out_height;
        let corner = ((n * params.height as usize + h * window) * width + w * window) * channels + c;
        let best = y[index];
        let mut left = y_grad[index];
        for i in 0..window {
            for j in 0..window {
                let at = corner + (i * width + j) * channels;
                let is_best = x[at] >= best;
                x_grad[at] = if is_best { left } else { 0.0 };
                left = if is_best { 0.0 } else { left };
            }
        }
    }
}
