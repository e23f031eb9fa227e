//! Twin of `wgsl/attention.wgsl`.

use crate::attention::Params;

/// See the WGSL file for the formula and the shapes; `head_quads` is `HEAD_QUADS`, the head's size over 4.
pub fn attention(
    params: &Params,
    head_quads: u32,
    q: &[f32],
    k: &[f32],
    v: &[f32],
    o: &mut [f32],
    lse: &mut [f32],
) {
    let Params { heads, kv_heads, length, .. } = *params;
    let size = head_quads as usize * 4;
    for index in 0..params.count {
        let query = index % length;
        let head = (index / length) % heads;
        let batch = index / (length * heads);
        let kv_head = head / (heads / kv_heads);
        let q_base = ((batch * length + query) * heads + head) as usize * size;
        let kv_base = batch * length * kv_heads + kv_head;
        let end = if params.causal == 1 { query + 1 } else { length };
        let q_row = &q[q_base..q_base + size];
        let sums = &mut o[q_base..q_base + size];
        sums.fill(0.0);
        let mut best = -3.0e38_f32;
        let mut sum = 0.0;
        for key in (0..end).step_by(4) {
            let keys = [key, key + 1, key + 2, key + 3];
            let seen = keys.map(|key| key < end);
            let at = keys.map(|key| (kv_base + key.min(end - 1) * kv_heads) as usize * size);
            let scores = at.map(|at| dot(q_row, &k[at..at + size]) * params.scale);
            let largest = scores[0].max(scores[1]).max(scores[2].max(scores[3]));
            let next = best.max(largest);
            let shrink = (best - next).exp();
            let mut weights = [0.0; 4];
            for lane in 0..4 {
                weights[lane] = if seen[lane] { (scores[lane] - next).exp() } else { 0.0 };
            }
            best = next;
            sum = sum * shrink + (weights[0] + weights[1] + weights[2] + weights[3]);
            for d in 0..size {
                sums[d] = sums[d] * shrink
                    + weights[0] * v[at[0] + d]
                    + weights[1] * v[at[1] + d]
                    + weights[2] * v[at[2] + d]
                    + weights[3] * v[at[3] + d];
            }
        }
        for d in 0..size {
            sums[d] /= sum;
        }
        lse[index as usize] = best + sum.ln();
    }
}

/// The sum of products, quad by quad as WGSL's `dot` adds them.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sum = 0.0;
    for (a, b) in a.chunks_exact(4).zip(b.chunks_exact(4)) {
        sum += a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3];
    }
    sum
}

/// What the backward pass of attention reads; shapes as in `wgsl/attention.wgsl`.
#[derive(Debug, Clone, Copy)]
pub struct AttentionSaved<'a> {
    /// Queries.
    pub q: &'a [f32],
    /// Keys.
    pub k: &'a [f32],
    /// Values.
    pub v: &'a [f32],
    /// Gradient of the result.
    pub o_grad: &'a [f32],
    /// ln sum exp of the scores of a query, from the forward pass.
    pub lse: &'a [f32],
    /// `attention_delta`: the result times its gradient, summed over the head.
    pub delta: &'a [f32],
}
