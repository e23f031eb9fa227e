//! Twin of `wgsl/adam.wgsl`.

use crate::adam::Params;

/// See the WGSL file for the formula and the shapes.
pub fn adam(params: &Params, buffers: AdamBuffers<'_>, schedule: &[f32], clock: &[u32], flags: &mut [u32]) {
    let count = params.count as usize;
    let slot = (clock[0] % params.schedule_length) as usize * 2;
    let (rate, epsilon) = (schedule[slot], schedule[slot + 1]);
    let weight = &mut buffers.weight[..count];
    let gradient = &buffers.gradient[..count];
    let first_moment = &mut buffers.first_moment[..count];
    let second_moment = &mut buffers.second_moment[..count];
    let mut bad = 0;
    for index in 0..count {
        let g = gradient[index];
        bad |= u32::from(super::is_non_finite(g));
        let m = params.beta1 * first_moment[index] + (1.0 - params.beta1) * g;
        let v = params.beta2 * second_moment[index] + (1.0 - params.beta2) * g * g;
        first_moment[index] = m;
        second_moment[index] = v;
        weight[index] -= rate * m / (v.sqrt() + epsilon);
    }
    flags[0] |= bad * 2;
}

/// What Adam reads and updates, each of `count` values.
#[derive(Debug)]
pub struct AdamBuffers<'a> {
    /// Weights, updated.
    pub weight: &'a mut [f32],
    /// Gradients.
    pub gradient: &'a [f32],
    /// Running mean of gradients, updated.
    pub first_moment: &'a mut [f32],
    /// Running mean of squared gradients, updated.
    pub second_moment: &'a mut [f32],
}
