//! Twin of `wgsl/max_pool.wgsl`.

use crate::max_pool::Params;

/// See the WGSL file for the formula and the shapes.
pub fn max_pool(params: &Params, x: &[f32], y: &mut [f32]) {
    let (width, channels, window) = (params.width as usize, params.channels as usize, params.window as usize);
    let (out_height, out_width) = (params.out_height as usize, params.out_width as usize);
    let pixels = params.count as usize / channels;
    for pixel in 0..pixels {
        let w = pixel % out_width;
        let h = pixel / out_width % out_height;
        let n = pixel / (out_width * out_height);
        let corner = ((n * params.height as usize + h * window) * width + w * window) * channels;
        let y = &mut y[pixel * channels..(pixel + 1) * channels];
        y.copy_from_slice(&x[corner..corner + channels]);
        for i in 0..window {
            for j in 0..window {
                let at = corner + (i * width + j) * channels;
                let x = &x[at..at + channels];
                for c in 0..channels {
                    y[c] = if x[c] > y[c] { x[c] } else { y[c] };
                }
            }
        }
    }
}
