// losses[r] = ln sum exp(z) - (1 - smoothing) z[label] - smoothing / classes * sum z, z the logits of row r
// The target is (1 - smoothing) one-hot + smoothing / classes (Szegedy et al. 2016, section 7). A label past the classes
// is ignored: loss 0. Shapes: logits count x classes, labels and losses count. Distances to the largest logit are summed,
// which are all positive, so that nothing cancels.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/cross_entropy.rs
struct Params { count: u32, classes: u32, smoothing: f32 }
@group(0) @binding(0) var<storage, read_write> logits: array<f32>;
@group(0) @binding(1) var<storage, read_write> labels: array<u32>;
@group(0) @binding(2) var<storage, read_write> losses: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let label = labels[index];
  if (label >= params.classes) {
    losses[index] = 0.0;
    return;
  }
  let base = index * params.classes;
  var best = logits[base];
  for (var c = 1u; c < params.classes; c++) {
    best = max(best, logits[base + c]);
  }
  var sum = 0.0;
  var distances = 0.0;
  for (var c = 0u; c < params.classes; c++) {
    let distance = best - logits[base + c];
    sum += exp(-distance);
    distances += distance;
  }
  let smooth_part = params.smoothing * (distances / f32(params.classes));
  losses[index] = log(sum) + (1.0 - params.smoothing) * (best - logits[base + label]) + smooth_part;
}
