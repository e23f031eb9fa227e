// y[r, c] = (sum over k of x[r, k] * weight[c, k]) * scale[c] + bias[c], then ReLU if relu = 1
// Shapes: x m x words and weight n x words (four signed bytes a word), scale and bias n, y m x n from y_offset on.
// The sum is an exact 32-bit integer. The dot product is written out, for browsers without the packed one: same integers to the bit.
// Dispatch: x = ceil(n / 8), y = ceil(m / 32), four rows an invocation. Twin: src/cpu/matmul_int8_emulated.rs
struct Params { m: u32, n: u32, words: u32, relu: u32, y_offset: u32 }
@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> weight: array<u32>;
@group(0) @binding(2) var<storage, read_write> scale: array<f32>;
@group(0) @binding(3) var<storage, read_write> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

fn dot_bytes(a: u32, b: u32) -> i32 {
  let p = bitcast<i32>(a);
  let q = bitcast<i32>(b);
  return ((p << 24u) >> 24u) * ((q << 24u) >> 24u)
    + ((p << 16u) >> 24u) * ((q << 16u) >> 24u)
    + ((p << 8u) >> 24u) * ((q << 8u) >> 24u)
    + (p >> 24u) * (q >> 24u);
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let col = gid.x;
  let row = gid.y * 4u;
  if (col >= params.n || row >= params.m) { return; }
  let last = params.m - 1u;
  let x0 = row * params.words;
  let x1 = min(row + 1u, last) * params.words;
  let x2 = min(row + 2u, last) * params.words;
  let x3 = min(row + 3u, last) * params.words;
  let w0 = col * params.words;
  var sum = vec4<i32>(0);
  for (var k = 0u; k < params.words; k++) {
    let w = weight[w0 + k];
    sum += vec4<i32>(dot_bytes(x[x0 + k], w), dot_bytes(x[x1 + k], w), dot_bytes(x[x2 + k], w), dot_bytes(x[x3 + k], w));
  }
  for (var i = 0u; i < 4u; i++) {
    if (row + i >= params.m) { return; }
    var value = f32(sum[i]) * scale[col] + bias[col];
    if (params.relu == 1u) { value = max(value, 0.0); }
    y[params.y_offset + (row + i) * params.n + col] = value;
  }
}
