// weight_grad[i, j, c, o] = sum over n, h, w of image[n, r, s, g, c] * y_grad[n, h, w, o],
// where r = h stride + i - padding and s = w stride + j - padding;
// g is the group of o, c counts inside it; zero outside of the image. Summed in the order of n, h, w.
// Shapes (NHWC): image batch x height x width x in_channels, weight kernel x kernel x in_channels / groups x out_channels,
// y_grad batch x out_height x out_width x out_channels; count is of the weight.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/conv2d_grouped_weight_grad.rs
struct Params {
  count: u32, batch: u32, height: u32, width: u32, in_channels: u32, out_channels: u32, kernel: u32,
  stride: u32, padding: u32, groups: u32, out_height: u32, out_width: u32,
}
@group(0) @binding(0) var<storage, read_write> image: array<f32>;
@group(0) @binding(1) var<storage, read_write> y_grad: array<f32>;
@group(0) @binding(2) var<storage, read_write> weight_grad: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let o = index % params.out_channels;
  var rest = index / params.out_channels;
  let group_inputs = params.in_channels / params.groups;
  let c = rest % group_inputs;
  rest /= group_inputs;
  let j = rest % params.kernel;
  let i = rest / params.kernel;
  let input = (o / (params.out_channels / params.groups)) * group_inputs + c;
  var sum = 0.0;
  for (var n = 0u; n < params.batch; n++) {
    for (var h = 0u; h < params.out_height; h++) {
      let row = h * params.stride + i;
      if (row < params.padding || row - params.padding >= params.height) { continue; }
      for (var w = 0u; w < params.out_width; w++) {
        let column = w * params.stride + j;
        if (column < params.padding || column - params.padding >= params.width) { continue; }
        let pixel = (n * params.height + row - params.padding) * params.width + column - params.padding;
        let place = (n * params.out_height + h) * params.out_width + w;
        sum += image[pixel * params.in_channels + input] * y_grad[place * params.out_channels + o];
      }
    }
  }
  weight_grad[index] = sum;
}
