//! Packs virtual buffers into one arena: buffers that are never alive together share memory.
//!
//! Largest first, each at the lowest offset that no buffer alive at the same time occupies.

use super::{
    PlanOptions, Span,
    lower::{Buffer, Kind, VirtualCall},
};
use crate::EngineError;

pub(super) struct Packed {
    pub spans: Vec<Span>,
    pub arena_words: usize,
    pub state_words: usize,
}

struct Lifetime {
    buffer: usize,
    words: usize,
    first: usize,
    last: usize,
}

pub(super) fn pack(
    buffers: &[Buffer],
    calls: &[VirtualCall],
    options: &PlanOptions,
) -> Result<Packed, EngineError> {
    let aligned = |words: usize| words.div_ceil(options.alignment_words).max(1) * options.alignment_words;
    let mut spans = vec![Span::default(); buffers.len()];
    let mut end = 0;
    for (buffer, span) in buffers.iter().zip(&mut spans) {
        if buffer.words > options.max_buffer_words {
            return Err(too_large(buffer.words, options.max_buffer_words));
        }
        if buffer.kind == Kind::State {
            *span = Span { offset: end, words: buffer.words };
            end += aligned(buffer.words);
        }
    }
    let state_words = end;
    let mut lifetimes = lifetimes(buffers, calls);
    lifetimes.sort_by_key(|life| (std::cmp::Reverse(life.words), life.first, life.buffer));
    let mut placed: Vec<(Lifetime, usize)> = Vec::with_capacity(lifetimes.len());
    for life in lifetimes {
        let mut occupied: Vec<(usize, usize)> = placed
            .iter()
            .filter(|(other, _)| other.first <= life.last && life.first <= other.last)
            .map(|(other, offset)| (*offset, offset + aligned(other.words)))
            .collect();
        occupied.sort_unstable();
        let mut offset = state_words;
        for (begin, finish) in occupied {
            if begin >= offset + aligned(life.words) {
                break;
            }
            offset = offset.max(finish);
        }
        end = end.max(offset + aligned(life.words));
        if let Some(span) = spans.get_mut(life.buffer) {
            *span = Span { offset, words: life.words };
        }
        placed.push((life, offset));
    }
    if end > options.max_arena_words {
        return Err(too_large(end, options.max_arena_words));
    }
    Ok(Packed { spans, arena_words: end, state_words })
}

fn lifetimes(buffers: &[Buffer], calls: &[VirtualCall]) -> Vec<Lifetime> {
    let mut bounds: Vec<Option<(usize, usize)>> = vec![None; buffers.len()];
    for (index, call) in calls.iter().enumerate() {
        for buffer in &call.buffers {
            if let Some(bound) = bounds.get_mut(buffer.0) {
                *bound = Some(bound.map_or((index, index), |(first, _)| (first, index)));
            }
        }
    }
    let end = calls.len();
    let spans = buffers.iter().zip(bounds).enumerate();
    spans
        .filter_map(|(index, (buffer, bound))| {
            let (first, last) = match (buffer.kind, bound) {
                (Kind::State, _) | (Kind::Temporary, None) => return None,
                // The host writes inputs before the first call and reads outputs after the last.
                (Kind::Input, bound) => (0, bound.map_or(0, |(_, last)| last)),
                (Kind::Output, bound) => (bound.map_or(0, |(first, _)| first), end),
                (Kind::InputAndOutput, _) => (0, end),
                (Kind::Temporary, Some(bound)) => bound,
            };
            Some(Lifetime { buffer: index, words: buffer.words, first, last })
        })
        .collect()
}

fn too_large(needed: usize, limit: usize) -> EngineError {
    EngineError::OutOfMemory { needed_bytes: needed as u64 * 4, limit_bytes: limit as u64 * 4 }
}
