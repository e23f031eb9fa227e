//! Lowering: each live node becomes kernel calls over virtual buffers.
//!
//! A value lives in a buffer or in a part of one: views cost nothing, a result that is stored into a state is
//! computed right there, and an elementwise result takes the place of an input that nobody needs any more.

mod attention;
mod convolution;
mod elementwise;
mod fixed;
mod movement;
mod product;

use super::{Call, Kernel, PlanOptions, Span};
use crate::{
    EngineError,
    graph::{Graph, NodeId, Op},
};
use shaders::KernelId;
use std::{ops::Range, rc::Rc};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BufferId(pub usize);

/// A value's place: words of a buffer from an offset on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Location {
    pub buffer: BufferId,
    pub offset: usize,
    pub words: usize,
}

impl Location {
    pub fn resolve(self, spans: &[Span]) -> Option<Span> {
        let span = spans.get(self.buffer.0)?;
        Some(Span { offset: span.offset + self.offset, words: self.words })
    }

    /// A part of this place.
    pub const fn part(self, offset: usize, words: usize) -> Self {
        Self { buffer: self.buffer, offset: self.offset + offset, words }
    }

    const fn overlaps(self, other: Self) -> bool {
        self.buffer.0 == other.buffer.0
            && self.offset < other.offset + other.words
            && other.offset < self.offset + self.words
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    State,
    Input,
    Output,
    /// Constants, and inputs that are outputs too.
    Kept,
    Temporary,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Buffer {
    pub words: usize,
    pub kind: Kind,
    pub node: NodeId,
}

#[derive(Debug)]
pub(super) struct VirtualCall {
    kernel: Kernel,
    uniform: Vec<u32>,
    pub buffers: Vec<Location>,
    workgroups: [u32; 3],
    flops: f64,
    node: NodeId,
}

impl VirtualCall {
    pub fn resolve(self, spans: &[Span]) -> Call {
        let Self { kernel, uniform, buffers, workgroups, flops, node } = self;
        let buffers: Vec<Span> =
            buffers.iter().map(|location| location.resolve(spans).unwrap_or_default()).collect();
        let bytes = buffers.iter().map(|span| span.words as f64 * 4.0).sum();
        Call { kernel, uniform, buffers, workgroups, flops, bytes, node }
    }
}

pub(super) struct Lowered {
    pub buffers: Vec<Buffer>,
    pub calls: Vec<VirtualCall>,
    pub phases: Vec<Range<usize>>,
    pub constants: Vec<(BufferId, Rc<[u32]>)>,
    pub of_node: Vec<Option<Location>>,
}

pub(super) fn lower(
    graph: &Graph,
    live: &[bool],
    outputs: &[NodeId],
    options: &PlanOptions,
) -> Result<Lowered, EngineError> {
    let mut lowering = Lowering {
        graph,
        options,
        out: Lowered {
            buffers: vec![],
            calls: vec![],
            phases: vec![],
            constants: vec![],
            of_node: vec![None; graph.nodes().len()],
        },
        node: NodeId(0),
        uses: vec![0; graph.nodes().len()],
        readers: vec![],
        stored: vec![None; graph.nodes().len()],
    };
    lowering.count_uses(live, outputs);
    lowering.readers = lowering.uses.clone();
    lowering.place_stored(live);
    for (index, node) in graph.nodes().iter().enumerate() {
        if !live.get(index).copied().unwrap_or(false) {
            continue;
        }
        while lowering.out.phases.len() <= usize::from(node.phase) {
            let begin = lowering.out.calls.len();
            lowering.out.phases.push(begin..begin);
        }
        lowering.node = NodeId::of(index);
        lowering.lower_node(NodeId::of(index))?;
        let end = lowering.out.calls.len();
        if let Some(phase) = lowering.out.phases.last_mut() {
            phase.end = end;
        }
    }
    lowering.keep_outputs(outputs);
    Ok(lowering.out)
}

pub(super) struct Lowering<'a> {
    graph: &'a Graph,
    options: &'a PlanOptions,
    out: Lowered,
    node: NodeId,
    /// How often the memory of a node is still to be read, by the node that owns it.
    uses: Vec<usize>,
    /// How often it is read in all.
    readers: Vec<usize>,
    /// Where a value goes that is only stored into a state.
    stored: Vec<Option<(NodeId, usize)>>,
}

impl Lowering<'_> {
    /// The node whose memory a node's value stands in.
    fn root(&self, mut id: NodeId) -> NodeId {
        while let (Op::View { .. }, Some(input)) =
            (&self.graph.node(id).op, self.graph.node(id).inputs.first())
        {
            id = *input;
        }
        id
    }

    fn count_uses(&mut self, live: &[bool], outputs: &[NodeId]) {
        let nodes = self.graph.nodes().iter().zip(live).filter(|(_, live)| **live);
        let readers = nodes.filter(|(node, _)| !matches!(node.op, Op::View { .. }));
        let read: Vec<NodeId> = readers.flat_map(|(node, _)| node.inputs.clone()).collect();
        for id in read.into_iter().chain(outputs.iter().copied()) {
            let root = self.root(id);
            if let Some(uses) = self.uses.get_mut(root.index()) {
                *uses += 1;
            }
        }
    }

    /// A value that is stored and read by nobody else is computed in its place in the state.
    fn place_stored(&mut self, live: &[bool]) {
        for (node, _) in self.graph.nodes().iter().zip(live).filter(|(_, live)| **live) {
            let (Op::Store { offset, accumulate: false }, &[state, value]) =
                (&node.op, node.inputs.as_slice())
            else {
                continue;
            };
            let root = self.root(value);
            let owner = self.graph.node(root);
            let whole = owner.words == self.graph.node(value).words;
            let single = self.uses.get(root.index()) == Some(&1);
            let is_state = self.graph.node(state).op == Op::State;
            if whole
                && single
                && is_state
                && !owner.op.is_source()
                && let Some(slot) = self.stored.get_mut(root.index())
            {
                *slot = Some((state, *offset));
            }
        }
    }

    fn keep_outputs(&mut self, outputs: &[NodeId]) {
        for output in outputs {
            let Some(location) = self.location(*output) else { continue };
            if let Some(buffer) = self.out.buffers.get_mut(location.buffer.0) {
                buffer.kind = match buffer.kind {
                    Kind::State => Kind::State,
                    Kind::Input | Kind::Kept => Kind::Kept,
                    Kind::Output | Kind::Temporary => Kind::Output,
                };
            }
        }
    }

    fn allocate(&mut self, words: usize, kind: Kind) -> Location {
        self.out.buffers.push(Buffer { words, kind, node: self.node });
        Location { buffer: BufferId(self.out.buffers.len() - 1), offset: 0, words }
    }

    fn temporary(&mut self, words: usize) -> Location {
        self.allocate(words, Kind::Temporary)
    }

    fn location(&self, id: NodeId) -> Option<Location> {
        self.out.of_node.get(id.index()).copied().flatten()
    }

    /// The place of an input.
    fn place(&self, id: NodeId) -> Result<Location, EngineError> {
        self.location(id).ok_or_else(|| EngineError::Shape {
            message: format!("{} has no memory here", self.graph.node(id).label),
        })
    }

    fn places(&self, id: NodeId) -> Result<Vec<Location>, EngineError> {
        self.graph.node(id).inputs.iter().map(|input| self.place(*input)).collect()
    }

    fn set_place(&mut self, id: NodeId, location: Location) {
        if let Some(slot) = self.out.of_node.get_mut(id.index()) {
            *slot = Some(location);
        }
    }

    /// Memory for a node's result: its place in a state, or a buffer of its own.
    fn result(&mut self, id: NodeId) -> Result<Location, EngineError> {
        let words = self.graph.node(id).words;
        let location = match self.stored.get(id.index()).copied().flatten() {
            Some((state, offset)) => self.place(state)?.part(offset, words),
            None => self.temporary(words),
        };
        self.set_place(id, location);
        Ok(location)
    }

    fn call(
        &mut self,
        kernel: Kernel,
        uniform: Vec<u32>,
        buffers: Vec<Location>,
        groups: [u32; 3],
        flops: f64,
    ) {
        let node = self.node;
        self.out.calls.push(VirtualCall { kernel, uniform, buffers, workgroups: groups, flops, node });
    }

    /// One invocation an element, rows of 65,535 workgroups.
    fn flat(&mut self, id: KernelId, uniform: Vec<u32>, buffers: Vec<Location>, count: usize, flops: f64) {
        self.call(Kernel::Fixed { id, head_quads: 0 }, uniform, buffers, groups_of(count), flops);
    }

    /// A node was read: its memory may be free now.
    fn consume(&mut self, id: NodeId) {
        for input in self.graph.node(id).inputs.clone() {
            let root = self.root(input);
            if let Some(uses) = self.uses.get_mut(root.index()) {
                *uses = uses.saturating_sub(1);
            }
        }
    }

    fn lower_node(&mut self, id: NodeId) -> Result<(), EngineError> {
        let node = self.graph.node(id);
        match &node.op {
            Op::Input | Op::State | Op::Constant(_) => {
                let kind = match node.op {
                    Op::State => Kind::State,
                    Op::Input => Kind::Input,
                    _ => Kind::Kept,
                };
                let location = self.allocate(node.words, kind);
                if let Op::Constant(words) = &node.op {
                    self.out.constants.push((location.buffer, Rc::clone(words)));
                }
                self.set_place(id, location);
            }
            Op::View { offset } => {
                let [input] = self.inputs(id)?;
                let location = self.place(input)?.part(*offset, node.words);
                self.set_place(id, location);
            }
            Op::Map(program) => self.map(id, program)?,
            Op::Update(program) => self.update(id, program)?,
            Op::Store { offset, accumulate } => self.store(id, *offset, *accumulate)?,
            Op::MatMul { transpose_lhs, transpose_rhs } => {
                self.matmul(id, *transpose_lhs, *transpose_rhs)?;
            }
            Op::Gather(copy) => self.gather(id, copy)?,
            Op::Scatter(copies) => self.scatter(id, copies)?,
            Op::Attention(shape) => self.attention(id, *shape)?,
            Op::AttentionGrad(shape) => self.attention_grad(id, *shape)?,
            Op::Conv2d(g) => self.conv2d(id, *g)?,
            Op::Conv2dInputGrad(g) => self.conv2d_input_grad(id, *g)?,
            Op::Conv2dWeightGrad(g) => self.conv2d_weight_grad(id, *g)?,
            Op::Conv2dInt8 { geometry, relu } => self.conv2d_int8(id, *geometry, *relu)?,
            _ => self.fixed(id)?,
        }
        if !matches!(node.op, Op::View { .. }) {
            self.consume(id);
        }
        Ok(())
    }

    fn inputs<const N: usize>(&self, id: NodeId) -> Result<[NodeId; N], EngineError> {
        let node = self.graph.node(id);
        node.inputs.clone().try_into().map_err(|_| EngineError::Shape {
            message: format!("{} takes {N} inputs and has {}", node.label, node.inputs.len()),
        })
    }
}

/// Workgroups of 64 for `count` invocations, in rows of at most 65,535.
pub(super) fn groups_of(count: usize) -> [u32; 3] {
    let groups = word(count.div_ceil(64)).max(1);
    let x = groups.min(65_535);
    [x, groups.div_ceil(x), 1]
}

/// Sizes are checked against `max_buffer_words` (far below 2^32) when the arena is packed.
fn word(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
