//! Elementwise chains become one kernel: a node that only one other elementwise node reads is computed inside it.
//!
//! Each element is still made by the same operations in the same order. Joined are nodes of one shape and one block
//! of the model, with no write in between to a state that the first one reads, as long as the kernel binds at most
//! eight buffers and stays short.

use super::{
    Rewritten,
    effects::{Effects, written},
    rewriter::{Rewriter, root},
};
use crate::graph::{Graph, Node, NodeId, Op, elementwise::without_repeats};
use shaders::program::Program;
use std::{collections::BTreeSet, rc::Rc};

/// Storage buffers of one kernel at WebGPU's default limits.
const MOST_BUFFERS: usize = 8;
/// Longer kernels spill registers.
const MOST_INSTRUCTIONS: usize = 48;

/// Joins elementwise chains.
#[must_use]
pub fn fusion(graph: &Graph, keep: &[NodeId]) -> Rewritten {
    let mut draft = Draft::new(graph, keep);
    for id in graph.ids() {
        while draft.absorb_one(id) {}
    }
    let mut rewriter = Rewriter::new(graph);
    for ((id, node), gone) in graph.ids().zip(&draft.nodes).zip(&draft.gone) {
        if !gone {
            let node = rewriter.translated(node);
            rewriter.push(id, node);
        }
    }
    rewriter.finish(graph)
}

struct Draft<'a> {
    graph: &'a Graph,
    effects: Effects,
    nodes: Vec<Node>,
    /// Nodes that read each node; what the host reads counts twice, so that it is never alone.
    readers: Vec<usize>,
    gone: Vec<bool>,
}

impl<'a> Draft<'a> {
    fn new(graph: &'a Graph, keep: &[NodeId]) -> Self {
        let mut readers = vec![0; graph.nodes().len()];
        let mut count = |id: NodeId, times: usize| {
            if let Some(slot) = readers.get_mut(id.index()) {
                *slot += times;
            }
        };
        for node in graph.nodes() {
            node.inputs.iter().collect::<BTreeSet<_>>().into_iter().for_each(|input| count(*input, 1));
        }
        keep.iter().for_each(|id| count(*id, 2));
        let nodes = graph.nodes().to_vec();
        Self { graph, effects: Effects::of(graph), gone: vec![false; nodes.len()], nodes, readers }
    }

    fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.index())
    }

    /// Makes one producer part of its reader; says whether there was one.
    fn absorb_one(&mut self, id: NodeId) -> bool {
        let Some(reader) = self.node(id) else { return false };
        let first = match &reader.op {
            Op::Map(_) => 0,
            // Targets stay what they are.
            Op::Update(program) => program.outputs().len(),
            _ => return false,
        };
        let positions = first..reader.inputs.len();
        let found = positions.into_iter().find_map(|position| {
            let input = reader.inputs.get(position).copied()?;
            Some((input, self.joined(id, position, input)?))
        });
        let Some((producer, joined)) = found else { return false };
        let shared: Vec<NodeId> = self.node(producer).map_or_else(Vec::new, |node| {
            node.inputs.iter().filter(|input| reader.inputs.contains(input)).copied().collect()
        });
        for input in shared {
            if let Some(readers) = self.readers.get_mut(input.index()) {
                *readers -= 1;
            }
        }
        if let Some(slot) = self.gone.get_mut(producer.index()) {
            *slot = true;
        }
        if let Some(slot) = self.nodes.get_mut(id.index()) {
            *slot = joined;
        }
        true
    }

    /// The reader with a producer inside, where that may be.
    fn joined(&self, id: NodeId, position: usize, producer_id: NodeId) -> Option<Node> {
        let (reader, producer) = (self.node(id)?, self.node(producer_id)?);
        let Op::Map(inner) = &producer.op else { return None };
        let fits = self.readers.get(producer_id.index()) == Some(&1)
            && producer.shape == reader.shape
            && producer.phase == reader.phase
            && producer.block == reader.block
            && !producer.inputs.is_empty();
        let unchanged = |at: NodeId| self.effects.stamp(self.graph, &producer.inputs, at.index());
        if !fits || unchanged(producer_id) != unchanged(id) || self.reads_a_target(reader, producer) {
            return None;
        }
        let (inputs, program) = substituted(reader, position, producer, inner)?;
        let fresh = usize::from(matches!(reader.op, Op::Map(_)));
        let fits = self.buffers(&inputs) + fresh <= MOST_BUFFERS
            && program.instructions().len() <= MOST_INSTRUCTIONS;
        let program = Rc::new(program);
        let op = if matches!(reader.op, Op::Map(_)) { Op::Map(program) } else { Op::Update(program) };
        fits.then(|| Node { op, inputs, ..reader.clone() })
    }

    /// The producer reads memory that the reader updates, other than element by element.
    fn reads_a_target(&self, reader: &Node, producer: &Node) -> bool {
        let targets = written(self.graph, reader);
        producer.inputs.iter().any(|input| {
            let same = reader.inputs.iter().take(targets.len()).any(|target| target == input);
            targets.contains(&root(self.graph, *input)) && !same
        })
    }

    /// Buffers that inputs bind: single values of one buffer share it.
    fn buffers(&self, inputs: &[NodeId]) -> usize {
        let (single, wide): (Vec<NodeId>, Vec<NodeId>) =
            inputs.iter().partition(|input| self.graph.elements(**input) == 1);
        let roots: BTreeSet<NodeId> = single.iter().map(|input| root(self.graph, *input)).collect();
        wide.len() + roots.len()
    }
}

/// Inputs and program of the reader with the producer in place of input `position`.
fn substituted(
    reader: &Node,
    position: usize,
    producer: &Node,
    inner: &Program,
) -> Option<(Vec<NodeId>, Program)> {
    let (Op::Map(program) | Op::Update(program)) = &reader.op else { return None };
    let first_new = u8::try_from(reader.inputs.len()).ok()?;
    let joined = program.substitute(u8::try_from(position).ok()?, inner, first_new);
    let all: Vec<NodeId> = reader.inputs.iter().chain(&producer.inputs).copied().collect();
    let renumber = |input: u8| if usize::from(input) > position { input - 1 } else { input };
    let inputs: Vec<NodeId> =
        all.iter().enumerate().filter(|(at, _)| *at != position).map(|(_, input)| *input).collect();
    Some(without_repeats(&inputs, &joined.compact(renumber)))
}
