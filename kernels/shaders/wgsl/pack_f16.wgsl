// y[i] = f16(x[2 i]) in the low half, f16(x[2 i + 1]) in the high half, 0 past the end
// From 65520 on a value becomes an infinity, and a NaN a NaN: by the bits, since pack2x16float leaves both open.
// Shapes: x values, y count = ceil(values / 2) words.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/pack_f16.rs
struct Params { count: u32, values: u32 }
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let low = x[index * 2u];
  var high = 0.0;
  if (index * 2u + 1u < params.values) { high = x[index * 2u + 1u]; }
  let bits = vec2<u32>(bitcast<u32>(low), bitcast<u32>(high));
  let magnitude = bits & vec2<u32>(0x7fffffffu);
  let sign = (bits >> vec2<u32>(16u)) & vec2<u32>(0x8000u);
  // The builtin gets at most 65504, the largest f16; 0x477ff000 is 65520, where rounding leaves the range.
  let outside = magnitude >= vec2<u32>(0x477ff000u);
  let missing = magnitude > vec2<u32>(0x7f800000u);
  let special = sign | select(vec2<u32>(0x7c00u), vec2<u32>(0x7e00u), missing);
  let inside = (bits & vec2<u32>(0x80000000u)) | min(magnitude, vec2<u32>(0x477fe000u));
  let packed = pack2x16float(bitcast<vec2<f32>>(inside));
  let halves = select(vec2<u32>(packed & 0xffffu, packed >> 16u), special, outside);
  y[index] = halves.x | (halves.y << 16u);
}
