// y[out_offset + sum c_i * out_stride_i] = x[in_offset + sum c_i * in_stride_i] over coordinates c of five dimensions
// Slice, transpose, concatenate, broadcast (stride 0). Copies bits, so that NaNs and integers pass.
// Shapes: count = size0 * size1 * size2 * size3 * size4, the last varies fastest; size0 follows from count.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/copy_strided.rs
struct Params {
  count: u32, size1: u32, size2: u32, size3: u32, size4: u32, in_stride0: u32, in_stride1: u32,
  in_stride2: u32, in_stride3: u32, in_stride4: u32, in_offset: u32, out_stride0: u32, out_stride1: u32,
  out_stride2: u32, out_stride3: u32, out_stride4: u32, out_offset: u32,
}
@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<u32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  var rest = index;
  let c4 = rest % params.size4;
  rest /= params.size4;
  let c3 = rest % params.size3;
  rest /= params.size3;
  let c2 = rest % params.size2;
  rest /= params.size2;
  let c1 = rest % params.size1;
  let c0 = rest / params.size1;
  let source = params.in_offset + c0 * params.in_stride0 + c1 * params.in_stride1 + c2 * params.in_stride2
    + c3 * params.in_stride3 + c4 * params.in_stride4;
  let place = params.out_offset + c0 * params.out_stride0 + c1 * params.out_stride1 + c2 * params.out_stride2
    + c3 * params.out_stride3 + c4 * params.out_stride4;
  y[place] = x[source];
}
