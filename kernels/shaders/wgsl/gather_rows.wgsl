// rows[r, c] = table[ids[r], c], and 0 where the id is past the table
// Shapes: table table_rows x columns, ids rows, rows rows x columns; count = rows * columns.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/gather_rows.rs
struct Params { count: u32, columns: u32, table_rows: u32 }
@group(0) @binding(0) var<storage, read_write> table: array<f32>;
@group(0) @binding(1) var<storage, read_write> ids: array<u32>;
@group(0) @binding(2) var<storage, read_write> rows: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let column = index % params.columns;
  let id = ids[index / params.columns];
  var value = 0.0;
  if (id < params.table_rows) { value = table[id * params.columns + column]; }
  rows[index] = value;
}
