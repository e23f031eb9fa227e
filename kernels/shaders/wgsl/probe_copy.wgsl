// Probe: target[i] = source[i], vectors of four words: memory bandwidth by working set.
// Shapes: source and target count vectors.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/probe_copy.rs
struct Params { count: u32 }
@group(0) @binding(0) var<storage, read_write> source: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> target_words: array<vec4<u32>>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  target_words[index] = source[index];
}
