//! When states change: two reads of a state are equal only if nothing wrote to it in between.

use super::rewriter::root;
use crate::graph::{Graph, Node, NodeId, Op};

/// For every node, how often each state it reads was written before. A pass may move or merge a node only between
/// places of the same stamp.
pub(super) struct Effects {
    /// Indices of the nodes that write a state, ascending, by state.
    writes: Vec<Vec<usize>>,
}

impl Effects {
    pub fn of(graph: &Graph) -> Self {
        let mut writes: Vec<Vec<usize>> = vec![vec![]; graph.nodes().len()];
        for (index, node) in graph.nodes().iter().enumerate() {
            for state in written(graph, node) {
                let Some(list) = writes.get_mut(state.index()) else { continue };
                list.push(index);
                // A stored value may be computed in its place in the state: the write is then as early as the value.
                if let (Op::Store { .. }, Some(value)) = (&node.op, node.inputs.get(1)) {
                    list.push(root(graph, *value).index());
                }
            }
        }
        Self { writes }
    }

    /// How often the states among `inputs` (or behind views of them) were written before node `at` runs. Counts only
    /// grow, so equal inputs with equal sums see equal states.
    pub fn stamp(&self, graph: &Graph, inputs: &[NodeId], at: usize) -> usize {
        let count = |input: &NodeId| {
            let list = self.writes.get(root(graph, *input).index());
            list.map_or(0, |list| list.iter().filter(|write| **write < at).count())
        };
        inputs.iter().map(count).sum()
    }
}

/// The nodes whose memory a node writes besides its own.
pub(super) fn written(graph: &Graph, node: &Node) -> Vec<NodeId> {
    let targets: &[NodeId] = match &node.op {
        Op::Update(program) => node.inputs.get(..program.outputs().len()).unwrap_or(&node.inputs),
        Op::Store { .. } => node.inputs.get(..1).unwrap_or_default(),
        Op::FirstNonFinite => node.inputs.get(1..).unwrap_or_default(),
        Op::StepSummary => &node.inputs,
        _ => &[],
    };
    targets.iter().map(|target| root(graph, *target)).collect()
}
