//! Transposes that need no copy: a product reads either operand transposed, a transpose of a transpose is nothing,
//! and a copy that moves nothing is a view.

use super::{
    Rewritten,
    effects::Effects,
    rewriter::{Rewriter, root},
};
use crate::graph::{Graph, Node, NodeId, Op, StridedCopy};

/// Leaves transposes to the operations that read them.
#[must_use]
pub fn layout(graph: &Graph, _keep: &[NodeId]) -> Rewritten {
    let effects = Effects::of(graph);
    let mut rewriter = Rewriter::new(graph);
    for (id, node) in graph.ids().zip(graph.nodes()) {
        let mut new = rewriter.translated(node);
        if let Some(same) = unmoved(graph, id) {
            // The reader may come after a write to a state; what a copy keeps, a view would not.
            if graph.node(root(graph, same)).op != Op::State {
                let same = rewriter.new_id(same);
                if rewriter.out.shape(same) == node.shape {
                    rewriter.place(id, same);
                    continue;
                }
                new = Node { op: Op::View { offset: 0 }, inputs: vec![same], ..node.clone() };
            }
        }
        if let Op::MatMul { transpose_lhs, transpose_rhs } = node.op {
            let mut flags = [transpose_lhs, transpose_rhs];
            let operands = node.inputs.iter().zip(&mut new.inputs).zip(&mut flags);
            for ((operand, input), flag) in operands {
                // What is no copy any more is read where it came from.
                let Some(source) = transposed(graph, *operand).filter(|_| unmoved(graph, *operand).is_none())
                else {
                    continue;
                };
                let stamp = |at: NodeId| effects.stamp(graph, &[source], at.index());
                if stamp(*operand) == stamp(id) {
                    *input = rewriter.new_id(source);
                    *flag = !*flag;
                }
            }
            let [transpose_lhs, transpose_rhs] = flags;
            new.op = Op::MatMul { transpose_lhs, transpose_rhs };
        }
        rewriter.push(id, new);
    }
    rewriter.finish(graph)
}

/// Where a movement's elements come from: size, stride in the source, stride in the result; outermost axis of the
/// result first, neighbours that move together as one.
type Axes = Vec<[usize; 3]>;

/// The source and the axes of a movement that takes every element to exactly one place.
fn permutation(graph: &Graph, id: NodeId) -> Option<(NodeId, Axes)> {
    let node = graph.node(id);
    let (copy, source) = match (&node.op, node.inputs.as_slice()) {
        (Op::Gather(copy), [source]) => (copy, *source),
        (Op::Scatter(copies), [source]) => (copies.first().filter(|_| copies.len() == 1)?, *source),
        _ => return None,
    };
    let all = copy.count() == graph.elements(source) && copy.count() == graph.elements(id);
    let whole = all && graph.node(source).words == node.words && copy.in_offset == 0 && copy.out_offset == 0;
    let axes = axes(copy);
    (whole && is_dense(&axes, 1) && is_dense(&axes, 2)).then(|| (source, merged(axes)))
}

fn axes(copy: &StridedCopy) -> Axes {
    let axes = copy.sizes.iter().zip(copy.in_strides).zip(copy.out_strides);
    axes.map(|((size, source), result)| [*size, source, result]).filter(|[size, ..]| *size > 1).collect()
}

/// The strides in one column reach every element once.
fn is_dense(axes: &Axes, column: usize) -> bool {
    let mut steps: Vec<(usize, usize)> =
        axes.iter().filter_map(|axis| Some((axis.get(column).copied()?, axis.first().copied()?))).collect();
    steps.sort_unstable();
    let mut expected = 1;
    steps.into_iter().all(|(stride, size)| {
        let fits = stride == expected;
        expected *= size;
        fits
    })
}

fn merged(mut axes: Axes) -> Axes {
    axes.sort_unstable_by_key(|[_, _, result]| std::cmp::Reverse(*result));
    let mut out: Axes = vec![];
    for [size, source, result] in axes {
        match out.last_mut() {
            Some(outer) if outer[1] == size * source && outer[2] == size * result => {
                *outer = [outer[0] * size, source, result];
            }
            _ => out.push([size, source, result]),
        }
    }
    out
}

/// The node that a movement's result equals word for word.
fn unmoved(graph: &Graph, id: NodeId) -> Option<NodeId> {
    let (source, axes) = permutation(graph, id)?;
    if axes.len() <= 1 {
        return Some(source);
    }
    let (origin, before) = permutation(graph, source)?;
    let back = before.into_iter().map(|[size, source, result]| [size, result, source]).collect();
    (merged(back) == axes).then_some(origin)
}

/// The node of which an operand is the transpose of the last two axes.
fn transposed(graph: &Graph, id: NodeId) -> Option<NodeId> {
    let (source, axes) = permutation(graph, id)?;
    let (from, to) = (graph.shape(source), graph.shape(id));
    let ([outer @ .., rows, columns], [to_outer @ .., to_rows, to_columns]) = (from, to) else { return None };
    let batch: usize = outer.iter().product();
    let (a, b) = (*rows, *columns);
    let swap = vec![[batch, a * b, a * b], [b, 1, a], [a, b, 1]];
    let swap = swap.into_iter().filter(|[size, ..]| *size > 1).collect();
    let fits = outer == to_outer && rows == to_columns && columns == to_rows;
    (fits && merged(swap) == axes).then_some(source)
}
