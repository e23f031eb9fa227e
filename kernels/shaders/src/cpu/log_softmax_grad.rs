//! Twin of `wgsl/log_softmax_grad.wgsl`.

use crate::log_softmax_grad::Params;

/// See the WGSL file for the formula and the shapes.
pub fn log_softmax_grad(params: &Params, y: &[f32], g: &[f32], x_grad: &mut [f32]) {
    let columns = params.columns as usize;
    for index in 0..params.count as usize {
        let base = index * columns;
        let mut sum = 0.0;
        for c in 0..columns {
            sum += g[base + c];
        }
        for c in 0..columns {
            x_grad[base + c] = g[base + c] - y[base + c].exp() * sum;
        }
    }
}
