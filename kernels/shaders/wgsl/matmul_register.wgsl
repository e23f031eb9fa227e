// product[m, n] = sum over k of lhs[m, k] * rhs[k, n]
// Shapes: lhs m x k and rhs k x n through strides (so all transposes), product splits x m x n row-major.
// Each invocation keeps a 4x4 tile of the product in registers and reads operands straight from memory:
// no workgroup memory, which software adapters emulate very slowly.
// Dispatch: x = ceil(n / 32), y = ceil(m / 32), z = splits of k. Twin: src/cpu/matmul_register.rs
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

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let row = gid.y * 4u;
  let col = gid.x * 4u;
  if (row >= params.m || col >= params.n) { return; }
  let last_row = params.m - 1u;
  let last_col = params.n - 1u;
  let a0 = params.lhs_offset + row * params.lhs_row_stride;
  let a1 = params.lhs_offset + min(row + 1u, last_row) * params.lhs_row_stride;
  let a2 = params.lhs_offset + min(row + 2u, last_row) * params.lhs_row_stride;
  let a3 = params.lhs_offset + min(row + 3u, last_row) * params.lhs_row_stride;
  let b0 = params.rhs_offset + col * params.rhs_col_stride;
  let b1 = params.rhs_offset + min(col + 1u, last_col) * params.rhs_col_stride;
  let b2 = params.rhs_offset + min(col + 2u, last_col) * params.rhs_col_stride;
  let b3 = params.rhs_offset + min(col + 3u, last_col) * params.rhs_col_stride;
  let k_begin = gid.z * params.split_length;
  let k_end = min(k_begin + params.split_length, params.k);
  var c0 = vec4<f32>(0.0);
  var c1 = vec4<f32>(0.0);
  var c2 = vec4<f32>(0.0);
  var c3 = vec4<f32>(0.0);
  for (var k = k_begin; k < k_end; k++) {
    let ak = k * params.lhs_col_stride;
    let bk = k * params.rhs_row_stride;
    let b = vec4<f32>(rhs[b0 + bk], rhs[b1 + bk], rhs[b2 + bk], rhs[b3 + bk]);
    c0 += lhs[a0 + ak] * b;
    c1 += lhs[a1 + ak] * b;
    c2 += lhs[a2 + ak] * b;
    c3 += lhs[a3 + ak] * b;
  }
  let base = params.product_offset + gid.z * params.m * params.n;
  for (var i = 0u; i < 4u; i++) {
    if (row + i >= params.m) { return; }
    let c = select(select(c0, c1, i == 1u), select(c2, c3, i == 3u), i >= 2u);
    let at = base + (row + i) * params.n + col;
    product[at] = c.x;
    if (col + 1u < params.n) { product[at + 1u] = c.y; }
    if (col + 2u < params.n) { product[at + 2u] = c.z; }
    if (col + 3u < params.n) { product[at + 3u] = c.w; }
  }
}
