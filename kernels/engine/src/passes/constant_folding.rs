//! Operations on constants are computed now, on the CPU; single constants become constants of elementwise programs.
//!
//! A positive zero stays a buffer: programs drop `x + 0`, which is not x where x is -0.

use super::{
    Rewritten,
    rewriter::{Rewriter, constant_like},
};
use crate::{
    backends::cpu::CpuExecutor,
    graph::{Graph, Node, NodeId, Op},
    plan::{Plan, PlanOptions},
};
use shaders::program::Program;
use std::rc::Rc;

/// Most words of a result that is worth its place among the constants.
const MOST_WORDS: usize = 1 << 16;
/// Most arithmetic that is done while a graph is rewritten.
const MOST_FLOPS: f64 = 1e7;

/// Computes what depends on constants only.
#[must_use]
pub fn constant_folding(graph: &Graph, _keep: &[NodeId]) -> Rewritten {
    let mut rewriter = Rewriter::new(graph);
    let mut known: Vec<Option<Rc<[u32]>>> = vec![];
    for (id, node) in graph.ids().zip(graph.nodes()) {
        let mut new = rewriter.translated(node);
        inline_scalars(&rewriter.out, &known, &mut new);
        let value = value_of(&rewriter.out, &known, &new);
        if let Some(words) = value.as_ref().filter(|_| !matches!(new.op, Op::View { .. })) {
            new = constant_like(&new, words);
        }
        rewriter.push(id, new);
        known.push(value);
    }
    rewriter.finish(graph)
}

fn known_words(known: &[Option<Rc<[u32]>>], id: NodeId) -> Option<&Rc<[u32]>> {
    known.get(id.index())?.as_ref()
}

/// The words of a node where they follow from constants.
fn value_of(out: &Graph, known: &[Option<Rc<[u32]>>], node: &Node) -> Option<Rc<[u32]>> {
    match &node.op {
        Op::Constant(words) => Some(Rc::clone(words)),
        Op::View { offset } => {
            let input = known_words(known, *node.inputs.first()?)?;
            let part = input.get(*offset..*offset + node.words)?;
            Some(if part.len() == input.len() { Rc::clone(input) } else { Rc::from(part) })
        }
        op if op.is_source() || op.has_effect() || node.words > MOST_WORDS => None,
        _ => evaluate(out, known, node),
    }
}

/// Runs one node on the CPU backend.
fn evaluate(out: &Graph, known: &[Option<Rc<[u32]>>], node: &Node) -> Option<Rc<[u32]>> {
    let mut alone = Graph::new();
    let mut single = Node { phase: 0, ..node.clone() };
    for input in &mut single.inputs {
        let constant = constant_like(out.node(*input), known_words(known, *input)?);
        *input = alone.push_node(Node { phase: 0, ..constant });
    }
    let result = alone.push_node(single);
    let plan = Rc::new(Plan::compile(&alone, &[result], &PlanOptions::cpu()).ok()?);
    if plan.flops() > MOST_FLOPS {
        return None;
    }
    let mut executor = CpuExecutor::new(Rc::clone(&plan));
    for call in &plan.calls {
        executor.call(call).ok()?;
    }
    Some(Rc::from(executor.read(plan.span(result).ok()?).ok()?))
}

/// Inputs of an elementwise node that are one constant value become constants of its program.
fn inline_scalars(out: &Graph, known: &[Option<Rc<[u32]>>], node: &mut Node) {
    let (Op::Map(program) | Op::Update(program)) = &node.op else { return };
    let targets = if matches!(node.op, Op::Update(_)) { program.outputs().len() } else { 0 };
    let mut program = (**program).clone();
    let mut inputs = node.inputs.clone();
    let elements: usize = node.shape.iter().product();
    let mut position = targets;
    while let Some(input) = inputs.get(position).copied() {
        let single = out.elements(input) == 1 && (elements > 1 || inputs.len() > 1);
        let words = known_words(known, input).filter(|_| single);
        match words.and_then(|words| words.first()) {
            // A node whose inputs are all known is computed as a whole instead.
            Some(bits) if *bits != 0 && inputs.len() > 1 => {
                program = with_constant(&program, position, inputs.len(), *bits);
                inputs.remove(position);
            }
            _ => position += 1,
        }
    }
    if inputs.len() != node.inputs.len() {
        let program = Rc::new(program);
        node.op = if targets > 0 { Op::Update(program) } else { Op::Map(program) };
        node.inputs = inputs;
    }
}

/// A program with one input fixed; inputs after it move up.
fn with_constant(program: &Program, position: usize, count: usize, bits: u32) -> Program {
    let mut fixed = Program::new();
    let values: Vec<_> = (0..count)
        .map(|input| match input.cmp(&position) {
            std::cmp::Ordering::Equal => fixed.constant(f32::from_bits(bits)),
            std::cmp::Ordering::Less => fixed.input(input as u8),
            std::cmp::Ordering::Greater => fixed.input((input - 1) as u8),
        })
        .collect();
    for output in fixed.inline(program, &values) {
        fixed.output(output);
    }
    fixed.compact(|input| input)
}
