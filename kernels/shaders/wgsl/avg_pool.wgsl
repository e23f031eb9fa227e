// y[n, h, w, c] = mean of x[n, h stride + i, w stride + j, c] over i, j below window; the rest at the edge is dropped
// Shapes: x batch x height x width x channels, y batch x out_height x out_width x channels; count is of y.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/avg_pool.rs
struct Params {
  count: u32, height: u32, width: u32, channels: u32, out_height: u32, out_width: u32, window: u32,
  stride: u32,
}
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

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
  let corner = ((n * params.height + h * params.stride) * params.width + w * params.stride) * params.channels + c;
  var sum = 0.0;
  for (var i = 0u; i < params.window; i++) {
    for (var j = 0u; j < params.window; j++) {
      sum += x[corner + (i * params.width + j) * params.channels];
    }
  }
  y[index] = sum / f32(params.window * params.window);
}
