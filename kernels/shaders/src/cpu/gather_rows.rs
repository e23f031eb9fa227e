//! Twin of `wgsl/gather_rows.wgsl`.

use crate::gather_rows::Params;

/// See the WGSL file for the formula and the shapes.
pub fn gather_rows(params: &Params, table: &[f32], ids: &[u32], rows: &mut [f32]) {
    let columns = params.columns as usize;
    for index in 0..params.count as usize {
        let column = index % columns;
        let id = ids[index / columns];
        let mut value = 0.0;
        if id < params.table_rows {
            value = table[id as usize * columns + column];
        }
        rows[index] = value;
    }
}
