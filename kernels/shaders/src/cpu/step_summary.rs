//! Twin of `wgsl/step_summary.wgsl`.

use crate::step_summary::Params;

/// See the WGSL file for the formula and the shapes.
pub fn step_summary(
    params: &Params,
    [loss, matches, norm]: [&[u32]; 3],
    clock: &mut [u32],
    ring: &mut [u32],
) {
    let slot = (clock[0] % params.ring_length) as usize * 4;
    ring[slot] = loss[0];
    ring[slot + 1] = matches[0];
    ring[slot + 2] = norm[0];
    ring[slot + 3] = clock[0];
    clock[0] += 1;
}
