// columns[p, (i * kernel_width + j) * channels + c] = image[n, y * stride + i - padding, x * stride + j - padding, c]
// Shapes: image batch x height x width x channels (NHWC) from image_offset on; columns pixels x patch, where
// pixels = batch * out_height * out_width and patch = kernel_height * kernel_width * channels; zero outside.
// One invocation copies one row of a kernel's window: its values lie side by side in both places.
// Dispatch: flat, count = pixels * kernel_height, rows of 65,535 workgroups in y. Twin: src/cpu/im2col.rs
struct Params {
  count: u32, height: u32, width: u32, channels: u32,
  out_height: u32, out_width: u32, kernel_height: u32, kernel_width: u32,
  stride: u32, padding: u32, image_offset: u32,
}
@group(0) @binding(0) var<storage, read_write> image: array<f32>;
@group(0) @binding(1) var<storage, read_write> columns: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let i = index % params.kernel_height;
  var rest = index / params.kernel_height;
  let left = (rest % params.out_width) * params.stride;
  rest /= params.out_width;
  let y = (rest % params.out_height) * params.stride + i;
  let n = rest / params.out_height;
  let inside = y >= params.padding && y - params.padding < params.height;
  let line = (n * params.height + y - params.padding) * params.width;
  var to = index * params.kernel_width * params.channels;
  for (var j = 0u; j < params.kernel_width; j++) {
    let x = left + j;
    if (inside && x >= params.padding && x - params.padding < params.width) {
      let at = params.image_offset + (line + x - params.padding) * params.channels;
      for (var c = 0u; c < params.channels; c++) { columns[to + c] = image[at + c]; }
    } else {
      for (var c = 0u; c < params.channels; c++) { columns[to + c] = 0.0; }
    }
    to += params.channels;
  }
}
