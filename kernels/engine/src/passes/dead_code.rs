//! Leaves out nodes that no output and no update of state needs. State always stays, so that a snapshot keeps its
//! form.

use super::{Rewritten, rewriter::Rewriter};
use crate::{
    graph::{Graph, NodeId},
    plan::live_nodes,
};

/// Removes what nobody reads.
#[must_use]
pub fn dead_code(graph: &Graph, keep: &[NodeId]) -> Rewritten {
    let live = live_nodes(graph, keep);
    let mut rewriter = Rewriter::new(graph);
    for ((id, node), live) in graph.ids().zip(graph.nodes()).zip(live) {
        if live {
            let node = rewriter.translated(node);
            rewriter.push(id, node);
        }
    }
    rewriter.finish(graph)
}
