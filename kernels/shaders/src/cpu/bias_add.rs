//! Twin of `wgsl/bias_add.wgsl`.

use crate::bias_add::Params;

/// See the WGSL file for the formula and the shapes.
pub fn bias_add(params: &Params, x: &[f32], bias: &[f32], y: &mut [f32]) {
    let count = params.count as usize;
    let columns = params.columns as usize;
    let bias = &bias[..columns];
    for (x, y) in x[..count].chunks_exact(columns).zip(y[..count].chunks_exact_mut(columns)) {
        for column in 0..columns {
            y[column] = x[column] + bias[column];
        }
    }
}
