//! Copies blocks of the operands into the order in which the inner loop of [`super::matmul`] reads them.

use super::lanes::F32x4;
use super::matmul::Matrix;
use super::{PANEL_COLUMNS, TILE_PADDING, TILE_ROWS};
use std::array;

/// Copies columns of a row-major `k` x `n` right-hand side into panels. Columns past the end of the last
/// panel are zero.
pub(super) fn pack_panels(
    panels: &mut [[f32; 4]],
    b: Matrix<'_>,
    (inner, steps): (usize, usize),
    (column, columns): (usize, usize),
) {
    for (panel, first) in panels.chunks_mut(2 * steps).zip((0..columns).step_by(PANEL_COLUMNS)) {
        let width = (columns - first).min(PANEL_COLUMNS);
        let begin = inner * b.stride + column + first;
        let rows = b.values.get(begin..).unwrap_or_default().chunks(b.stride);
        match width {
            PANEL_COLUMNS => {
                for (target, row) in panel.as_chunks_mut::<2>().0.iter_mut().zip(rows) {
                    if let Some(source) = row.first_chunk::<PANEL_COLUMNS>() {
                        target.as_flattened_mut().copy_from_slice(source);
                    }
                }
            }
            5.. => {
                for (target, row) in panel.as_chunks_mut::<2>().0.iter_mut().zip(rows) {
                    copy_padded(target.as_flattened_mut(), row.get(..width).unwrap_or_default());
                }
            }
            _ => {
                for (target, row) in panel.iter_mut().take(steps).zip(rows) {
                    copy_padded(target, row.get(..width).unwrap_or_default());
                }
            }
        }
    }
}

#[inline(always)]
fn copy_padded(target: &mut [f32], source: &[f32]) {
    for (offset, target) in target.iter_mut().enumerate() {
        *target = source.get(offset).copied().unwrap_or(0.0);
    }
}

/// The same for an `n` x `k` right-hand side, whose columns are its rows.
pub(super) fn pack_transposed_panels(
    panels: &mut [[f32; 4]],
    b: Matrix<'_>,
    (inner, steps): (usize, usize),
    (column, columns): (usize, usize),
) {
    for (panel, first) in panels.chunks_mut(2 * steps).zip((0..columns).step_by(PANEL_COLUMNS)) {
        let width = (columns - first).min(PANEL_COLUMNS);
        let stride = if width > 4 { 2 } else { 1 };
        for vector in 0..stride {
            let rows: [&[f32]; 4] = array::from_fn(|lane| {
                let row = first + 4 * vector + lane;
                let start = (column + row) * b.stride + inner;
                let row = if row < columns { b.values.get(start..start + steps) } else { None };
                row.unwrap_or_default()
            });
            transpose_rows(rows, panel.get_mut(vector..).unwrap_or_default(), stride, steps);
        }
    }
}

/// Element `step` of the four rows goes to `targets[step * stride]`; missing rows are zero.
#[inline(always)]
fn transpose_rows(rows: [&[f32]; 4], targets: &mut [[f32; 4]], stride: usize, steps: usize) {
    let mut done = 0;
    let fours = rows.map(|row| row.as_chunks::<4>().0);
    let length = fours[0].len();
    if fours.iter().all(|row| row.len() == length) {
        let targets = targets.chunks_mut(4 * stride);
        for (index, targets) in targets.enumerate().take(length) {
            let columns = F32x4::transposed(fours.map(|row| F32x4::load(&row[index])));
            for (target, column) in targets.iter_mut().step_by(stride).zip(columns) {
                *target = column.to_array();
            }
        }
        done = 4 * length;
    }
    let targets = targets.iter_mut().step_by(stride).take(steps);
    for (step, target) in targets.enumerate().skip(done) {
        *target = rows.map(|row| row.get(step).copied().unwrap_or(0.0));
    }
}

/// Copies a block of the left-hand side into tiles of [`TILE_ROWS`] rows. What lies past the last row of
/// the last tile is stale or zero.
pub(super) fn pack_tiles(
    tiles: &mut [[f32; TILE_ROWS]],
    a: Matrix<'_>,
    (inner, steps): (usize, usize),
    (row, rows): (usize, usize),
) {
    for (tile, first) in tiles.chunks_mut(steps + TILE_PADDING).zip((0..rows).step_by(TILE_ROWS)) {
        let height = (rows - first).min(TILE_ROWS);
        if !a.transposed {
            let sources = array::from_fn(|offset| {
                let start = (row + first + offset) * a.stride + inner;
                let row = if offset < height { a.values.get(start..start + steps) } else { None };
                row.unwrap_or_default()
            });
            transpose_rows(sources, tile, 1, steps);
            continue;
        }
        let begin = inner * a.stride + row + first;
        let sources = a.values.get(begin..).unwrap_or_default().chunks(a.stride);
        if height == TILE_ROWS {
            for (target, source) in tile.iter_mut().take(steps).zip(sources) {
                if let Some(source) = source.first_chunk() {
                    *target = *source;
                }
            }
        } else {
            for (target, source) in tile.iter_mut().take(steps).zip(sources) {
                copy_padded(target, source.get(..height).unwrap_or_default());
            }
        }
    }
}
