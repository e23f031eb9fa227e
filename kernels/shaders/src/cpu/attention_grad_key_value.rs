//! Twin of `wgsl/attention_grad_key_value.wgsl`.

use super::attention::{AttentionSaved, dot};
use crate::attention_grad_key_value::Params;

/// See the WGSL file for the formula and the shapes; `head_quads` is `HEAD_QUADS`, the head's size over 4.
pub fn attention_grad_key_value(
    params: &Params,
    head_quads: u32,
    saved: &AttentionSaved<'_>,
    k_grad: &mut [f32],
    v_grad: &mut [f32],
) {
    let Params { heads, kv_heads, length, .. } = *params;
    let AttentionSaved { q, k, v, o_grad, lse, delta } = *saved;
    let size = head_quads as usize * 4;
    for index in 0..params.count {
        let key = index % length;
        let kv_head = (index / length) % kv_heads;
        let batch = index / (length * kv_heads);
        let group = heads / kv_heads;
        let kv_base = ((batch * length + key) * kv_heads + kv_head) as usize * size;
        let begin = if params.causal == 1 { key } else { 0 };
        let k_row = &k[kv_base..kv_base + size];
        let v_row = &v[kv_base..kv_base + size];
        let k_sums = &mut k_grad[kv_base..kv_base + size];
        let v_sums = &mut v_grad[kv_base..kv_base + size];
        k_sums.fill(0.0);
        v_sums.fill(0.0);
        for head in kv_head * group..(kv_head + 1) * group {
            let row_base = ((batch * heads + head) * length) as usize;
            for query in begin..length {
                let at = ((batch * length + query) * heads + head) as usize * size;
                let row = row_base + query as usize;
                let score = dot(&q[at..at + size], k_row);
                let weight_grad = dot(&o_grad[at..at + size], v_row);
                let weight = (score * params.scale - lse[row]).exp();
                let score_grad = weight * (weight_grad - delta[row]) * params.scale;
                for d in 0..size {
                    k_sums[d] += score_grad * q[at + d];
                    v_sums[d] += weight * o_grad[at + d];
                }
            }
        }
    }
}
