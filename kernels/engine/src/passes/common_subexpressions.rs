//! Equal operations on equal inputs are made once. A read of a state is equal to another only where nothing wrote the
//! state in between; effects, inputs and states are never merged, nor are nodes of different phases.

use super::{Rewritten, effects::Effects, rewriter::Rewriter};
use crate::graph::{Graph, Node, NodeId, Op, elementwise::without_repeats};
use std::{collections::HashMap, rc::Rc};

/// What must be equal before two operations are compared. Operations hold floats, which have no hash.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    name: &'static str,
    inputs: Vec<NodeId>,
    shape: Vec<usize>,
    phase: u8,
    stamp: usize,
}

/// Makes equal values once.
#[must_use]
pub fn common_subexpressions(graph: &Graph, _keep: &[NodeId]) -> Rewritten {
    let effects = Effects::of(graph);
    let mut seen: HashMap<Key, Vec<NodeId>> = HashMap::new();
    let mut rewriter = Rewriter::new(graph);
    for (index, (id, node)) in graph.ids().zip(graph.nodes()).enumerate() {
        let mut new = rewriter.translated(node);
        join_repeats(&mut new);
        if node.op.has_effect() || matches!(node.op, Op::Input | Op::State) {
            rewriter.push(id, new);
            continue;
        }
        // A view reads nothing itself; what reads through it has the stamp.
        let is_view = matches!(node.op, Op::View { .. });
        let key = Key {
            name: new.op.name(),
            inputs: new.inputs.clone(),
            shape: new.shape.clone(),
            phase: new.phase,
            stamp: if is_view { 0 } else { effects.stamp(graph, &node.inputs, index) },
        };
        let candidates = seen.entry(key).or_default();
        let found = candidates.iter().find(|other| same(rewriter.out.node(**other), &new)).copied();
        match found {
            Some(earlier) => rewriter.place(id, earlier),
            None => {
                let made = rewriter.push(id, new);
                candidates.push(made);
            }
        }
    }
    rewriter.finish(graph)
}

/// Inputs that became one are bound once.
fn join_repeats(node: &mut Node) {
    let (Op::Map(program) | Op::Update(program)) = &node.op else { return };
    let (inputs, joined) = without_repeats(&node.inputs, program);
    if inputs.len() != node.inputs.len() {
        let joined = Rc::new(joined);
        node.op = if matches!(node.op, Op::Map(_)) { Op::Map(joined) } else { Op::Update(joined) };
        node.inputs = inputs;
    }
}

/// Equal but for the names.
fn same(a: &Node, b: &Node) -> bool {
    a.op == b.op && a.words == b.words
}
