//! A rank's part of the global batch.

use crate::training::Examples;
use std::ops::Range;

/// Examples of a global batch that belong to rank `rank`; shares differ by at most one example.
#[must_use]
pub const fn share(global_batch_size: usize, ranks: usize, rank: usize) -> Range<usize> {
    global_batch_size * rank / ranks..global_batch_size * (rank + 1) / ranks
}

/// Micro-batches that are one rank's slice of the batches of `all`: all ranks together see what a single run sees.
#[derive(Debug)]
pub struct ShareOfBatch {
    all: Box<dyn Examples>,
    global_batch_size: usize,
    share: Range<usize>,
    buffers: [Vec<u32>; 2],
}

impl ShareOfBatch {
    /// The slice of rank `rank`.
    #[must_use]
    pub const fn new(all: Box<dyn Examples>, global_batch_size: usize, ranks: usize, rank: usize) -> Self {
        let share = share(global_batch_size, ranks, rank);
        Self { all, global_batch_size, share, buffers: [vec![], vec![]] }
    }
}

impl Examples for ShareOfBatch {
    fn fill(&mut self, number: u64, _: usize, examples: &mut Vec<u32>, labels: &mut Vec<u32>) {
        let [all_examples, all_labels] = &mut self.buffers;
        all_examples.clear();
        all_labels.clear();
        self.all.fill(number, self.global_batch_size, all_examples, all_labels);
        for (all, own) in [(all_examples, examples), (all_labels, labels)] {
            // One example may be many words, and text has a label for each token.
            let words = all.len() / self.global_batch_size.max(1);
            own.extend(all.get(self.share.start * words..self.share.end * words).unwrap_or_default());
        }
    }

    fn batches_per_epoch(&self, _: usize) -> u32 {
        self.all.batches_per_epoch(self.global_batch_size)
    }
}
