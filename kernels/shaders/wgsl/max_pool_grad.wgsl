// x_grad = y_grad at the first position of each window that holds its maximum, 0 elsewhere
// Shapes: x and x_grad batch x height x width x channels, y and y_grad pooled; count is of y. What lies past the last whole
// window is not written: the caller zeroes it.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/max_pool_grad.rs
struct Params { count: u32, height: u32, width: u32, channels: u32, out_height: u32, out_width: u32, window: u32 }
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<storage, read_write> y_grad: array<f32>;
@group(0) @binding(3) var<storage, read_write> x_grad: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let c = index % params.channels;
  var rest = index / params.channels;
  let w = rest % params.out_width;
  rest /= params.out_width;
  let h = rest % params.out_height;
  let n = rest / params.out_height;
  let corner = ((n * params.height + h * params.window) * params.width + w * params.window) * params.channels + c;
  let best = y[index];
  var left = y_grad[index];
  for (var i = 0u; i < params.window; i++) {
    var at = corner + i * params.width * params.channels;
    for (var j = 0u; j < params.window; j++) {
      let is_best = x[at] >= best;
      x_grad[at] = select(0.0, left, is_best);
      left = select(left, 0.0, is_best);
      at += params.channels;
    }
  }
}
