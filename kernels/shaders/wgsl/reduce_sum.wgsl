// y[o, g, i] = sum over l in group g of x[o, l, i], in the order of l
// Shapes: x outer x length x inner, y outer x groups x inner; group g holds l from g * per_group to the next;
// count = outer * groups * inner. Applied twice for long sums, so that the order is fixed whatever the adapter.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/reduce_sum.rs
struct Params { count: u32, length: u32, inner: u32, groups: u32, per_group: u32 }
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let i = index % params.inner;
  let group = (index / params.inner) % params.groups;
  let outer = index / (params.inner * params.groups);
  let begin = group * params.per_group;
  let end = min(begin + params.per_group, params.length);
  let base = outer * params.length * params.inner + i;
  var sum = 0.0;
  for (var l = begin; l < end; l++) {
    sum += x[base + l * params.inner];
  }
  y[index] = sum;
}
