//! Ring all-reduce of one rank, without input or output: messages in, messages out.
//!
//! A bucket of `n` words is cut into one chunk a rank. In the reduce-scatter each chunk travels once around the ring
//! and every rank adds its own words to it; in the all-gather the sums travel around once more. Each rank sends
//! `2 (ranks - 1) / ranks` times the bucket, whatever the number of ranks (Patarasuk and Yuan 2009). A chunk is always
//! added up in the same order, beginning with the rank of its number, and only one rank makes each sum: all ranks end
//! with the same bits, whatever the timing. Left out on purpose: lost messages; a channel is FIFO and reliable.

use crate::EngineError;
use std::{collections::VecDeque, ops::Range};

/// Most ranks of a ring.
pub const MOST_RANKS: usize = 16;

/// Which way around the ring a chunk is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RingPhase {
    /// Every rank adds its words.
    ReduceScatter,
    /// Every rank keeps the sum.
    AllGather,
}

/// What a rank sends to the next one.
#[derive(Debug, Clone, PartialEq)]
pub struct RingMessage {
    /// Training step.
    pub round: u32,
    /// Bucket.
    pub bucket: usize,
    /// Way around.
    pub phase: RingPhase,
    /// Chunk of the bucket.
    pub chunk: usize,
    /// Partial sums, or sums.
    pub words: Vec<f32>,
}

impl RingMessage {
    /// Bytes that a wire would carry, headers left out.
    #[must_use]
    pub fn bytes(&self) -> f64 {
        self.words.len() as f64 * 4.0
    }
}

/// What comes of an input.
#[derive(Debug, Clone, PartialEq)]
pub enum Out {
    /// To the next rank.
    Send(RingMessage),
    /// [`Ring::sums`] of this bucket are complete.
    Finished {
        /// Bucket.
        bucket: usize,
    },
}

#[derive(Debug, Default)]
struct Bucket {
    words: usize,
    values: Vec<f32>,
    is_started: bool,
    /// Messages taken in this round, of `2 (ranks - 1)`.
    taken: usize,
    /// Messages that came before this rank's own words.
    parked: VecDeque<RingMessage>,
}

/// One rank of a ring.
#[derive(Debug)]
pub struct Ring {
    rank: usize,
    ranks: usize,
    /// None before the first.
    round: Option<u32>,
    buckets: Vec<Bucket>,
    /// Messages of later rounds: the rank before may be faster.
    ahead: VecDeque<RingMessage>,
}

impl Ring {
    /// Rank `rank` of `ranks`, for buckets of these many words.
    ///
    /// # Errors
    /// [`EngineError::Shape`] for more than [`MOST_RANKS`] ranks, or a rank outside.
    pub fn new(rank: usize, ranks: usize, bucket_words: &[usize]) -> Result<Self, EngineError> {
        if rank >= ranks || ranks > MOST_RANKS {
            let message = format!("rank {rank} of {ranks}; at most {MOST_RANKS} ranks");
            return Err(EngineError::Shape { message });
        }
        let buckets = bucket_words.iter().map(|&words| Bucket { words, ..Bucket::default() }).collect();
        Ok(Self { rank, ranks, round: None, buckets, ahead: VecDeque::new() })
    }

    /// Forgets the sums and goes on with another training step; rounds must grow.
    pub fn begin_round(&mut self, round: u32) {
        self.round = Some(round);
        for bucket in &mut self.buckets {
            bucket.is_started = false;
            bucket.taken = 0;
            bucket.parked.clear();
        }
        for message in std::mem::take(&mut self.ahead) {
            if message.round > round {
                self.ahead.push_back(message);
            } else if let Some(bucket) = self.buckets.get_mut(message.bucket) {
                bucket.parked.push_back(message);
            }
        }
    }

    /// This rank's own words of a bucket are ready.
    ///
    /// # Errors
    /// [`EngineError::Shape`] where there is no such bucket, it has begun, or its length is another.
    pub fn start(&mut self, bucket: usize, values: Vec<f32>) -> Result<Vec<Out>, EngineError> {
        let (rank, ranks) = (self.rank, self.ranks);
        let round = self.round.ok_or_else(|| out_of_step("a bucket before its round"))?;
        let slot = self.buckets.get_mut(bucket).ok_or_else(|| out_of_step("no such bucket"))?;
        if slot.is_started || values.len() != slot.words {
            return Err(out_of_step("a bucket begun twice, or of another length"));
        }
        slot.values = values;
        slot.is_started = true;
        if ranks == 1 {
            return Ok(vec![Out::Finished { bucket }]);
        }
        let words = slot.values.get(chunk_range(slot.words, ranks, rank)).unwrap_or_default().to_vec();
        let first = RingMessage { round, bucket, phase: RingPhase::ReduceScatter, chunk: rank, words };
        let mut outs = vec![Out::Send(first)];
        for message in std::mem::take(&mut slot.parked) {
            self.take(message, &mut outs)?;
        }
        Ok(outs)
    }

    /// A message of the rank before.
    ///
    /// # Errors
    /// [`EngineError::Shape`] where it is not the next one of its bucket.
    pub fn on_message(&mut self, message: RingMessage) -> Result<Vec<Out>, EngineError> {
        let mut outs = vec![];
        if self.round.is_some_and(|round| message.round < round) {
            return Err(out_of_step("a message of an earlier step"));
        }
        if self.round != Some(message.round) {
            self.ahead.push_back(message);
            return Ok(outs);
        }
        let bucket = self.buckets.get_mut(message.bucket).ok_or_else(|| out_of_step("no such bucket"))?;
        if bucket.is_started {
            self.take(message, &mut outs)?;
        } else {
            bucket.parked.push_back(message);
        }
        Ok(outs)
    }

    fn take(&mut self, mut message: RingMessage, outs: &mut Vec<Out>) -> Result<(), EngineError> {
        let (rank, ranks) = (self.rank, self.ranks);
        let slot = self.buckets.get_mut(message.bucket).ok_or_else(|| out_of_step("no such bucket"))?;
        let (phase, chunk) =
            expected(rank, ranks, slot.taken).ok_or_else(|| out_of_step("one message too many"))?;
        let range = chunk_range(slot.words, ranks, chunk);
        if message.phase != phase || message.chunk != chunk || message.words.len() != range.len() {
            return Err(out_of_step("messages came in another order"));
        }
        let own = slot.values.get_mut(range).ok_or_else(|| out_of_step("no such chunk"))?;
        slot.taken += 1;
        let is_summed = slot.taken >= ranks - 1;
        if phase == RingPhase::ReduceScatter {
            for (sum, own) in message.words.iter_mut().zip(own.iter()) {
                *sum += own;
            }
        }
        if is_summed {
            own.copy_from_slice(&message.words);
            message.phase = RingPhase::AllGather;
        }
        if slot.taken == 2 * (ranks - 1) {
            outs.push(Out::Finished { bucket: message.bucket });
        } else {
            outs.push(Out::Send(message));
        }
        Ok(())
    }

    /// The bucket's words: sums over all ranks once it is finished.
    #[must_use]
    pub fn sums(&self, bucket: usize) -> &[f32] {
        self.buckets.get(bucket).map_or(&[], |bucket| &bucket.values)
    }

    /// Whether all buckets of this round are finished.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.buckets.iter().all(|bucket| bucket.is_started && bucket.taken == 2 * (self.ranks - 1))
    }
}

/// What the message after `taken` ones of a bucket must be.
const fn expected(rank: usize, ranks: usize, taken: usize) -> Option<(RingPhase, usize)> {
    let hops = ranks - 1;
    if taken < hops {
        Some((RingPhase::ReduceScatter, (rank + ranks - 1 - taken) % ranks))
    } else if taken < 2 * hops {
        Some((RingPhase::AllGather, (rank + ranks - (taken - hops)) % ranks))
    } else {
        None
    }
}

/// Words of a chunk; chunks differ by at most one word.
#[must_use]
pub const fn chunk_range(words: usize, ranks: usize, chunk: usize) -> Range<usize> {
    words * chunk / ranks..words * (chunk + 1) / ranks
}

fn out_of_step(what: &str) -> EngineError {
    EngineError::Shape { message: format!("replicas are out of step: {what}") }
}
