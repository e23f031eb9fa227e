//! Brings what a visitor drew to the size and place that the drawn digits (and MNIST's) have.

use super::{PIXELS, SIDE};

/// Side of the box into which the ink is scaled, in pixels.
const BOX_SIDE: f32 = 20.0;
/// Pixels darker than this count as ink when the box is measured, so that faint edges do not move it.
const INK: u8 = 48;
/// A drawing is not enlarged more than this: a dot should stay a dot.
const LARGEST_SCALE: f32 = 4.0;
/// Samples per pixel and direction when the drawing is resampled.
const SAMPLES: usize = 3;

/// Scales the ink to a box of 20 x 20 pixels, keeping its proportions, and moves its centre of mass to the
/// middle of the image. An empty drawing stays empty.
#[must_use]
pub fn normalise_drawing(pixels: &[u8; PIXELS]) -> [u8; PIXELS] {
    let Some([left, top, right, bottom]) = ink_box(pixels) else { return *pixels };
    let longest = (right - left).max(bottom - top);
    let scale = (BOX_SIDE / longest).min(LARGEST_SCALE);
    let (x, y) = centre_of_mass(pixels);
    let scaled = resample(pixels, scale, (x, y));
    // Scaling cuts off what leaves the image and blurs, which moves the centre a little: correct it once.
    let (dx, dy) = centre_of_mass(&scaled);
    let middle = (SIDE as f32 - 1.0) / 2.0;
    resample(pixels, scale, (x + (dx - middle) / scale, y + (dy - middle) / scale))
}

/// Left, top, right and bottom edge of the ink, or `None` without ink.
fn ink_box(pixels: &[u8; PIXELS]) -> Option<[f32; 4]> {
    let inked = || pixels.iter().enumerate().filter(|(_, ink)| **ink > INK).map(|(index, _)| index);
    let (left, right) = (inked().map(|index| index % SIDE).min()?, inked().map(|index| index % SIDE).max()?);
    let (top, bottom) = (inked().min()? / SIDE, inked().max()? / SIDE);
    Some([left as f32, top as f32, (right + 1) as f32, (bottom + 1) as f32])
}

/// Column and row of the centre of mass; the middle of the image without ink.
fn centre_of_mass(pixels: &[u8; PIXELS]) -> (f32, f32) {
    let (mut mass, mut x, mut y) = (0.0f32, 0.0, 0.0);
    for (index, ink) in pixels.iter().enumerate() {
        let ink = f32::from(*ink);
        mass += ink;
        x += ink * (index % SIDE) as f32;
        y += ink * (index / SIDE) as f32;
    }
    let middle = (SIDE as f32 - 1.0) / 2.0;
    if mass > 0.0 { (x / mass, y / mass) } else { (middle, middle) }
}

/// The image seen through a lens: the source point `centre` lands in the middle, enlarged by `scale`. Each
/// pixel is the mean of nine bilinear samples, which also suits a moderate reduction.
fn resample(pixels: &[u8; PIXELS], scale: f32, (x, y): (f32, f32)) -> [u8; PIXELS] {
    let middle = (SIDE as f32 - 1.0) / 2.0;
    let mut result = [0; PIXELS];
    for (index, target) in result.iter_mut().enumerate() {
        let mut sum = 0.0;
        for sample in 0..SAMPLES * SAMPLES {
            let offset = |part: usize| (part as f32 + 0.5) / SAMPLES as f32 - 0.5;
            let column = (index % SIDE) as f32 + offset(sample % SAMPLES);
            let row = (index / SIDE) as f32 + offset(sample / SAMPLES);
            sum += bilinear(pixels, x + (column - middle) / scale, y + (row - middle) / scale);
        }
        *target = (sum / (SAMPLES * SAMPLES) as f32 + 0.5) as u8;
    }
    result
}

/// The ink at a point between pixel centres; 0 outside the image.
fn bilinear(pixels: &[u8; PIXELS], x: f32, y: f32) -> f32 {
    let (column, row) = (x.floor(), y.floor());
    let (right, below) = (x - column, y - row);
    let ink = |column: f32, row: f32| {
        let inside = |value: f32| (0.0..SIDE as f32).contains(&value);
        let index = row * SIDE as f32 + column;
        let pixel = if inside(column) && inside(row) { pixels.get(index as usize) } else { None };
        f32::from(pixel.copied().unwrap_or(0))
    };
    let upper = ink(column, row) * (1.0 - right) + ink(column + 1.0, row) * right;
    let lower = ink(column, row + 1.0) * (1.0 - right) + ink(column + 1.0, row + 1.0) * right;
    upper * (1.0 - below) + lower * below
}
