//! Twin of `wgsl/normalize_grad.wgsl`.

use super::normalize::mean_and_scale;
use crate::normalize_grad::Params;

/// See the WGSL file for the formula and the shapes.
pub fn normalize_grad(params: &Params, x: &[f32], g: &[f32], x_grad: &mut [f32]) {
    let columns = params.columns as usize;
    for index in 0..params.count as usize {
        let x = &x[index * columns..(index + 1) * columns];
        let g = &g[index * columns..(index + 1) * columns];
        let x_grad = &mut x_grad[index * columns..(index + 1) * columns];
        let (mean, scale) = mean_and_scale(x, params.center == 1, params.epsilon);
        let mut g_mean = 0.0;
        let mut product_mean = 0.0;
        for c in 0..columns {
            g_mean += g[c];
            product_mean += g[c] * ((x[c] - mean) * scale);
        }
        g_mean = if params.center == 1 { g_mean / columns as f32 } else { 0.0 };
        product_mean /= columns as f32;
        for c in 0..columns {
            let normal = (x[c] - mean) * scale;
            x_grad[c] = scale * (g[c] - g_mean - normal * product_mean);
        }
    }
}
