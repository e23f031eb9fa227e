//! Twin of `wgsl/attention_delta.wgsl`.

use crate::attention_delta::Params;

/// See the WGSL file for the formula and the shapes.
pub fn attention_delta(params: &Params, o: &[f32], o_grad: &[f32], delta: &mut [f32]) {
    for index in 0..params.count {
        let query = index % params.length;
        let head = (index / params.length) % params.heads;
        let batch = index / (params.length * params.heads);
        let base = (((batch * params.length + query) * params.heads + head) * params.head_dim) as usize;
        let mut sum = 0.0;
        for d in 0..params.head_dim as usize {
            sum += o[base + d] * o_grad[base + d];
        }
        delta[index as usize] = sum;
    }
}
