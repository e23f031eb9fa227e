//! Learns byte pairs: the pair that occurs most often becomes a token, again and again.
//!
//! Equal counts go to the smallest pair, so that the same text gives the same vocabulary everywhere. A pair's count
//! is kept up to date through the words that contain it; a heap with stale entries finds the largest.

use super::bpe::{BYTES, Bpe, LARGEST_BPE_VOCAB, SMALLEST_BPE_VOCAB};
use super::pairs::{Pair, PairMap};
use super::split::Chunks;
use crate::datasets::DatasetError;
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

/// Only this much of a text is looked at: more would hardly change the merges.
pub const LARGEST_BPE_SAMPLE_BYTES: usize = 2 << 20;
/// A pair that occurs once is not worth a token.
const FEWEST: u64 = 2;

/// A distinct chunk and how often it occurs.
#[derive(Debug)]
struct Word {
    tokens: Vec<u16>,
    count: u64,
}

/// How often a pair occurs, and in which words. Words that have lost the pair may stay in the list.
#[derive(Debug, Default)]
struct Occurrences {
    count: u64,
    words: Vec<u32>,
}

/// The training of a vocabulary, in pieces so that a worker can stop between them.
#[derive(Debug)]
pub struct BpeTrainer {
    words: Vec<Word>,
    pairs: PairMap<Occurrences>,
    heap: BinaryHeap<(u64, Reverse<Pair>)>,
    merges: Vec<Pair>,
    wanted: usize,
}

impl BpeTrainer {
    /// Counts the chunks of the first [`LARGEST_BPE_SAMPLE_BYTES`] of `text`.
    #[must_use]
    pub fn new(text: &[u8], vocab_size: u32) -> Self {
        let sample = text.get(..text.len().min(LARGEST_BPE_SAMPLE_BYTES)).unwrap_or_default();
        let mut counts: HashMap<&[u8], u64> = HashMap::new();
        for chunk in Chunks::new(sample) {
            *counts.entry(chunk).or_default() += 1;
        }
        let mut words: Vec<Word> = counts
            .into_iter()
            .map(|(chunk, count)| Word { tokens: chunk.iter().copied().map(u16::from).collect(), count })
            .collect();
        // A hash map has no order; results do not depend on it, but equal runs should take equal steps.
        words.sort_unstable_by(|a, b| a.tokens.cmp(&b.tokens));
        let wanted = vocab_size.clamp(SMALLEST_BPE_VOCAB, LARGEST_BPE_VOCAB) as usize - BYTES;
        let mut trainer =
            Self { words, pairs: PairMap::default(), heap: BinaryHeap::new(), merges: Vec::new(), wanted };
        trainer.count_pairs();
        trainer
    }

    fn count_pairs(&mut self) {
        for (index, word) in (0..).zip(&self.words) {
            for pair in pairs(&word.tokens) {
                let occurrences = self.pairs.entry(pair).or_default();
                occurrences.count += word.count;
                if occurrences.words.last() != Some(&index) {
                    occurrences.words.push(index);
                }
            }
        }
        self.heap = self.pairs.iter().map(|(pair, found)| (found.count, Reverse(*pair))).collect();
    }

    /// Learns up to `merges` more tokens; false when all are learnt or nothing occurs twice.
    pub fn advance(&mut self, merges: usize) -> bool {
        for _ in 0..merges {
            if self.merges.len() >= self.wanted {
                return false;
            }
            let Some(pair) = self.most_frequent() else { return false };
            self.merge(pair);
        }
        self.merges.len() < self.wanted
    }

    fn most_frequent(&mut self) -> Option<Pair> {
        while let Some((count, Reverse(pair))) = self.heap.pop() {
            let now = self.pairs.get(&pair).map_or(0, |found| found.count);
            if count == now && count >= FEWEST {
                return Some(pair);
            }
        }
        None
    }

    fn merge(&mut self, pair: Pair) {
        let merged = (BYTES + self.merges.len()) as u16;
        self.merges.push(pair);
        let found = self.pairs.remove(&pair).unwrap_or_default();
        let mut changed: PairMap<()> = PairMap::default();
        for index in found.words {
            let Some(word) = self.words.get_mut(index as usize) else { continue };
            let (tokens, lost) = replace(&word.tokens, pair, merged);
            for before in lost {
                if let Some(occurrences) = self.pairs.get_mut(&before) {
                    occurrences.count = occurrences.count.saturating_sub(word.count);
                    changed.insert(before, ());
                }
            }
            if tokens.len() == word.tokens.len() {
                // An earlier merge took this pair away.
                continue;
            }
            for after in pairs(&tokens).filter(|(left, right)| *left == merged || *right == merged) {
                let occurrences = self.pairs.entry(after).or_default();
                occurrences.count += word.count;
                if occurrences.words.last() != Some(&index) {
                    occurrences.words.push(index);
                }
                changed.insert(after, ());
            }
            word.tokens = tokens;
        }
        for pair in changed.into_keys() {
            match self.pairs.get(&pair).map(|found| found.count) {
                Some(0) => drop(self.pairs.remove(&pair)),
                Some(count) => self.heap.push((count, Reverse(pair))),
                None => {}
            }
        }
    }

    /// The vocabulary learnt so far.
    ///
    /// # Errors
    /// None in practice: the merges come from chunks.
    pub fn finish(self) -> Result<Bpe, DatasetError> {
        Bpe::from_merges(self.merges)
    }
}

fn pairs(tokens: &[u16]) -> impl Iterator<Item = Pair> {
    tokens.iter().copied().zip(tokens.iter().copied().skip(1))
}

/// `tokens` with every `pair`, from the left, replaced by `merged`; and the other pairs that are gone with that.
fn replace(tokens: &[u16], pair: Pair, merged: u16) -> (Vec<u16>, Vec<Pair>) {
    let (mut kept, mut lost) = (Vec::with_capacity(tokens.len()), Vec::new());
    let mut at = 0;
    // Whether the token before `at` became part of a merge.
    let mut after_merge = false;
    let token_at = |at: usize| tokens.get(at).copied();
    while let Some(token) = token_at(at) {
        let fits = token == pair.0 && token_at(at + 1) == Some(pair.1);
        if fits || after_merge {
            lost.extend(at.checked_sub(1).and_then(token_at).map(|before| (before, token)));
        }
        kept.push(if fits { merged } else { token });
        at += 1 + usize::from(fits);
        after_merge = fits;
    }
    // The pair itself may stand across two merges, as in "aaaa"; it is counted no more.
    lost.retain(|other| *other != pair);
    (kept, lost)
}
