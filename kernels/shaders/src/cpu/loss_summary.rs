//! Twin of `wgsl/loss_summary.wgsl`.

use crate::loss_summary::Params;

/// See the WGSL file for the formula and the shapes.
pub fn loss_summary(params: &Params, rows: &[f32], flags: &[u32], clock: &mut [u32], ring: &mut [u32]) {
    let mut loss = 0.0_f32;
    let mut correct = 0.0_f32;
    let mut bad = flags[0];
    for r in 0..params.examples as usize {
        let row_loss = rows[r * 2];
        if super::is_non_finite(row_loss) {
            bad |= 1;
        }
        loss += row_loss;
        correct += rows[r * 2 + 1];
    }
    let step = clock[0];
    let slot = (step % params.ring_length) as usize * 4;
    ring[slot] = (loss / params.examples as f32).to_bits();
    ring[slot + 1] = correct as u32;
    ring[slot + 2] = bad;
    ring[slot + 3] = step;
    clock[0] = step + 1;
}
