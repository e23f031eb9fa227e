//! What a backend reaches: rates of each kind of call at a few shapes, measured in about a second on small plans.
//!
//! A rate between the measured shapes is the mean of the logarithms of the measured ones, each weighted by the fourth
//! power of its nearness (Shepard 1968), in logarithms of the sizes.

mod bench;

pub use bench::calibrate;

use crate::{
    backends::gpu::TuneTable,
    plan::{Call, Kernel},
};
use shaders::{
    KernelId,
    program::{Access, Binary, Instruction, MapKernel, Unary},
};
use std::fmt::Write as _;

/// One measured rate.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// Kind of call.
    pub class: String,
    /// Logarithms (base 2) of the sizes that matter to it.
    pub at: [f64; 3],
    /// Work per second: operations, elements or bytes, by class.
    pub rate: f64,
}

/// Rates of one backend on one machine.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Calibration {
    /// What starting a call costs, seconds.
    pub call_seconds: f64,
    /// Arithmetic and memory traffic of an elementwise call go on at the same time.
    pub overlaps: bool,
    /// Elementwise programs compute whole groups of this many elements.
    pub granule: usize,
    /// Measured rates.
    pub samples: Vec<Sample>,
}

/// What a call asks of its backend.
#[derive(Debug, Clone, PartialEq)]
pub struct Workload {
    /// As of [`Sample`].
    pub class: String,
    /// As of [`Sample`].
    pub at: [f64; 3],
    /// Operations, or elements where the kernel only moves them.
    pub work: f64,
}

fn log(size: usize) -> f64 {
    (size.max(1) as f64).log2()
}

impl Workload {
    /// Of any call but an elementwise one, which has no single rate.
    #[must_use]
    pub fn of(call: &Call) -> Self {
        let count = call.uniform.first().copied().unwrap_or(1).max(1) as f64;
        let work = if call.flops > 0.0 { call.flops } else { count };
        let name = call.kernel.name();
        match &call.kernel {
            Kernel::Product(p) => {
                let letter = |transposed: bool| if transposed { 't' } else { 'n' };
                let class = format!("product.{}{}", letter(p.transpose_lhs), letter(p.transpose_rhs));
                Self { class, at: [log(p.m), log(p.n), log(p.split_length())], work: p.flops() }
            }
            Kernel::Attention(shape) | Kernel::AttentionGrad(shape) => {
                let at = [work.max(1.0).log2(), log(shape.length), log(shape.head_dim)];
                Self { class: name.to_owned(), at, work }
            }
            Kernel::Fixed { id, .. } => {
                let (kind, run) = kind_of(*id, &call.uniform);
                let each = run.unwrap_or((work / count).max(1.0));
                Self { class: format!("{name}{kind}"), at: [work.max(1.0).log2(), each.log2(), 0.0], work }
            }
            Kernel::Map { .. } => Self { class: name.to_owned(), at: [0.0; 3], work },
        }
    }
}

/// Kinds of a kernel that run at different rates, and the elements that lie side by side where it moves them.
fn kind_of(id: KernelId, uniform: &[u32]) -> (&'static str, Option<f64>) {
    match id {
        KernelId::ReduceSum | KernelId::ReduceMax => {
            let inner = shaders::reduce_sum::Params::from_words(uniform).map_or(1, |params| params.inner);
            (if inner == 1 { ".rows" } else { ".columns" }, None)
        }
        KernelId::CopyStrided => match shaders::copy_strided::Params::from_words(uniform) {
            Some(p) if p.in_stride4 == 1 && p.out_stride4 == 1 => (".rows", Some(f64::from(p.size4.max(1)))),
            _ => (".turned", Some(1.0)),
        },
        KernelId::Im2col | KernelId::Col2im => {
            let params = shaders::im2col::Params::from_words(uniform);
            ("", params.map(|p| f64::from((p.channels * p.kernel_width).max(1))))
        }
        _ => ("", None),
    }
}

/// Instructions of one element by the class of their rate.
pub(super) fn instruction_counts(kernel: &MapKernel) -> Vec<(&'static str, f64)> {
    let mut counts: Vec<(&'static str, f64)> = OPERATIONS.iter().map(|class| (*class, 0.0)).collect();
    let mut count = |class: &'static str| {
        if let Some(slot) = counts.iter_mut().find(|(name, _)| *name == class) {
            slot.1 += 1.0;
        }
    };
    for instruction in kernel.program.instructions() {
        match instruction {
            Instruction::Input(input) => match kernel.accesses.get(usize::from(*input)) {
                Some(Access::Same | Access::Periodic { .. }) => {}
                _ => count("op.fill"),
            },
            Instruction::Constant(_) => count("op.fill"),
            Instruction::Select(..) => count("op.select"),
            Instruction::Binary(Binary::Divide, ..) => count("op.slow"),
            Instruction::Binary(Binary::Add | Binary::Subtract | Binary::Multiply, ..) => count("op.cheap"),
            Instruction::Binary(..) => count("op.compare"),
            Instruction::Unary(function, _) => count(class_of(*function)),
        }
    }
    counts
}

/// Classes of instructions.
pub(super) const OPERATIONS: [&str; 10] = [
    "op.cheap",
    "op.fill",
    "op.compare",
    "op.select",
    "op.slow",
    "op.exp",
    "op.log",
    "op.tanh",
    "op.sigmoid",
    "op.rare",
];

const fn class_of(function: Unary) -> &'static str {
    match function {
        Unary::Sqrt | Unary::ReciprocalSqrt | Unary::Reciprocal => "op.slow",
        Unary::Exp => "op.exp",
        Unary::Log => "op.log",
        Unary::Tanh => "op.tanh",
        Unary::Sigmoid => "op.sigmoid",
        Unary::Sin | Unary::Cos | Unary::Floor | Unary::Sign => "op.rare",
        Unary::Negate | Unary::Abs | Unary::IsFinite => "op.cheap",
    }
}

impl Calibration {
    /// Work per second of a workload. A kind that was never measured gets the middle of all kernels with a file.
    #[must_use]
    pub fn rate(&self, workload: &Workload) -> f64 {
        self.near(&workload.class, workload.at).unwrap_or_else(|| {
            let apart = |sample: &&Sample| {
                !["product.", "op.", "bytes"].iter().any(|prefix| sample.class.starts_with(prefix))
            };
            let rates: Vec<f64> = self.samples.iter().filter(apart).map(|sample| sample.rate).collect();
            super::median(&rates).max(1.0)
        })
    }

    /// Bytes per second of an elementwise call whose buffers take `working_set` bytes.
    #[must_use]
    pub fn bandwidth(&self, working_set: f64) -> f64 {
        self.near("bytes", [working_set.max(1.0).log2(), 0.0, 0.0]).unwrap_or(1e9)
    }

    /// Instructions per second of a class.
    #[must_use]
    pub fn rate_of(&self, class: &str) -> f64 {
        self.near(class, [0.0; 3]).unwrap_or(1e9)
    }

    fn near(&self, class: &str, at: [f64; 3]) -> Option<f64> {
        let (mut sum, mut weights) = (0.0, 0.0);
        for sample in self.samples.iter().filter(|sample| sample.class == class) {
            let distance: f64 = sample.at.iter().zip(at).map(|(a, b)| (a - b) * (a - b)).sum();
            let weight = 1.0 / (distance * distance + 1e-3);
            sum += weight * sample.rate.ln();
            weights += weight;
        }
        (weights > 0.0).then(|| (sum / weights).exp())
    }

    /// The same with the rates that tuning measured: those of the variants that will run, at the shapes that will.
    #[must_use]
    pub fn with_tuning(mut self, table: &TuneTable) -> Self {
        let measured = table.choices.iter().filter(|(_, choice)| choice.flops > 0.0 && choice.seconds > 0.0);
        self.samples.extend(measured.map(|(class, choice)| {
            let [lhs, rhs] = class.transposes.map(|transposed| if transposed { 't' } else { 'n' });
            // Sizes of a class lie between two powers of two.
            let at = class.magnitudes.map(|magnitude| (f64::from(magnitude) - 0.3).max(0.0));
            Sample { class: format!("product.{lhs}{rhs}"), at, rate: choice.flops / choice.seconds }
        }));
        self
    }

    /// As text, a line a sample, for the browser's storage.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("call {:e} {} {}\n", self.call_seconds, u8::from(self.overlaps), self.granule);
        for Sample { class, at: [a, b, c], rate } in &self.samples {
            let _ = writeln!(text, "{class} {a:e} {b:e} {c:e} {rate:e}");
        }
        text
    }

    /// From text; `None` where it is not one of these, since everything can be measured again.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let first: Vec<&str> = lines.next()?.split(' ').collect();
        let &["call", seconds, overlaps, granule] = first.as_slice() else { return None };
        let number = |word: &str| word.parse::<f64>().ok().filter(|value| value.is_finite());
        let samples = lines.map(|line| {
            let words: Vec<&str> = line.split(' ').collect();
            let &[class, a, b, c, rate] = words.as_slice() else { return None };
            let at = [number(a)?, number(b)?, number(c)?];
            Some(Sample { class: class.to_owned(), at, rate: number(rate).filter(|rate| *rate > 0.0)? })
        });
        Some(Self {
            call_seconds: number(seconds)?,
            overlaps: overlaps == "1",
            granule: granule.parse().ok()?,
            samples: samples.collect::<Option<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Calibration, Sample};

    fn sample(class: &str, at: f64, rate: f64) -> Sample {
        Sample { class: class.into(), at: [at, 0.0, 0.0], rate }
    }

    fn two() -> Calibration {
        let samples =
            vec![sample("bytes", 10.0, 4e9), sample("bytes", 20.0, 1e9), sample("op.exp", 0.0, 2.0)];
        Calibration { call_seconds: 1.5e-7, overlaps: true, granule: 256, samples }
    }

    #[test]
    fn rates_lie_between_their_neighbours_and_meet_them() {
        let calibration = two();
        assert!((calibration.bandwidth(1024.0) / 4e9 - 1.0).abs() < 0.01);
        assert!((calibration.bandwidth(32_768.0) / 2e9 - 1.0).abs() < 0.01, "the middle of the logarithms");
        assert!(calibration.bandwidth(1e12) > 0.9e9 && calibration.bandwidth(1e12) < 4e9);
    }

    #[test]
    fn text_gives_the_same_calibration_back_and_nonsense_gives_none() {
        let calibration = two();
        assert_eq!(Calibration::from_text(&calibration.to_text()), Some(calibration.clone()));
        let text = calibration.to_text();
        assert_eq!(Calibration::from_text(&text.replace("4e9", "-4e9")), None);
        assert_eq!(Calibration::from_text(&text.replace("call", "cell")), None);
        assert_eq!(Calibration::from_text(""), None);
    }
}
