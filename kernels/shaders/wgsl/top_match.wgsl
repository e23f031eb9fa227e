// matches[r] = 1 where the first largest of logits[r] is at labels[r], else 0; a label past the classes never matches
// Shapes: logits count x classes, labels and matches count.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/top_match.rs
struct Params { count: u32, classes: u32 }
@group(0) @binding(0) var<storage, read_write> logits: array<f32>;
@group(0) @binding(1) var<storage, read_write> labels: array<u32>;
@group(0) @binding(2) var<storage, read_write> matches: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let base = index * params.classes;
  var best = logits[base];
  var best_class = 0u;
  for (var c = 1u; c < params.classes; c++) {
    let value = logits[base + c];
    if (value > best) { best = value; best_class = c; }
  }
  matches[index] = select(0.0, 1.0, best_class == labels[index]);
}
