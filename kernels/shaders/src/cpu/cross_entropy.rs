//! Twin of `wgsl/cross_entropy.wgsl`.

use crate::cross_entropy::Params;

/// See the WGSL file for the formula and the shapes.
pub fn cross_entropy(params: &Params, logits: &[f32], labels: &[u32], losses: &mut [f32]) {
    let classes = params.classes as usize;
    for index in 0..params.count as usize {
        let label = labels[index] as usize;
        if label >= classes {
            losses[index] = 0.0;
            continue;
        }
        let logits = &logits[index * classes..(index + 1) * classes];
        let mut best = logits[0];
        for c in 1..classes {
            best = best.max(logits[c]);
        }
        let mut sum = 0.0_f32;
        let mut distances = 0.0;
        for c in 0..classes {
            let distance = best - logits[c];
            sum += (-distance).exp();
            distances += distance;
        }
        let smooth_part = params.smoothing * (distances / classes as f32);
        losses[index] = sum.ln() + (1.0 - params.smoothing) * (best - logits[label]) + smooth_part;
    }
}
