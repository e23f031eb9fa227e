//! Optimisers as graphs: what one step does to the flat parameters, recorded like any other computation.
//!
//! Sources: momentum and Nesterov as in Sutskever et al. 2013; Adam, Kingma and Ba 2015; AdamW, Loshchilov and Hutter
//! 2019; Lion, Chen et al. 2023; Adafactor, Shazeer and Stern 2018; Muon, Jordan et al. 2024.

use crate::{
    EngineError,
    graph::{Graph, NodeId, ReduceKind},
    models::{ParameterLayout, Placement},
};
use shaders::program::{Binary, Program, Unary, Value};

/// Which optimiser, with its own constants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum OptimizerSpec {
    /// `v = momentum v + g; w -= rate v`, with Nesterov's look ahead `w -= rate (g + momentum v)`.
    Sgd {
        /// Decay of the velocity; 0 for plain descent.
        momentum: f32,
        /// Looks ahead.
        nesterov: bool,
    },
    /// Adam; with decoupled weight decay it is AdamW.
    Adam {
        /// Decay of the first moment.
        beta1: f32,
        /// Decay of the second moment.
        beta2: f32,
        /// Added to the root.
        epsilon: f32,
    },
    /// `w -= rate sign(b1 m + (1 - b1) g); m = b2 m + (1 - b2) g`.
    Lion {
        /// Mix of the step.
        beta1: f32,
        /// Decay of the moment.
        beta2: f32,
    },
    /// Second moments of matrices as a row and a column; no first moment.
    Adafactor {
        /// Decay of the second moments.
        beta2: f32,
    },
    /// Orthogonalised momentum for matrices, Adam for the rest.
    Muon {
        /// Decay of the momentum.
        momentum: f32,
    },
}

impl OptimizerSpec {
    /// Adam's usual constants.
    pub const ADAM: Self = Self::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
    /// Momentum 0.9.
    pub const SGD: Self = Self::Sgd { momentum: 0.9, nesterov: false };

    /// Rate and epsilon of a step (from 0) with Adam's bias corrections folded in (Kingma and Ba 2015, end of section
    /// 2): `rate sqrt(1 - b2^t) / (1 - b1^t)` and `epsilon sqrt(1 - b2^t)`.
    #[must_use]
    pub fn rates(&self, learning_rate: f64, step: u32) -> [f32; 2] {
        let (beta1, beta2, epsilon) = match *self {
            Self::Adam { beta1, beta2, epsilon } => (beta1, beta2, epsilon),
            Self::Muon { .. } => (0.9, 0.999, 1e-8),
            _ => return [learning_rate as f32, 0.0],
        };
        let t = i32::try_from(step).unwrap_or(i32::MAX).saturating_add(1);
        let first = 1.0 - f64::from(beta1).powi(t);
        let second = (1.0 - f64::from(beta2).powi(t)).sqrt();
        [(learning_rate * second / first) as f32, (f64::from(epsilon) * second) as f32]
    }
}

/// Nodes that an update reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct UpdateInputs {
    /// Flat parameters.
    pub parameters: NodeId,
    /// Flat gradients.
    pub gradients: NodeId,
    /// Factor of the gradients: unscaling, averaging and clipping; one value.
    pub factor: NodeId,
    /// 1 where all gradients are finite, else 0: then nothing changes.
    pub is_finite: NodeId,
    /// Learning rate with bias corrections.
    pub rate: NodeId,
    /// Learning rate as scheduled.
    pub plain_rate: NodeId,
    /// Adam's epsilon with bias corrections.
    pub epsilon: NodeId,
    /// 1 - rate * weight decay.
    pub decay: NodeId,
    /// Decay reaches every parameter.
    pub decay_all: bool,
}

/// Declares the states of an optimiser; before any other phase, so that the order of states is fixed.
pub(super) fn declare(graph: &mut Graph, spec: OptimizerSpec, layout: &ParameterLayout) -> Vec<NodeId> {
    let flat = [layout.words];
    match spec {
        OptimizerSpec::Sgd { .. } => vec![graph.state("velocity", &flat)],
        OptimizerSpec::Adam { .. } => vec![graph.state("moment1", &flat), graph.state("moment2", &flat)],
        OptimizerSpec::Lion { .. } => vec![graph.state("moment", &flat)],
        OptimizerSpec::Adafactor { .. } => {
            let parts = layout.placements.iter().flat_map(|placement| match matrix(placement) {
                Some([rows, columns]) => vec![rows, columns],
                None => vec![placement.words],
            });
            let parts: Vec<usize> = parts.collect();
            parts.into_iter().map(|length| graph.state("second", &[length])).collect()
        }
        OptimizerSpec::Muon { .. } => vec![graph.state("moment1", &flat), graph.state("moment2", &flat)],
    }
}

/// Records one update of all parameters.
pub(super) fn record(
    graph: &mut Graph,
    spec: OptimizerSpec,
    layout: &ParameterLayout,
    states: &[NodeId],
    inputs: &UpdateInputs,
) -> Result<(), EngineError> {
    match spec {
        OptimizerSpec::Adafactor { beta2 } => adafactor(graph, layout, states, inputs, beta2),
        OptimizerSpec::Muon { momentum } => muon(graph, layout, states, inputs, momentum),
        _ => {
            let all = layout.words;
            let decaying = if inputs.decay_all { all } else { layout.decaying_words };
            for (begin, end, decays) in [(0, decaying, true), (decaying, all, false)] {
                if end > begin {
                    elementwise(graph, spec, states, inputs, (begin, end - begin), decays)?;
                }
            }
            Ok(())
        }
    }
}

/// Values of an update program: `w`, the states, then `g`, factor, finite, rate, epsilon and decay.
struct Writer {
    program: Program,
    weight: Value,
    states: Vec<Value>,
    gradient: Value,
    is_finite: Value,
    rate: Value,
    epsilon: Value,
}

impl Writer {
    fn new(state_count: usize, decays: bool) -> Self {
        let mut program = Program::new();
        let mut next = 0_u8;
        let mut input = |program: &mut Program| {
            next += 1;
            program.input(next - 1)
        };
        let weight = input(&mut program);
        let states = (0..state_count).map(|_| input(&mut program)).collect();
        let gradient = input(&mut program);
        let [factor, is_finite, rate, epsilon, decay] = std::array::from_fn(|_| input(&mut program));
        let gradient = program.binary(Binary::Multiply, gradient, factor);
        let weight = if decays { program.binary(Binary::Multiply, weight, decay) } else { weight };
        Self { program, weight, states, gradient, is_finite, rate, epsilon }
    }

    fn constant(&mut self, value: f32) -> Value {
        self.program.constant(value)
    }

    fn binary(&mut self, function: Binary, a: Value, b: Value) -> Value {
        self.program.binary(function, a, b)
    }

    /// `factor a + other_factor b`
    fn mix(&mut self, factor: f32, a: Value, other_factor: f32, b: Value) -> Value {
        let (x, y) = (self.constant(factor), self.constant(other_factor));
        let (left, right) = (self.binary(Binary::Multiply, x, a), self.binary(Binary::Multiply, y, b));
        self.binary(Binary::Add, left, right)
    }

    /// `w - rate step`
    fn descend(&mut self, step: Value) -> Value {
        let change = self.binary(Binary::Multiply, self.rate, step);
        self.binary(Binary::Subtract, self.weight, change)
    }

    /// Outputs in the order of the inputs that they replace; the old values where gradients are not finite.
    fn finish(mut self, weight: Value, states: &[Value]) -> Program {
        let old: Vec<Value> = std::iter::once(self.program.input(0)).chain(self.states.clone()).collect();
        let new = std::iter::once(weight).chain(states.iter().copied());
        for (new, old) in new.zip(old) {
            let value = self.program.select(self.is_finite, new, old);
            self.program.output(value);
        }
        self.program
    }
}

fn adam_step(writer: &mut Writer, beta1: f32, beta2: f32) -> (Value, Vec<Value>) {
    let (m, v) = (writer.states.first().copied(), writer.states.get(1).copied());
    let (m, v) = (m.unwrap_or(writer.gradient), v.unwrap_or(writer.gradient));
    let g = writer.gradient;
    let square = writer.binary(Binary::Multiply, g, g);
    let m = writer.mix(beta1, m, 1.0 - beta1, g);
    let v = writer.mix(beta2, v, 1.0 - beta2, square);
    let root = writer.program.unary(Unary::Sqrt, v);
    let root = writer.binary(Binary::Add, root, writer.epsilon);
    let step = writer.binary(Binary::Divide, m, root);
    (writer.descend(step), vec![m, v])
}

fn program(spec: OptimizerSpec, decays: bool) -> Program {
    let states = if matches!(spec, OptimizerSpec::Adam { .. } | OptimizerSpec::Muon { .. }) { 2 } else { 1 };
    let mut writer = Writer::new(states, decays);
    let g = writer.gradient;
    let state = writer.states.first().copied().unwrap_or(g);
    let (weight, states) = match spec {
        OptimizerSpec::Sgd { momentum, nesterov } => {
            let v = writer.mix(momentum, state, 1.0, g);
            let step = if nesterov { writer.mix(1.0, g, momentum, v) } else { v };
            (writer.descend(step), vec![v])
        }
        OptimizerSpec::Lion { beta1, beta2 } => {
            let mixed = writer.mix(beta1, state, 1.0 - beta1, g);
            let sign = writer.program.unary(Unary::Sign, mixed);
            let m = writer.mix(beta2, state, 1.0 - beta2, g);
            (writer.descend(sign), vec![m])
        }
        OptimizerSpec::Adam { beta1, beta2, .. } => adam_step(&mut writer, beta1, beta2),
        OptimizerSpec::Adafactor { .. } | OptimizerSpec::Muon { .. } => adam_step(&mut writer, 0.9, 0.999),
    };
    writer.finish(weight, &states)
}

/// Updates `words` words from `begin` on.
fn elementwise(
    graph: &mut Graph,
    spec: OptimizerSpec,
    states: &[NodeId],
    inputs: &UpdateInputs,
    (begin, words): (usize, usize),
    decays: bool,
) -> Result<(), EngineError> {
    let mut nodes = vec![graph.view(inputs.parameters, begin, &[words])?];
    for state in states {
        nodes.push(graph.view(*state, begin, &[words])?);
    }
    nodes.push(graph.view(inputs.gradients, begin, &[words])?);
    nodes.extend([inputs.factor, inputs.is_finite, inputs.rate, inputs.epsilon, inputs.decay]);
    graph.update("update", &nodes, &program(spec, decays))
}

/// Rows and columns of a parameter that is a matrix; kernels count as (kernel kernel in) x out.
fn matrix(placement: &Placement) -> Option<[usize; 2]> {
    let columns = placement.parameter.shape.last().copied()?;
    let rows = placement.words / columns.max(1);
    (placement.parameter.shape.len() >= 2 && rows > 1 && columns > 1).then_some([rows, columns])
}

/// Per matrix: `r` and `c` are running means of squares over columns and rows, the step is g sqrt(mean(r) / (r c)),
/// scaled down where its root mean square passes 1.
fn adafactor(
    graph: &mut Graph,
    layout: &ParameterLayout,
    states: &[NodeId],
    inputs: &UpdateInputs,
    beta2: f32,
) -> Result<(), EngineError> {
    let mut states = states.iter().copied();
    let mut next = || states.next().ok_or_else(|| EngineError::Shape { message: "adafactor states".into() });
    for placement in &layout.placements {
        let shape = matrix(placement).map_or_else(|| vec![placement.words], |shape| shape.to_vec());
        let weight = graph.view(inputs.parameters, placement.offset, &shape)?;
        let gradient = graph.view(inputs.gradients, placement.offset, &shape)?;
        let gradient = graph.multiply(gradient, inputs.factor)?;
        let square = graph.multiply(gradient, gradient)?;
        let tiny = graph.constant("tiny", &[1], &[1e-30]);
        let square = graph.add(square, tiny)?;
        let root = if let &[rows, columns] = shape.as_slice() {
            let (row_state, column_state) = (next()?, next()?);
            let by_row = graph.reduce(ReduceKind::Sum, square, 1)?;
            let by_row = graph.scale(by_row, 1.0 / columns as f32);
            let by_column = graph.reduce(ReduceKind::Sum, square, 0)?;
            let by_column = graph.scale(by_column, 1.0 / rows as f32);
            running(graph, row_state, by_row, beta2, inputs)?;
            running(graph, column_state, by_column, beta2, inputs)?;
            let mean = graph.mean(row_state)?;
            let row = graph.binary(Binary::Divide, row_state, mean)?;
            let row = graph.reshape(row, &[rows, 1])?;
            let product = graph.multiply(row, column_state)?;
            graph.unary(Unary::ReciprocalSqrt, product)
        } else {
            let state = next()?;
            running(graph, state, square, beta2, inputs)?;
            graph.unary(Unary::ReciprocalSqrt, state)
        };
        let step = graph.multiply(gradient, root)?;
        let step = clipped_to_rms(graph, step)?;
        descend(graph, weight, step, placement, inputs)?;
    }
    Ok(())
}

/// `state = beta state + (1 - beta) value`, where gradients are finite.
fn running(
    graph: &mut Graph,
    state: NodeId,
    value: NodeId,
    beta: f32,
    inputs: &UpdateInputs,
) -> Result<(), EngineError> {
    let mut program = Program::new();
    let [old, new, is_finite] = std::array::from_fn(|input| program.input(input as u8));
    let (keep, take) = (program.constant(beta), program.constant(1.0 - beta));
    let (left, right) =
        (program.binary(Binary::Multiply, keep, old), program.binary(Binary::Multiply, take, new));
    let mixed = program.binary(Binary::Add, left, right);
    let value_out = program.select(is_finite, mixed, old);
    program.output(value_out);
    graph.update("moment", &[state, value, inputs.is_finite], &program)
}

/// `step / max(1, rms(step))`
fn clipped_to_rms(graph: &mut Graph, step: NodeId) -> Result<NodeId, EngineError> {
    let count = graph.elements(step);
    let squares = graph.sum_squares(step);
    let mut program = Program::new();
    let sum = program.input(0);
    let share = program.constant(1.0 / count.max(1) as f32);
    let mean = program.binary(Binary::Multiply, sum, share);
    let rms = program.unary(Unary::Sqrt, mean);
    let one = program.constant(1.0);
    let divisor = program.binary(Binary::Maximum, rms, one);
    let factor = program.unary(Unary::Reciprocal, divisor);
    program.output(factor);
    let factor = graph.map("clip", &[squares], &program)?;
    graph.multiply(step, factor)
}

/// `w = decay w - rate step`, where gradients are finite.
fn descend(
    graph: &mut Graph,
    weight: NodeId,
    step: NodeId,
    placement: &Placement,
    inputs: &UpdateInputs,
) -> Result<(), EngineError> {
    let mut program = Program::new();
    let [old, step_value, is_finite, rate, decay] = std::array::from_fn(|input| program.input(input as u8));
    let decays = inputs.decay_all || placement.parameter.decays;
    let kept = if decays { program.binary(Binary::Multiply, old, decay) } else { old };
    let change = program.binary(Binary::Multiply, rate, step_value);
    let new = program.binary(Binary::Subtract, kept, change);
    let value = program.select(is_finite, new, old);
    program.output(value);
    graph.update("update", &[weight, step, inputs.is_finite, inputs.plain_rate, inputs.decay], &program)
}

/// Matrices step along their orthogonalised momentum, five Newton-Schulz rounds, scaled by 0.2 sqrt(larger side) so
/// that a step is as large as Adam's (Liu et al. 2025); everything else steps by Adam.
fn muon(
    graph: &mut Graph,
    layout: &ParameterLayout,
    states: &[NodeId],
    inputs: &UpdateInputs,
    momentum: f32,
) -> Result<(), EngineError> {
    let &[first, second] = states else {
        return Err(EngineError::Shape { message: "muon states".into() });
    };
    for placement in &layout.placements {
        let hidden = matrix(placement).filter(|_| placement.parameter.decays);
        let Some([rows, columns]) = hidden else {
            let range = (placement.offset, placement.words);
            let decays = inputs.decay_all || placement.parameter.decays;
            elementwise(graph, OptimizerSpec::ADAM, states, inputs, range, decays)?;
            continue;
        };
        let shape = [rows, columns];
        let weight = graph.view(inputs.parameters, placement.offset, &shape)?;
        let gradient = graph.view(inputs.gradients, placement.offset, &shape)?;
        let velocity = graph.view(first, placement.offset, &shape)?;
        let _ = second;
        let gradient = graph.multiply(gradient, inputs.factor)?;
        accumulate_momentum(graph, velocity, gradient, momentum, inputs)?;
        let ahead = graph.scale(velocity, momentum);
        let ahead = graph.add(ahead, gradient)?;
        let step = orthogonalised(graph, ahead, rows > columns)?;
        let step = graph.scale(step, 0.2 * (rows.max(columns) as f32).sqrt());
        descend(graph, weight, step, placement, inputs)?;
    }
    Ok(())
}

fn accumulate_momentum(
    graph: &mut Graph,
    velocity: NodeId,
    gradient: NodeId,
    momentum: f32,
    inputs: &UpdateInputs,
) -> Result<(), EngineError> {
    let mut program = Program::new();
    let [old, new, is_finite] = std::array::from_fn(|input| program.input(input as u8));
    let factor = program.constant(momentum);
    let kept = program.binary(Binary::Multiply, factor, old);
    let sum = program.binary(Binary::Add, kept, new);
    let value = program.select(is_finite, sum, old);
    program.output(value);
    graph.update("momentum", &[velocity, gradient, inputs.is_finite], &program)
}

/// Five rounds of `X = a X + (b A + c A A) X` with `A = X X^T`, from X of norm 1: singular values go to about 1.
fn orthogonalised(graph: &mut Graph, x: NodeId, is_tall: bool) -> Result<NodeId, EngineError> {
    const COEFFICIENTS: [f32; 3] = [3.4445, -4.7750, 2.0315];
    let [a, b, c] = COEFFICIENTS;
    let mut x = if is_tall { graph.permute(x, &[1, 0])? } else { x };
    let squares = graph.sum_squares(x);
    let root = graph.unary(Unary::Sqrt, squares);
    let tiny = graph.constant("tiny", &[1], &[1e-7]);
    let norm = graph.add(root, tiny)?;
    x = graph.binary(Binary::Divide, x, norm)?;
    for _ in 0..5 {
        let gram = graph.matmul(x, x, false, true)?;
        let square = graph.matmul(gram, gram, false, false)?;
        let (left, right) = (graph.scale(gram, b), graph.scale(square, c));
        let mix = graph.add(left, right)?;
        let turned = graph.matmul(mix, x, false, false)?;
        let kept = graph.scale(x, a);
        x = graph.add(kept, turned)?;
    }
    if is_tall { graph.permute(x, &[1, 0]) } else { Ok(x) }
}
