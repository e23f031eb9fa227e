//! Fast matrix products on one thread: the inner loops of the CPU backend.
//!
//! Both products share one shape of loop: the right-hand side is packed into panels of eight columns, the
//! left-hand side is read row by row, and a tile of the result stays in registers while the inner dimension
//! runs. The vectors are 128 bits wide: WASM SIMD128 in the browser, whatever the compiler makes of a
//! four-element array elsewhere. Multiplication and addition stay separate operations and their order
//! depends on the shape only, so the same call gives the same bits in every browser and natively.
//!
//! The f32 product exists a second time with relaxed SIMD, that is with fused multiply-add where the
//! processor has it: up to half as fast again, still a function of the shape only, but its bits depend on
//! the machine. [`use_relaxed`] switches it on.
//!
//! Left out on purpose: threads (a static page has no cross-origin isolation, so no shared memory).

pub(super) mod lanes;
mod matmul;
mod matmul_int8;
mod pack;
#[cfg(test)]
mod tests;
mod tile;
mod vector;
pub mod vector_math;

pub use matmul::{Batch, Matrix, matmul, matmul_batched, matmul_strided};
pub use matmul_int8::{LARGEST_EXACT_INNER, matmul_int8};

use std::{cell::Cell, fmt};

/// Rows of the left-hand side that one tile works on.
const TILE_ROWS: usize = 4;
/// Unused steps between packed tiles: without them, tiles of 256 steps would start 4 KiB apart and compete
/// for the same cache lines while they are written.
const TILE_PADDING: usize = 4;
/// Columns of a packed panel, two vectors of four.
const PANEL_COLUMNS: usize = 8;
/// Rows of the left-hand side that stay in the second-level cache while the panels pass over them; more where
/// rows are short, so that a pass over few steps is worth its call.
const BLOCK_ROWS: usize = 48;
const BLOCK_ROWS_MOST: usize = 512;
/// Steps of the inner dimension between two visits to the result: a panel of 8 columns is then 16 KiB.
const BLOCK_INNER: usize = 512;
/// Columns of the result from which on copying a row-major left-hand side into tiles costs less than the
/// cache conflicts of reading it in place.
const PACK_ROWS_FROM: usize = 128;
/// Columns that are packed at a time: at most 2 MiB of panels.
const BLOCK_COLUMNS: usize = 1024;

thread_local! {
    static RELAXED: Cell<bool> = const { Cell::new(false) };
}

/// Whether f32 products on this thread may use relaxed SIMD from now on. Off at first. In a module that was
/// built for every browser both ways give the same bits.
pub fn use_relaxed(relaxed: bool) {
    RELAXED.set(relaxed);
}

/// What [`use_relaxed`] was told last.
#[must_use]
pub fn relaxed_is_used() -> bool {
    RELAXED.get()
}

/// The sizes of a product of an `m` x `k` by a `k` x `n` matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatmulDims {
    /// Rows of the result.
    pub m: usize,
    /// Inner dimension, over which the products are added.
    pub k: usize,
    /// Columns of the result.
    pub n: usize,
}

/// Why a product was not computed. The result is untouched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatmulError {
    /// A slice does not have the length that the sizes imply.
    Length {
        /// Which one: "result", "left-hand side" or "right-hand side".
        operand: &'static str,
        /// Elements that the sizes imply.
        expected: usize,
        /// Elements that were passed.
        found: usize,
    },
    /// The number of elements does not fit a `usize`.
    TooLarge(MatmulDims),
    /// A sum of `k` products of INT8 values could pass the range of an `i32`.
    InnerTooLong {
        /// The inner dimension that was asked for.
        k: usize,
    },
}

impl fmt::Display for MatmulError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { operand, expected, found } => {
                write!(formatter, "matmul: the {operand} needs {expected} elements and has {found}")
            }
            Self::TooLarge(MatmulDims { m, k, n }) => {
                write!(formatter, "matmul: {m} x {k} by {k} x {n} does not fit in memory")
            }
            Self::InnerTooLong { k } => write!(
                formatter,
                "matmul: an inner dimension of {k} could overflow 32 bits; at most {LARGEST_EXACT_INNER}"
            ),
        }
    }
}

impl std::error::Error for MatmulError {}

/// Working memory of the products. Keep one and pass it to every call: it grows to the largest shape seen
/// (at most about 2.3 MiB) and is never given back, so a repeated step allocates nothing.
#[derive(Debug, Default)]
pub struct MatmulScratch {
    /// Packed panels of the right-hand side.
    panels: Vec<[f32; 4]>,
    /// Packed tiles of the left-hand side.
    tiles: Vec<[f32; TILE_ROWS]>,
    /// Packed panels of an INT8 right-hand side: four columns of two 16-bit steps.
    panels_int8: Vec<[u32; 4]>,
    /// Widened rows of an INT8 left-hand side: two 16-bit steps in a word.
    rows_int8: Vec<u32>,
}

impl MatmulScratch {
    /// Scratch that holds nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Grows now to what products of this shape need, so that the first one allocates nothing either.
    pub fn reserve(&mut self, m: usize, k: usize, n: usize) {
        let (inner, rows) = (part(k, BLOCK_INNER), block_rows(part(k, BLOCK_INNER)));
        grow(&mut self.panels, inner * n.min(BLOCK_COLUMNS).div_ceil(4), [0.0; 4]);
        grow(&mut self.tiles, (inner + TILE_PADDING) * m.min(rows).div_ceil(TILE_ROWS), [0.0; TILE_ROWS]);
    }

    /// Elements of each buffer, for tests that nothing grows.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> [usize; 4] {
        [self.panels.len(), self.tiles.len(), self.panels_int8.len(), self.rows_int8.len()]
    }

    /// The same for [`matmul_int8`].
    pub fn reserve_int8(&mut self, m: usize, k: usize, n: usize) {
        let pairs = inner_pairs(k);
        grow(&mut self.panels_int8, pairs.min(BLOCK_INNER) * n.min(BLOCK_COLUMNS).div_ceil(4), [0; 4]);
        grow(&mut self.rows_int8, pairs * m.min(BLOCK_ROWS), 0);
    }
}

/// A size cut into equal parts of at most `largest`: the length of a part.
fn part(size: usize, largest: usize) -> usize {
    size.div_ceil(size.div_ceil(largest).max(1)).max(1)
}

/// Rows of a block with this many inner steps, a multiple of a tile.
fn block_rows(steps: usize) -> usize {
    let fitting = BLOCK_ROWS * BLOCK_INNER / steps.max(1);
    (fitting / TILE_ROWS * TILE_ROWS).clamp(BLOCK_ROWS, BLOCK_ROWS_MOST)
}

/// Pairs of inner steps of an INT8 product whose rows are padded to whole words of four.
const fn inner_pairs(k: usize) -> usize {
    k.div_ceil(4) * 2
}

/// Makes a buffer at least `length` long; never shrinks it.
fn grow<T: Copy>(buffer: &mut Vec<T>, length: usize, fill: T) {
    if buffer.len() < length {
        buffer.resize(length, fill);
    }
}

/// Compares a length with the product of two sizes.
fn check_length(
    operand: &'static str,
    found: usize,
    (rows, columns): (usize, usize),
    dims: MatmulDims,
) -> Result<(), MatmulError> {
    let expected = rows.checked_mul(columns).ok_or(MatmulError::TooLarge(dims))?;
    if found == expected { Ok(()) } else { Err(MatmulError::Length { operand, expected, found }) }
}

/// Compares a length with what rows of `columns` elements need that begin `stride` apart.
fn check_strided(
    operand: &'static str,
    (found, stride): (usize, usize),
    (rows, columns): (usize, usize),
    dims: MatmulDims,
) -> Result<(), MatmulError> {
    let Some(before) = rows.checked_sub(1) else { return Ok(()) };
    let expected = before.checked_mul(stride).and_then(|begin| begin.checked_add(columns));
    let expected = expected.ok_or(MatmulError::TooLarge(dims))?;
    if found >= expected && (before == 0 || stride >= columns) {
        Ok(())
    } else {
        Err(MatmulError::Length { operand, expected, found })
    }
}
