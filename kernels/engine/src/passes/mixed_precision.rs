//! Mixed precision: what products read is rounded to 16-bit floats (Micikevicius et al. 2018); sums, weights and
//! updates stay f32. This one changes values, and is meant to.

use super::{Rewritten, rewriter::Rewriter};
use crate::graph::{Graph, NodeId, Op};

/// Every operand of a product and of a convolution goes through f16, once. Nodes before the first product keep their
/// ids.
#[must_use]
pub fn mixed_precision(graph: &Graph, _keep: &[NodeId]) -> Rewritten {
    let mut rewriter = Rewriter::new(graph);
    let mut halves: Vec<Option<NodeId>> = vec![None; graph.nodes().len()];
    for (id, node) in graph.ids().zip(graph.nodes()) {
        let mut new = rewriter.translated(node);
        if matches!(node.op, Op::MatMul { .. } | Op::Conv2d(_)) {
            rewriter.out.set_phase(node.phase);
            rewriter.out.set_block(node.block);
            for (old, input) in node.inputs.iter().zip(&mut new.inputs) {
                let half = halves.get(old.index()).copied().flatten();
                let half = half.unwrap_or_else(|| rewriter.out.through_f16(*input));
                if let Some(slot) = halves.get_mut(old.index()) {
                    *slot = Some(half);
                }
                *input = half;
            }
        }
        rewriter.push(id, new);
    }
    rewriter.finish(graph)
}
