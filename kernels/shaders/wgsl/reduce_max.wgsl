// y[o, g, i] = max over l in group g of x[o, l, i]; a NaN stays (decided on the bits, WGSL may assume it away)
// Shapes: x outer x length x inner, y outer x groups x inner; group g holds l from g * per_group to the next, at least
// one; count = outer * groups * inner.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/reduce_max.rs
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
  var best = bitcast<u32>(x[base + begin * params.inner]);
  for (var l = begin; l < end; l++) {
    let bits = bitcast<u32>(x[base + l * params.inner]);
    let missing = (bits & 0x7fffffffu) > 0x7f800000u;
    let kept = (best & 0x7fffffffu) > 0x7f800000u;
    let larger = bitcast<f32>(bits) > bitcast<f32>(best);
    best = select(best, bits, missing || (larger && !kept));
  }
  y[index] = bitcast<f32>(best);
}
