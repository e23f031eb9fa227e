//! What a trained network makes of the held-out images.

use super::{Point, softmax};
use crate::{datasets::Split, models::CLASSES};

/// Figures over a split.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldOut {
    /// Share read rightly.
    pub accuracy: f32,
    /// Mean cross-entropy.
    pub loss: f32,
    /// True class by read class, row-major.
    pub confusion: Vec<u32>,
    /// What was read, image by image.
    pub predicted: Vec<u8>,
    /// Misread images, surest first: (index, probability of what was read).
    pub misread: Vec<(u32, f32)>,
}

impl HeldOut {
    /// From logits, ten an image.
    #[must_use]
    pub fn of(logits: &[f32], split: &Split) -> Self {
        let mut confusion = vec![0_u32; CLASSES * CLASSES];
        let mut predicted = Vec::with_capacity(split.labels.len());
        let mut misread = vec![];
        let (mut loss, mut right) = (0.0_f64, 0_u32);
        for (index, (row, label)) in (0_u32..).zip(logits.chunks_exact(CLASSES).zip(&split.labels)) {
            let probabilities = softmax(row);
            let read = argmax(row);
            let own = probabilities.get(usize::from(*label)).copied().unwrap_or(0.0);
            loss -= f64::from(own.max(f32::MIN_POSITIVE)).ln();
            if let Some(count) = confusion.get_mut(usize::from(*label) * CLASSES + usize::from(read)) {
                *count += 1;
            }
            if read == *label {
                right += 1;
            } else {
                misread.push((index, probabilities.get(usize::from(read)).copied().unwrap_or(0.0)));
            }
            predicted.push(read);
        }
        misread.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        let count = predicted.len().max(1) as f64;
        Self {
            accuracy: (f64::from(right) / count) as f32,
            loss: (loss / count) as f32,
            confusion,
            predicted,
            misread,
        }
    }
}

/// The largest logit's class; the first of equals.
#[must_use]
pub fn argmax(row: &[f32]) -> u8 {
    u8::try_from(argmax_index(row)).unwrap_or(u8::MAX)
}

/// The place of the largest value; the first of equals, and 0 where there is none.
#[must_use]
pub fn argmax_index(row: &[f32]) -> usize {
    let mut best = (0, f32::NEG_INFINITY);
    for (index, value) in row.iter().enumerate() {
        if *value > best.1 {
            best = (index, *value);
        }
    }
    best.0
}

/// A 64-bit digest (FNV-1a) of words, in hex: equal digests mean equal bits, for all practical purposes.
#[must_use]
pub fn digest(words: impl IntoIterator<Item = u32>) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in words.into_iter().flat_map(u32::to_le_bytes) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{hash:016x}")
}

/// The digest of a loss curve.
#[must_use]
pub fn loss_digest(points: &[Point]) -> String {
    digest(points.iter().flat_map(|point| [point.step, point.loss.to_bits()]))
}
