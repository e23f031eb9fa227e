// y[g] = sum over i in group g of x[i]^2, in the order of i
// Shapes: x length, y count; group g holds i from g * per_group to the next. For the norm of gradients.
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
  let begin = index * params.per_group;
  let end = min(begin + params.per_group, params.length);
  var sum = 0.0;
  for (var i = begin; i < end; i++) {
    sum += x[i] * x[i];
  }
  y[index] = sum;
}
