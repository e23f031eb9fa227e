//! Byte-level byte-pair encoding (Sennrich, Haddow and Birch 2016; on bytes as in GPT-2).
//!
//! Token 0 to 255 is that byte; token 256 + i is the i-th merge, the concatenation of two earlier tokens. A chunk
//! is encoded by applying, again and again, the earliest merge that fits.

use super::pairs::{Pair, PairMap};
use super::split::{Chunks, LONGEST_CHUNK};
use crate::datasets::DatasetError;
use std::collections::HashMap;

/// Tokens that are single bytes.
pub(super) const BYTES: usize = 256;
/// The smallest vocabulary: all bytes and one merge.
pub const SMALLEST_BPE_VOCAB: u32 = 257;
/// The largest vocabulary.
pub const LARGEST_BPE_VOCAB: u32 = 4096;
/// Chunks remembered while encoding; a text of ordinary words has far fewer.
const LARGEST_CACHE: usize = 1 << 16;

/// A vocabulary of byte pairs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bpe {
    /// The pair of merge i, both before 256 + i.
    merges: Vec<Pair>,
    /// The token that a pair becomes; its number is its rank.
    ranks: PairMap<u16>,
    /// The bytes of merged tokens, one after another.
    text: Vec<u8>,
    /// Where merged token 256 + i ends in `text`.
    ends: Vec<u32>,
}

impl Bpe {
    /// A vocabulary from its merges.
    ///
    /// # Errors
    /// Too many merges, a merge of a token that does not come before it, a pair that is there twice, a token
    /// longer than a chunk can be.
    pub fn from_merges(merges: Vec<(u16, u16)>) -> Result<Self, DatasetError> {
        if merges.len() + BYTES > LARGEST_BPE_VOCAB as usize {
            return Err(damaged(&format!("has {} merges; at most 3,840 are allowed", merges.len())));
        }
        let mut bpe = Self {
            ranks: PairMap::default(),
            text: Vec::new(),
            ends: Vec::with_capacity(merges.len()),
            merges,
        };
        for index in 0..bpe.merges.len() {
            bpe.add(index)?;
        }
        Ok(bpe)
    }

    fn add(&mut self, index: usize) -> Result<(), DatasetError> {
        let Some(&pair) = self.merges.get(index) else { return Ok(()) };
        let (Some(left), Some(right)) = (self.bytes(pair.0), self.bytes(pair.1)) else {
            return Err(damaged(&format!("merges a token in merge {index} that comes later")));
        };
        let bytes = [left.as_slice(), right.as_slice()].concat();
        if bytes.len() > LONGEST_CHUNK {
            return Err(damaged(&format!("has a token of {} bytes in merge {index}", bytes.len())));
        }
        let token = (BYTES + index) as u16;
        if self.ranks.insert(pair, token).is_some() {
            return Err(damaged(&format!("has the pair of merge {index} twice")));
        }
        self.text.extend_from_slice(&bytes);
        self.ends.push(self.text.len() as u32);
        Ok(())
    }

    /// Number of tokens: 256 and the merges.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        BYTES + self.ends.len()
    }

    /// The merges in order.
    #[must_use]
    pub fn merges(&self) -> &[(u16, u16)] {
        &self.merges
    }

    /// The bytes of a token.
    pub(super) fn bytes(&self, token: u16) -> Option<Vec<u8>> {
        match u8::try_from(token) {
            Ok(byte) => Some(vec![byte]),
            Err(_) => self.merged(token).map(<[u8]>::to_vec),
        }
    }

    /// Appends the bytes of a token; returns whether there is such a token.
    pub(super) fn append(&self, token: u16, bytes: &mut Vec<u8>) -> bool {
        match u8::try_from(token) {
            Ok(byte) => bytes.push(byte),
            Err(_) => match self.merged(token) {
                Some(merged) => bytes.extend_from_slice(merged),
                None => return false,
            },
        }
        true
    }

    fn merged(&self, token: u16) -> Option<&[u8]> {
        let index = usize::from(token).checked_sub(BYTES)?;
        let end = *self.ends.get(index)? as usize;
        let begin = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.text.get(begin as usize..end)
    }

    /// The token that a pair becomes; [`u16::MAX`], which is no token, where it stays a pair.
    fn rank(&self, left: Option<&u16>, right: Option<&u16>) -> u16 {
        let pair = left.copied().zip(right.copied());
        pair.and_then(|pair| self.ranks.get(&pair)).copied().unwrap_or(u16::MAX)
    }

    /// Replaces the bytes of one chunk, given as tokens, by as few tokens as the merges allow.
    ///
    /// One pair at a time, the first of the earliest merge: a new token only fits later merges, so that this is the
    /// same as replacing all pairs of a merge at once, and only the neighbours have to be looked up.
    fn merge(&self, tokens: &mut Vec<u16>) {
        let mut ranks: Vec<u16> =
            tokens.iter().zip(tokens.iter().skip(1)).map(|(l, r)| self.rank(Some(l), Some(r))).collect();
        while let Some((at, merged)) = ranks.iter().copied().enumerate().min_by_key(|(_, rank)| *rank) {
            if merged == u16::MAX {
                return;
            }
            if let Some(token) = tokens.get_mut(at) {
                *token = merged;
            }
            tokens.remove(at + 1);
            ranks.remove(at);
            for left in at.saturating_sub(1)..=at {
                let rank = self.rank(tokens.get(left), tokens.get(left + 1));
                if let Some(place) = ranks.get_mut(left) {
                    *place = rank;
                }
            }
        }
    }
}

pub(super) fn damaged(what: &str) -> DatasetError {
    DatasetError::new(
        format!("The tokenizer is damaged: it {what}."),
        "Load another checkpoint, or train the tokenizer again.",
    )
}

/// Encodes a text piece by piece, so that a worker can stop between the pieces.
#[derive(Debug)]
pub struct BpeEncoder<'t> {
    bpe: &'t Bpe,
    chunks: Chunks<'t>,
    /// The tokens of chunks met before, as ranges of `known`.
    cache: HashMap<&'t [u8], (u32, u32)>,
    known: Vec<u16>,
    tokens: Vec<u16>,
}

impl<'t> BpeEncoder<'t> {
    /// Begins to encode `text`.
    #[must_use]
    pub fn new(bpe: &'t Bpe, text: &'t [u8]) -> Self {
        let tokens = Vec::with_capacity(text.len() / 3);
        Self { bpe, chunks: Chunks::new(text), cache: HashMap::new(), known: Vec::new(), tokens }
    }

    /// Encodes about `bytes` more bytes; false when the text is at its end.
    pub fn advance(&mut self, bytes: usize) -> bool {
        let until = self.chunks.remaining().saturating_sub(bytes);
        while self.chunks.remaining() > until {
            let Some(chunk) = self.chunks.next() else { break };
            self.append(chunk);
        }
        self.chunks.remaining() > 0
    }

    fn append(&mut self, chunk: &'t [u8]) {
        if let Some(&(begin, end)) = self.cache.get(chunk) {
            let known = self.known.get(begin as usize..end as usize).unwrap_or_default();
            self.tokens.extend_from_slice(known);
            return;
        }
        let mut tokens: Vec<u16> = chunk.iter().copied().map(u16::from).collect();
        self.bpe.merge(&mut tokens);
        self.tokens.extend_from_slice(&tokens);
        if self.cache.len() < LARGEST_CACHE {
            let begin = self.known.len() as u32;
            self.known.extend_from_slice(&tokens);
            self.cache.insert(chunk, (begin, self.known.len() as u32));
        }
    }

    /// The tokens of everything encoded so far.
    #[must_use]
    pub fn finish(self) -> Vec<u16> {
        self.tokens
    }
}
