//! Copies a graph node by node, with ids translated on the way.

use super::Rewritten;
use crate::graph::{Graph, Node, NodeId, Op};
use std::rc::Rc;

pub(super) struct Rewriter {
    pub out: Graph,
    moved: Vec<Option<NodeId>>,
}

impl Rewriter {
    pub fn new(graph: &Graph) -> Self {
        Self { out: Graph::new(), moved: vec![None; graph.nodes().len()] }
    }

    /// A node as it is, with the new ids of its inputs.
    pub fn translated(&self, node: &Node) -> Node {
        let mut node = node.clone();
        for input in &mut node.inputs {
            *input = self.new_id(*input);
        }
        node
    }

    /// Where an old node went.
    pub fn new_id(&self, old: NodeId) -> NodeId {
        self.moved.get(old.index()).copied().flatten().unwrap_or(old)
    }

    /// Says that an old node's value is that of a new node.
    pub fn place(&mut self, old: NodeId, new: NodeId) {
        if let Some(slot) = self.moved.get_mut(old.index()) {
            *slot = Some(new);
        }
    }

    /// Appends a node that has new ids as its inputs.
    pub fn push(&mut self, old: NodeId, node: Node) -> NodeId {
        let new = self.out.push_node(node);
        self.place(old, new);
        new
    }

    /// The new graph; what is recorded from now on belongs to the last phase of the old one and to no block.
    pub fn finish(mut self, graph: &Graph) -> Rewritten {
        self.out.set_phase(graph.nodes().iter().map(|node| node.phase).max().unwrap_or(0));
        self.out.set_block(0);
        Rewritten { graph: self.out, moved: self.moved }
    }
}

/// The node whose memory a node's value stands in.
pub(super) fn root(graph: &Graph, mut id: NodeId) -> NodeId {
    while let (Op::View { .. }, Some(input)) = (&graph.node(id).op, graph.node(id).inputs.first()) {
        id = *input;
    }
    id
}

/// A node of constant words that takes another's place.
pub(super) fn constant_like(node: &Node, words: &[u32]) -> Node {
    Node { op: Op::Constant(Rc::from(words)), inputs: vec![], ..node.clone() }
}
