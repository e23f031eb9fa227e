//! `C = op(A) op(B)` in f32, blocked for the caches as in Goto and van de Geijn, "Anatomy of
//! High-Performance Matrix Multiplication" (2008), except that a row-major A is read in place: the tile
//! broadcasts single elements of it, so copying it first would cost more than it saves on the narrow
//! products of a convolution.

use super::lanes::F32x4;
use super::pack::{pack_panels, pack_tiles, pack_transposed_panels};
use super::relaxed;
use super::{
    BLOCK_COLUMNS, BLOCK_INNER, BLOCK_ROWS, MatmulDims, MatmulError, MatmulScratch, PANEL_COLUMNS,
    TILE_PADDING, TILE_ROWS, check_length,
};
use std::array;

/// `C[m, n] = op(A) op(B)`, or `C += op(A) op(B)` when `accumulate` is set; all row-major.
///
/// A is `m` x `k`, or `k` x `m` with `transpose_lhs`; B is `k` x `n`, or `n` x `k` with `transpose_rhs`.
///
/// Each element is summed in the order of the inner dimension, in blocks of at most 256 steps (products
/// with one row or one column: in four or sixteen interleaved sums). The result therefore differs from the
/// exact one by at most `k * 2^-24 * sum |a b|` to first order, and is the same to the bit everywhere.
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
    if !accumulate && (k == 0 || m == 1 || n == 1) {
        c.fill(0.0);
    }
    if c.is_empty() || k == 0 {
        return Ok(());
    }
    // A vector has the same elements in both orders, so only the form of the matrix matters. With one
    // column, C = A b is read as C^T = b^T A^T.
    if m == 1 {
        vector_times_matrix(c, a, b, transpose_rhs);
    } else if n == 1 {
        vector_times_matrix(c, b, a, !transpose_lhs);
    } else {
        scratch.reserve(m, k, n);
        blocked(c, a, b, dims, (transpose_lhs, transpose_rhs, accumulate), scratch);
    }
    Ok(())
}

/// A size cut into equal parts of at most `largest`: the length of a part.
fn part(size: usize, largest: usize) -> usize {
    size.div_ceil(size.div_ceil(largest).max(1)).max(1)
}

/// The cache blocks around [`tile_times_panel`].
fn blocked(
    c: &mut [f32],
    a: &[f32],
    b: &[f32],
    MatmulDims { m, k, n }: MatmulDims,
    (transpose_lhs, transpose_rhs, accumulate): (bool, bool, bool),
    scratch: &mut MatmulScratch,
) {
    let MatmulScratch { panels, tiles, .. } = scratch;
    let fused = super::uses_fused();
    let (column_part, inner_part) =
        (part(n, BLOCK_COLUMNS).next_multiple_of(PANEL_COLUMNS), part(k, BLOCK_INNER));
    for column in (0..n).step_by(column_part) {
        let columns = column_part.min(n - column);
        for inner in (0..k).step_by(inner_part) {
            let steps = inner_part.min(k - inner);
            if transpose_rhs {
                pack_transposed_panels(panels, b, k, (inner, steps), (column, columns));
            } else {
                pack_panels(panels, b, n, (inner, steps), (column, columns));
            }
            let add = accumulate || inner > 0;
            for row in (0..m).step_by(BLOCK_ROWS) {
                let rows = BLOCK_ROWS.min(m - row);
                let mut block = Block { c, n, row, rows, column, columns, steps, add, fused };
                if transpose_lhs {
                    pack_tiles(tiles, a, m, (inner, steps), (row, rows));
                    block.packed(tiles, panels);
                } else {
                    block.in_place(a, k, inner, panels);
                }
            }
        }
    }
}

/// One block of the result and the stretch of the inner dimension that is being added to it.
struct Block<'c> {
    c: &'c mut [f32],
    /// Columns of the whole result.
    n: usize,
    row: usize,
    rows: usize,
    column: usize,
    columns: usize,
    steps: usize,
    /// Whether the products are added to what the result holds.
    add: bool,
    /// Products and sums are rounded once, as [`super::use_fused`] says.
    fused: bool,
}

impl Block<'_> {
    /// Every panel of the block with its first column and its number of columns. Only the last panel can
    /// be narrower than eight; with four columns or fewer it holds one vector per step, not two.
    fn panels<'p>(
        &self,
        panels: &'p [[f32; 4]],
    ) -> impl Iterator<Item = (usize, usize, &'p [[f32; 4]])> + use<'p> {
        let (column, columns, steps) = (self.column, self.columns, self.steps);
        panels.chunks(2 * steps).zip((0..columns).step_by(PANEL_COLUMNS)).map(move |(panel, first)| {
            let width = (columns - first).min(PANEL_COLUMNS);
            let length = if width > 4 { 2 * steps } else { steps };
            (column + first, width, panel.get(..length).unwrap_or(&[]))
        })
    }

    /// Products with rows of a row-major left-hand side of `k` columns.
    fn in_place(&mut self, a: &[f32], k: usize, inner: usize, panels: &[[f32; 4]]) {
        for (column, width, panel) in self.panels(panels) {
            for first in (0..self.rows).step_by(TILE_ROWS) {
                let (row, start) = (self.row + first, (self.row + first) * k + inner);
                match self.rows - first {
                    1 => self.rows_times_panel::<1>(a, k, start, panel, (row, column, width)),
                    2 => self.rows_times_panel::<2>(a, k, start, panel, (row, column, width)),
                    3 => self.rows_times_panel::<3>(a, k, start, panel, (row, column, width)),
                    _ => self.rows_times_panel::<TILE_ROWS>(a, k, start, panel, (row, column, width)),
                }
            }
        }
    }

    #[inline(always)]
    fn rows_times_panel<const ROWS: usize>(
        &mut self,
        a: &[f32],
        k: usize,
        start: usize,
        panel: &[[f32; 4]],
        at: (usize, usize, usize),
    ) {
        let rows: [&[f32]; ROWS] = array::from_fn(|row| {
            let start = start + row * k;
            a.get(start..start + self.steps).unwrap_or(&[])
        });
        if at.2 > 4 {
            let panel = panel.as_chunks::<2>().0;
            let sums = if self.fused { relaxed::rows_times(rows, panel) } else { rows_times(rows, panel) };
            self.store(&sums, ROWS, at);
        } else {
            let panel = panel.as_chunks::<1>().0;
            let sums = if self.fused { relaxed::rows_times(rows, panel) } else { rows_times(rows, panel) };
            self.store(&sums, ROWS, at);
        }
    }

    /// Products with packed tiles of a transposed left-hand side.
    fn packed(&mut self, tiles: &[[f32; TILE_ROWS]], panels: &[[f32; 4]]) {
        for (column, width, panel) in self.panels(panels) {
            for (tile, first) in
                tiles.chunks(self.steps + TILE_PADDING).zip((0..self.rows).step_by(TILE_ROWS))
            {
                let at = (self.row + first, column, width);
                // Rows past the end of the last tile are computed from stale data and not stored.
                if width > 4 {
                    let panel = panel.as_chunks::<2>().0;
                    let sums =
                        if self.fused { relaxed::tile_times(tile, panel) } else { tile_times(tile, panel) };
                    self.store(&sums, self.rows - first, at);
                } else {
                    let panel = panel.as_chunks::<1>().0;
                    let sums =
                        if self.fused { relaxed::tile_times(tile, panel) } else { tile_times(tile, panel) };
                    self.store(&sums, self.rows - first, at);
                }
            }
        }
    }

    /// Writes the sums of a tile's first `rows` rows to the result, or adds them. Written out row by row:
    /// a loop would make the compiler keep the sums in memory instead of registers.
    #[inline(always)]
    fn store<const ROWS: usize, const VECTORS: usize>(
        &mut self,
        sums: &[[F32x4; VECTORS]; ROWS],
        rows: usize,
        (row, column, width): (usize, usize, usize),
    ) {
        let Some(target) = self.c.get_mut(row * self.n + column..) else { return };
        for (index, sums) in sums.iter().enumerate() {
            if index < rows {
                store_row(target, index * self.n, sums, width, self.add);
            }
        }
    }
}

/// One row of a tile.
#[inline(always)]
fn store_row<const VECTORS: usize>(
    target: &mut [f32],
    start: usize,
    sums: &[F32x4; VECTORS],
    width: usize,
    add: bool,
) {
    let Some(target) = target.get_mut(start..start + width) else { return };
    if width == 4 * VECTORS {
        for (target, sum) in target.as_chunks_mut::<4>().0.iter_mut().zip(sums) {
            *target = if add { F32x4::load(target).plus(*sum) } else { *sum }.to_array();
        }
        return;
    }
    let sums = sums.map(F32x4::to_array);
    for (target, sum) in target.iter_mut().zip(sums.as_flattened()) {
        *target = if add { *target + sum } else { *sum };
    }
}

/// One step of the inner dimension: a column of the left-hand side times a row of the panel.
#[inline(always)]
fn add_step<const ROWS: usize, const VECTORS: usize>(
    sums: &mut [[F32x4; VECTORS]; ROWS],
    left: [f32; ROWS],
    right: &[[f32; 4]; VECTORS],
) {
    let right = right.map(|vector| F32x4::load(&vector));
    for (sums, left) in sums.iter_mut().zip(left) {
        let left = F32x4::splat(left);
        for (sum, right) in sums.iter_mut().zip(right) {
            *sum = sum.plus_product(left, right);
        }
    }
}

/// `sums[row][column] = sum over steps of rows[row][step] * panel[step][column]`.
#[inline(always)]
pub(super) fn rows_times<const ROWS: usize, const VECTORS: usize>(
    rows: [&[f32]; ROWS],
    panel: &[[[f32; 4]; VECTORS]],
) -> [[F32x4; VECTORS]; ROWS] {
    let mut sums = [[F32x4::splat(0.0); VECTORS]; ROWS];
    let steps = panel.len();
    // Equal lengths let the compiler drop the bounds checks of the loop.
    if rows.iter().any(|row| row.len() != steps) {
        return sums;
    }
    for step in 0..steps {
        add_step(&mut sums, rows.map(|row| row[step]), &panel[step]);
    }
    sums
}

/// The same for a packed tile, whose rows lie side by side.
#[inline(always)]
pub(super) fn tile_times<const ROWS: usize, const VECTORS: usize>(
    tile: &[[f32; ROWS]],
    panel: &[[[f32; 4]; VECTORS]],
) -> [[F32x4; VECTORS]; ROWS] {
    let mut sums = [[F32x4::splat(0.0); VECTORS]; ROWS];
    for (left, right) in tile.iter().zip(panel) {
        add_step(&mut sums, *left, right);
    }
    sums
}

/// `c[n] += a[k] B`, with B `k` x `n`, or `n` x `k` if transposed. Every element of B is used once, so
/// nothing is packed.
fn vector_times_matrix(c: &mut [f32], a: &[f32], b: &[f32], transposed: bool) {
    if transposed {
        for (c, row) in c.iter_mut().zip(b.chunks_exact(a.len())) {
            *c += dot(a, row);
        }
        return;
    }
    let n = c.len();
    let (fours, rest) = a.as_chunks::<4>();
    let mut blocks = b.chunks_exact(4 * n);
    for (left, block) in fours.iter().zip(blocks.by_ref()) {
        add_four_rows(c, *left, block);
    }
    for (left, row) in rest.iter().zip(blocks.remainder().chunks_exact(n)) {
        for (c, right) in c.iter_mut().zip(row) {
            *c += left * right;
        }
    }
}

/// `c += left[0] row 0 + left[1] row 1 + ..`, so that the result is read and written once for four rows.
fn add_four_rows(c: &mut [f32], left: [f32; 4], block: &[f32]) {
    let n = c.len();
    let mut rows = block.chunks_exact(n);
    let (Some(r0), Some(r1), Some(r2), Some(r3)) = (rows.next(), rows.next(), rows.next(), rows.next())
    else {
        return;
    };
    let whole = n - n % 4;
    let splats = left.map(F32x4::splat);
    let vectors = c.as_chunks_mut::<4>().0.iter_mut().zip(r0.as_chunks::<4>().0).zip(r1.as_chunks::<4>().0);
    for (((c, b0), b1), (b2, b3)) in vectors.zip(r2.as_chunks::<4>().0.iter().zip(r3.as_chunks::<4>().0)) {
        let mut sum = F32x4::load(c);
        for (left, right) in splats.iter().zip([b0, b1, b2, b3]) {
            sum = sum.plus_product(*left, F32x4::load(right));
        }
        *c = sum.to_array();
    }
    for (left, row) in left.iter().zip([r0, r1, r2, r3]) {
        for (c, right) in c.iter_mut().zip(row).skip(whole) {
            *c += left * right;
        }
    }
}

/// The scalar product in sixteen interleaved sums, added pairwise, then the rest one by one.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a_whole, a_rest), (b_whole, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    let mut sums = [F32x4::splat(0.0); 4];
    for (a, b) in a_whole.iter().zip(b_whole) {
        for ((sum, a), b) in sums.iter_mut().zip(a.as_chunks::<4>().0).zip(b.as_chunks::<4>().0) {
            *sum = sum.plus_product(F32x4::load(a), F32x4::load(b));
        }
    }
    let [s0, s1, s2, s3] = sums;
    let [x, y, z, w] = s0.plus(s1).plus(s2.plus(s3)).to_array();
    a_rest.iter().zip(b_rest).fold((x + y) + (z + w), |sum, (a, b)| sum + a * b)
}
