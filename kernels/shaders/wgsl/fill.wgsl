// y[offset + i] = bits
// Shapes: count words of y from offset on.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/fill.rs
struct Params { count: u32, offset: u32, bits: u32 }
@group(0) @binding(0) var<storage, read_write> y: array<u32>;
@group(0) @binding(1) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  y[params.offset + index] = params.bits;
}
