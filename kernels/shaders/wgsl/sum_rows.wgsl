// sums[g, c] = sum over r in group g of x[r, c], in the order of r
// Shapes: x rows x columns, sums groups x columns; group g holds rows g * rows_per_group to the next, count = groups * columns.
// Applied twice for long columns, so that the order of summation is fixed whatever the adapter.
// Dispatch: flat, rows of 65,535 workgroups in y. Twin: src/cpu/sum_rows.rs
struct Params { count: u32, columns: u32, rows: u32, rows_per_group: u32 }
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let index = (wid.y * groups.x + wid.x) * 64u + local;
  if (index >= params.count) { return; }
  let column = index % params.columns;
  let begin = (index / params.columns) * params.rows_per_group;
  let end = min(begin + params.rows_per_group, params.rows);
  var sum = 0.0;
  for (var row = begin; row < end; row++) {
    sum += x[row * params.columns + column];
  }
  sums[index] = sum;
}
