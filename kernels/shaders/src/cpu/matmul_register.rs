//! Twin of `wgsl/matmul_register.wgsl`.

use crate::matmul_register::Params;

/// See the WGSL file for the formula and the shapes.
pub fn matmul_register(params: &Params, lhs: &[f32], rhs: &[f32], product: &mut [f32]) {
    let splits = params.k.div_ceil(params.split_length.max(1)).max(1);
    for z in 0..splits {
        let k_begin = z * params.split_length;
        let k_end = (k_begin + params.split_length).min(params.k);
        let base = params.product_offset + z * params.m * params.n;
        for row in 0..params.m {
            for col in 0..params.n {
                let a = params.lhs_offset + row * params.lhs_row_stride;
                let b = params.rhs_offset + col * params.rhs_col_stride;
                let mut c = 0.0;
                for k in k_begin..k_end {
                    c += lhs[(a + k * params.lhs_col_stride) as usize]
                        * rhs[(b + k * params.rhs_row_stride) as usize];
                }
                product[(base + row * params.n + col) as usize] = c;
            }
        }
    }
}
