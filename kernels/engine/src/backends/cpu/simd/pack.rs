//! Copies blocks of the operands into the order in which the inner loop of [`super::matmul`] reads them.

use super::{PANEL_COLUMNS, TILE_PADDING, TILE_ROWS};
use std::array;

/// Copies columns of a row-major `k` x `n` right-hand side into panels. Columns past the end of the last
/// panel are zero.
pub(super) fn pack_panels(
    panels: &mut [[f32; 4]],
    b: &[f32],
    n: usize,
    (inner, steps): (usize, usize),
    (column, columns): (usize, usize),
) {
    for (panel, first) in panels.chunks_mut(2 * steps).zip((0..columns).step_by(PANEL_COLUMNS)) {
        let width = (columns - first).min(PANEL_COLUMNS);
        let sources = b.get(inner * n..).unwrap_or(&[]).chunks(n).filter_map(|row| {
            let start = column + first;
            row.get(start..start + width)
        });
        if width > 4 {
            for (target, source) in panel.as_chunks_mut::<2>().0.iter_mut().zip(sources) {
                copy_padded(target.as_flattened_mut(), source);
            }
        } else {
            for (target, source) in panel.iter_mut().take(steps).zip(sources) {
                copy_padded(target, source);
            }
        }
    }
}

#[inline(always)]
fn copy_padded(target: &mut [f32], source: &[f32]) {
    if target.len() == source.len() {
        target.copy_from_slice(source);
        return;
    }
    for (offset, target) in target.iter_mut().enumerate() {
        *target = source.get(offset).copied().unwrap_or(0.0);
    }
}

/// The same for an `n` x `k` right-hand side, whose columns are its rows.
pub(super) fn pack_transposed_panels(
    panels: &mut [[f32; 4]],
    b: &[f32],
    k: usize,
    (inner, steps): (usize, usize),
    (column, columns): (usize, usize),
) {
    for (panel, first) in panels.chunks_mut(2 * steps).zip((0..columns).step_by(PANEL_COLUMNS)) {
        let width = (columns - first).min(PANEL_COLUMNS);
        let stride = if width > 4 { 2 } else { 1 };
        for vector in 0..stride {
            let rows: [&[f32]; 4] = array::from_fn(|lane| {
                let row = first + 4 * vector + lane;
                let start = (column + row) * k + inner;
                let row = if row < columns { b.get(start..start + steps) } else { None };
                row.unwrap_or(&[])
            });
            let targets = panel.iter_mut().skip(vector).step_by(stride).take(steps);
            if rows.iter().all(|row| row.len() == steps) {
                for (step, target) in targets.enumerate().take(steps) {
                    *target = array::from_fn(|lane| rows[lane][step]);
                }
            } else {
                for (step, target) in targets.enumerate() {
                    *target = array::from_fn(|lane| rows[lane].get(step).copied().unwrap_or(0.0));
                }
            }
        }
    }
}

/// Copies a block of a `k` x `m` left-hand side into tiles of [`TILE_ROWS`] rows.
pub(super) fn pack_tiles(
    tiles: &mut [[f32; TILE_ROWS]],
    a: &[f32],
    m: usize,
    (inner, steps): (usize, usize),
    (row, rows): (usize, usize),
) {
    let sources = a.get(inner * m..).unwrap_or(&[]).chunks(m).take(steps);
    for (step, source) in sources.enumerate() {
        let source = source.get(row..row + rows).unwrap_or(&[]);
        let (whole, rest) = source.as_chunks::<TILE_ROWS>();
        let mut targets = tiles.iter_mut().skip(step).step_by(steps + TILE_PADDING);
        // In this order: a zip asks its left side first, and must not use up a target for nothing.
        for (source, target) in whole.iter().zip(targets.by_ref()) {
            *target = *source;
        }
        if let (Some(target), false) = (targets.next(), rest.is_empty()) {
            copy_padded(target, rest);
        }
    }
}
