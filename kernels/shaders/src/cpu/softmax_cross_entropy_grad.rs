//! Twin of `wgsl/softmax_cross_entropy_grad.wgsl`.

use crate::softmax_cross_entropy_grad::Params;

/// See the WGSL file for the formula and the shapes.
pub fn softmax_cross_entropy_grad(params: &Params, logits: &[f32], labels: &[u32], logits_grad: &mut [f32]) {
    let classes = params.classes as usize;
    for index in 0..params.count as usize {
        let label = labels[index] as usize;
        let logits = &logits[index * classes..(index + 1) * classes];
        let logits_grad = &mut logits_grad[index * classes..(index + 1) * classes];
        let mut best = logits[0];
        for c in 1..classes {
            best = best.max(logits[c]);
        }
        let mut sum = 0.0;
        for c in 0..classes {
            sum += (logits[c] - best).exp();
        }
        let counted = if label < classes { params.scale } else { 0.0 };
        for c in 0..classes {
            let probability = (logits[c] - best).exp() / sum;
            logits_grad[c] = (probability - if c == label { 1.0 } else { 0.0 }) * counted;
        }
    }
}
