// y[n, h, w, o] = sum over i, j, c of image[n, h stride + i - padding, w stride + j - padding, g, c] * weight[i, j, c, o]
// g is the group of o, c counts inside it; zero outside of the image; depthwise where groups = in_channels.
// Shapes (NHWC): image batch x height x width x in_channels, weight kernel x kernel x in_channels / groups x out_channels,
// y batch x out_height x out_width x out_channels; count is of y.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/conv2d_grouped.rs
struct Params {
  count: u32, batch: u32, height: u32, width: u32, in_channels: u32, out_channels: u32, kernel: u32,
  stride: u32, padding: u32, groups: u32, out_height: u32, out_width: u32,
}
@group(0) @binding(0) var<storage, read_write> image: array<f32>;
@group(0) @binding(1) var<storage, read_write> weight: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let o = index % params.out_channels;
  var rest = index / params.out_channels;
  let w = rest % params.out_width;
  rest /= params.out_width;
  let h = rest % params.out_height;
  let n = rest / params.out_height;
  let group_inputs = params.in_channels / params.groups;
  let group = o / (params.out_channels / params.groups);
  var sum = 0.0;
  for (var i = 0u; i < params.kernel; i++) {
    let row = h * params.stride + i;
    if (row < params.padding || row - params.padding >= params.height) { continue; }
    for (var j = 0u; j < params.kernel; j++) {
      let column = w * params.stride + j;
      if (column < params.padding || column - params.padding >= params.width) { continue; }
      let pixel = (n * params.height + row - params.padding) * params.width + column - params.padding;
      let image_base = pixel * params.in_channels + group * group_inputs;
      let weight_base = (i * params.kernel + j) * group_inputs;
      for (var c = 0u; c < group_inputs; c++) {
        sum += image[image_base + c] * weight[(weight_base + c) * params.out_channels + o];
      }
    }
  }
  y[index] = sum;
}
