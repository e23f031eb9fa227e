//! Twin of `wgsl/top_match.wgsl`.

use crate::top_match::Params;

/// See the WGSL file for the formula and the shapes.
pub fn top_match(params: &Params, logits: &[f32], labels: &[u32], matches: &mut [f32]) {
    let classes = params.classes as usize;
    for index in 0..params.count as usize {
        let logits = &logits[index * classes..(index + 1) * classes];
        let mut best = logits[0];
        let mut best_class = 0;
        for c in 1..classes {
            if logits[c] > best {
                best = logits[c];
                best_class = c;
            }
        }
        matches[index] = if best_class == labels[index] as usize { 1.0 } else { 0.0 };
    }
}
