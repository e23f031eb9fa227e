// image_grad[n, r, s, g, c] = sum over i, j and o of group g of y_grad[n, h, w, o] * weight[i, j, c, o],
// where h stride + i = r + padding and w stride + j = s + padding. A gather: no atomics, fixed order of summation.
// Shapes (NHWC): image batch x height x width x in_channels, weight kernel x kernel x in_channels / groups x out_channels,
// y_grad batch x out_height x out_width x out_channels; count is of the image.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/conv2d_grouped_input_grad.rs
struct Params {
  count: u32, batch: u32, height: u32, width: u32, in_channels: u32, out_channels: u32, kernel: u32,
  stride: u32, padding: u32, groups: u32, out_height: u32, out_width: u32,
}
@group(0) @binding(0) var<storage, read_write> y_grad: array<f32>;
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> image_grad: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let input = index % params.in_channels;
  var rest = index / params.in_channels;
  let column = rest % params.width + params.padding;
  rest /= params.width;
  let row = rest % params.height + params.padding;
  let n = rest / params.height;
  let group_inputs = params.in_channels / params.groups;
  let group_outputs = params.out_channels / params.groups;
  let c = input % group_inputs;
  let first = (input / group_inputs) * group_outputs;
  var sum = 0.0;
  for (var i = 0u; i < params.kernel; i++) {
    if (row < i || (row - i) % params.stride != 0u) { continue; }
    let h = (row - i) / params.stride;
    if (h >= params.out_height) { continue; }
    for (var j = 0u; j < params.kernel; j++) {
      if (column < j || (column - j) % params.stride != 0u) { continue; }
      let w = (column - j) / params.stride;
      if (w >= params.out_width) { continue; }
      let y_base = ((n * params.out_height + h) * params.out_width + w) * params.out_channels + first;
      let weight_base = ((i * params.kernel + j) * group_inputs + c) * params.out_channels + first;
      for (var o = 0u; o < group_outputs; o++) {
        sum += y_grad[y_base + o] * weight[weight_base + o];
      }
    }
  }
  image_grad[index] = sum;
}
