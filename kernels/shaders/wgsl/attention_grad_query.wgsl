// q_grad[i] = scale * sum over keys j of p[i, j] * (o_grad[i] . v[j] - delta[i]) * k[j], p = exp(scale q k^T - lse)
// The weights p are computed again from lse, never stored (Dao et al. 2022, algorithm 4).
// Shapes: as attention; delta and lse batch x heads x length, o_grad and q_grad as q; count = batch * heads * length.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/attention_grad_query.rs
struct Params { count: u32, heads: u32, kv_heads: u32, length: u32, causal: u32, scale: f32 }
@group(0) @binding(0) var<storage, read_write> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> k: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> v: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> o_grad: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> lse: array<f32>;
@group(0) @binding(5) var<storage, read_write> delta: array<f32>;
@group(0) @binding(6) var<storage, read_write> q_grad: array<vec4<f32>>;
@group(0) @binding(7) var<uniform> params: Params;
// Quads of a head: head_dim / 4. Whoever compiles the text puts the real number here.
const HEAD_QUADS: u32 = 8u;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let query = index % params.length;
  let head = (index / params.length) % params.heads;
  let batch = index / (params.length * params.heads);
  let kv_head = head / (params.heads / params.kv_heads);
  let q_base = ((batch * params.length + query) * params.heads + head) * HEAD_QUADS;
  let kv_base = batch * params.length * params.kv_heads + kv_head;
  let end = select(params.length, query + 1u, params.causal == 1u);
  let row_lse = lse[index];
  let row_delta = delta[index];
  var q_row: array<vec4<f32>, HEAD_QUADS>;
  var g_row: array<vec4<f32>, HEAD_QUADS>;
  var sums: array<vec4<f32>, HEAD_QUADS>;
  for (var d = 0u; d < HEAD_QUADS; d++) {
    q_row[d] = q[q_base + d];
    g_row[d] = o_grad[q_base + d];
    sums[d] = vec4<f32>();
  }
  for (var key = 0u; key < end; key++) {
    let at = (kv_base + key * params.kv_heads) * HEAD_QUADS;
    var score = 0.0;
    var weight_grad = 0.0;
    for (var d = 0u; d < HEAD_QUADS; d++) {
      score += dot(q_row[d], k[at + d]);
      weight_grad += dot(g_row[d], v[at + d]);
    }
    let weight = exp(score * params.scale - row_lse);
    let score_grad = weight * (weight_grad - row_delta) * params.scale;
    for (var d = 0u; d < HEAD_QUADS; d++) {
      sums[d] += score_grad * k[at + d];
    }
  }
  for (var d = 0u; d < HEAD_QUADS; d++) {
    q_grad[q_base + d] = sums[d];
  }
}
