// y[g] = sum over i of x[i * count + g]^2, in the order of i
// Shapes: x length, y count; per_group = ceil(length / count). Neighbours read neighbours. For the norm of gradients.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/sum_squares.rs
struct Params { count: u32, length: u32, per_group: u32 }
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  var sum = 0.0;
  var at = index;
  for (var i = 0u; i < params.per_group; i++) {
    if (at < params.length) { sum += x[at] * x[at]; }
    at += params.count;
  }
  y[index] = sum;
}
