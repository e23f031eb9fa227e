//! Twin of `wgsl/max_pool_grad.wgsl`.

use crate::max_pool_grad::Params;

/// See the WGSL file for the formula and the shapes.
pub fn max_pool_grad(params: &Params, x: &[f32], y: &[f32], y_grad: &[f32], x_grad: &mut [f32]) {
    let (width, channels, window) = (params.width as usize, params.channels as usize, params.window as usize);
    let (out_height, out_width) = (params.out_height as usize, params.out_width as usize);
    let pixels = params.count as usize / channels;
    for pixel in 0..pixels {
        let column = pixel % width;
        let row = pixel / width % params.height as usize;
        let n = pixel / (width * params.height as usize);
        let (h, w) = (row / window, column / window);
        let x_grad = &mut x_grad[pixel * channels..(pixel + 1) * channels];
        if h >= out_height || w >= out_width {
            x_grad.fill(0.0);
            continue;
        }
        let pooled = ((n * out_height + h) * out_width + w) * channels;
        let corner = ((n * params.height as usize + h * window) * width + w * window) * channels;
        let rank = (row - h * window) * window + (column - w * window);
        for c in 0..channels {
            let best = y[pooled + c];
            let mut first = x[pixel * channels + c] == best;
            for earlier in 0..rank {
                let at = corner + ((earlier / window) * width + earlier % window) * channels + c;
                if x[at] == best {
                    first = false;
                }
            }
            x_grad[c] = if first { y_grad[pooled + c] } else { 0.0 };
        }
    }
}
