// y[r, c] = x[r, c] + bias[c]
// Shapes: x and y rows x columns, bias columns; count = rows * columns.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/bias_add.rs
struct Params { count: u32, columns: u32 }
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> bias: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  y[index] = x[index] + bias[index % params.columns];
}
