//! Twin of `wgsl/sgd.wgsl`.

use crate::sgd::Params;

/// See the WGSL file for the formula and the shapes.
pub fn sgd(params: &Params, buffers: SgdBuffers<'_>, schedule: &[f32], clock: &[u32], flags: &mut [u32]) {
    let count = params.count as usize;
    let rate = schedule[(clock[0] % params.schedule_length) as usize * 2];
    let weight = &mut buffers.weight[..count];
    let gradient = &buffers.gradient[..count];
    let velocity = &mut buffers.velocity[..count];
    let mut bad = 0;
    for index in 0..count {
        let g = gradient[index];
        bad |= u32::from(super::is_non_finite(g));
        let u = params.momentum * velocity[index] + g;
        velocity[index] = u;
        weight[index] -= rate * u;
    }
    flags[0] |= bad * 2;
}

/// What SGD reads and updates, each of `count` values.
#[derive(Debug)]
pub struct SgdBuffers<'a> {
    /// Weights, updated.
    pub weight: &'a mut [f32],
    /// Gradients.
    pub gradient: &'a [f32],
    /// Running sum of gradients, updated.
    pub velocity: &'a mut [f32],
}
