//! Packs virtual buffers into one arena: buffers that are never alive together share memory.
//!
//! Largest first, each at the lowest offset that no buffer alive at the same time occupies.

use super::{
    PlanOptions, Span,
    lower::{Buffer, Kind, VirtualCall},
};
use crate::{EngineError, graph::layout::aligned};

/// A buffer in its place: what the memory timeline shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Where.
    pub span: Span,
    /// First call that touches it; 0 for what the host writes.
    pub first: usize,
    /// Last call that touches it.
    pub last: usize,
    /// The node it was made for.
    pub node: crate::graph::NodeId,
    /// Kept between runs.
    pub is_state: bool,
}

pub(super) struct Packed {
    pub spans: Vec<Span>,
    pub arena_words: usize,
    pub state_words: usize,
    pub placed: Vec<Placed>,
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
    let aligned = |words: usize| aligned(words.max(1));
    let mut spans = vec![Span::default(); buffers.len()];
    let mut placed = Vec::with_capacity(buffers.len());
    let mut end = 0;
    for (buffer, span) in buffers.iter().zip(&mut spans) {
        if buffer.words > options.max_buffer_words {
            return Err(too_large(buffer.words, options.max_buffer_words));
        }
        if buffer.kind == Kind::State {
            *span = Span { offset: end, words: buffer.words };
            placed.push(Placed {
                span: *span,
                first: 0,
                last: calls.len(),
                node: buffer.node,
                is_state: true,
            });
            end += aligned(buffer.words);
        }
    }
    let state_words = end;
    let mut lifetimes = lifetimes(buffers, calls);
    lifetimes.sort_by_key(|life| (std::cmp::Reverse(life.words), life.first, life.buffer));
    let mut done: Vec<(Lifetime, usize)> = Vec::with_capacity(lifetimes.len());
    for life in lifetimes {
        let mut occupied: Vec<(usize, usize)> = done
            .iter()
            .filter(|(other, _)| !options.packs || (other.first <= life.last && life.first <= other.last))
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
        let span = Span { offset, words: life.words };
        if let (Some(slot), Some(buffer)) = (spans.get_mut(life.buffer), buffers.get(life.buffer)) {
            *slot = span;
            let (first, last) = (life.first, life.last);
            placed.push(Placed { span, first, last, node: buffer.node, is_state: false });
        }
        done.push((life, offset));
    }
    if end > options.max_arena_words {
        return Err(too_large(end, options.max_arena_words));
    }
    Ok(Packed { spans, arena_words: end, state_words, placed })
}

fn lifetimes(buffers: &[Buffer], calls: &[VirtualCall]) -> Vec<Lifetime> {
    let mut bounds: Vec<Option<(usize, usize)>> = vec![None; buffers.len()];
    for (index, call) in calls.iter().enumerate() {
        for location in &call.buffers {
            if let Some(bound) = bounds.get_mut(location.buffer.0) {
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
                (Kind::Kept, _) => (0, end),
                (Kind::Temporary, Some(bound)) => bound,
            };
            Some(Lifetime { buffer: index, words: buffer.words, first, last })
        })
        .collect()
}

fn too_large(needed: usize, limit: usize) -> EngineError {
    EngineError::OutOfMemory { needed_bytes: needed as u64 * 4, limit_bytes: limit as u64 * 4 }
}
