//! Twin of `wgsl/sum_rows.wgsl`.

use crate::sum_rows::Params;

/// See the WGSL file for the formula and the shapes.
pub fn sum_rows(params: &Params, x: &[f32], sums: &mut [f32]) {
    let columns = params.columns as usize;
    let groups = params.count as usize / columns;
    for group in 0..groups {
        let begin = group * params.rows_per_group as usize;
        let end = (begin + params.rows_per_group as usize).min(params.rows as usize);
        let sum = &mut sums[group * columns..(group + 1) * columns];
        sum.fill(0.0);
        for row in begin..end {
            let x = &x[row * columns..(row + 1) * columns];
            for column in 0..columns {
                sum[column] += x[column];
            }
        }
    }
}
