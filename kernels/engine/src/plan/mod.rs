//! A plan: fixed memory and a fixed list of kernel calls for one graph on one kind of backend.
//!
//! Lowering turns each live node into kernel calls over virtual buffers; lifetimes of the buffers follow from
//! the calls; the arena packs them so that buffers that are never alive together share memory. Nothing is
//! allocated while a plan runs. State comes first in the arena, in the order of recording, whatever the backend:
//! a snapshot of a run is that prefix, and it can be restored on another backend.

mod arena;
mod call;
mod lower;

pub use arena::Placed;
pub use call::{Call, Kernel, Product, Span};

use crate::{
    EngineError,
    graph::{Graph, NodeId, Op},
};
use shaders::KernelId;
use std::{ops::Range, rc::Rc};

/// What lowering may choose, by backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlanOptions {
    /// Calls are kernels with WGSL; else the CPU's own where it has better.
    pub is_gpu: bool,
    /// Variant of the INT8 product.
    pub matmul_int8: KernelId,
    /// Most words that the columns of a convolution may take; larger batches go in chunks of images.
    pub columns_words: usize,
    /// Products with fewer tiles than this are split along k.
    pub min_tiles: usize,
    /// Rows that one partial sum covers.
    pub rows_per_group: usize,
    /// Spans start at multiples of this many words.
    pub span_alignment: usize,
    /// Most words of one buffer.
    pub max_buffer_words: usize,
    /// Most words of the arena.
    pub max_arena_words: usize,
    /// Results take the place of inputs that nobody needs any more.
    pub in_place: bool,
    /// What follows a product elementwise is computed as part of it.
    pub epilogues: bool,
    /// Buffers that are never alive together share memory.
    pub packs: bool,
}

impl PlanOptions {
    /// For the CPU backend: convolution chunks that stay in the second-level cache, no splitting.
    #[must_use]
    pub const fn cpu() -> Self {
        Self {
            is_gpu: false,
            matmul_int8: KernelId::MatmulInt8Emulated,
            columns_words: 1 << 17,
            min_tiles: 1,
            rows_per_group: usize::MAX,
            span_alignment: 1,
            max_buffer_words: 1 << 27,
            max_arena_words: 1 << 28,
            in_place: true,
            epilogues: true,
            packs: true,
        }
    }

    /// For the GPU backend at WebGPU's default limits.
    #[must_use]
    pub const fn gpu(matmul_int8: KernelId) -> Self {
        Self {
            is_gpu: true,
            matmul_int8,
            columns_words: 1 << 23,
            min_tiles: 128,
            rows_per_group: 256,
            span_alignment: crate::graph::layout::ALIGNMENT,
            max_buffer_words: 1 << 25,
            max_arena_words: 1 << 26,
            in_place: true,
            epilogues: true,
            packs: true,
        }
    }
}

/// A compiled graph.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Kernel calls, in order.
    pub calls: Vec<Call>,
    /// Calls of each phase.
    pub phases: Vec<Range<usize>>,
    /// Words of the arena.
    pub arena_words: usize,
    /// Words of the state at the arena's start.
    pub state_words: usize,
    /// Words that never change, with their places.
    pub constants: Vec<(Span, Rc<[u32]>)>,
    /// Every buffer with its place and lifetime.
    pub placed: Vec<Placed>,
    spans: Vec<Option<Span>>,
}

impl Plan {
    /// Compiles what `outputs` and all updates of state need; everything else is dead code and costs nothing.
    ///
    /// # Errors
    /// [`EngineError::OutOfMemory`] where a buffer or the arena passes the backend's limits.
    pub fn compile(graph: &Graph, outputs: &[NodeId], options: &PlanOptions) -> Result<Self, EngineError> {
        let live = live_nodes(graph, outputs);
        let lowered = lower::lower(graph, &live, outputs, options)?;
        let packed = arena::pack(&lowered.buffers, &lowered.calls, options)?;
        let constants = lowered
            .constants
            .iter()
            .filter_map(|(buffer, words)| Some((packed.spans.get(buffer.0).copied()?, Rc::clone(words))))
            .collect();
        let calls: Vec<Call> = lowered.calls.into_iter().map(|call| call.resolve(&packed.spans)).collect();
        let spans = lowered
            .of_node
            .iter()
            .map(|location| location.and_then(|location| location.resolve(&packed.spans)))
            .collect();
        Ok(Self {
            phases: lowered.phases,
            calls,
            arena_words: packed.arena_words,
            state_words: packed.state_words,
            constants,
            placed: packed.placed,
            spans,
        })
    }

    /// Where a node's value stands. State, inputs and outputs keep theirs; others are reused.
    ///
    /// # Errors
    /// [`EngineError::Shape`] where the node has no memory in this plan.
    pub fn span(&self, node: NodeId) -> Result<Span, EngineError> {
        self.spans.get(node.index()).copied().flatten().ok_or_else(|| EngineError::Shape {
            message: format!("node {} has no memory in this plan", node.index()),
        })
    }

    /// A plan of one call over an arena that the caller knows: what the self-test and kernel tests run.
    #[must_use]
    pub fn single(call: Call, arena_words: usize) -> Self {
        Self {
            calls: vec![call],
            phases: vec![Range { start: 0, end: 1 }],
            arena_words,
            state_words: 0,
            constants: vec![],
            placed: vec![],
            spans: vec![],
        }
    }

    /// The whole arena.
    #[must_use]
    pub const fn arena_span(&self) -> Span {
        Span { offset: 0, words: self.arena_words }
    }

    /// The state's span.
    #[must_use]
    pub const fn state_span(&self) -> Span {
        Span { offset: 0, words: self.state_words }
    }

    /// The calls of a phase; empty where there is no such phase.
    #[must_use]
    pub fn phase(&self, phase: usize) -> &[Call] {
        self.phases.get(phase).and_then(|range| self.calls.get(range.clone())).unwrap_or_default()
    }

    /// Operations of one run of all phases, from the graph.
    #[must_use]
    pub fn flops(&self) -> f64 {
        self.calls.iter().map(|call| call.flops).sum()
    }

    /// Bytes of the arena.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.arena_words as u64 * 4
    }
}

/// Marks the outputs, everything that updates state, and all they depend on.
pub(crate) fn live_nodes(graph: &Graph, outputs: &[NodeId]) -> Vec<bool> {
    let nodes = graph.nodes();
    let mut live: Vec<bool> = nodes.iter().map(|node| node.op == Op::State || node.op.has_effect()).collect();
    for output in outputs {
        if let Some(flag) = live.get_mut(output.index()) {
            *flag = true;
        }
    }
    for (index, node) in nodes.iter().enumerate().rev() {
        if live.get(index).copied().unwrap_or(false) {
            for input in &node.inputs {
                if let Some(flag) = live.get_mut(input.index()) {
                    *flag = true;
                }
            }
        }
    }
    live
}
