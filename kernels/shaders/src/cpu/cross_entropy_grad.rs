//! Twin of `wgsl/cross_entropy_grad.wgsl`.

use super::softmax::largest_and_sum;
use crate::cross_entropy_grad::Params;

/// See the WGSL file for the formula and the shapes.
pub fn cross_entropy_grad(
    params: &Params,
    logits: &[f32],
    labels: &[u32],
    upstream: &[f32],
    logits_grad: &mut [f32],
) {
    let classes = params.classes as usize;
    for index in 0..params.count as usize {
        let label = labels[index] as usize;
        let logits = &logits[index * classes..(index + 1) * classes];
        let logits_grad = &mut logits_grad[index * classes..(index + 1) * classes];
        let (best, sum) = largest_and_sum(logits);
        let counted = if label < classes { upstream[index] } else { 0.0 };
        let floor_part = params.smoothing / classes as f32;
        for c in 0..classes {
            let goal = if c == label { 1.0 - params.smoothing } else { 0.0 } + floor_part;
            logits_grad[c] = ((logits[c] - best).exp() / sum - goal) * counted;
        }
    }
}
