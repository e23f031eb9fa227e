// delta[b, h, t] = sum over d of o[b, t, h, d] * o_grad[b, t, h, d]
// What the backward pass of softmax subtracts (Dao et al. 2022, appendix B.2). Shapes: o and o_grad
// batch x length x heads x head_dim, delta batch x heads x length; count = batch * heads * length.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/attention_delta.rs
struct Params { count: u32, heads: u32, length: u32, head_dim: u32 }
@group(0) @binding(0) var<storage, read_write> o: array<f32>;
@group(0) @binding(1) var<storage, read_write> o_grad: array<f32>;
@group(0) @binding(2) var<storage, read_write> delta: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let query = index % params.length;
  let head = (index / params.length) % params.heads;
  let batch = index / (params.length * params.heads);
  let base = ((batch * params.length + query) * params.heads + head) * params.head_dim;
  var sum = 0.0;
  for (var d = 0u; d < params.head_dim; d++) {
    sum += o[base + d] * o_grad[base + d];
  }
  delta[index] = sum;
}
