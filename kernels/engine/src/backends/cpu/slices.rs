//! Ranges of the arena as disjoint slices.

use crate::{EngineError, plan::Span};

/// A few buffers, as many as the caller names.
pub(super) fn exactly<'a, const N: usize>(
    arena: &'a mut [f32],
    spans: &[Span],
) -> Result<[&'a mut [f32]; N], EngineError> {
    let spans: [Span; N] = spans.try_into().map_err(|_| misplaced())?;
    arena.get_disjoint_mut(spans.map(Span::range)).map_err(|_| misplaced())
}

/// Any number of buffers, in the order of `spans`.
pub(super) fn all<'a>(arena: &'a mut [f32], spans: &[Span]) -> Result<Vec<&'a mut [f32]>, EngineError> {
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by_key(|index| spans.get(*index).map(|span| span.offset));
    let mut found: Vec<Option<&'a mut [f32]>> = spans.iter().map(|_| None).collect();
    let (mut rest, mut at) = (arena, 0);
    for index in order {
        let span = spans.get(index).copied().unwrap_or_default();
        let skip = span.offset.checked_sub(at).ok_or_else(misplaced)?;
        let (_, tail) = rest.split_at_mut_checked(skip).ok_or_else(misplaced)?;
        let (slice, tail) = tail.split_at_mut_checked(span.words).ok_or_else(misplaced)?;
        at = span.offset + span.words;
        rest = tail;
        if let Some(slot) = found.get_mut(index) {
            *slot = Some(slice);
        }
    }
    found.into_iter().collect::<Option<Vec<_>>>().ok_or_else(misplaced)
}

pub(super) fn misplaced() -> EngineError {
    EngineError::Shape { message: "a kernel call does not fit its buffers".into() }
}
