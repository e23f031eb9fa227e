//! Twin of `wgsl/attention_grad_query.wgsl`.

use super::attention::{AttentionSaved, dot};
use crate::attention_grad_query::Params;

/// See the WGSL file for the formula and the shapes; `head_quads` is `HEAD_QUADS`, the head's size over 4.
pub fn attention_grad_query(
    params: &Params,
    head_quads: u32,
    saved: &AttentionSaved<'_>,
    q_grad: &mut [f32],
) {
    let Params { heads, kv_heads, length, .. } = *params;
    let AttentionSaved { q, k, v, o_grad, lse, delta } = *saved;
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
        let g_row = &o_grad[q_base..q_base + size];
        let sums = &mut q_grad[q_base..q_base + size];
        sums.fill(0.0);
        for key in 0..end {
            let at = (kv_base + key * kv_heads) as usize * size;
            let score = dot(q_row, &k[at..at + size]);
            let weight_grad = dot(g_row, &v[at..at + size]);
            let weight = (score * params.scale - lse[index as usize]).exp();
            let score_grad = weight * (weight_grad - delta[index as usize]) * params.scale;
            for d in 0..size {
                sums[d] += score_grad * k[at + d];
            }
        }
    }
}
