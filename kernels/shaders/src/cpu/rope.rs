//! Twin of `wgsl/rope.wgsl`.

use crate::rope::Params;

/// See the WGSL file for the formula and the shapes.
pub fn rope(params: &Params, x: &[f32], table: &[f32], y: &mut [f32]) {
    let half_dim = params.head_dim / 2;
    for index in 0..params.count {
        let i = index % half_dim;
        let row = index / half_dim;
        let position = (row / params.heads) % params.length;
        let first = (row * params.head_dim + i) as usize;
        let second = first + half_dim as usize;
        let angle = ((position * half_dim + i) * 2) as usize;
        let cosine = table[angle];
        let sine = params.sign * table[angle + 1];
        let a = x[first];
        let b = x[second];
        y[first] = a * cosine - b * sine;
        y[second] = b * cosine + a * sine;
    }
}
