// quantized[i] = clamp(round(x[i] * inverse_scale), -127, 127), four bytes a word, first in the low byte
// Shapes: x values, quantized count = ceil(values / 4) words; bytes past the end are 0. Rounds half to even.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/quantize_int8.rs
struct Params { count: u32, values: u32, inverse_scale: f32 }
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> quantized: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  var word = 0u;
  for (var lane = 0u; lane < 4u; lane++) {
    let at = index * 4u + lane;
    if (at < params.values) {
      let q = i32(clamp(round(x[at] * params.inverse_scale), -127.0, 127.0));
      word |= (bitcast<u32>(q) & 0xffu) << (lane * 8u);
    }
  }
  quantized[index] = word;
}
