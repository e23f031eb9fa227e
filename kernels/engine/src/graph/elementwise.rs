//! Recording elementwise work: every method is a short program over broadcast inputs.

use super::{Graph, NodeId, Op, ReduceKind};
use crate::EngineError;
use shaders::program::{Binary, Program, Unary, Value};
use std::rc::Rc;

type Recorded = Result<NodeId, EngineError>;

impl Graph {
    /// A program over inputs that broadcast to one shape (axes aligned at the last, size 1 repeats).
    ///
    /// # Errors
    /// Names two shapes that do not broadcast.
    pub fn map(&mut self, label: &str, inputs: &[NodeId], program: &Program) -> Recorded {
        let mut shape: Vec<usize> = vec![];
        for input in inputs {
            shape = broadcast(&shape, self.shape(*input))
                .ok_or_else(|| self.misfit(label, inputs.first().copied().unwrap_or(*input), *input))?;
        }
        let (inputs, program) = without_repeats(inputs, program);
        Ok(self.push(Op::Map(Rc::new(program)), inputs, shape, label))
    }

    /// A function of one value.
    pub fn unary(&mut self, function: Unary, x: NodeId) -> NodeId {
        let mut program = Program::new();
        let value = program.input(0);
        let value = program.unary(function, value);
        program.output(value);
        let shape = self.shape(x).to_vec();
        self.push(Op::Map(Rc::new(program)), vec![x], shape, format!("{function:?}").to_lowercase())
    }

    /// A function of two values, broadcast.
    ///
    /// # Errors
    /// Names both shapes where they do not broadcast.
    pub fn binary(&mut self, function: Binary, a: NodeId, b: NodeId) -> Recorded {
        let mut program = Program::new();
        let (x, y) = (program.input(0), program.input(1));
        let value = program.binary(function, x, y);
        program.output(value);
        self.map(&format!("{function:?}").to_lowercase(), &[a, b], &program)
    }

    /// Elementwise sum, broadcast.
    ///
    /// # Errors
    /// Names both shapes where they do not broadcast.
    pub fn add(&mut self, a: NodeId, b: NodeId) -> Recorded {
        self.binary(Binary::Add, a, b)
    }

    /// Elementwise product, broadcast.
    ///
    /// # Errors
    /// Names both shapes where they do not broadcast.
    pub fn multiply(&mut self, a: NodeId, b: NodeId) -> Recorded {
        self.binary(Binary::Multiply, a, b)
    }

    /// `x * factor`
    pub fn scale(&mut self, x: NodeId, factor: f32) -> NodeId {
        let mut program = Program::new();
        let value = program.input(0);
        let constant = program.constant(factor);
        let value = program.binary(Binary::Multiply, value, constant);
        program.output(value);
        let shape = self.shape(x).to_vec();
        self.push(Op::Map(Rc::new(program)), vec![x], shape, "scale")
    }

    /// `x + bias` along the last axis.
    ///
    /// # Errors
    /// Names both shapes where the bias is not as long as the last axis.
    pub fn bias_add(&mut self, x: NodeId, bias: NodeId) -> Recorded {
        if self.shape(x).last() != self.shape(bias).first() || self.shape(bias).len() != 1 {
            return Err(self.misfit("bias_add", x, bias));
        }
        self.add(x, bias)
    }

    /// max(x, 0).
    pub fn relu(&mut self, x: NodeId) -> NodeId {
        let mut program = Program::new();
        let value = program.input(0);
        let zero = program.constant(0.0);
        let value = program.binary(Binary::Maximum, value, zero);
        program.output(value);
        let shape = self.shape(x).to_vec();
        self.push(Op::Map(Rc::new(program)), vec![x], shape, "relu")
    }

    /// GELU in its tanh form (Hendrycks and Gimpel 2016, section 2).
    pub fn gelu(&mut self, x: NodeId) -> NodeId {
        let shape = self.shape(x).to_vec();
        self.push(Op::Map(Rc::new(gelu_program())), vec![x], shape, "gelu")
    }

    /// SiLU: x sigmoid(x).
    pub fn silu(&mut self, x: NodeId) -> NodeId {
        let mut program = Program::new();
        let value = program.input(0);
        let value = silu(&mut program, value);
        program.output(value);
        let shape = self.shape(x).to_vec();
        self.push(Op::Map(Rc::new(program)), vec![x], shape, "silu")
    }

    /// SwiGLU: silu(gate) up (Shazeer 2020).
    ///
    /// # Errors
    /// Names both shapes where they do not broadcast.
    pub fn swiglu(&mut self, gate: NodeId, up: NodeId) -> Recorded {
        let mut program = Program::new();
        let (gate_value, up_value) = (program.input(0), program.input(1));
        let value = silu(&mut program, gate_value);
        let value = program.binary(Binary::Multiply, value, up_value);
        program.output(value);
        self.map("swiglu", &[gate, up], &program)
    }

    /// Sum or maximum over one axis, which disappears.
    ///
    /// # Errors
    /// Names the shape where it has no such axis.
    pub fn reduce(&mut self, kind: ReduceKind, x: NodeId, axis: usize) -> Recorded {
        let shape = self.shape(x).to_vec();
        let Some(&length) = shape.get(axis) else { return Err(self.misfit("reduce", x, x)) };
        let inner = shape.iter().skip(axis + 1).product();
        let mut out = shape;
        out.remove(axis);
        let label = if kind == ReduceKind::Sum { "sum" } else { "max" };
        Ok(self.push(Op::Reduce { kind, length, inner }, vec![x], out, label))
    }

    /// Mean of all elements, one value.
    ///
    /// # Errors
    /// None in practice; shapes are made to fit.
    pub fn mean(&mut self, x: NodeId) -> Recorded {
        let count = self.elements(x);
        let flat = self.reshape(x, &[count])?;
        let sum = self.reduce(ReduceKind::Sum, flat, 0)?;
        Ok(self.scale(sum, 1.0 / count.max(1) as f32))
    }

    /// Sum of squares of all elements, one value.
    pub fn sum_squares(&mut self, x: NodeId) -> NodeId {
        self.push(Op::SumSquares, vec![x], vec![1], "sum_squares")
    }

    /// One element of a value, wherever it stands.
    ///
    /// # Errors
    /// Names the shape where there is no such element.
    pub fn element(&mut self, x: NodeId, index: usize) -> Recorded {
        if index >= self.elements(x) {
            return Err(self.misfit("element", x, x));
        }
        Ok(self.push(Op::View { offset: index }, vec![x], vec![1], "element"))
    }

    /// Sums a gradient over the axes along which `shape` was broadcast.
    pub(crate) fn sum_to(&mut self, x: NodeId, shape: &[usize]) -> Recorded {
        let mut current = x;
        while self.shape(current).len() > shape.len() {
            current = self.reduce(ReduceKind::Sum, current, 0)?;
        }
        for (axis, size) in shape.iter().enumerate() {
            let now = self.shape(current).to_vec();
            if *size == 1 && now.get(axis).is_some_and(|size| *size != 1) {
                current = self.reduce(ReduceKind::Sum, current, axis)?;
                let mut kept = now;
                if let Some(slot) = kept.get_mut(axis) {
                    *slot = 1;
                }
                current = self.reshape(current, &kept)?;
            }
        }
        Ok(current)
    }
}

fn silu(program: &mut Program, x: Value) -> Value {
    let gate = program.unary(Unary::Sigmoid, x);
    program.binary(Binary::Multiply, x, gate)
}

/// `0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`
#[must_use]
pub fn gelu_program() -> Program {
    use Binary::{Add, Multiply};
    let mut program = Program::new();
    let x = program.input(0);
    let square = program.binary(Multiply, x, x);
    let factor = program.constant(0.044_715);
    let inner = program.binary(Multiply, factor, square);
    let one = program.constant(1.0);
    let inner = program.binary(Add, one, inner);
    let inner = program.binary(Multiply, x, inner);
    let root = program.constant((2.0 / std::f64::consts::PI).sqrt() as f32);
    let inner = program.binary(Multiply, root, inner);
    let tanh = program.unary(Unary::Tanh, inner);
    let gate = program.binary(Add, one, tanh);
    let half = program.constant(0.5);
    let half_x = program.binary(Multiply, half, x);
    let value = program.binary(Multiply, half_x, gate);
    program.output(value);
    program
}

/// The shape that both broadcast to.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at = |shape: &[usize], axis: usize| {
        (axis + shape.len()).checked_sub(rank).and_then(|axis| shape.get(axis)).copied().unwrap_or(1)
    };
    (0..rank)
        .map(|axis| match (at(a, axis), at(b, axis)) {
            (x, y) if x == y => Some(x),
            (1, y) => Some(y),
            (x, 1) => Some(x),
            _ => None,
        })
        .collect()
}

/// The same node twice is one input: WebGPU forbids binding one range twice.
pub(crate) fn without_repeats(inputs: &[NodeId], program: &Program) -> (Vec<NodeId>, Program) {
    let mut kept: Vec<NodeId> = vec![];
    let mut moved: Vec<u8> = vec![];
    for input in inputs {
        let found = kept.iter().position(|other| other == input);
        moved.push(found.unwrap_or(kept.len()) as u8);
        if found.is_none() {
            kept.push(*input);
        }
    }
    let program = program.compact(|input| moved.get(usize::from(input)).copied().unwrap_or(input));
    (kept, program)
}
