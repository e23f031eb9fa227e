// columns[p, (i * kernel_width + j) * channels + c] = image byte at (n, y * stride + i - padding, x * stride + j - padding, c)
// Shapes: image bytes NHWC packed four a word, columns pixels x words where words = ceil(patch / 4): each row is padded by zero
// bytes to whole words, as matmul_int8 wants it; count = pixels * words. A 1x1 kernel on a 1x1 image only pads.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/im2col_int8.rs
struct Params {
  count: u32, height: u32, width: u32, channels: u32,
  out_height: u32, out_width: u32, kernel_height: u32, kernel_width: u32,
  stride: u32, padding: u32, image_offset: u32, words: u32,
}
@group(0) @binding(0) var<storage, read_write> image: array<u32>;
@group(0) @binding(1) var<storage, read_write> columns: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  var rest = index / params.words;
  let out_x = (rest % params.out_width) * params.stride;
  rest /= params.out_width;
  let out_y = (rest % params.out_height) * params.stride;
  let n = rest / params.out_height;
  let patch_size = params.kernel_height * params.kernel_width * params.channels;
  var word = 0u;
  for (var lane = 0u; lane < 4u; lane++) {
    let element = (index % params.words) * 4u + lane;
    if (element >= patch_size) { break; }
    let c = element % params.channels;
    let j = (element / params.channels) % params.kernel_width;
    let i = element / (params.channels * params.kernel_width);
    let y = out_y + i;
    let x = out_x + j;
    if (y >= params.padding && x >= params.padding && y - params.padding < params.height && x - params.padding < params.width) {
      let pixel = (n * params.height + y - params.padding) * params.width + x - params.padding;
      let at = params.image_offset + pixel * params.channels + c;
      let byte = (image[at / 4u] >> ((at % 4u) * 8u)) & 0xffu;
      word |= byte << (lane * 8u);
    }
  }
  columns[index] = word;
}
