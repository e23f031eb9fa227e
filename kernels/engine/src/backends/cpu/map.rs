//! Elementwise programs on the CPU: a block of elements at a time goes through all instructions while it stays in the
//! caches; every instruction is one loop that the compiler vectorises. Inputs that are read element by
//! element are read in place, constants and single values are never spread out.

use super::simd::vector_math;
use shaders::program::{Access, Binary, Instruction, MapKernel, Program, Target, Unary, scalar_unary};

/// Elements of a block. Fewer would spend their time on choosing instructions, whatever a near cache gains.
pub(crate) const BLOCK: usize = 1024;

type Block = [f32; BLOCK];

/// Registers of the longest program so far.
#[derive(Debug, Default)]
pub(super) struct MapScratch {
    blocks: Vec<Block>,
}

/// Where an instruction's value stands while a block is computed.
#[derive(Clone, Copy)]
enum Value<'a> {
    /// One value for the whole block.
    Uniform(f32),
    /// A value an element.
    Each(&'a [f32]),
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
        let program = &kernel.program;
        for (number, instruction) in program.instructions().iter().enumerate() {
            let Some((done, [target, ..])) = self.blocks.split_at_mut_checked(number) else { return };
            let Some(target) = target.get_mut(..length) else { return };
            let find = |register: u16| value_of(register, kernel, (begin, length), buffers, done);
            match *instruction {
                Instruction::Input(input) => load(target, kernel, usize::from(input), begin, buffers),
                Instruction::Constant(_) => {}
                Instruction::Unary(function, x) => unary(function, target, find(x)),
                Instruction::Binary(function, a, b) => binary(function, target, find(a), find(b)),
                Instruction::Select(condition, then, otherwise) => {
                    select(target, find(condition), find(then), find(otherwise));
                }
            }
        }
        self.keep_inputs(kernel, (begin, length), buffers);
        let mut fresh = kernel.input_buffers();
        for (target, output) in kernel.targets.iter().zip(program.outputs()) {
            let buffer = match target {
                Target::InPlace(input) => kernel.buffer_of(usize::from(*input)),
                Target::Fresh => {
                    fresh += 1;
                    fresh - 1
                }
            };
            let uniform = match program.instructions().get(usize::from(*output)) {
                Some(Instruction::Constant(bits)) => Some(f32::from_bits(*bits)),
                _ => None,
            };
            let written = buffers.get_mut(buffer).and_then(|buffer| buffer.get_mut(begin..begin + length));
            match (written, uniform, self.blocks.get(usize::from(*output))) {
                (Some(written), Some(value), _) => written.fill(value),
                (Some(written), None, Some(block)) => {
                    written.copy_from_slice(block.get(..length).unwrap_or_default())
                }
                _ => {}
            }
        }
    }

    /// Outputs that are inputs go through their registers before anything is written, since buffers may be written
    /// over.
    fn keep_inputs(&mut self, kernel: &MapKernel, range: (usize, usize), buffers: &[&mut [f32]]) {
        for output in kernel.program.outputs() {
            if !is_input(&kernel.program, *output) {
                continue;
            }
            let mut copy = [0.0; BLOCK];
            match value_of(*output, kernel, range, buffers, &self.blocks) {
                Value::Uniform(value) => copy.fill(value),
                Value::Each(values) => {
                    for (slot, value) in copy.iter_mut().zip(values) {
                        *slot = *value;
                    }
                }
            }
            if let Some(block) = self.blocks.get_mut(usize::from(*output)) {
                *block = copy;
            }
        }
    }
}

fn is_input(program: &Program, register: u16) -> bool {
    matches!(program.instructions().get(usize::from(register)), Some(Instruction::Input(_)))
}

/// Where the value of an instruction stands.
fn value_of<'a>(
    register: u16,
    kernel: &MapKernel,
    (begin, length): (usize, usize),
    buffers: &'a [&mut [f32]],
    done: &'a [Block],
) -> Value<'a> {
    match kernel.program.instructions().get(usize::from(register)) {
        Some(Instruction::Constant(bits)) => return Value::Uniform(f32::from_bits(*bits)),
        Some(Instruction::Input(input)) => {
            let input = usize::from(*input);
            let buffer = buffers.get(kernel.buffer_of(input));
            match kernel.accesses.get(input) {
                Some(Access::Same) => {
                    let values = buffer.and_then(|buffer| buffer.get(begin..begin + length));
                    return Value::Each(values.unwrap_or_default());
                }
                Some(Access::Scalar(offset) | Access::Shared { offset, .. }) => {
                    let value = buffer.and_then(|buffer| buffer.get(*offset as usize)).copied();
                    return Value::Uniform(value.unwrap_or(f32::NAN));
                }
                _ => {}
            }
        }
        _ => {}
    }
    Value::Each(done.get(usize::from(register)).and_then(|block| block.get(..length)).unwrap_or_default())
}

/// Fills a block from an input that is read by a period; others are read where they stand.
fn load(target: &mut [f32], kernel: &MapKernel, input: usize, begin: usize, buffers: &[&mut [f32]]) {
    let Some(Access::Periodic { divide, modulo }) = kernel.accesses.get(input) else { return };
    let Some(buffer) = buffers.get(kernel.buffer_of(input)) else { return };
    let (divide, modulo, length) = (*divide as usize, *modulo as usize, target.len());
    let mut done = 0;
    while done < length {
        let index = begin + done;
        let (run, from) = if divide == 1 {
            ((modulo - index % modulo).min(length - done), index % modulo)
        } else {
            ((divide - index % divide).min(length - done), (index / divide) % modulo)
        };
        let Some(target) = target.get_mut(done..done + run) else { return };
        if divide == 1 {
            if let Some(source) = buffer.get(from..from + run) {
                target.copy_from_slice(source);
            }
        } else {
            target.fill(buffer.get(from).copied().unwrap_or(f32::NAN));
        }
        done += run;
    }
}

fn each(target: &mut [f32], x: &[f32], function: impl Fn(f32) -> f32) {
    for (slot, x) in target.iter_mut().zip(x) {
        *slot = function(*x);
    }
}

fn unary(function: Unary, target: &mut [f32], x: Value<'_>) {
    let x = match x {
        Value::Uniform(x) => {
            // One value goes the way of many, so that it has the same bits.
            let mut one = [x];
            let function_of_one: &mut [f32] = &mut one;
            unary(function, target.get_mut(..1).unwrap_or_default(), Value::Each(function_of_one));
            let value = target.first().copied().unwrap_or(x);
            target.fill(value);
            return;
        }
        Value::Each(x) => x,
    };
    let elementary = match function {
        Unary::Exp => vector_math::exp,
        Unary::Log => vector_math::ln,
        Unary::Tanh => vector_math::tanh,
        Unary::Sigmoid => vector_math::sigmoid,
        Unary::Sqrt => vector_math::square_root,
        Unary::Reciprocal => vector_math::reciprocal,
        Unary::Negate => return each(target, x, |x| -x),
        Unary::ReciprocalSqrt => return each(target, x, |x| 1.0 / x.sqrt()),
        Unary::Abs => return each(target, x, f32::abs),
        Unary::Sign => {
            return each(target, x, |x| {
                if x > 0.0 {
                    1.0
                } else if x < 0.0 {
                    -1.0
                } else {
                    0.0
                }
            });
        }
        Unary::IsFinite => {
            return each(target, x, |x| if (x.to_bits() & 0x7f80_0000) == 0x7f80_0000 { 0.0 } else { 1.0 });
        }
        rare @ (Unary::Sin | Unary::Cos | Unary::Floor) => {
            return each(target, x, |x| scalar_unary(rare, x));
        }
    };
    for (slot, x) in target.iter_mut().zip(x) {
        *slot = *x;
    }
    elementary(target);
}

#[inline(always)]
fn both(target: &mut [f32], a: Value<'_>, b: Value<'_>, function: impl Fn(f32, f32) -> f32) {
    match (a, b) {
        (Value::Each(a), Value::Each(b)) => {
            for (slot, (a, b)) in target.iter_mut().zip(a.iter().zip(b)) {
                *slot = function(*a, *b);
            }
        }
        (Value::Each(a), Value::Uniform(b)) => each(target, a, |a| function(a, b)),
        (Value::Uniform(a), Value::Each(b)) => each(target, b, |b| function(a, b)),
        (Value::Uniform(a), Value::Uniform(b)) => target.fill(function(a, b)),
    }
}

#[expect(clippy::float_cmp, reason = "equality is what the instruction asks")]
fn binary(function: Binary, target: &mut [f32], a: Value<'_>, b: Value<'_>) {
    match function {
        Binary::Add => both(target, a, b, |a, b| a + b),
        Binary::Subtract => both(target, a, b, |a, b| a - b),
        Binary::Multiply => both(target, a, b, |a, b| a * b),
        Binary::Divide => both(target, a, b, |a, b| a / b),
        // Written out: f32::max must answer NaN specially, which costs four instructions.
        Binary::Maximum => both(target, a, b, |a, b| if a > b { a } else { b }),
        Binary::Minimum => both(target, a, b, |a, b| if a < b { a } else { b }),
        Binary::Greater => both(target, a, b, |a, b| if a > b { 1.0 } else { 0.0 }),
        Binary::Equal => both(target, a, b, |a, b| if a == b { 1.0 } else { 0.0 }),
    }
}

fn select(target: &mut [f32], condition: Value<'_>, then: Value<'_>, otherwise: Value<'_>) {
    let condition = match condition {
        Value::Uniform(condition) => {
            let chosen = if condition > 0.0 { then } else { otherwise };
            match chosen {
                Value::Uniform(value) => target.fill(value),
                Value::Each(values) => target.copy_from_slice(values),
            }
            return;
        }
        Value::Each(condition) => condition,
    };
    match (then, otherwise) {
        (Value::Each(then), Value::Each(otherwise)) => {
            for ((slot, condition), (a, b)) in
                target.iter_mut().zip(condition).zip(then.iter().zip(otherwise))
            {
                *slot = if *condition > 0.0 { *a } else { *b };
            }
        }
        (Value::Each(then), Value::Uniform(b)) => {
            for ((slot, condition), a) in target.iter_mut().zip(condition).zip(then) {
                *slot = if *condition > 0.0 { *a } else { b };
            }
        }
        (Value::Uniform(a), Value::Each(otherwise)) => {
            for ((slot, condition), b) in target.iter_mut().zip(condition).zip(otherwise) {
                *slot = if *condition > 0.0 { a } else { *b };
            }
        }
        (Value::Uniform(a), Value::Uniform(b)) => each(target, condition, |c| if c > 0.0 { a } else { b }),
    }
}
