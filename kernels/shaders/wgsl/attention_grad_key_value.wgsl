// v_grad[j] = sum over queries i of p[i, j] * o_grad[i]
// k_grad[j] = scale * sum over queries i of p[i, j] * (o_grad[i] . v[j] - delta[i]) * q[i], p = exp(scale q k^T - lse)
// The queries are those that see key j, in every head that shares its key head: heads outside, queries inside, in order.
// Shapes: as attention; k_grad and v_grad as k; count = batch * kv_heads * length, one invocation a key row.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/attention_grad_key_value.rs
struct Params { count: u32, heads: u32, kv_heads: u32, length: u32, causal: u32, scale: f32 }
@group(0) @binding(0) var<storage, read_write> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> k: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> v: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> o_grad: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> lse: array<f32>;
@group(0) @binding(5) var<storage, read_write> delta: array<f32>;
@group(0) @binding(6) var<storage, read_write> k_grad: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> v_grad: array<vec4<f32>>;
@group(0) @binding(8) var<uniform> params: Params;
// Quads of a head: head_dim / 4. Whoever compiles the text puts the real number here.
const HEAD_QUADS: u32 = 8u;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let key = index % params.length;
  let kv_head = (index / params.length) % params.kv_heads;
  let batch = index / (params.length * params.kv_heads);
  let group = params.heads / params.kv_heads;
  let kv_base = ((batch * params.length + key) * params.kv_heads + kv_head) * HEAD_QUADS;
  let begin = select(0u, key, params.causal == 1u);
  var k_row: array<vec4<f32>, HEAD_QUADS>;
  var v_row: array<vec4<f32>, HEAD_QUADS>;
  var k_sums: array<vec4<f32>, HEAD_QUADS>;
  var v_sums: array<vec4<f32>, HEAD_QUADS>;
  for (var d = 0u; d < HEAD_QUADS; d++) {
    k_row[d] = k[kv_base + d];
    v_row[d] = v[kv_base + d];
    k_sums[d] = vec4<f32>();
    v_sums[d] = vec4<f32>();
  }
  for (var head = kv_head * group; head < (kv_head + 1u) * group; head++) {
    let row_base = (batch * params.heads + head) * params.length;
    for (var query = begin; query < params.length; query++) {
      let at = ((batch * params.length + query) * params.heads + head) * HEAD_QUADS;
      var score = 0.0;
      var weight_grad = 0.0;
      for (var d = 0u; d < HEAD_QUADS; d++) {
        score += dot(q[at + d], k_row[d]);
        weight_grad += dot(o_grad[at + d], v_row[d]);
      }
      let weight = exp(score * params.scale - lse[row_base + query]);
      let score_grad = weight * (weight_grad - delta[row_base + query]) * params.scale;
      for (var d = 0u; d < HEAD_QUADS; d++) {
        k_sums[d] += score_grad * q[at + d];
        v_sums[d] += weight * o_grad[at + d];
      }
    }
  }
  for (var d = 0u; d < HEAD_QUADS; d++) {
    k_grad[kv_base + d] = k_sums[d];
    v_grad[kv_base + d] = v_sums[d];
  }
}
