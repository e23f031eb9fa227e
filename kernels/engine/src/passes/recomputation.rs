//! Recomputation (activation checkpointing, Chen et al. 2016): what a block of the model computes is not kept for the
//! backward pass but computed again there from the block's inputs, right before its first reader.
//!
//! The last block's values are needed at once, so they stay. Dropout gives the same mask again, since the mask
//! follows from key and counter alone.

use super::{
    Rewritten,
    effects::Effects,
    rewriter::{Rewriter, root},
};
use crate::graph::{Graph, Node, NodeId, Op};

/// Computes forward values again for the nodes from `boundary` on, the first of the backward pass.
#[must_use]
pub fn recomputation(graph: &Graph, keep: &[NodeId], boundary: usize) -> Rewritten {
    let mut again = Again {
        graph,
        effects: Effects::of(graph),
        dropped: dropped(graph, keep, boundary),
        clones: vec![None; graph.nodes().len()],
        rewriter: Rewriter::new(graph),
    };
    for (index, (id, node)) in graph.ids().zip(graph.nodes()).enumerate() {
        let new = if index < boundary || node.phase > 0 {
            again.rewriter.translated(node)
        } else {
            let inputs = node.inputs.iter().map(|input| again.value(*input, index)).collect();
            Node { inputs, ..node.clone() }
        };
        again.rewriter.push(id, new);
    }
    again.rewriter.finish(graph)
}

struct Again<'a> {
    graph: &'a Graph,
    effects: Effects,
    dropped: Vec<bool>,
    clones: Vec<Option<NodeId>>,
    rewriter: Rewriter,
}

impl Again<'_> {
    /// A forward value as node `at` of the backward pass reads it.
    fn value(&mut self, old: NodeId, at: usize) -> NodeId {
        if !self.dropped.get(old.index()).copied().unwrap_or(false) {
            return self.rewriter.new_id(old);
        }
        if let Some(clone) = self.clones.get(old.index()).copied().flatten() {
            return clone;
        }
        let node = self.graph.node(old);
        let stamp = |at: usize| self.effects.stamp(self.graph, &node.inputs, at);
        if stamp(old.index()) != stamp(at) {
            return self.rewriter.new_id(old);
        }
        let inputs = node.inputs.iter().map(|input| self.value(*input, at)).collect();
        let clone = self.rewriter.out.push_node(Node { inputs, ..node.clone() });
        if let Some(slot) = self.clones.get_mut(old.index()) {
            *slot = Some(clone);
        }
        clone
    }
}

/// Forward values inside a block: not read by another block's forward part, nor by the host.
fn dropped(graph: &Graph, keep: &[NodeId], boundary: usize) -> Vec<bool> {
    let forward = graph.nodes().get(..boundary).unwrap_or(graph.nodes());
    let inside =
        |node: &Node| node.block != 0 && node.phase == 0 && !node.op.is_source() && !node.op.has_effect();
    let last = forward.iter().rev().find(|node| inside(node)).map_or(0, |node| node.block);
    let mut dropped: Vec<bool> =
        graph.nodes().iter().map(|node| inside(node) && node.block != last).collect();
    if let Some(backward) = dropped.get_mut(boundary..) {
        backward.fill(false);
    }
    let mut keep_memory_of = |id: NodeId| {
        let owner = root(graph, id);
        let mut at = id;
        loop {
            if let Some(slot) = dropped.get_mut(at.index()) {
                *slot = false;
            }
            match graph.node(at).inputs.first() {
                Some(input) if at != owner && matches!(graph.node(at).op, Op::View { .. }) => at = *input,
                _ => break,
            }
        }
    };
    keep.iter().for_each(|id| keep_memory_of(*id));
    for node in forward {
        for input in node.inputs.iter().filter(|input| graph.node(**input).block != node.block) {
            keep_memory_of(*input);
        }
    }
    dropped
}
