//! Mixed precision: what products read is rounded to 16-bit floats (Micikevicius et al. 2018); sums, weights and
//! updates stay f32.

use crate::{
    graph::{Graph, NodeId, Op},
    models::Recorded,
};

/// A rewritten graph with where each node went.
#[derive(Debug, Clone)]
pub(super) struct Rewritten {
    pub graph: Graph,
    pub map: Moved,
}

/// New ids by old ids.
#[derive(Debug, Clone)]
pub(super) struct Moved(Vec<NodeId>);

impl Moved {
    pub fn id(&self, old: NodeId) -> NodeId {
        self.0.get(old.index()).copied().unwrap_or(old)
    }

    pub fn recorded(&self, old: Recorded) -> Recorded {
        Recorded {
            examples: self.id(old.examples),
            labels: self.id(old.labels),
            logits: self.id(old.logits),
            loss: self.id(old.loss),
            matches: self.id(old.matches),
        }
    }
}

/// Every operand of a product and of a convolution goes through f16. Nodes before the first product keep their ids.
pub(super) fn half_products(graph: &Graph) -> Rewritten {
    let mut out = Graph::new();
    let mut moved: Vec<NodeId> = Vec::with_capacity(graph.nodes().len());
    let mut halves: Vec<Option<NodeId>> = vec![None; graph.nodes().len()];
    for node in graph.nodes() {
        let mut node = node.clone();
        let rounds = matches!(node.op, Op::MatMul { .. } | Op::Conv2d(_));
        for input in &mut node.inputs {
            let new = moved.get(input.index()).copied().unwrap_or(*input);
            let half = halves.get(input.index()).copied().flatten();
            *input = match half {
                Some(half) if rounds => half,
                None if rounds => {
                    out.set_block(node.block);
                    let half = out.through_f16(new);
                    if let Some(slot) = halves.get_mut(input.index()) {
                        *slot = Some(half);
                    }
                    half
                }
                _ => new,
            };
        }
        moved.push(out.push_node(node));
    }
    out.set_block(0);
    Rewritten { graph: out, map: Moved(moved) }
}
