//! The memory timeline of a plan: what is alive at each call. It follows from the plan alone, and so does the peak,
//! which is the arena that the backend allocates.

use crate::{
    graph::{Graph, Op, layout::aligned},
    plan::{Placed, Plan},
};

/// Bytes alive while one call runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MemoryPoint {
    /// Weights, moments, gradients kept between phases, counters.
    pub state_bytes: u64,
    /// What the host writes, and constants.
    pub input_bytes: u64,
    /// Values of the forward pass.
    pub activation_bytes: u64,
    /// Values of the backward pass, recomputed activations among them.
    pub gradient_bytes: u64,
    /// Columns of convolutions, partial sums, values of the update.
    pub temporary_bytes: u64,
    /// End of the highest buffer that is alive: what of the arena is in use, gaps included.
    pub top_bytes: u64,
}

impl MemoryPoint {
    /// All that is alive.
    #[must_use]
    pub const fn alive_bytes(&self) -> u64 {
        self.state_bytes
            + self.input_bytes
            + self.activation_bytes
            + self.gradient_bytes
            + self.temporary_bytes
    }
}

/// One point a call.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemoryTimeline {
    /// By number of the call.
    pub points: Vec<MemoryPoint>,
    /// The highest end of any buffer: the arena.
    pub peak_bytes: u64,
}

impl MemoryTimeline {
    /// Most bytes alive at once; what the arena has above it is lost to gaps.
    #[must_use]
    pub fn most_alive_bytes(&self) -> u64 {
        self.points.iter().map(MemoryPoint::alive_bytes).max().unwrap_or(0)
    }
}

/// Adds up what is alive at each call. `boundary` is the number of the first node of the backward pass.
#[must_use]
pub fn memory_timeline(plan: &Plan, graph: &Graph, boundary: usize) -> MemoryTimeline {
    let mut points = vec![MemoryPoint::default(); plan.calls.len()];
    let mut peak_bytes = 0;
    for placed in &plan.placed {
        let bytes = aligned(placed.span.words.max(1)) as u64 * 4;
        let top = placed.span.offset as u64 * 4 + bytes;
        peak_bytes = peak_bytes.max(top);
        for point in points.iter_mut().take(placed.last + 1).skip(placed.first) {
            point.top_bytes = point.top_bytes.max(top);
            *class(point, plan, graph, placed, boundary) += bytes;
        }
    }
    MemoryTimeline { points, peak_bytes }
}

fn class<'a>(
    point: &'a mut MemoryPoint,
    plan: &Plan,
    graph: &Graph,
    placed: &Placed,
    boundary: usize,
) -> &'a mut u64 {
    let node = graph.node(placed.node);
    let is_result = plan.span(placed.node).is_ok_and(|span| span == placed.span);
    match &node.op {
        _ if placed.is_state => &mut point.state_bytes,
        Op::Input | Op::Constant(_) => &mut point.input_bytes,
        _ if !is_result || node.phase > 0 => &mut point.temporary_bytes,
        _ if placed.node.index() < boundary => &mut point.activation_bytes,
        _ => &mut point.gradient_bytes,
    }
}
