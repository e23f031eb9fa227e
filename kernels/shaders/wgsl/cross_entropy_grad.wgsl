// logits_grad[r, c] = upstream[r] * (softmax(logits[r])[c] - (1 - smoothing) [c = label] - smoothing / classes)
// Shapes: logits and logits_grad count x classes, labels and upstream count. A row whose label is ignored gets zeros.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/cross_entropy_grad.rs
struct Params { count: u32, classes: u32, smoothing: f32 }
@group(0) @binding(0) var<storage, read_write> logits: array<f32>;
@group(0) @binding(1) var<storage, read_write> labels: array<u32>;
@group(0) @binding(2) var<storage, read_write> upstream: array<f32>;
@group(0) @binding(3) var<storage, read_write> logits_grad: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let label = labels[index];
  let base = index * params.classes;
  var best = logits[base];
  for (var c = 1u; c < params.classes; c++) {
    best = max(best, logits[base + c]);
  }
  var sum = 0.0;
  for (var c = 0u; c < params.classes; c++) {
    sum += exp(logits[base + c] - best);
  }
  let counted = select(0.0, upstream[index], label < params.classes);
  let floor_part = params.smoothing / f32(params.classes);
  for (var c = 0u; c < params.classes; c++) {
    let goal = select(0.0, 1.0 - params.smoothing, c == label) + floor_part;
    logits_grad[base + c] = (exp(logits[base + c] - best) / sum - goal) * counted;
  }
}
