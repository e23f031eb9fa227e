//! The inner loops of the f32 product: a tile of the result in registers while the inner dimension runs.
//!
//! A tile is four rows by two vectors: eight sums, two vectors of the panel and four broadcast elements are
//! fourteen of the sixteen registers that an x86 browser has. Six rows would need that the compiler keeps
//! few broadcast elements alive, and it does not. Everything below the `pass!` functions is
//! inlined into them, once with separate multiply and add and once marked for fusing.

use super::lanes::{F32x4, MultiplyAdd, Plain, Relaxed};
use super::{PANEL_COLUMNS, TILE_PADDING, TILE_ROWS};
use std::{array, hint::black_box};

/// A number that nothing else uses. The build looks for it in the compiled module and, for browsers that know
/// relaxed SIMD, fuses multiplications with additions in the functions that hold it. The compiler cannot do
/// that: it has no target features for single functions of a module.
const MARKER: u32 = 0x5245_4c58;

/// One block of the result and the stretch of the inner dimension that is being added to it.
pub(super) struct Block<'c> {
    pub c: &'c mut [f32],
    /// Elements between the beginnings of two rows of the result.
    pub stride: usize,
    pub row: usize,
    pub rows: usize,
    pub column: usize,
    pub columns: usize,
    pub steps: usize,
    /// Whether the products are added to what the result holds.
    pub add: bool,
}

/// The rows of the left-hand side that meet a block.
#[derive(Clone, Copy)]
pub(super) enum Left<'a> {
    /// Row-major and read in place, from the block's first row and step on, `stride` elements a row.
    Rows { values: &'a [f32], stride: usize },
    /// Packed tiles of [`TILE_ROWS`] rows.
    Tiles(&'a [[f32; TILE_ROWS]]),
}

/// (first column in the result, number of columns) of a panel.
type Place = (usize, usize);

impl Block<'_> {
    /// Multiplies with every panel. Only the last panel can be narrower than eight; with four columns or
    /// fewer it holds one vector per step, not two.
    pub(super) fn multiply(&mut self, left: Left<'_>, panels: &[[f32; 4]], relaxed: bool) {
        let firsts = (0..self.columns).step_by(PANEL_COLUMNS);
        for (panel, first) in panels.chunks(2 * self.steps).zip(firsts) {
            let width = (self.columns - first).min(PANEL_COLUMNS);
            let at = (self.column + first, width);
            match (width > 4, relaxed) {
                (true, false) => wide_plain(self, left, panel, at),
                (true, true) => wide_relaxed(self, left, panel, at),
                (false, false) => narrow_plain(self, left, panel, at),
                (false, true) => narrow_relaxed(self, left, panel, at),
            }
        }
    }

    #[inline(always)]
    fn pass<F: MultiplyAdd, const VECTORS: usize>(&mut self, left: Left<'_>, panel: &[[f32; 4]], at: Place) {
        let panel = panel.as_chunks::<VECTORS>().0;
        let panel = panel.get(..self.steps).unwrap_or(&[]);
        match left {
            Left::Rows { values, stride } => self.pass_rows::<F, VECTORS>(values, stride, panel, at),
            Left::Tiles(tiles) => self.pass_tiles::<F, VECTORS>(tiles, panel, at),
        }
    }

    /// Products with rows that are read in place.
    #[inline(always)]
    fn pass_rows<F: MultiplyAdd, const VECTORS: usize>(
        &mut self,
        values: &[f32],
        stride: usize,
        panel: &[[[f32; 4]; VECTORS]],
        at: Place,
    ) {
        let mut first = 0;
        while first < self.rows {
            let height = tile_height(self.rows - first);
            let left = (values, stride, first);
            match height {
                1 => self.rows_tile::<F, 1, VECTORS>(left, panel, at),
                2 => self.rows_tile::<F, 2, VECTORS>(left, panel, at),
                3 => self.rows_tile::<F, 3, VECTORS>(left, panel, at),
                _ => self.rows_tile::<F, TILE_ROWS, VECTORS>(left, panel, at),
            }
            first += height;
        }
    }

    #[inline(always)]
    fn rows_tile<F: MultiplyAdd, const ROWS: usize, const VECTORS: usize>(
        &mut self,
        (values, stride, first): (&[f32], usize, usize),
        panel: &[[[f32; 4]; VECTORS]],
        at: Place,
    ) {
        let rows: [&[f32]; ROWS] = array::from_fn(|row| {
            let start = (first + row) * stride;
            values.get(start..start + panel.len()).unwrap_or(&[])
        });
        let sums = rows_times::<F, ROWS, VECTORS>(rows, panel);
        self.store(&sums, ROWS, first, at);
    }

    /// Products with packed tiles. Rows past the end of the last tile are computed from stale data and
    /// not stored.
    #[inline(always)]
    fn pass_tiles<F: MultiplyAdd, const VECTORS: usize>(
        &mut self,
        tiles: &[[f32; TILE_ROWS]],
        panel: &[[[f32; 4]; VECTORS]],
        at: Place,
    ) {
        let firsts = (0..self.rows).step_by(TILE_ROWS);
        for (tile, first) in tiles.chunks(self.steps + TILE_PADDING).zip(firsts) {
            let mut sums = [[F32x4::splat(0.0); VECTORS]; TILE_ROWS];
            for (left, right) in tile.iter().zip(panel) {
                add_step::<F, TILE_ROWS, VECTORS>(&mut sums, *left, right);
            }
            self.store(&sums, self.rows - first, first, at);
        }
    }

    /// Writes the sums of a tile's first `rows` rows to the result, or adds them.
    #[inline(always)]
    fn store<const ROWS: usize, const VECTORS: usize>(
        &mut self,
        sums: &[[F32x4; VECTORS]; ROWS],
        rows: usize,
        first: usize,
        (column, width): Place,
    ) {
        let start = (self.row + first) * self.stride + column;
        let Some(target) = self.c.get_mut(start..) else { return };
        for (index, sums) in sums.iter().enumerate() {
            if index < rows {
                store_row(target, index * self.stride, sums, width, self.add);
            }
        }
    }
}

/// One instance of [`Block::pass`]: all tiles of a block against one panel.
macro_rules! pass {
    ($name:ident, $arithmetic:ty, $vectors:literal $(, $marker:expr)?) => {
        #[inline(never)]
        fn $name(block: &mut Block<'_>, left: Left<'_>, panel: &[[f32; 4]], at: Place) {
            $(black_box($marker);)?
            block.pass::<$arithmetic, $vectors>(left, panel, at);
        }
    };
}

pass!(wide_plain, Plain, 2);
pass!(narrow_plain, Plain, 1);
pass!(wide_relaxed, Relaxed, 2, MARKER);
pass!(narrow_relaxed, Relaxed, 1, MARKER);

/// Rows of the next tile, so that the last two are about equally high: low tiles wait for their sums.
#[inline(always)]
fn tile_height(remaining: usize) -> usize {
    if remaining > TILE_ROWS && remaining < 2 * TILE_ROWS {
        remaining.div_ceil(2)
    } else {
        remaining.min(TILE_ROWS)
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
fn add_step<F: MultiplyAdd, const ROWS: usize, const VECTORS: usize>(
    sums: &mut [[F32x4; VECTORS]; ROWS],
    left: [f32; ROWS],
    right: &[[f32; 4]; VECTORS],
) {
    let right = right.map(|vector| F32x4::load(&vector));
    for (sums, left) in sums.iter_mut().zip(left) {
        let left = F32x4::splat(left);
        for (sum, right) in sums.iter_mut().zip(right) {
            *sum = F::multiply_add(*sum, left, right);
        }
    }
}

/// `sums[row][column] = sum over steps of rows[row][step] * panel[step][column]`.
#[inline(always)]
fn rows_times<F: MultiplyAdd, const ROWS: usize, const VECTORS: usize>(
    rows: [&[f32]; ROWS],
    panel: &[[[f32; 4]; VECTORS]],
) -> [[F32x4; VECTORS]; ROWS] {
    let mut sums = [[F32x4::splat(0.0); VECTORS]; ROWS];
    // Equal lengths let the compiler drop the bounds checks of the loop.
    if rows.iter().any(|row| row.len() != panel.len()) {
        return sums;
    }
    for (step, right) in panel.iter().enumerate() {
        add_step::<F, ROWS, VECTORS>(&mut sums, rows.map(|row| row[step]), right);
    }
    sums
}
