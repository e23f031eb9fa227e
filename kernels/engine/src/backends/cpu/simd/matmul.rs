//! `C = op(A) op(B)` in f32, blocked for the caches as in Goto and van de Geijn, "Anatomy of
//! High-Performance Matrix Multiplication" (2008), except that a row-major A is read in place where the
//! result is narrow: the tile broadcasts single elements of it, so copying it first would cost more than
//! it saves on the products of a convolution.

use super::pack::{pack_panels, pack_tiles, pack_transposed_panels};
use super::tile::{Block, Left};
use super::vector::vector_times_matrix;
use super::{
    BLOCK_COLUMNS, BLOCK_INNER, MatmulDims, MatmulError, MatmulScratch, PACK_ROWS_FROM, PANEL_COLUMNS,
    block_rows, check_length, check_strided, part,
};

/// An operand: row `r` of what is stored begins at `r * stride`.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    /// The elements, from the first of the matrix on; what follows the last one is ignored.
    pub values: &'a [f32],
    /// Elements between the beginnings of two stored rows.
    pub stride: usize,
    /// Whether what is stored is the transpose of the operand.
    pub transposed: bool,
}

/// How far apart the matrices of a batch begin, in elements; zero uses one operand for all.
#[derive(Debug, Clone, Copy)]
pub struct Batch {
    /// Number of products.
    pub count: usize,
    /// From one left-hand side to the next.
    pub lhs_step: usize,
    /// From one right-hand side to the next.
    pub rhs_step: usize,
    /// From one result to the next.
    pub result_step: usize,
}

/// `C[m, n] = op(A) op(B)`, or `C += op(A) op(B)` when `accumulate` is set; all row-major.
///
/// A is `m` x `k`, or `k` x `m` with `transpose_lhs`; B is `k` x `n`, or `n` x `k` with `transpose_rhs`.
///
/// Each element is summed in the order of the inner dimension, in blocks of at most 512 steps (products
/// with one row or one column: in one or eight interleaved sums). The result therefore differs from the
/// exact one by at most `k * 2^-24 * sum |a b|` to first order, and without relaxed SIMD it is the same to
/// the bit everywhere.
///
/// # Errors
/// When a slice has another length than the sizes imply; `c` is then untouched.
pub fn matmul(
    c: &mut [f32],
    a: &[f32],
    b: &[f32],
    dims: MatmulDims,
    transpose_lhs: bool,
    transpose_rhs: bool,
    accumulate: bool,
    scratch: &mut MatmulScratch,
) -> Result<(), MatmulError> {
    let MatmulDims { m, k, n } = dims;
    check_length("left-hand side", a.len(), (m, k), dims)?;
    check_length("right-hand side", b.len(), (k, n), dims)?;
    check_length("result", c.len(), (m, n), dims)?;
    let a = Matrix { values: a, stride: if transpose_lhs { m } else { k }, transposed: transpose_lhs };
    let b = Matrix { values: b, stride: if transpose_rhs { k } else { n }, transposed: transpose_rhs };
    multiply((c, n), a, b, dims, accumulate, scratch);
    Ok(())
}

/// [`matmul`] for matrices with gaps between their rows: row `r` of the result begins at `r * c_stride`.
///
/// # Errors
/// When a slice is too short for the sizes or a stride shorter than a row; `c` is then untouched.
pub fn matmul_strided(
    (c, c_stride): (&mut [f32], usize),
    a: Matrix<'_>,
    b: Matrix<'_>,
    dims: MatmulDims,
    accumulate: bool,
    scratch: &mut MatmulScratch,
) -> Result<(), MatmulError> {
    let MatmulDims { m, k, n } = dims;
    let stored = |rows, columns, transposed| if transposed { (columns, rows) } else { (rows, columns) };
    check_strided("left-hand side", (a.values.len(), a.stride), stored(m, k, a.transposed), dims)?;
    check_strided("right-hand side", (b.values.len(), b.stride), stored(k, n, b.transposed), dims)?;
    check_strided("result", (c.len(), c_stride), (m, n), dims)?;
    multiply((c, c_stride), a, b, dims, accumulate, scratch);
    Ok(())
}

/// A batch of products of one shape, with [`matmul_strided`]'s rules for each.
///
/// # Errors
/// When a slice is too short for one of the products; the results before it are then written.
pub fn matmul_batched(
    (c, c_stride): (&mut [f32], usize),
    a: Matrix<'_>,
    b: Matrix<'_>,
    dims: MatmulDims,
    batch: Batch,
    accumulate: bool,
    scratch: &mut MatmulScratch,
) -> Result<(), MatmulError> {
    for index in 0..batch.count {
        let a = Matrix { values: a.values.get(index * batch.lhs_step..).unwrap_or_default(), ..a };
        let b = Matrix { values: b.values.get(index * batch.rhs_step..).unwrap_or_default(), ..b };
        let c = c.get_mut(index * batch.result_step..).unwrap_or_default();
        matmul_strided((c, c_stride), a, b, dims, accumulate, scratch)?;
    }
    Ok(())
}

/// The product of operands whose lengths were checked.
fn multiply(
    (c, c_stride): (&mut [f32], usize),
    a: Matrix<'_>,
    b: Matrix<'_>,
    dims: MatmulDims,
    accumulate: bool,
    scratch: &mut MatmulScratch,
) {
    let MatmulDims { m, k, n } = dims;
    if m == 0 || n == 0 {
        return;
    }
    // A vector has the same elements in both orders, so only the form of the matrix matters. With one
    // column, C = A b is read as C^T = b^T A^T. A vector with gaps goes the general way.
    let lhs_is_vector = m == 1 && (!a.transposed || a.stride == 1);
    let rhs_is_vector = n == 1 && c_stride == 1 && (b.transposed || b.stride == 1);
    if !accumulate && (k == 0 || lhs_is_vector || rhs_is_vector) {
        for row in c.chunks_mut(c_stride).take(m) {
            row.get_mut(..n).unwrap_or_default().fill(0.0);
        }
    }
    if k == 0 {
        return;
    }
    if lhs_is_vector {
        let (c, a) = (c.get_mut(..n).unwrap_or_default(), a.values.get(..k).unwrap_or_default());
        vector_times_matrix(c, a, b);
    } else if rhs_is_vector {
        let (c, b) = (c.get_mut(..m).unwrap_or_default(), b.values.get(..k).unwrap_or_default());
        vector_times_matrix(c, b, Matrix { transposed: !a.transposed, ..a });
    } else {
        scratch.reserve(m, k, n);
        blocked((c, c_stride), a, b, dims, accumulate, scratch);
    }
}

/// The cache blocks around [`Block::multiply`].
fn blocked(
    (c, stride): (&mut [f32], usize),
    a: Matrix<'_>,
    b: Matrix<'_>,
    MatmulDims { m, k, n }: MatmulDims,
    accumulate: bool,
    scratch: &mut MatmulScratch,
) {
    let relaxed = super::relaxed_is_used();
    let MatmulScratch { panels, tiles, .. } = scratch;
    let (column_part, inner_part) =
        (part(n, BLOCK_COLUMNS).next_multiple_of(PANEL_COLUMNS), part(k, BLOCK_INNER));
    let row_part = block_rows(inner_part);
    for column in (0..n).step_by(column_part) {
        let columns = column_part.min(n - column);
        for inner in (0..k).step_by(inner_part) {
            let steps = inner_part.min(k - inner);
            if b.transposed {
                pack_transposed_panels(panels, b, (inner, steps), (column, columns));
            } else {
                pack_panels(panels, b, (inner, steps), (column, columns));
            }
            let add = accumulate || inner > 0;
            for row in (0..m).step_by(row_part) {
                let rows = row_part.min(m - row);
                let mut block = Block { c, stride, row, rows, column, columns, steps, add };
                if a.transposed || n >= PACK_ROWS_FROM {
                    pack_tiles(tiles, a, (inner, steps), (row, rows));
                    block.multiply(Left::Tiles(tiles), panels, relaxed);
                } else {
                    let values = a.values.get(row * a.stride + inner..).unwrap_or_default();
                    block.multiply(Left::Rows { values, stride: a.stride }, panels, relaxed);
                }
            }
        }
    }
}
