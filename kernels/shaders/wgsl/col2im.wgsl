// image[n, h, w, c] = sum over kernel positions (i, j) whose window covers (h, w) of columns[p, (i, j, c)]
// The transpose of im2col, as a gather: no atomics, fixed order of summation. Shapes and parameters as im2col.
// Dispatch: flat over batch * height * width * channels. Twin: src/cpu/col2im.rs
struct Params {
  count: u32, height: u32, width: u32, channels: u32,
  out_height: u32, out_width: u32, kernel_height: u32, kernel_width: u32,
  stride: u32, padding: u32, image_offset: u32,
}
@group(0) @binding(0) var<storage, read_write> columns: array<f32>;
@group(0) @binding(1) var<storage, read_write> image: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let c = index % params.channels;
  var rest = index / params.channels;
  let w = rest % params.width + params.padding;
  rest /= params.width;
  let h = rest % params.height + params.padding;
  let n = rest / params.height;
  let patch_size = params.kernel_height * params.kernel_width * params.channels;
  var sum = 0.0;
  for (var i = 0u; i < params.kernel_height; i++) {
    if (h < i || (h - i) % params.stride != 0u) { continue; }
    let y = (h - i) / params.stride;
    if (y >= params.out_height) { continue; }
    for (var j = 0u; j < params.kernel_width; j++) {
      if (w < j || (w - j) % params.stride != 0u) { continue; }
      let x = (w - j) / params.stride;
      if (x >= params.out_width) { continue; }
      let pixel = (n * params.out_height + y) * params.out_width + x;
      sum += columns[pixel * patch_size + (i * params.kernel_width + j) * params.channels + c];
    }
  }
  image[params.image_offset + index] = sum;
}
