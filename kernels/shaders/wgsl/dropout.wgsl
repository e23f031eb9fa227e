// y[i] = x[i] * scale where word i of Philox >= threshold, else 0; scale = 1 / (1 - p), threshold = p * 2^32
// Philox4x32-10 (Salmon et al. 2011), counter (i / 4, clock[0], 0, 0) and key (key0, key1): the same key and step drop
// the same values, so that the gradient passes through the same call. Shapes: x and y values, clock 2 (step, 0);
// count = ceil(values / 4).
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/dropout.rs
struct Params { count: u32, values: u32, key0: u32, key1: u32, threshold: u32, scale: f32 }
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> clock: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

// The high and the low word of a product, from products of halves.
fn multiply(a: u32, b: u32) -> vec2<u32> {
  let low = (a & 0xffffu) * (b & 0xffffu);
  let left = (a >> 16u) * (b & 0xffffu);
  let right = (a & 0xffffu) * (b >> 16u);
  let middle = (low >> 16u) + (left & 0xffffu) + (right & 0xffffu);
  return vec2<u32>((a >> 16u) * (b >> 16u) + (left >> 16u) + (right >> 16u) + (middle >> 16u), a * b);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  var c = vec4<u32>(index, clock[0], 0u, 0u);
  var key = vec2<u32>(params.key0, params.key1);
  for (var round = 0u; round < 10u; round++) {
    let a = multiply(0xd2511f53u, c.x);
    let b = multiply(0xcd9e8d57u, c.z);
    c = vec4<u32>(b.x ^ c.y ^ key.x, b.y, a.x ^ c.w ^ key.y, a.y);
    key += vec2<u32>(0x9e3779b9u, 0xbb67ae85u);
  }
  for (var lane = 0u; lane < 4u; lane++) {
    let at = index * 4u + lane;
    if (at < params.values) {
      y[at] = select(0.0, x[at] * params.scale, c[lane] >= params.threshold);
    }
  }
}
