// rows[r] = (ln sum_c exp(logits[r, c]) - logits[r, label], 1 if the largest logit is the label else 0)
// Shapes: logits count x classes, labels count (u32; 0xffffffff = no example, both figures 0), rows count x 2.
// The largest logit is subtracted first, so that exp cannot overflow.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/softmax_cross_entropy.rs
struct Params { count: u32, classes: u32 }
@group(0) @binding(0) var<storage, read_write> logits: array<f32>;
@group(0) @binding(1) var<storage, read_write> labels: array<u32>;
@group(0) @binding(2) var<storage, read_write> rows: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let label = labels[index];
  if (label >= params.classes) {
    rows[index * 2u] = 0.0;
    rows[index * 2u + 1u] = 0.0;
    return;
  }
  let base = index * params.classes;
  var best = logits[base];
  var best_class = 0u;
  for (var c = 1u; c < params.classes; c++) {
    let value = logits[base + c];
    if (value > best) { best = value; best_class = c; }
  }
  var sum = 0.0;
  for (var c = 0u; c < params.classes; c++) {
    sum += exp(logits[base + c] - best);
  }
  rows[index * 2u] = log(sum) + best - logits[base + label];
  rows[index * 2u + 1u] = select(0.0, 1.0, best_class == label);
}
