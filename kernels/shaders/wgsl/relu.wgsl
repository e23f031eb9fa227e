// y[i] = x[i] where x[i] > 0, else 0; a NaN stays a NaN (max would hide it).
// Shapes: x and y count.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/relu.rs
struct Params { count: u32 }
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let bits = bitcast<u32>(x[index]);
  // Negative, and not NaN: decided on the bits, since WGSL may assume that NaN does not occur.
  let negative = (bits >> 31u) == 1u && (bits & 0x7fffffffu) <= 0x7f800000u;
  y[index] = bitcast<f32>(select(bits, 0u, negative));
}
