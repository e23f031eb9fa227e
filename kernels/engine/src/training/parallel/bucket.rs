//! Buckets of the flat gradients: large enough that latency is paid seldom, small enough that the first ones travel
//! while the backward pass still runs (Li et al. 2020, PyTorch Distributed).

use crate::{
    EngineError,
    models::ParameterLayout,
    plan::{Plan, Span},
};
use std::ops::Range;

/// A part of the flat gradients that is exchanged at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GradientBucket {
    /// Words of the flat gradients.
    pub range: Range<usize>,
    /// Call of the plan from which on nothing of the first phase writes it any more.
    pub ready: usize,
}

/// Buckets of at most `most_words` words in the order of the flat buffer, the same for every rank. A parameter begins
/// a new bucket where it would not fit whole, since a bucket waits for its last gradient; large ones are cut.
#[must_use]
pub fn bucket_ranges(layout: &ParameterLayout, most_words: usize) -> Vec<Range<usize>> {
    let most_words = most_words.max(1);
    let mut offsets: Vec<usize> = layout.placements.iter().map(|placement| placement.offset).collect();
    offsets.push(layout.words);
    // Biases stand behind the weights and become ready last: they share no bucket with them.
    offsets.push(layout.decaying_words);
    offsets.sort_unstable();
    offsets.dedup();
    let mut ranges = vec![];
    let mut begin = 0;
    let mut end = 0;
    for &next in &offsets {
        let is_seam = end == layout.decaying_words;
        if end > begin && (next - begin > most_words || is_seam) {
            cut(begin..end, most_words, &mut ranges);
            begin = end;
        }
        end = next;
    }
    cut(begin..end, most_words, &mut ranges);
    ranges
}

fn cut(range: Range<usize>, most_words: usize, ranges: &mut Vec<Range<usize>>) {
    let mut begin = range.start;
    while begin < range.end {
        let end = range.end.min(begin + most_words);
        ranges.push(begin..end);
        begin = end;
    }
}

/// When each range is complete: after the last call of the first phase that touches it.
///
/// # Errors
/// [`EngineError::Shape`] where the plan has no first phase.
pub fn ready_times(
    plan: &Plan,
    gradients: Span,
    ranges: &[Range<usize>],
) -> Result<Vec<GradientBucket>, EngineError> {
    let phase = plan.phases.first().cloned().ok_or_else(|| EngineError::Shape {
        message: "a plan without phases has no gradients to share".into(),
    })?;
    let ready = |range: &Range<usize>| {
        let (begin, end) = (gradients.offset + range.start, gradients.offset + range.end);
        let touches = |span: &Span| span.offset < end && begin < span.offset + span.words;
        let last = plan.phase(0).iter().rposition(|call| call.buffers.iter().any(touches));
        last.map_or(phase.start, |last| phase.start + last + 1)
    };
    Ok(ranges.iter().map(|range| GradientBucket { range: range.clone(), ready: ready(range) }).collect())
}
