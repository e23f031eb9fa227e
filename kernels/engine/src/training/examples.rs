//! Batches of text and of points, each a pure function of its number, so that a run can go on from anywhere.

use super::session::Examples;
use crate::{datasets::text::TextDataset, random::Stream};
use std::rc::Rc;

/// Windows of a text at random places; the target of each token is the one after it.
#[derive(Debug)]
pub struct TextExamples {
    text: Rc<TextDataset>,
    seed: u32,
    sequence_length: usize,
}

impl TextExamples {
    /// Windows of `sequence_length` tokens in the order of `seed`; `None` where the text is shorter than that.
    #[must_use]
    pub fn new(text: Rc<TextDataset>, seed: u32, sequence_length: usize) -> Option<Self> {
        let fits = (1..=text.longest_sequence()).contains(&sequence_length);
        fits.then_some(Self { text, seed, sequence_length })
    }
}

impl Examples for TextExamples {
    fn fill(&mut self, number: u64, batch: usize, examples: &mut Vec<u32>, labels: &mut Vec<u32>) {
        // After 2^32 batches the places come again in the same order.
        if let Ok((inputs, targets)) = self.text.batch(self.seed, number as u32, batch, self.sequence_length)
        {
            examples.extend(inputs);
            labels.extend(targets);
        }
    }

    fn batches_per_epoch(&self, batch: usize) -> u32 {
        let tokens = batch.saturating_mul(self.sequence_length).max(1);
        u32::try_from(self.text.train.len() / tokens).unwrap_or(u32::MAX).max(1)
    }
}

/// Points of the plane with their classes, shuffled anew for each pass; a last, smaller batch is left out.
#[derive(Debug)]
pub struct PointExamples {
    points: Rc<Vec<[f32; 2]>>,
    labels: Rc<Vec<u32>>,
    seed: u32,
    order: (u64, Vec<u32>),
}

impl PointExamples {
    /// Points in the order of `seed`.
    #[must_use]
    pub const fn new(points: Rc<Vec<[f32; 2]>>, labels: Rc<Vec<u32>>, seed: u32) -> Self {
        Self { points, labels, seed, order: (u64::MAX, vec![]) }
    }
}

impl Examples for PointExamples {
    fn fill(&mut self, number: u64, batch: usize, examples: &mut Vec<u32>, labels: &mut Vec<u32>) {
        let per_epoch = u64::from(self.batches_per_epoch(batch));
        let epoch = number / per_epoch;
        if self.order.0 != epoch {
            // As images: streams of weights are numbered from 1, orders of epochs get the upper half.
            let stream = Stream::new(self.seed, 0x8000_0000 | epoch as u32);
            self.order = (epoch, stream.permutation(self.points.len()));
        }
        let begin = (number % per_epoch) as usize * batch;
        for index in self.order.1.iter().skip(begin).take(batch) {
            let index = *index as usize;
            let point = self.points.get(index).copied().unwrap_or_default();
            examples.extend(point.map(f32::to_bits));
            labels.push(self.labels.get(index).copied().unwrap_or(u32::MAX));
        }
    }

    fn batches_per_epoch(&self, batch: usize) -> u32 {
        u32::try_from(self.points.len() / batch.max(1)).unwrap_or(u32::MAX).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::{text::TokenizerChoice, toys::Toy};

    #[test]
    fn a_pass_shows_every_point_once_and_batches_do_not_depend_on_history() {
        let (points, labels) = Toy::Moons.points(64, 0.1, 4);
        let make = || PointExamples::new(Rc::new(points.clone()), Rc::new(labels.clone()), 9);
        let batch = |examples: &mut PointExamples, number: u64| {
            let (mut x, mut y) = (vec![], vec![]);
            examples.fill(number, 16, &mut x, &mut y);
            (x, y)
        };
        let mut whole = make();
        let all: Vec<_> = (0..12).map(|number| batch(&mut whole, number)).collect();
        for pass in all.chunks(4) {
            let mut seen: Vec<[u32; 2]> =
                pass.iter().flat_map(|(x, _)| x.as_chunks::<2>().0.to_vec()).collect();
            let mut expected: Vec<[u32; 2]> = points.iter().map(|point| point.map(f32::to_bits)).collect();
            seen.sort_unstable();
            expected.sort_unstable();
            assert_eq!(seen, expected);
        }
        assert_ne!(all[0], all[4], "each pass has an order of its own");
        for number in [11, 3, 7, 0] {
            assert_eq!(batch(&mut make(), number), all[number as usize]);
        }
    }

    #[test]
    fn targets_are_the_next_tokens() {
        let text = "one two three four five six seven eight nine ten\n".repeat(40);
        let text = Rc::new(TextDataset::new("numbers", &text, TokenizerChoice::Byte).unwrap());
        assert!(TextExamples::new(Rc::clone(&text), 1, text.train.len()).is_none());
        assert!(TextExamples::new(Rc::clone(&text), 1, 0).is_none());
        let mut examples = TextExamples::new(Rc::clone(&text), 1, 12).unwrap();
        let (mut x, mut y) = (vec![], vec![]);
        examples.fill(5, 3, &mut x, &mut y);
        assert_eq!((x.len(), y.len()), (36, 36));
        for (inputs, targets) in x.chunks(12).zip(y.chunks(12)) {
            assert_eq!(inputs[1..], targets[..11]);
        }
        assert_eq!(examples.batches_per_epoch(3) as usize, text.train.len() / 36);
    }
}
