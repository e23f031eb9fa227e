//! Reverse-mode differentiation, graph to graph: stateless rules append gradient nodes to the same graph.
//!
//! A value used twice gets the sum of its gradients; a value that does not lead to the loss gets none; a broadcast
//! value gets the sum over its copies. Only paths that lead from the wanted values to the loss are differentiated.
//! The rules append ordinary nodes, so gradients of gradients work wherever every node on the way has a rule.

use crate::{
    EngineError,
    graph::{Graph, NodeId, Op, ReduceKind, StridedCopy, elementwise, layout},
};
use shaders::program::{Binary, Program};
use std::rc::Rc;

/// Appends the gradients of `loss`, one value, with respect to `wanted`. `seed` is what the loss's own gradient is
/// (1 if `None`): a loss scale goes in here. An entry is `None` where the loss does not depend on the value.
///
/// # Errors
/// [`EngineError::Shape`] where `loss` is not one value or an operation on the way has no rule.
pub fn gradients(
    graph: &mut Graph,
    loss: NodeId,
    wanted: &[NodeId],
    seed: Option<NodeId>,
) -> Result<Vec<Option<NodeId>>, EngineError> {
    if graph.elements(loss) != 1 {
        return Err(EngineError::Shape { message: format!("{} is not one value", graph.node(loss).label) });
    }
    let needed = leads_from(graph, wanted);
    let mut gradient: Vec<Option<NodeId>> = vec![None; graph.nodes().len()];
    let shape = graph.shape(loss).to_vec();
    let seed = match seed {
        Some(seed) => graph.reshape(seed, &shape)?,
        None => graph.constant("one", &shape, &[1.0]),
    };
    accumulate(graph, &mut gradient, loss, seed)?;
    for index in (0..=loss.index()).rev() {
        let id = NodeId::of(index);
        let Some(upstream) = gradient.get(index).copied().flatten() else { continue };
        if !needed.get(index).copied().unwrap_or(false) {
            continue;
        }
        graph.set_block(graph.node(id).block);
        for (input, partial) in backward(graph, id, upstream, &needed)? {
            accumulate(graph, &mut gradient, input, partial)?;
        }
    }
    graph.set_block(0);
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

type Shares = Vec<(NodeId, NodeId)>;

/// The rule of one node: for each differentiable input that is needed, its share of `upstream`.
fn backward(graph: &mut Graph, id: NodeId, upstream: NodeId, needed: &[bool]) -> Result<Shares, EngineError> {
    let node = graph.node(id).clone();
    let wants = |input: NodeId| needed.get(input.index()).copied().unwrap_or(false);
    let mut shares = match &node.op {
        Op::Map(program) => map_shares(graph, id, program, upstream, &wants)?,
        Op::MatMul { transpose_lhs, transpose_rhs } => {
            matmul_shares(graph, id, upstream, [*transpose_lhs, *transpose_rhs], &wants)?
        }
        Op::Conv2d(_) | Op::Conv2dInputGrad(_) | Op::Conv2dWeightGrad(_) => {
            conv_shares(graph, id, upstream, &wants)?
        }
        Op::View { .. } | Op::Gather(_) | Op::Scatter(_) => movement_shares(graph, id, upstream)?,
        Op::Reduce { kind, .. } => reduce_shares(graph, id, upstream, *kind)?,
        Op::Attention(shape) => {
            let [q, k, v] = inputs(graph, id)?;
            let (query, key) = (shape.query_words(), layout::aligned(shape.key_words()));
            let at = layout::aligned(query);
            let all = vec![q, k, v, id, upstream];
            let both = graph.push(Op::AttentionGrad(*shape), all, vec![at + 2 * key], "attention.grad");
            let mut shares = vec![];
            for (input, offset) in [(q, 0), (k, at), (v, at + key)] {
                let shape = graph.shape(input).to_vec();
                shares.push((input, graph.view(both, offset, &shape)?));
            }
            shares
        }
        Op::Input | Op::State | Op::Constant(_) | Op::TopMatch => vec![],
        op => {
            let share = row_share(graph, id, op, upstream)?;
            node.inputs.first().map(|input| (*input, share)).into_iter().collect()
        }
    };
    shares.retain(|(input, _)| wants(*input));
    Ok(shares)
}

/// Rules of operations with one differentiable input, the first.
fn row_share(graph: &mut Graph, id: NodeId, op: &Op, upstream: NodeId) -> Result<NodeId, EngineError> {
    let node = graph.node(id).clone();
    let input = |at: usize| node.inputs.get(at).copied().unwrap_or(id);
    let shape = graph.shape(input(0)).to_vec();
    let (op, inputs) = match op {
        Op::Softmax => (Op::SoftmaxGrad, vec![id, upstream]),
        Op::LogSoftmax => (Op::LogSoftmaxGrad, vec![id, upstream]),
        Op::CrossEntropy { smoothing } => {
            (Op::CrossEntropyGrad { smoothing: *smoothing }, vec![input(0), input(1), upstream])
        }
        Op::Normalize { center, epsilon } => {
            (Op::NormalizeGrad { center: *center, epsilon: *epsilon }, vec![input(0), upstream])
        }
        Op::GatherRows => {
            let columns = shape.last().copied().unwrap_or(1);
            let rows = graph.elements(input(1));
            (Op::ScatterAddRows, vec![graph.reshape(upstream, &[rows, columns])?, input(1)])
        }
        Op::ScatterAddRows => (Op::GatherRows, vec![upstream, input(1)]),
        Op::Rope { inverse } => (Op::Rope { inverse: !inverse }, vec![upstream, input(1)]),
        Op::MaxPool(geometry) => (Op::MaxPoolGrad(*geometry), vec![input(0), id, upstream]),
        Op::Dropout { rate, key } => (Op::Dropout { rate: *rate, key: *key }, vec![upstream, input(1)]),
        // Rounding has slope 1 (straight through, Bengio et al. 2013).
        Op::PackF16 | Op::UnpackF16 => return Ok(upstream),
        op => return Err(EngineError::Shape { message: format!("{} has no gradient", op.name()) }),
    };
    Ok(graph.push(op, inputs, shape, format!("{}.grad", node.label)))
}

fn map_shares(
    graph: &mut Graph,
    id: NodeId,
    program: &Program,
    upstream: NodeId,
    wants: &impl Fn(NodeId) -> bool,
) -> Result<Shares, EngineError> {
    let node = graph.node(id).clone();
    let mut shares = vec![];
    for (number, input) in node.inputs.iter().enumerate() {
        if !wants(*input) {
            continue;
        }
        let Some(gradient) = program.gradient(number as u8) else { continue };
        let all: Vec<NodeId> = node.inputs.iter().take(program.input_count()).copied().collect();
        let all = [all, vec![upstream, id]].concat();
        let share = if gradient.instructions().len() == 1 {
            upstream
        } else {
            let (inputs, gradient) = pruned(&all, &gradient);
            let label = format!("{}.grad", node.label);
            graph.push(Op::Map(Rc::new(gradient)), inputs, node.shape.clone(), label)
        };
        let shape = graph.shape(*input).to_vec();
        shares.push((*input, graph.sum_to(share, &shape)?));
    }
    Ok(shares)
}

/// Only the inputs that the program reads, each once.
pub(crate) fn pruned(inputs: &[NodeId], program: &Program) -> (Vec<NodeId>, Program) {
    let used = program.used_inputs();
    let kept: Vec<NodeId> =
        used.iter().filter_map(|input| inputs.get(usize::from(*input)).copied()).collect();
    let program = program.compact(|input| used.iter().position(|other| *other == input).unwrap_or(0) as u8);
    elementwise::without_repeats(&kept, &program)
}

fn matmul_shares(
    graph: &mut Graph,
    id: NodeId,
    upstream: NodeId,
    [transpose_lhs, transpose_rhs]: [bool; 2],
    wants: &impl Fn(NodeId) -> bool,
) -> Result<Shares, EngineError> {
    let [lhs, rhs] = inputs(graph, id)?;
    let mut shares = vec![];
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
    Ok(shares)
}

/// Convolution is linear in both operands, and so are its gradients: three operations, each the gradient of the
/// others.
fn conv_shares(
    graph: &mut Graph,
    id: NodeId,
    upstream: NodeId,
    wants: &impl Fn(NodeId) -> bool,
) -> Result<Shares, EngineError> {
    let [a, b] = inputs(graph, id)?;
    let (first, second) = match graph.node(id).op.clone() {
        Op::Conv2d(geometry) => (
            (Op::Conv2dInputGrad(geometry), vec![upstream, b]),
            (Op::Conv2dWeightGrad(geometry), vec![a, upstream]),
        ),
        Op::Conv2dInputGrad(geometry) => {
            ((Op::Conv2d(geometry), vec![upstream, b]), (Op::Conv2dWeightGrad(geometry), vec![upstream, a]))
        }
        Op::Conv2dWeightGrad(geometry) => {
            ((Op::Conv2dInputGrad(geometry), vec![b, upstream]), (Op::Conv2d(geometry), vec![a, upstream]))
        }
        op => return Err(EngineError::Shape { message: format!("{} is no convolution", op.name()) }),
    };
    let mut shares = vec![];
    for (input, (op, inputs)) in [(a, first), (b, second)] {
        if wants(input) {
            let shape = graph.shape(input).to_vec();
            shares.push((input, graph.push(op, inputs, shape, "conv2d.grad")));
        }
    }
    Ok(shares)
}

fn movement_shares(graph: &mut Graph, id: NodeId, upstream: NodeId) -> Result<Shares, EngineError> {
    let node = graph.node(id).clone();
    let back = |copy: &StridedCopy| StridedCopy {
        sizes: copy.sizes,
        in_strides: copy.out_strides,
        in_offset: copy.out_offset,
        out_strides: copy.in_strides,
        out_offset: copy.in_offset,
    };
    let mut shares = vec![];
    for (number, &input) in node.inputs.iter().enumerate() {
        let shape = graph.shape(input).to_vec();
        let share = match &node.op {
            // The attention rule takes the gradient of the output alone.
            Op::View { .. } if matches!(graph.node(input).op, Op::Attention(_)) => upstream,
            Op::View { .. } if graph.elements(input) == graph.elements(id) => {
                graph.reshape(upstream, &shape)?
            }
            Op::View { offset } => {
                let count = graph.elements(id);
                let copy = layout::block(&[count], &[1], 0, &[1], *offset);
                graph.push(Op::Scatter(vec![copy]), vec![upstream], shape, "view.grad")
            }
            Op::Gather(copy) if repeats(copy) => graph.sum_to(upstream, &shape)?,
            Op::Gather(copy) => {
                graph.push(Op::Scatter(vec![back(copy)]), vec![upstream], shape, "gather.grad")
            }
            Op::Scatter(copies) => match copies.get(number) {
                Some(copy) => graph.push(Op::Gather(back(copy)), vec![upstream], shape, "scatter.grad"),
                None => continue,
            },
            _ => continue,
        };
        shares.push((input, share));
    }
    Ok(shares)
}

/// One source element serves several results.
fn repeats(copy: &StridedCopy) -> bool {
    copy.sizes.iter().zip(copy.in_strides).any(|(size, stride)| *size > 1 && stride == 0)
}

fn reduce_shares(
    graph: &mut Graph,
    id: NodeId,
    upstream: NodeId,
    kind: ReduceKind,
) -> Result<Shares, EngineError> {
    let [x] = inputs(graph, id)?;
    let Op::Reduce { length, inner, .. } = graph.node(id).op else { return Ok(vec![]) };
    let shape = graph.shape(x).to_vec();
    let outer = graph.elements(x) / (length * inner).max(1);
    let kept = [outer, 1, inner];
    let upstream = graph.reshape(upstream, &kept)?;
    let full = [outer, length, inner];
    let share = match kind {
        ReduceKind::Sum => {
            let mut program = Program::new();
            let value = program.input(0);
            program.output(value);
            graph.push(Op::Map(Rc::new(program)), vec![upstream], full.to_vec(), "sum.grad")
        }
        // Equal maxima share the gradient.
        ReduceKind::Max => {
            let flat = graph.reshape(x, &full)?;
            let best = graph.reshape(id, &kept)?;
            let mask = graph.binary(Binary::Equal, flat, best)?;
            let count = graph.reduce(ReduceKind::Sum, mask, 1)?;
            let count = graph.reshape(count, &kept)?;
            let each = graph.binary(Binary::Divide, upstream, count)?;
            graph.multiply(mask, each)?
        }
    };
    Ok(vec![(x, graph.reshape(share, &shape)?)])
}

fn inputs<const N: usize>(graph: &Graph, id: NodeId) -> Result<[NodeId; N], EngineError> {
    let node = graph.node(id);
    node.inputs
        .clone()
        .try_into()
        .map_err(|_| EngineError::Shape { message: format!("{} takes {N} inputs", node.label) })
}
