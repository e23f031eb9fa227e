//! Reverse-mode differentiation, graph to graph: stateless rules append gradient nodes to the same graph.
//!
//! A value used twice gets the sum of its gradients; a value that does not lead to the loss gets none. Only
//! paths that lead from the wanted values to the loss are differentiated.

use crate::{
    EngineError,
    graph::{Graph, NodeId, Op},
};

/// Appends the gradients of the mean of `loss` (a [`Op::SoftmaxCrossEntropy`] node) with respect to `wanted`.
/// An entry is `None` where the loss does not depend on the value.
///
/// # Errors
/// [`EngineError::Shape`] where `loss` is not a loss or an operation on the way has no rule.
pub fn gradients(
    graph: &mut Graph,
    loss: NodeId,
    wanted: &[NodeId],
) -> Result<Vec<Option<NodeId>>, EngineError> {
    let Op::SoftmaxCrossEntropy = graph.node(loss).op else {
        return Err(EngineError::Shape { message: format!("{} is not a loss", graph.node(loss).label) });
    };
    let needed = leads_from(graph, wanted);
    let mut gradient: Vec<Option<NodeId>> = vec![None; graph.nodes().len()];
    let [logits, labels] = inputs(graph, loss)?;
    let shape = graph.shape(logits).to_vec();
    let seed = graph.push(Op::SoftmaxCrossEntropyGrad, vec![logits, labels], shape, "logits.grad");
    accumulate(graph, &mut gradient, logits, seed)?;
    for index in (0..loss.index()).rev() {
        let id = NodeId(u32::try_from(index).unwrap_or(u32::MAX));
        let Some(upstream) = gradient.get(index).copied().flatten() else { continue };
        for (input, partial) in backward(graph, id, upstream, &needed)? {
            accumulate(graph, &mut gradient, input, partial)?;
        }
    }
    Ok(wanted.iter().map(|id| gradient.get(id.index()).copied().flatten()).collect())
}

/// For every node: whether it depends on one of `wanted`.
fn leads_from(graph: &Graph, wanted: &[NodeId]) -> Vec<bool> {
    let mut needed: Vec<bool> = Vec::with_capacity(graph.nodes().len());
    for (index, node) in graph.nodes().iter().enumerate() {
        let own = wanted.iter().any(|id| id.index() == index);
        let inherited = node.inputs.iter().any(|input| needed.get(input.index()).copied().unwrap_or(false));
        needed.push(own || inherited);
    }
    needed
}

fn accumulate(
    graph: &mut Graph,
    gradient: &mut [Option<NodeId>],
    of: NodeId,
    partial: NodeId,
) -> Result<(), EngineError> {
    let sum = match gradient.get(of.index()).copied().flatten() {
        Some(earlier) => graph.add(earlier, partial)?,
        None => partial,
    };
    if let Some(slot) = gradient.get_mut(of.index()) {
        *slot = Some(sum);
    }
    Ok(())
}

/// The rule of one node: for each differentiable input that is needed, its share of `upstream`.
fn backward(
    graph: &mut Graph,
    id: NodeId,
    upstream: NodeId,
    needed: &[bool],
) -> Result<Vec<(NodeId, NodeId)>, EngineError> {
    let wants = |input: NodeId| needed.get(input.index()).copied().unwrap_or(false);
    let mut shares = Vec::new();
    match graph.node(id).op {
        Op::MatMul { transpose_lhs, transpose_rhs } => {
            let [lhs, rhs] = inputs(graph, id)?;
            if wants(lhs) {
                // d op(A) = dC op(B)^T; transposed back where A was.
                let share = if transpose_lhs {
                    graph.matmul(rhs, upstream, transpose_rhs, true)?
                } else {
                    graph.matmul(upstream, rhs, false, !transpose_rhs)?
                };
                shares.push((lhs, share));
            }
            if wants(rhs) {
                let share = if transpose_rhs {
                    graph.matmul(upstream, lhs, true, transpose_lhs)?
                } else {
                    graph.matmul(lhs, upstream, !transpose_lhs, false)?
                };
                shares.push((rhs, share));
            }
        }
        Op::BiasAdd => {
            let [x, bias] = inputs(graph, id)?;
            if wants(x) {
                shares.push((x, upstream));
            }
            if wants(bias) {
                let shape = graph.shape(bias).to_vec();
                shares.push((bias, graph.push(Op::SumRows, vec![upstream], shape, "bias.grad")));
            }
        }
        Op::Relu => {
            let [x] = inputs(graph, id)?;
            let shape = graph.shape(x).to_vec();
            shares.push((x, graph.push(Op::ReluGrad, vec![id, upstream], shape, "relu.grad")));
        }
        Op::Conv2d(geometry) => {
            let [image, weight] = inputs(graph, id)?;
            if wants(image) {
                let op = Op::Conv2dInputGrad(geometry);
                shares.push((
                    image,
                    graph.push(op, vec![upstream, weight], geometry.image_shape(), "image.grad"),
                ));
            }
            if wants(weight) {
                let shape = graph.shape(weight).to_vec();
                let op = Op::Conv2dWeightGrad(geometry);
                shares.push((weight, graph.push(op, vec![image, upstream], shape, "weight.grad")));
            }
        }
        Op::MaxPool(geometry) => {
            let [x] = inputs(graph, id)?;
            let shape = graph.shape(x).to_vec();
            let op = Op::MaxPoolGrad(geometry);
            shares.push((x, graph.push(op, vec![x, id, upstream], shape, "max_pool.grad")));
        }
        Op::Reshape => {
            let [x] = inputs(graph, id)?;
            let shape = graph.shape(x).to_vec();
            shares.push((x, graph.reshape(upstream, &shape)?));
        }
        Op::Add => {
            let [a, b] = inputs(graph, id)?;
            shares.push((a, upstream));
            shares.push((b, upstream));
        }
        Op::Input | Op::State => {}
        op => return Err(EngineError::Shape { message: format!("{op:?} has no gradient") }),
    }
    shares.retain(|(input, _)| needed.get(input.index()).copied().unwrap_or(false));
    Ok(shares)
}

fn inputs<const N: usize>(graph: &Graph, id: NodeId) -> Result<[NodeId; N], EngineError> {
    let node = graph.node(id);
    node.inputs
        .clone()
        .try_into()
        .map_err(|_| EngineError::Shape { message: format!("{} takes {N} inputs", node.label) })
}
