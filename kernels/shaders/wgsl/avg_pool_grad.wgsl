// x_grad[n, r, s, c] = sum of y_grad over the windows that hold (r, s) / window^2
// Shapes: as avg_pool; count is of x. A gather: no atomics, fixed order of summation.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/avg_pool_grad.rs
struct Params {
  count: u32, height: u32, width: u32, channels: u32, out_height: u32, out_width: u32, window: u32,
  stride: u32,
}
@group(0) @binding(0) var<storage, read_write> y_grad: array<f32>;
@group(0) @binding(1) var<storage, read_write> x_grad: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let c = index % params.channels;
  var rest = index / params.channels;
  let column = rest % params.width;
  rest /= params.width;
  let row = rest % params.height;
  let n = rest / params.height;
  var sum = 0.0;
  for (var i = 0u; i < params.window; i++) {
    if (row < i || (row - i) % params.stride != 0u) { continue; }
    let h = (row - i) / params.stride;
    if (h >= params.out_height) { continue; }
    for (var j = 0u; j < params.window; j++) {
      if (column < j || (column - j) % params.stride != 0u) { continue; }
      let w = (column - j) / params.stride;
      if (w >= params.out_width) { continue; }
      sum += y_grad[((n * params.out_height + h) * params.out_width + w) * params.channels + c];
    }
  }
  x_grad[index] = sum / f32(params.window * params.window);
}
