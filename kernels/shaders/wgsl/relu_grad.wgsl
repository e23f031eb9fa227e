// x_grad[i] = y_grad[i] where y[i] > 0, else 0
// Shapes: all count; y is the output of relu.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/relu_grad.rs
struct Params { count: u32 }
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read_write> y_grad: array<f32>;
@group(0) @binding(2) var<storage, read_write> x_grad: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  x_grad[index] = select(0.0, y_grad[index], y[index] > 0.0);
}
