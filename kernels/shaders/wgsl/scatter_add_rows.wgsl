// table_grad[t, c] = sum over r with ids[r] = t of rows_grad[r, c], in the order of r
// The gradient of gather_rows as a gather: no float atomics, so that the order of summation is fixed.
// Shapes: rows_grad id_count x columns, ids id_count, table_grad table_rows x columns; count = table_rows * columns.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/scatter_add_rows.rs
struct Params { count: u32, columns: u32, id_count: u32 }
@group(0) @binding(0) var<storage, read_write> rows_grad: array<f32>;
@group(0) @binding(1) var<storage, read_write> ids: array<u32>;
@group(0) @binding(2) var<storage, read_write> table_grad: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let column = index % params.columns;
  let row = index / params.columns;
  var sum = 0.0;
  for (var r = 0u; r < params.id_count; r++) {
    if (ids[r] == row) { sum += rows_grad[r * params.columns + column]; }
  }
  table_grad[index] = sum;
}
