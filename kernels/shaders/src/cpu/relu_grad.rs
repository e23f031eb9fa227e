//! Twin of `wgsl/relu_grad.wgsl`.

use crate::relu_grad::Params;

/// See the WGSL file for the formula and the shapes.
pub fn relu_grad(params: &Params, y: &[f32], y_grad: &[f32], x_grad: &mut [f32]) {
    let count = params.count as usize;
    let (y, y_grad, x_grad) = (&y[..count], &y_grad[..count], &mut x_grad[..count]);
    for index in 0..count {
        x_grad[index] = if y[index] > 0.0 { y_grad[index] } else { 0.0 };
    }
}
