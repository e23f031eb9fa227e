//! Scalar programs as kernels: how inputs are reached, where results go, and the WGSL of it.
//!
//! Dispatch: flat, one invocation an element (or four where all accesses allow vec4), rows of 65,535 workgroups of
//! 64 in y. Bindings: inputs, fresh outputs, uniform. The uniform holds the number of invocations and, for each
//! input that is not read element by element, two words (divisor and period, or offset).

use super::{Binary, Instruction, Program, Unary};
use std::fmt::Write as _;

/// How an input is reached from the index of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Element `index`.
    Same,
    /// One element for all.
    Scalar(u32),
    /// One element for all, of another input's buffer: WebGPU forbids binding one range twice.
    Shared {
        /// The input whose buffer it is.
        with: u8,
        /// Element of that buffer.
        offset: u32,
    },
    /// Element `(index / divide) % modulo`: broadcast along leading axes, trailing axes, or both.
    Periodic {
        /// Elements of the result that share one of the input.
        divide: u32,
        /// Elements of the input.
        modulo: u32,
    },
}

/// Where an output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// A buffer of its own.
    Fresh,
    /// Over an input that is read element by element.
    InPlace(u8),
}

/// A program with its accesses and targets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MapKernel {
    /// What one element computes.
    pub program: Program,
    /// One for each input.
    pub accesses: Vec<Access>,
    /// One for each output.
    pub targets: Vec<Target>,
}

impl MapKernel {
    /// Number of the buffer that an input is read from.
    #[must_use]
    pub fn buffer_of(&self, input: usize) -> usize {
        let owner = match self.accesses.get(input) {
            Some(Access::Shared { with, .. }) => usize::from(*with),
            _ => input,
        };
        self.accesses.iter().take(owner).filter(|access| !matches!(access, Access::Shared { .. })).count()
    }

    /// Buffers that inputs are read from.
    #[must_use]
    pub fn input_buffers(&self) -> usize {
        self.buffer_of(self.accesses.len())
    }

    /// Four elements an invocation: all sizes are multiples of four.
    #[must_use]
    pub fn takes_quads(&self, count: usize) -> bool {
        count.is_multiple_of(4)
            && self.accesses.iter().all(|access| match access {
                Access::Same | Access::Scalar(_) | Access::Shared { .. } => true,
                Access::Periodic { divide, modulo } => {
                    (*divide == 1 && modulo.is_multiple_of(4)) || divide.is_multiple_of(4)
                }
            })
    }

    /// Invocations for `count` elements.
    #[must_use]
    pub fn invocations(&self, count: usize) -> usize {
        if self.takes_quads(count) { count / 4 } else { count }
    }

    /// Words of the uniform for `count` elements.
    #[must_use]
    pub fn uniform(&self, count: usize) -> Vec<u32> {
        let mut words = vec![self.invocations(count) as u32];
        for access in &self.accesses {
            match access {
                Access::Same | Access::Shared { .. } => {}
                Access::Scalar(offset) => words.extend([*offset, 1]),
                Access::Periodic { divide, modulo } => words.extend([*divide, *modulo]),
            }
        }
        words
    }

    /// As an epilogue: declares the buffers of all inputs but the first, from `binding` on; returns the next binding.
    pub fn declare_extra(&self, text: &mut String, mut binding: usize, quads: bool) -> usize {
        for (input, access) in self.accesses.iter().enumerate().skip(1) {
            if matches!(access, Access::Shared { .. }) {
                continue;
            }
            let held = if quads && Self::loads_quads(access) { "vec4<f32>" } else { "f32" };
            let _ = writeln!(
                text,
                "@group(0) @binding({binding}) var<storage, read_write> x{input}: array<{held}>;"
            );
            binding += 1;
        }
        binding
    }

    /// As an epilogue: the body of a function of `value`, which is input 0, and of the index `i`.
    #[must_use]
    pub fn epilogue_body(&self, quads: bool) -> String {
        let mut text = String::new();
        for (number, instruction) in self.program.instructions().iter().enumerate() {
            let value = match instruction {
                Instruction::Input(0) => "value".to_owned(),
                Instruction::Input(input) => self.load(usize::from(*input), quads),
                other => expression(*other, quads),
            };
            let _ = writeln!(text, "let v{number} = {value};");
        }
        if let Some(output) = self.program.outputs().first() {
            let _ = writeln!(text, "return v{output};");
        }
        text
    }

    /// The WGSL text; `quads` as [`Self::takes_quads`] says of the count.
    #[must_use]
    pub fn source(&self, quads: bool) -> String {
        let element = if quads { "vec4<f32>" } else { "f32" };
        let mut text = String::from("struct Params { count: u32,");
        for (input, access) in self.accesses.iter().enumerate() {
            if matches!(access, Access::Scalar(_) | Access::Periodic { .. }) {
                let _ = write!(text, " d{input}: u32, m{input}: u32,");
            }
        }
        text.push_str(" }\n");
        let mut binding = 0;
        for (input, access) in self.accesses.iter().enumerate() {
            if matches!(access, Access::Shared { .. }) {
                continue;
            }
            let held = if quads && Self::loads_quads(access) { "vec4<f32>" } else { "f32" };
            let _ = writeln!(
                text,
                "@group(0) @binding({binding}) var<storage, read_write> x{input}: array<{held}>;"
            );
            binding += 1;
        }
        for (output, target) in self.targets.iter().enumerate() {
            if *target == Target::Fresh {
                let _ = writeln!(
                    text,
                    "@group(0) @binding({binding}) var<storage, read_write> y{output}: array<{element}>;"
                );
                binding += 1;
            }
        }
        let _ = writeln!(text, "@group(0) @binding({binding}) var<uniform> params: Params;");
        text.push_str(concat!(
            "@compute @workgroup_size(64)\nfn main(@builtin(workgroup_id) wid: vec3<u32>, ",
            "@builtin(num_workgroups) groups: vec3<u32>, @builtin(local_invocation_index) local: u32) {\n",
            "let i = (wid.y * groups.x + wid.x) * 64u + local;\nif (i >= params.count) { return; }\n"
        ));
        text.push_str(&self.body(quads));
        text.push_str("}\n");
        text
    }

    const fn loads_quads(access: &Access) -> bool {
        match access {
            Access::Same => true,
            Access::Scalar(_) | Access::Shared { .. } => false,
            Access::Periodic { divide, .. } => *divide == 1,
        }
    }

    fn body(&self, quads: bool) -> String {
        let mut text = String::new();
        for (number, instruction) in self.program.instructions().iter().enumerate() {
            let value = match instruction {
                Instruction::Input(input) => self.load(usize::from(*input), quads),
                other => expression(*other, quads),
            };
            let _ = writeln!(text, "let v{number} = {value};");
        }
        for (output, (target, value)) in self.targets.iter().zip(self.program.outputs()).enumerate() {
            let _ = match target {
                Target::Fresh => writeln!(text, "y{output}[i] = v{value};"),
                Target::InPlace(input) => writeln!(text, "x{input}[i] = v{value};"),
            };
        }
        text
    }

    fn load(&self, input: usize, quads: bool) -> String {
        let splat = |scalar: String| if quads { format!("vec4<f32>({scalar})") } else { scalar };
        match self.accesses.get(input) {
            Some(Access::Shared { with, offset }) => splat(format!("x{with}[{offset}u]")),
            Some(Access::Scalar(_)) => splat(format!("x{input}[params.d{input}]")),
            Some(Access::Periodic { divide: 1, .. }) => {
                let period =
                    if quads { format!("(params.m{input} / 4u)") } else { format!("params.m{input}") };
                format!("x{input}[i % {period}]")
            }
            Some(Access::Periodic { .. }) => {
                let index = if quads { "(i * 4u)" } else { "i" };
                splat(format!("x{input}[({index} / params.d{input}) % params.m{input}]"))
            }
            Some(Access::Same) | None => format!("x{input}[i]"),
        }
    }
}

/// One instruction as a WGSL expression over earlier values `v0`, `v1`, ...; works on f32 and on vec4 of them.
fn expression(instruction: Instruction, quads: bool) -> String {
    let (zero, one, bits) =
        if quads { ("vec4<f32>(0.0)", "vec4<f32>(1.0)", "vec4<u32>") } else { ("0.0", "1.0", "u32") };
    match instruction {
        Instruction::Input(input) => format!("x{input}[i]"),
        Instruction::Constant(word) => {
            let value = constant(f32::from_bits(word));
            if quads { format!("vec4<f32>({value})") } else { value }
        }
        Instruction::Unary(function, x) => match function {
            Unary::Negate => format!("-v{x}"),
            Unary::Exp => format!("exp(v{x})"),
            Unary::Log => format!("log(v{x})"),
            Unary::Sqrt => format!("sqrt(v{x})"),
            Unary::ReciprocalSqrt => format!("inverseSqrt(v{x})"),
            Unary::Reciprocal => format!("({one} / v{x})"),
            Unary::Abs => format!("abs(v{x})"),
            Unary::Sign => format!("sign(v{x})"),
            // tanh overflows on some drivers for large arguments; beyond 10 it is 1 in f32.
            Unary::Tanh if quads => format!("tanh(clamp(v{x}, vec4<f32>(-10.0), vec4<f32>(10.0)))"),
            Unary::Tanh => format!("tanh(clamp(v{x}, -10.0, 10.0))"),
            Unary::Sigmoid => format!("({one} / ({one} + exp(-v{x})))"),
            Unary::Sin => format!("sin(v{x})"),
            Unary::Cos => format!("cos(v{x})"),
            Unary::Floor => format!("floor(v{x})"),
            Unary::IsFinite => format!(
                "select({zero}, {one}, (bitcast<{bits}>(v{x}) & {bits}(0x7f800000u)) != {bits}(0x7f800000u))"
            ),
        },
        Instruction::Binary(function, a, b) => match function {
            Binary::Add => format!("v{a} + v{b}"),
            Binary::Subtract => format!("v{a} - v{b}"),
            Binary::Multiply => format!("v{a} * v{b}"),
            Binary::Divide => format!("v{a} / v{b}"),
            Binary::Maximum => format!("max(v{a}, v{b})"),
            Binary::Minimum => format!("min(v{a}, v{b})"),
            Binary::Greater => format!("select({zero}, {one}, v{a} > v{b})"),
            Binary::Equal => format!("select({zero}, {one}, v{a} == v{b})"),
        },
        Instruction::Select(condition, then, otherwise) => {
            format!("select(v{otherwise}, v{then}, v{condition} > {zero})")
        }
    }
}

/// A constant with all its bits; what WGSL has no literal for is made from the bits.
fn constant(value: f32) -> String {
    if value.is_finite() {
        format!("{value:?}f")
    } else {
        format!("bitcast<f32>(0x{:08x}u)", value.to_bits())
    }
}
