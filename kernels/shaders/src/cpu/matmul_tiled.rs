//! Twin of `wgsl/matmul_tiled.wgsl`: the tiles change where operands wait, not the order of summation.

use crate::{matmul_register, matmul_tiled::Params};

/// See the WGSL file for the formula and the shapes.
pub fn matmul_tiled(params: &Params, lhs: &[f32], rhs: &[f32], product: &mut [f32]) {
    let Params { m, n, k, lhs_row_stride, lhs_col_stride, rhs_row_stride, rhs_col_stride, .. } = *params;
    let Params { lhs_offset, rhs_offset, product_offset, split_length, .. } = *params;
    let same = matmul_register::Params {
        m,
        n,
        k,
        lhs_row_stride,
        lhs_col_stride,
        rhs_row_stride,
        rhs_col_stride,
        lhs_offset,
        rhs_offset,
        product_offset,
        split_length,
    };
    super::matmul_register(&same, lhs, rhs, product);
}
