//! Twin of `wgsl/normalize.wgsl`.

use crate::normalize::Params;

/// See the WGSL file for the formula and the shapes.
pub fn normalize(params: &Params, x: &[f32], y: &mut [f32]) {
    let columns = params.columns as usize;
    for index in 0..params.count as usize {
        let x = &x[index * columns..(index + 1) * columns];
        let y = &mut y[index * columns..(index + 1) * columns];
        let (mean, scale) = mean_and_scale(x, params.center == 1, params.epsilon);
        for c in 0..columns {
            y[c] = (x[c] - mean) * scale;
        }
    }
}

/// Mean of a row (0 where it is not centred) and 1 / sqrt(variance + epsilon).
pub(super) fn mean_and_scale(x: &[f32], center: bool, epsilon: f32) -> (f32, f32) {
    let columns = x.len() as f32;
    let mut mean = 0.0;
    if center {
        for c in 0..x.len() {
            mean += x[c];
        }
        mean /= columns;
    }
    let mut variance = 0.0;
    for c in 0..x.len() {
        let distance = x[c] - mean;
        variance += distance * distance;
    }
    (mean, 1.0 / (variance / columns + epsilon).sqrt())
}
