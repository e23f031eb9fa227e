//! The one description of a computation: nodes in the order they were recorded, static shapes.
//!
//! A node's inputs come before it, so the order of nodes is a topological order. Values are f32 unless the
//! operation says otherwise (labels are u32, INT8 values are packed four to a u32). Images are NHWC.
//!
//! A graph has phases, run one after the other by the host: a training step computes gradients in the first (once
//! for each micro-batch) and updates weights in the last. Values do not pass from one phase to another, state does.

mod build;
pub(crate) mod elementwise;
pub(crate) mod layout;
mod op;
mod shapes;

pub use elementwise::gelu_program;
pub use op::{AttentionShape, Op, ReduceKind, StridedCopy};
pub use shapes::{ConvGeometry, PoolGeometry};

use crate::EngineError;

/// A node of a [`Graph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    pub(crate) fn of(index: usize) -> Self {
        Self(u32::try_from(index).unwrap_or(u32::MAX))
    }
}

/// One recorded operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// From what.
    pub inputs: Vec<NodeId>,
    /// Shape of the result, in elements; empty for nodes that only update state.
    pub shape: Vec<usize>,
    /// Words (4 bytes) the result takes.
    pub words: usize,
    /// Name for people ("conv1.weight").
    pub label: String,
    /// Which part of a run it belongs to.
    pub phase: u8,
    /// Part of the model it belongs to, for recomputation and the profiler; 0 where none.
    pub block: u16,
}

/// A recorded computation.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    phase: u8,
    block: u16,
}

impl Graph {
    /// An empty graph.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All nodes, in topological order.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Ids of all nodes, in topological order.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len()).map(NodeId::of)
    }

    /// One node. Ids come from this graph only.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "ids are made by this graph and nodes are never removed")]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// Shape of a node's result.
    #[must_use]
    pub fn shape(&self, id: NodeId) -> &[usize] {
        &self.node(id).shape
    }

    /// Elements of a node's result.
    #[must_use]
    pub fn elements(&self, id: NodeId) -> usize {
        self.node(id).shape.iter().product()
    }

    /// Nodes recorded from now on belong to this phase; phases only grow.
    pub fn set_phase(&mut self, phase: u8) {
        self.phase = self.phase.max(phase);
    }

    /// Nodes recorded from now on belong to this block of the model.
    pub const fn set_block(&mut self, block: u16) {
        self.block = block;
    }

    pub(crate) fn push(
        &mut self,
        op: Op,
        inputs: Vec<NodeId>,
        shape: Vec<usize>,
        label: impl Into<String>,
    ) -> NodeId {
        let elements: usize = shape.iter().product();
        let words = match op {
            Op::QuantizeInt8 { .. } => elements.div_ceil(4),
            Op::PackF16 => elements.div_ceil(2),
            _ if op.has_effect() => 0,
            _ => elements,
        };
        let (phase, block) = (self.phase, self.block);
        self.push_node(Node { op, inputs, shape, words, label: label.into(), phase, block })
    }

    /// Appends a node as it is; passes copy nodes with it. Its inputs come before it, and its shape and words are
    /// right.
    pub fn push_node(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        NodeId::of(self.nodes.len() - 1)
    }

    pub(crate) fn set_label(&mut self, id: NodeId, label: &str) {
        if let Some(node) = self.nodes.get_mut(id.index()) {
            label.clone_into(&mut node.label);
        }
    }

    pub(crate) fn misfit(&self, operation: &str, a: NodeId, b: NodeId) -> EngineError {
        let (a, b) = (self.node(a), self.node(b));
        let message = format!("{operation} of {} {:?} with {} {:?}", a.label, a.shape, b.label, b.shape);
        EngineError::Shape { message }
    }
}
