//! Batches of images in an order that follows from the seed.

use super::session::Examples;
use crate::{datasets::Split, models::IMAGE_PIXELS, random::Stream};
use std::rc::Rc;

/// Images of a split, shuffled anew for each pass; a last, smaller batch is left out.
#[derive(Debug)]
pub struct ImageExamples {
    split: Rc<Split>,
    seed: u32,
    order: (u64, Vec<u32>),
}

impl ImageExamples {
    /// Images in the order of `seed`.
    #[must_use]
    pub const fn new(split: Rc<Split>, seed: u32) -> Self {
        Self { split, seed, order: (u64::MAX, vec![]) }
    }
}

impl Examples for ImageExamples {
    fn fill(&mut self, number: u64, batch: usize, examples: &mut Vec<u32>, labels: &mut Vec<u32>) {
        let per_epoch = u64::from(self.batches_per_epoch(batch));
        let epoch = number / per_epoch;
        if self.order.0 != epoch {
            // Streams of weights are numbered from 1; orders of epochs get the upper half.
            let stream = Stream::new(self.seed, 0x8000_0000 | epoch as u32);
            self.order = (epoch, stream.permutation(self.split.len()));
        }
        let begin = (number % per_epoch) as usize * batch;
        examples.reserve(batch * IMAGE_PIXELS);
        for index in self.order.1.iter().skip(begin).take(batch) {
            let index = *index as usize;
            let image = self.split.image(index).unwrap_or_default();
            examples.extend(image.iter().map(|pixel| (f32::from(*pixel) * (1.0 / 255.0)).to_bits()));
            labels.push(self.split.labels.get(index).copied().map_or(u32::MAX, u32::from));
        }
    }

    fn batches_per_epoch(&self, batch: usize) -> u32 {
        u32::try_from(self.split.len() / batch.max(1)).unwrap_or(u32::MAX).max(1)
    }
}
