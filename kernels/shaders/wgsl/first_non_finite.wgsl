// flags[slot] = min(flags[slot], base + i) for the first i where the exponent bits of x[i] are all ones
// Decided on the bits, since WGSL may assume that NaN and infinity do not occur. flags start at 0xffffffff.
// Shapes: x values, flags as many as there are slots; sixteen values an invocation, count = ceil(values / 16).
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/first_non_finite.rs
struct Params { count: u32, values: u32, slot: u32, base: u32 }
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> flags: array<atomic<u32>>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let end = min(index * 16u + 16u, params.values);
  for (var i = index * 16u; i < end; i++) {
    if ((bitcast<u32>(x[i]) & 0x7f800000u) == 0x7f800000u) {
      atomicMin(&flags[params.slot], params.base + i);
      break;
    }
  }
}
