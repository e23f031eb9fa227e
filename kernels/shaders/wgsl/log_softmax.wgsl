// y[r, c] = x[r, c] - largest[r] - ln sum over c of exp(x[r, c] - largest[r])
// Shapes: x and y count x columns. The largest is subtracted first, so that exp cannot overflow.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/log_softmax.rs
struct Params { count: u32, columns: u32 }
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let base = index * params.columns;
  var best = x[base];
  for (var c = 1u; c < params.columns; c++) {
    best = max(best, x[base + c]);
  }
  var sum = 0.0;
  for (var c = 0u; c < params.columns; c++) {
    sum += exp(x[base + c] - best);
  }
  let log_sum = log(sum);
  for (var c = 0u; c < params.columns; c++) {
    y[base + c] = (x[base + c] - best) - log_sum;
  }
}
