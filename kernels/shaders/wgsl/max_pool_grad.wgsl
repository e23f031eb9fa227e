// x_grad = y_grad at the first position of each window that holds its maximum, 0 elsewhere
// Shapes: x and x_grad batch x height x width x channels, y and y_grad pooled; count is of x. Gather: no atomics.
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
  let column = rest % params.width;
  rest /= params.width;
  let row = rest % params.height;
  let n = rest / params.height;
  let h = row / params.window;
  let w = column / params.window;
  if (h >= params.out_height || w >= params.out_width) {
    x_grad[index] = 0.0;
    return;
  }
  let pooled = ((n * params.out_height + h) * params.out_width + w) * params.channels + c;
  let corner = ((n * params.height + h * params.window) * params.width + w * params.window) * params.channels + c;
  let rank = (row - h * params.window) * params.window + (column - w * params.window);
  let best = y[pooled];
  var first = x[index] == best;
  for (var earlier = 0u; earlier < rank; earlier++) {
    let at = corner + ((earlier / params.window) * params.width + earlier % params.window) * params.channels;
    if (x[at] == best) { first = false; }
  }
  x_grad[index] = select(0.0, y_grad[pooled], first);
}
