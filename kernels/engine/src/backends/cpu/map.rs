//! Elementwise programs on the CPU: a block of elements at a time goes through all instructions while it stays in the
//! first-level cache; every instruction is one loop that the compiler vectorises.

use super::simd::vector_math;
use shaders::program::{Access, Binary, Instruction, MapKernel, Target, Unary, scalar_unary};

/// Elements of a block.
pub(crate) const BLOCK: usize = 256;

type Block = [f32; BLOCK];

/// Registers of the longest program so far.
#[derive(Debug, Default)]
pub(super) struct MapScratch {
    blocks: Vec<Block>,
}

impl MapScratch {
    /// Makes room for a kernel, so that running it allocates nothing.
    pub fn reserve(&mut self, kernel: &MapKernel) {
        let needed = kernel.program.instructions().len();
        if self.blocks.len() < needed {
            self.blocks.resize(needed, [0.0; BLOCK]);
        }
    }

    /// Runs a kernel over `count` elements; buffers in the order of its bindings.
    pub fn run(&mut self, kernel: &MapKernel, count: usize, buffers: &mut [&mut [f32]]) {
        self.reserve(kernel);
        let mut begin = 0;
        while begin < count {
            let length = BLOCK.min(count - begin);
            self.block(kernel, begin, length, buffers);
            begin += length;
        }
    }

    fn block(&mut self, kernel: &MapKernel, begin: usize, length: usize, buffers: &mut [&mut [f32]]) {
        for (number, instruction) in kernel.program.instructions().iter().enumerate() {
            let Some((done, [target, ..])) = self.blocks.split_at_mut_checked(number) else { return };
            let at = |register: u16| done.get(usize::from(register)).unwrap_or(&[0.0; BLOCK]);
            match *instruction {
                Instruction::Input(input) => {
                    let input = usize::from(input);
                    let access = kernel.accesses.get(input).copied().unwrap_or(Access::Same);
                    if let Some(buffer) = buffers.get(kernel.buffer_of(input)) {
                        load(target, access, buffer, begin, length);
                    }
                }
                Instruction::Constant(bits) => target.fill(f32::from_bits(bits)),
                Instruction::Unary(function, x) => unary(function, target, at(x)),
                Instruction::Binary(function, a, b) => binary(function, target, at(a), at(b)),
                Instruction::Select(condition, then, otherwise) => {
                    let choices = at(then).iter().zip(at(otherwise));
                    for ((slot, condition), (then, otherwise)) in
                        target.iter_mut().zip(at(condition)).zip(choices)
                    {
                        *slot = if *condition > 0.0 { *then } else { *otherwise };
                    }
                }
            }
        }
        let mut fresh = kernel.input_buffers();
        for (target, output) in kernel.targets.iter().zip(kernel.program.outputs()) {
            let buffer = match target {
                Target::InPlace(input) => kernel.buffer_of(usize::from(*input)),
                Target::Fresh => {
                    fresh += 1;
                    fresh - 1
                }
            };
            let written = buffers.get_mut(buffer).and_then(|buffer| buffer.get_mut(begin..begin + length));
            if let (Some(written), Some(block)) = (written, self.blocks.get(usize::from(*output))) {
                written.copy_from_slice(block.get(..length).unwrap_or_default());
            }
        }
    }
}

/// Fills a block from a buffer; what lies past `length` keeps old, finite or not, values that nobody reads.
fn load(target: &mut Block, access: Access, buffer: &[f32], begin: usize, length: usize) {
    let Some(target) = target.get_mut(..length) else { return };
    match access {
        Access::Same => {
            if let Some(source) = buffer.get(begin..begin + length) {
                target.copy_from_slice(source);
            }
        }
        Access::Scalar(offset) | Access::Shared { offset, .. } => {
            target.fill(buffer.get(offset as usize).copied().unwrap_or(f32::NAN));
        }
        Access::Periodic { divide: 1, modulo } => {
            let modulo = modulo as usize;
            let mut done = 0;
            while done < length {
                let from = (begin + done) % modulo;
                let run = (modulo - from).min(length - done);
                if let (Some(target), Some(source)) =
                    (target.get_mut(done..done + run), buffer.get(from..from + run))
                {
                    target.copy_from_slice(source);
                }
                done += run;
            }
        }
        Access::Periodic { divide, modulo } => {
            let (divide, modulo) = (divide as usize, modulo as usize);
            let mut done = 0;
            while done < length {
                let index = begin + done;
                let run = (divide - index % divide).min(length - done);
                let value = buffer.get((index / divide) % modulo).copied().unwrap_or(f32::NAN);
                if let Some(target) = target.get_mut(done..done + run) {
                    target.fill(value);
                }
                done += run;
            }
        }
    }
}

fn unary(function: Unary, target: &mut Block, x: &Block) {
    target.copy_from_slice(x);
    match function {
        Unary::Exp => vector_math::exp(target),
        Unary::Tanh => vector_math::tanh(target),
        Unary::Sigmoid => vector_math::sigmoid(target),
        Unary::Log => vector_math::ln(target),
        Unary::Negate => target.iter_mut().for_each(|value| *value = -*value),
        Unary::Sqrt => target.iter_mut().for_each(|value| *value = value.sqrt()),
        Unary::ReciprocalSqrt => target.iter_mut().for_each(|value| *value = 1.0 / value.sqrt()),
        Unary::Reciprocal => target.iter_mut().for_each(|value| *value = 1.0 / *value),
        Unary::Abs => target.iter_mut().for_each(|value| *value = value.abs()),
        Unary::IsFinite => target.iter_mut().for_each(|value| {
            *value = f32::from(u8::from((value.to_bits() & 0x7f80_0000) != 0x7f80_0000));
        }),
        rare @ (Unary::Sign | Unary::Sin | Unary::Cos | Unary::Floor) => {
            target.iter_mut().for_each(|value| *value = scalar_unary(rare, *value));
        }
    }
}

#[expect(clippy::float_cmp, reason = "equality is what the instruction asks")]
fn binary(function: Binary, target: &mut Block, a: &Block, b: &Block) {
    let pairs = target.iter_mut().zip(a.iter().zip(b));
    match function {
        Binary::Add => pairs.for_each(|(slot, (a, b))| *slot = a + b),
        Binary::Subtract => pairs.for_each(|(slot, (a, b))| *slot = a - b),
        Binary::Multiply => pairs.for_each(|(slot, (a, b))| *slot = a * b),
        Binary::Divide => pairs.for_each(|(slot, (a, b))| *slot = a / b),
        // Written out: f32::max must answer NaN specially, which costs four instructions.
        Binary::Maximum => pairs.for_each(|(slot, (a, b))| *slot = if *a > *b { *a } else { *b }),
        Binary::Minimum => pairs.for_each(|(slot, (a, b))| *slot = if *a < *b { *a } else { *b }),
        Binary::Greater => pairs.for_each(|(slot, (a, b))| *slot = f32::from(u8::from(a > b))),
        Binary::Equal => pairs.for_each(|(slot, (a, b))| *slot = f32::from(u8::from(a == b))),
    }
}
