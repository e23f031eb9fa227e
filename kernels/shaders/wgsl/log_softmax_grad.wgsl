// x_grad[r, c] = g[r, c] - exp(y[r, c]) * sum over c of g[r, c], y = log_softmax(x)
// Shapes: y, g and x_grad count x columns.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/log_softmax_grad.rs
struct Params { count: u32, columns: u32 }
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read_write> g: array<f32>;
@group(0) @binding(2) var<storage, read_write> x_grad: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let base = index * params.columns;
  var sum = 0.0;
  for (var c = 0u; c < params.columns; c++) {
    sum += g[base + c];
  }
  for (var c = 0u; c < params.columns; c++) {
    x_grad[base + c] = g[base + c] - exp(y[base + c]) * sum;
  }
}
