//! Scalar programs: what one element of an elementwise kernel computes.
//!
//! A program is a short list of instructions in static single assignment. It is written once and read four times:
//! differentiated by rules ([`Program::gradient`]), fused with its neighbours ([`Program::substitute`]), printed as
//! WGSL ([`MapKernel::source`]) and run on the CPU ([`evaluate`], the twin of every printed kernel).

mod calculus;
mod evaluate;
mod kernel;
#[cfg(test)]
mod tests;

pub use evaluate::{evaluate, scalar_binary, scalar_unary};
pub use kernel::{Access, MapKernel, Target};

/// Functions of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unary {
    /// -x
    Negate,
    /// e^x
    Exp,
    /// Natural logarithm.
    Log,
    /// Square root.
    Sqrt,
    /// 1 / sqrt(x)
    ReciprocalSqrt,
    /// 1 / x
    Reciprocal,
    /// |x|
    Abs,
    /// -1, 0 or 1.
    Sign,
    /// Hyperbolic tangent.
    Tanh,
    /// 1 / (1 + e^-x)
    Sigmoid,
    /// Sine; WGSL promises 2^-11 only, so nothing exact may depend on it.
    Sin,
    /// Cosine, as [`Self::Sin`].
    Cos,
    /// Largest whole number that is not larger.
    Floor,
    /// 1 where the exponent bits are not all ones, else 0: decided on the bits, since WGSL may assume NaN away.
    IsFinite,
}

/// Functions of two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Binary {
    /// a + b
    Add,
    /// a - b
    Subtract,
    /// a b
    Multiply,
    /// a / b
    Divide,
    /// The larger.
    Maximum,
    /// The smaller.
    Minimum,
    /// 1 where a > b, else 0.
    Greater,
    /// 1 where a = b, else 0.
    Equal,
}

/// One step; numbers name earlier instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Instruction {
    /// An input of the kernel.
    Input(u8),
    /// A constant, by its bits.
    Constant(u32),
    /// A function of one value.
    Unary(Unary, u16),
    /// A function of two values.
    Binary(Binary, u16, u16),
    /// The second where the first is larger than 0, else the third.
    Select(u16, u16, u16),
}

/// Instructions with the numbers of the results.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Program {
    instructions: Vec<Instruction>,
    outputs: Vec<u16>,
}

/// A value of a program that is being written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value(u16);

impl Program {
    /// An empty program.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The steps.
    #[must_use]
    pub fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }

    /// Numbers of the results.
    #[must_use]
    pub fn outputs(&self) -> &[u16] {
        &self.outputs
    }

    /// Inputs that are read: the largest number plus one.
    #[must_use]
    pub fn input_count(&self) -> usize {
        let inputs = self.instructions.iter().filter_map(|instruction| match instruction {
            Instruction::Input(input) => Some(usize::from(*input) + 1),
            _ => None,
        });
        inputs.max().unwrap_or(0)
    }

    /// Arithmetic operations of one element; exponentials and the like count as eight.
    #[must_use]
    pub fn operations(&self) -> f64 {
        let cost = |instruction: &Instruction| match instruction {
            Instruction::Input(_) | Instruction::Constant(_) => 0.0,
            Instruction::Unary(
                Unary::Exp | Unary::Log | Unary::Tanh | Unary::Sigmoid | Unary::Sin | Unary::Cos,
                _,
            ) => 8.0,
            _ => 1.0,
        };
        self.instructions.iter().map(cost).sum()
    }

    /// Writes one output more.
    pub fn output(&mut self, value: Value) {
        self.outputs.push(value.0);
    }

    /// An input.
    pub fn input(&mut self, number: u8) -> Value {
        self.push(Instruction::Input(number))
    }

    /// A constant.
    pub fn constant(&mut self, value: f32) -> Value {
        self.push(Instruction::Constant(value.to_bits()))
    }

    /// A function of one value; of a constant it is computed now.
    pub fn unary(&mut self, function: Unary, x: Value) -> Value {
        match self.known(x) {
            Some(known) => self.constant(scalar_unary(function, known)),
            None => self.push(Instruction::Unary(function, x.0)),
        }
    }

    /// A function of two values; neutral elements and constants are folded.
    pub fn binary(&mut self, function: Binary, a: Value, b: Value) -> Value {
        use Binary::{Add, Divide, Multiply, Subtract};
        let is =
            |known: Option<f32>, value: f32| known.is_some_and(|known| known.to_bits() == value.to_bits());
        match (function, self.known(a), self.known(b)) {
            (_, Some(x), Some(y)) => self.constant(scalar_binary(function, x, y)),
            (Multiply, one, _) if is(one, 1.0) => b,
            (Add, zero, _) if is(zero, 0.0) => b,
            (Multiply | Divide, _, one) if is(one, 1.0) => a,
            (Add | Subtract, _, zero) if is(zero, 0.0) => a,
            _ => self.push(Instruction::Binary(function, a.0, b.0)),
        }
    }

    /// `then` where `condition` > 0, else `otherwise`.
    pub fn select(&mut self, condition: Value, then: Value, otherwise: Value) -> Value {
        match self.known(condition) {
            Some(known) if known > 0.0 => then,
            Some(_) => otherwise,
            None if then == otherwise => then,
            None => self.push(Instruction::Select(condition.0, then.0, otherwise.0)),
        }
    }

    fn known(&self, value: Value) -> Option<f32> {
        match self.instructions.get(usize::from(value.0)) {
            Some(Instruction::Constant(bits)) => Some(f32::from_bits(*bits)),
            _ => None,
        }
    }

    /// Equal instructions are one: common subexpressions never arise.
    fn push(&mut self, instruction: Instruction) -> Value {
        let found = self.instructions.iter().position(|other| *other == instruction);
        let index = found.unwrap_or_else(|| {
            self.instructions.push(instruction);
            self.instructions.len() - 1
        });
        Value(u16::try_from(index).unwrap_or(u16::MAX))
    }

    /// Appends another program: its input `i` becomes `inputs[i]`. Returns its outputs as values of this one.
    pub fn inline(&mut self, other: &Self, inputs: &[Value]) -> Vec<Value> {
        let mut values: Vec<Value> = Vec::with_capacity(other.instructions.len());
        for instruction in &other.instructions {
            let at = |number: &u16| values.get(usize::from(*number)).copied().unwrap_or(Value(0));
            let value = match instruction {
                Instruction::Input(input) => inputs.get(usize::from(*input)).copied().unwrap_or(Value(0)),
                Instruction::Constant(bits) => self.constant(f32::from_bits(*bits)),
                Instruction::Unary(function, x) => {
                    let x = at(x);
                    self.unary(*function, x)
                }
                Instruction::Binary(function, a, b) => {
                    let (a, b) = (at(a), at(b));
                    self.binary(*function, a, b)
                }
                Instruction::Select(condition, then, otherwise) => {
                    let (condition, then, otherwise) = (at(condition), at(then), at(otherwise));
                    self.select(condition, then, otherwise)
                }
            };
            values.push(value);
        }
        other.outputs.iter().filter_map(|output| values.get(usize::from(*output)).copied()).collect()
    }

    /// The same program without instructions that no output needs, inputs renumbered as `renumber` says.
    #[must_use]
    pub fn compact(&self, renumber: impl Fn(u8) -> u8) -> Self {
        let mut needed = vec![false; self.instructions.len()];
        let mut stack: Vec<u16> = self.outputs.clone();
        while let Some(number) = stack.pop() {
            let index = usize::from(number);
            let (Some(flag), Some(instruction)) = (needed.get_mut(index), self.instructions.get(index))
            else {
                continue;
            };
            if std::mem::replace(flag, true) {
                continue;
            }
            match instruction {
                Instruction::Input(_) | Instruction::Constant(_) => {}
                Instruction::Unary(_, x) => stack.push(*x),
                Instruction::Binary(_, a, b) => stack.extend([*a, *b]),
                Instruction::Select(a, b, c) => stack.extend([*a, *b, *c]),
            }
        }
        let mut out = Self::new();
        let mut moved: Vec<u16> = Vec::with_capacity(needed.len());
        for (instruction, needed) in self.instructions.iter().zip(needed) {
            if !needed {
                moved.push(u16::MAX);
                continue;
            }
            let at = |number: &u16| moved.get(usize::from(*number)).copied().unwrap_or(0);
            let instruction = match instruction {
                Instruction::Input(input) => Instruction::Input(renumber(*input)),
                Instruction::Constant(bits) => Instruction::Constant(*bits),
                Instruction::Unary(function, x) => Instruction::Unary(*function, at(x)),
                Instruction::Binary(function, a, b) => Instruction::Binary(*function, at(a), at(b)),
                Instruction::Select(a, b, c) => Instruction::Select(at(a), at(b), at(c)),
            };
            moved.push(out.push(instruction).0);
        }
        out.outputs =
            self.outputs.iter().filter_map(|output| moved.get(usize::from(*output)).copied()).collect();
        out
    }

    /// This program with its input `position` replaced by `producer`'s first output; the producer's inputs are
    /// numbered from `first_new` on.
    #[must_use]
    pub fn substitute(&self, position: u8, producer: &Self, first_new: u8) -> Self {
        let mut fused = Self::new();
        let producer_inputs: Vec<Value> = (0..producer.input_count())
            .map(|input| fused.input(first_new.saturating_add(input as u8)))
            .collect();
        let produced = fused.inline(producer, &producer_inputs).first().copied().unwrap_or(Value(0));
        let inputs: Vec<Value> = (0..self.input_count())
            .map(|input| if input == usize::from(position) { produced } else { fused.input(input as u8) })
            .collect();
        let outputs = fused.inline(self, &inputs);
        for output in outputs {
            fused.output(output);
        }
        fused
    }
}
