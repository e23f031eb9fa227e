// y[2 i] = f32 of the low half of x[i], y[2 i + 1] = f32 of the high half
// Exact. Infinities and NaNs pass by their bits, since unpack2x16float leaves them open.
// Shapes: x count = ceil(values / 2) words, y values.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/unpack_f16.rs
struct Params { count: u32, values: u32 }
@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let word = x[index];
  let halves = vec2<u32>(word & 0xffffu, word >> 16u);
  let special = ((halves & vec2<u32>(0x8000u)) << vec2<u32>(16u)) | vec2<u32>(0x7f800000u)
    | ((halves & vec2<u32>(0x3ffu)) << vec2<u32>(13u));
  let outside = (halves & vec2<u32>(0x7c00u)) == vec2<u32>(0x7c00u);
  let plain = bitcast<vec2<u32>>(unpack2x16float(word));
  let values = bitcast<vec2<f32>>(select(plain, special, outside));
  y[index * 2u] = values.x;
  if (index * 2u + 1u < params.values) { y[index * 2u + 1u] = values.y; }
}
