//! Twin of `wgsl/scatter_add_rows.wgsl`.

use crate::scatter_add_rows::Params;

/// See the WGSL file for the formula and the shapes. One walk over the ids instead of one for each element: the
/// order in which an element's terms are added is the same.
pub fn scatter_add_rows(params: &Params, rows_grad: &[f32], ids: &[u32], table_grad: &mut [f32]) {
    let columns = params.columns as usize;
    let table_grad = &mut table_grad[..params.count as usize];
    table_grad.fill(0.0);
    for r in 0..params.id_count as usize {
        let row = ids[r] as usize;
        if row < table_grad.len() / columns {
            for column in 0..columns {
                table_grad[row * columns + column] += rows_grad[r * columns + column];
            }
        }
    }
}
