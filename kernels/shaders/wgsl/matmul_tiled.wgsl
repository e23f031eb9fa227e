// product[m, n] = sum over k of lhs[m, k] * rhs[k, n]
// Shapes and parameters as matmul_register. A workgroup of 8x8 invocations makes a 32x32 tile of the product
// (4x4 each) from operand tiles of depth 16 in workgroup memory: the usual choice on a real GPU.
// Dispatch: x = ceil(n / 32), y = ceil(m / 32), z = splits of k. Twin: src/cpu/matmul_tiled.rs
struct Params {
  m: u32, n: u32, k: u32,
  lhs_row_stride: u32, lhs_col_stride: u32,
  rhs_row_stride: u32, rhs_col_stride: u32,
  lhs_offset: u32, rhs_offset: u32, product_offset: u32,
  split_length: u32,
}
@group(0) @binding(0) var<storage, read_write> lhs: array<f32>;
@group(0) @binding(1) var<storage, read_write> rhs: array<f32>;
@group(0) @binding(2) var<storage, read_write> product: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

// One column of padding keeps neighbouring invocations on different banks.
var<workgroup> lhs_tile: array<f32, 528>; // 16 x 33, k-major
var<workgroup> rhs_tile: array<vec4<f32>, 128>; // 16 x 8 vectors of 4 columns

@compute @workgroup_size(8, 8)
fn main(
  @builtin(workgroup_id) wid: vec3<u32>,
  @builtin(local_invocation_id) lid: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let tile_row = wid.y * 32u;
  let tile_col = wid.x * 32u;
  let k_begin = wid.z * params.split_length;
  let k_end = min(k_begin + params.split_length, params.k);
  var c0 = vec4<f32>(0.0);
  var c1 = vec4<f32>(0.0);
  var c2 = vec4<f32>(0.0);
  var c3 = vec4<f32>(0.0);
  for (var k0 = k_begin; k0 < k_end; k0 += 16u) {
    for (var slot = local; slot < 512u; slot += 64u) {
      // Walk along the dimension that is contiguous in memory.
      let along_k = params.lhs_col_stride == 1u;
      let r = select(slot % 32u, slot / 16u, along_k);
      let kk = select(slot / 32u, slot % 16u, along_k);
      var a = 0.0;
      if (tile_row + r < params.m && k0 + kk < k_end) {
        a = lhs[params.lhs_offset + (tile_row + r) * params.lhs_row_stride + (k0 + kk) * params.lhs_col_stride];
      }
      lhs_tile[kk * 33u + r] = a;
    }
    for (var slot = local; slot < 128u; slot += 64u) {
      let kk = slot / 8u;
      let col = tile_col + (slot % 8u) * 4u;
      var b = vec4<f32>(0.0);
      if (k0 + kk < k_end) {
        let at = params.rhs_offset + (k0 + kk) * params.rhs_row_stride;
        if (col < params.n) { b.x = rhs[at + col * params.rhs_col_stride]; }
        if (col + 1u < params.n) { b.y = rhs[at + (col + 1u) * params.rhs_col_stride]; }
        if (col + 2u < params.n) { b.z = rhs[at + (col + 2u) * params.rhs_col_stride]; }
        if (col + 3u < params.n) { b.w = rhs[at + (col + 3u) * params.rhs_col_stride]; }
      }
      rhs_tile[slot] = b;
    }
    workgroupBarrier();
    for (var kk = 0u; kk < 16u; kk++) {
      let b = rhs_tile[kk * 8u + lid.x];
      let a = kk * 33u + lid.y * 4u;
      c0 += lhs_tile[a] * b;
      c1 += lhs_tile[a + 1u] * b;
      c2 += lhs_tile[a + 2u] * b;
      c3 += lhs_tile[a + 3u] * b;
    }
    workgroupBarrier();
  }
  let row = tile_row + lid.y * 4u;
  let col = tile_col + lid.x * 4u;
  let base = params.product_offset + wid.z * params.m * params.n;
  for (var i = 0u; i < 4u; i++) {
    if (row + i >= params.m) { return; }
    let c = select(select(c0, c1, i == 1u), select(c2, c3, i == 3u), i >= 2u);
    let at = base + (row + i) * params.n + col;
    if (col < params.n) { product[at] = c.x; }
    if (col + 1u < params.n) { product[at + 1u] = c.y; }
    if (col + 2u < params.n) { product[at + 2u] = c.z; }
    if (col + 3u < params.n) { product[at + 3u] = c.w; }
  }
}
