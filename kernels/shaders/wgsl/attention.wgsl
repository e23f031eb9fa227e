// o = softmax(scale q k^T) v and lse = ln sum exp(scale q k^T), the keys of a query seen once, four at a time
// Online softmax (Milakov and Gimelshein 2018; Dao et al. 2022): when the maximum grows, sum and result are scaled to it.
// Shapes: q and o batch x length x heads x head_dim, k and v batch x length x kv_heads x head_dim,
// lse batch x heads x length; count = batch * heads * length.
// Consecutive heads / kv_heads heads share a key head. causal = 1: key <= query.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/attention.rs
struct Params { count: u32, heads: u32, kv_heads: u32, length: u32, causal: u32, scale: f32 }
@group(0) @binding(0) var<storage, read_write> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> k: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> v: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> o: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> lse: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;
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
  var q_row: array<vec4<f32>, HEAD_QUADS>;
  var sums: array<vec4<f32>, HEAD_QUADS>;
  for (var d = 0u; d < HEAD_QUADS; d++) {
    q_row[d] = q[q_base + d];
    sums[d] = vec4<f32>();
  }
  var best = -3.0e38;
  var sum = 0.0;
  for (var key = 0u; key < end; key += 4u) {
    let keys = vec4<u32>(key, key + 1u, key + 2u, key + 3u);
    let seen = keys < vec4<u32>(end);
    // Keys past the end are read at the last one, and weigh nothing.
    let at = (kv_base + min(keys, vec4<u32>(end - 1u)) * params.kv_heads) * HEAD_QUADS;
    var scores = vec4<f32>();
    for (var d = 0u; d < HEAD_QUADS; d++) {
      let a = q_row[d];
      scores += vec4<f32>(dot(a, k[at.x + d]), dot(a, k[at.y + d]), dot(a, k[at.z + d]), dot(a, k[at.w + d]));
    }
    scores = scores * params.scale;
    let largest = max(max(scores.x, scores.y), max(scores.z, scores.w));
    let next = max(best, largest);
    let shrink = exp(best - next);
    let weights = select(vec4<f32>(), exp(scores - next), seen);
    best = next;
    sum = sum * shrink + (weights.x + weights.y + weights.z + weights.w);
    for (var d = 0u; d < HEAD_QUADS; d++) {
      sums[d] = sums[d] * shrink + weights.x * v[at.x + d] + weights.y * v[at.y + d]
        + weights.z * v[at.z + d] + weights.w * v[at.w + d];
    }
  }
  for (var d = 0u; d < HEAD_QUADS; d++) {
    o[q_base + d] = sums[d] / sum;
  }
  lse[index] = best + log(sum);
}
