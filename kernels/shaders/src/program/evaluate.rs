//! The twin of every printed kernel: scalar, in the order of the instructions.

use super::{Access, Binary, Instruction, MapKernel, Program, Target, Unary};

/// A function of one value, in f32.
#[must_use]
pub fn scalar_unary(function: Unary, x: f32) -> f32 {
    match function {
        Unary::Negate => -x,
        Unary::Exp => x.exp(),
        Unary::Log => x.ln(),
        Unary::Sqrt => x.sqrt(),
        Unary::ReciprocalSqrt => 1.0 / x.sqrt(),
        Unary::Reciprocal => 1.0 / x,
        Unary::Abs => x.abs(),
        Unary::Sign => f32::from(i8::from(x > 0.0) - i8::from(x < 0.0)),
        Unary::Tanh => x.tanh(),
        Unary::Sigmoid => 1.0 / (1.0 + (-x).exp()),
        Unary::Sin => x.sin(),
        Unary::Cos => x.cos(),
        Unary::Floor => x.floor(),
        Unary::IsFinite => f32::from(u8::from(!crate::cpu::is_non_finite(x))),
    }
}

/// A function of two values, in f32.
#[must_use]
#[expect(clippy::float_cmp, reason = "equality is what the instruction asks")]
pub fn scalar_binary(function: Binary, a: f32, b: f32) -> f32 {
    match function {
        Binary::Add => a + b,
        Binary::Subtract => a - b,
        Binary::Multiply => a * b,
        Binary::Divide => a / b,
        Binary::Maximum => a.max(b),
        Binary::Minimum => a.min(b),
        Binary::Greater => f32::from(u8::from(a > b)),
        Binary::Equal => f32::from(u8::from(a == b)),
    }
}

impl Program {
    /// All outputs for one element.
    #[must_use]
    pub fn run(&self, inputs: &[f32]) -> Vec<f32> {
        let mut values: Vec<f32> = Vec::with_capacity(self.instructions.len());
        for instruction in &self.instructions {
            let at = |number: &u16| values.get(usize::from(*number)).copied().unwrap_or(f32::NAN);
            values.push(match instruction {
                Instruction::Input(input) => inputs.get(usize::from(*input)).copied().unwrap_or(f32::NAN),
                Instruction::Constant(bits) => f32::from_bits(*bits),
                Instruction::Unary(function, x) => scalar_unary(*function, at(x)),
                Instruction::Binary(function, a, b) => scalar_binary(*function, at(a), at(b)),
                Instruction::Select(condition, then, otherwise) => {
                    if at(condition) > 0.0 {
                        at(then)
                    } else {
                        at(otherwise)
                    }
                }
            });
        }
        self.outputs.iter().filter_map(|output| values.get(usize::from(*output)).copied()).collect()
    }
}

/// Runs a kernel over `count` elements; buffers in the order of its bindings.
pub fn evaluate(kernel: &MapKernel, count: usize, buffers: &mut [&mut [f32]]) {
    let mut inputs = vec![0.0; kernel.accesses.len()];
    for index in 0..count {
        for (number, (input, access)) in inputs.iter_mut().zip(&kernel.accesses).enumerate() {
            let buffer = buffers.get(kernel.buffer_of(number));
            *input = buffer.and_then(|buffer| buffer.get(access.index(index))).copied().unwrap_or(f32::NAN);
        }
        let outputs = kernel.program.run(&inputs);
        let mut fresh = kernel.input_buffers();
        for (target, output) in kernel.targets.iter().zip(outputs) {
            let buffer = match target {
                Target::InPlace(input) => kernel.buffer_of(usize::from(*input)),
                Target::Fresh => {
                    fresh += 1;
                    fresh - 1
                }
            };
            if let Some(slot) = buffers.get_mut(buffer).and_then(|buffer| buffer.get_mut(index)) {
                *slot = output;
            }
        }
    }
}

impl Access {
    /// Which element of the input belongs to element `index` of the result.
    #[must_use]
    pub const fn index(&self, index: usize) -> usize {
        match self {
            Self::Same => index,
            Self::Scalar(offset) | Self::Shared { offset, .. } => *offset as usize,
            Self::Periodic { divide, modulo } => (index / *divide as usize) % *modulo as usize,
        }
    }
}
