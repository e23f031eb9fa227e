//! Twin of `wgsl/softmax_cross_entropy.wgsl`.

use crate::softmax_cross_entropy::Params;

/// See the WGSL file for the formula and the shapes.
pub fn softmax_cross_entropy(params: &Params, logits: &[f32], labels: &[u32], rows: &mut [f32]) {
    let classes = params.classes as usize;
    for index in 0..params.count as usize {
        let label = labels[index] as usize;
        if label >= classes {
            rows[index * 2] = 0.0;
            rows[index * 2 + 1] = 0.0;
            continue;
        }
        let logits = &logits[index * classes..(index + 1) * classes];
        let mut best = logits[0];
        let mut best_class = 0;
        for c in 1..classes {
            if logits[c] > best {
                best = logits[c];
                best_class = c;
            }
        }
        let mut sum = 0.0;
        for c in 0..classes {
            sum += (logits[c] - best).exp();
        }
        rows[index * 2] = sum.ln() + best - logits[label];
        rows[index * 2 + 1] = if best_class == label { 1.0 } else { 0.0 };
    }
}
