//! `C = A B^T` for INT8 with exact 32-bit sums. The bytes are widened to 16 bits once per block, so that
//! the inner loop is one multiply-add of pairs (`i32x4_dot_i16x8`) and one addition for eight products:
//! half the instructions that f32 needs.

use super::lanes::I32x4;
use super::{
    BLOCK_COLUMNS, BLOCK_INNER, BLOCK_ROWS, MatmulDims, MatmulError, MatmulScratch, PANEL_COLUMNS, TILE_ROWS,
    check_length, inner_pairs,
};
use std::array;

/// The longest inner dimension whose sum cannot overflow: `k * 128 * 128 < 2^31`.
pub const LARGEST_EXACT_INNER: usize = 131_071;

/// `C[m, n] = A[m, k] B[n, k]^T` for signed bytes, exact.
///
/// Four bytes lie in a `u32`, the first in the lowest bits, and a row is `k / 4` words, rounded up: the
/// caller fills the bytes past `k` with zeros.
///
/// # Errors
/// When a slice has another length than the sizes imply or `k` exceeds [`LARGEST_EXACT_INNER`]; `c` is
/// then untouched.
pub fn matmul_int8(
    c: &mut [i32],
    a: &[u32],
    b: &[u32],
    dims: MatmulDims,
    scratch: &mut MatmulScratch,
) -> Result<(), MatmulError> {
    let MatmulDims { m, k, n } = dims;
    if k > LARGEST_EXACT_INNER {
        return Err(MatmulError::InnerTooLong { k });
    }
    let words = k.div_ceil(4);
    check_length("left-hand side", a.len(), (m, words), dims)?;
    check_length("right-hand side", b.len(), (n, words), dims)?;
    check_length("result", c.len(), (m, n), dims)?;
    if c.is_empty() || words == 0 {
        c.fill(0);
        return Ok(());
    }
    scratch.reserve_int8(m, k, n);
    if m == 1 {
        vector_times_rows(c, a, b);
    } else if n == 1 {
        vector_times_rows(c, b, a);
    } else {
        blocked(c, a, b, MatmulDims { m, k: words, n }, scratch);
    }
    Ok(())
}

/// The cache blocks around [`rows_times`]. `k` counts words of four bytes.
fn blocked(
    c: &mut [i32],
    a: &[u32],
    b: &[u32],
    MatmulDims { m, k, n }: MatmulDims,
    scratch: &mut MatmulScratch,
) {
    let MatmulScratch { panels_int8, rows_int8, .. } = scratch;
    let pairs = inner_pairs(4 * k);
    let parts = pairs.div_ceil(BLOCK_INNER);
    let part = pairs.div_ceil(parts).next_multiple_of(2);
    for column in (0..n).step_by(BLOCK_COLUMNS) {
        let columns = BLOCK_COLUMNS.min(n - column);
        for inner in (0..pairs).step_by(part) {
            let steps = part.min(pairs - inner);
            let words = (inner / 2, steps / 2);
            pack_panels(panels_int8, b, k, words, (column, columns));
            for row in (0..m).step_by(BLOCK_ROWS) {
                let rows = BLOCK_ROWS.min(m - row);
                widen_rows(rows_int8, a, k, words, (row, rows));
                let mut block = Block { c, n, row, rows, column, columns, steps, add: inner > 0 };
                block.multiply(rows_int8, panels_int8);
            }
        }
    }
}

/// One block of the result and the stretch of the inner dimension that is being added to it.
struct Block<'c> {
    c: &'c mut [i32],
    /// Columns of the whole result.
    n: usize,
    row: usize,
    rows: usize,
    column: usize,
    columns: usize,
    /// Pairs of inner steps.
    steps: usize,
    /// Whether the products are added to what the result holds.
    add: bool,
}

impl Block<'_> {
    fn multiply(&mut self, left: &[u32], panels: &[[u32; 4]]) {
        let firsts = (0..self.columns).step_by(PANEL_COLUMNS);
        for (panel, first) in panels.chunks(2 * self.steps).zip(firsts) {
            let width = (self.columns - first).min(PANEL_COLUMNS);
            let panel = panel.get(..if width > 4 { 2 } else { 1 } * self.steps).unwrap_or(&[]);
            let column = self.column + first;
            for first in (0..self.rows).step_by(TILE_ROWS) {
                let left = left.get(first * self.steps..).unwrap_or(&[]);
                let at = (self.row + first, column, width);
                match self.rows - first {
                    1 => self.rows_times_panel::<1>(left, panel, at),
                    2 => self.rows_times_panel::<2>(left, panel, at),
                    3 => self.rows_times_panel::<3>(left, panel, at),
                    _ => self.rows_times_panel::<TILE_ROWS>(left, panel, at),
                }
            }
        }
    }

    #[inline(always)]
    fn rows_times_panel<const ROWS: usize>(
        &mut self,
        left: &[u32],
        panel: &[[u32; 4]],
        at: (usize, usize, usize),
    ) {
        let rows: [&[u32]; ROWS] =
            array::from_fn(|row| left.get(row * self.steps..(row + 1) * self.steps).unwrap_or(&[]));
        if at.2 > 4 {
            self.store(&rows_times::<ROWS, 2>(rows, panel.as_chunks::<2>().0), at);
        } else {
            self.store(&rows_times::<ROWS, 1>(rows, panel.as_chunks::<1>().0), at);
        }
    }

    /// Writes the sums of a tile to the result, or adds them.
    #[inline(always)]
    fn store<const ROWS: usize, const VECTORS: usize>(
        &mut self,
        sums: &[[I32x4; VECTORS]; ROWS],
        (row, column, width): (usize, usize, usize),
    ) {
        let Some(target) = self.c.get_mut(row * self.n + column..) else { return };
        for (index, sums) in sums.iter().enumerate() {
            store_row(target, index * self.n, sums, width, self.add);
        }
    }
}

/// One row of a tile.
#[inline(always)]
fn store_row<const VECTORS: usize>(
    target: &mut [i32],
    start: usize,
    sums: &[I32x4; VECTORS],
    width: usize,
    add: bool,
) {
    let Some(target) = target.get_mut(start..start + width) else { return };
    if width == 4 * VECTORS {
        for (target, sum) in target.as_chunks_mut::<4>().0.iter_mut().zip(sums) {
            *target = if add { I32x4::load_signed(target).plus(*sum) } else { *sum }.to_array();
        }
        return;
    }
    let sums = sums.map(I32x4::to_array);
    for (target, sum) in target.iter_mut().zip(sums.as_flattened()) {
        *target = if add { target.wrapping_add(*sum) } else { *sum };
    }
}

/// `sums[row][column]` over pairs of steps: each word of a row and each lane of a panel holds two i16.
#[inline(always)]
fn rows_times<const ROWS: usize, const VECTORS: usize>(
    rows: [&[u32]; ROWS],
    panel: &[[[u32; 4]; VECTORS]],
) -> [[I32x4; VECTORS]; ROWS] {
    let mut sums = [[I32x4::splat(0); VECTORS]; ROWS];
    let steps = panel.len();
    // Equal lengths let the compiler drop the bounds checks of the loop.
    if rows.iter().any(|row| row.len() != steps) {
        return sums;
    }
    for step in 0..steps {
        let right = panel[step].map(|vector| I32x4::load(&vector));
        for (sums, row) in sums.iter_mut().zip(rows) {
            let left = I32x4::splat(row[step]);
            for (sum, right) in sums.iter_mut().zip(right) {
                *sum = sum.plus_dot(left, right);
            }
        }
    }
    sums
}

/// Widens rows of the left-hand side: two words of pairs for each word of four bytes.
fn widen_rows(
    target: &mut [u32],
    a: &[u32],
    k: usize,
    (word, words): (usize, usize),
    (row, rows): (usize, usize),
) {
    // Whole rows lie one after the other.
    let (length, lines) = if words == k { (rows * words, 1) } else { (words, rows) };
    for (target, line) in target.chunks_mut(2 * length).zip(0..lines) {
        let start = (row + line) * k + word;
        let source = a.get(start..start + length).unwrap_or(&[]);
        let ((whole, rest), (target_whole, target_rest)) =
            (source.as_chunks::<4>(), target.as_chunks_mut::<8>());
        for (target, source) in target_whole.iter_mut().zip(whole) {
            let (low, high) = I32x4::load(source).widen();
            let ([a, b, c, d], [e, f, g, h]) = (low.to_words(), high.to_words());
            *target = [a, b, c, d, e, f, g, h];
        }
        for (target, source) in target_rest.as_chunks_mut::<2>().0.iter_mut().zip(rest) {
            let [low, high, ..] = I32x4::splat(*source).widen().0.to_words();
            *target = [low, high];
        }
    }
}

/// Widens columns of the result, which are rows of B, into panels. Missing columns are zero.
fn pack_panels(
    panels: &mut [[u32; 4]],
    b: &[u32],
    k: usize,
    (word, words): (usize, usize),
    (column, columns): (usize, usize),
) {
    for (panel, first) in panels.chunks_mut(4 * words).zip((0..columns).step_by(PANEL_COLUMNS)) {
        let stride = if columns - first > 4 { 2 } else { 1 };
        for vector in 0..stride {
            let rows: [&[u32]; 4] = array::from_fn(|lane| {
                let row = first + 4 * vector + lane;
                let start = (column + row) * k + word;
                let row = if row < columns { b.get(start..start + words) } else { None };
                row.unwrap_or(&[])
            });
            for (step, target) in panel.chunks_mut(2 * stride).take(words).enumerate() {
                let source = array::from_fn(|lane| rows[lane].get(step).copied().unwrap_or(0));
                // Widening (a, b) and (c, d) and taking every other word leaves one pair of each row.
                let (first_rows, last_rows) = I32x4::load(&source).widen();
                let ([a0, a1, b0, b1], [c0, c1, d0, d1]) = (first_rows.to_words(), last_rows.to_words());
                if let Some(target) = target.get_mut(vector) {
                    *target = [a0, b0, c0, d0];
                }
                if let Some(target) = target.get_mut(vector + stride) {
                    *target = [a1, b1, c1, d1];
                }
            }
        }
    }
}

/// `c[i] = a . row i of b`. Every byte of B is used once, so nothing is packed.
fn vector_times_rows(c: &mut [i32], a: &[u32], b: &[u32]) {
    for (c, row) in c.iter_mut().zip(b.chunks_exact(a.len())) {
        let ((a_whole, a_rest), (b_whole, b_rest)) = (a.as_chunks::<4>(), row.as_chunks::<4>());
        let mut sums = [I32x4::splat(0); 2];
        for (a, b) in a_whole.iter().zip(b_whole) {
            let ((a_low, a_high), (b_low, b_high)) = (I32x4::load(a).widen(), I32x4::load(b).widen());
            sums = [sums[0].plus_dot(a_low, b_low), sums[1].plus_dot(a_high, b_high)];
        }
        for (a, b) in a_rest.iter().zip(b_rest) {
            let left = I32x4::load(&[*a, 0, 0, 0]).widen().0;
            sums[0] = sums[0].plus_dot(left, I32x4::splat(*b).widen().0);
        }
        *c = sums.iter().flat_map(|sum| sum.to_array()).fold(0, i32::wrapping_add);
    }
}
