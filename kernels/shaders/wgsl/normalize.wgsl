// y[r, c] = (x[r, c] - mean[r]) / sqrt(variance[r] + epsilon); center = 0 takes the mean as 0 (RMSNorm)
// Two passes, so that a large mean does not swallow the variance. Shapes: x and y count x columns.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/normalize.rs
struct Params { count: u32, columns: u32, center: u32, epsilon: f32 }
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let base = index * params.columns;
  let columns = f32(params.columns);
  var mean = 0.0;
  if (params.center == 1u) {
    for (var c = 0u; c < params.columns; c++) {
      mean += x[base + c];
    }
    mean = mean / columns;
  }
  var variance = 0.0;
  for (var c = 0u; c < params.columns; c++) {
    let distance = x[base + c] - mean;
    variance += distance * distance;
  }
  let scale = inverseSqrt(variance / columns + params.epsilon);
  for (var c = 0u; c < params.columns; c++) {
    y[base + c] = (x[base + c] - mean) * scale;
  }
}
