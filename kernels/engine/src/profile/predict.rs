//! The time of a step before it runs: every call of the plan at the rate that calls of its kind reached in a short
//! calibration, plus what starting a call costs.
//!
//! `seconds = overhead + work / rate(class, shape)`; elementwise programs are `bytes / bandwidth(working set)` and the
//! time of their instructions, added on the CPU, which does one after the other, and the larger of the two on a GPU.
//! Left out: cache contents that depend on the call before, and the host's own work between steps.

use super::calibration::{Calibration, Workload, instruction_counts};
use crate::plan::{Call, Kernel, Plan};
use shaders::program::{Access, MapKernel, Target};

/// What a step is expected to take.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// Seconds of a step with all its micro-batches.
    pub seconds: f64,
    /// Seconds of each call of the plan.
    pub calls: Vec<f64>,
}

/// Predicts a step of `micro_batches` runs of the first phase and one of each other.
#[must_use]
pub fn predict(plan: &Plan, micro_batches: u32, calibration: &Calibration) -> Prediction {
    let calls: Vec<f64> = plan.calls.iter().map(|call| call_seconds(call, calibration)).collect();
    let phase = |(number, range): (usize, &std::ops::Range<usize>)| {
        let runs = if number == 0 { f64::from(micro_batches.max(1)) } else { 1.0 };
        runs * calls.get(range.clone()).map_or(0.0, |calls| calls.iter().sum::<f64>())
    };
    let seconds = plan.phases.iter().enumerate().map(phase).sum();
    Prediction { seconds, calls }
}

fn call_seconds(call: &Call, calibration: &Calibration) -> f64 {
    let work = match &call.kernel {
        Kernel::Map { kernel, elements } => map_seconds(kernel, *elements, calibration, false),
        Kernel::Product(product) => {
            let workload = Workload::of(call);
            let epilogue = product.epilogue.as_ref().map_or(0.0, |kernel| {
                map_seconds(kernel, product.batch * product.m * product.n, calibration, true)
            });
            product.flops() / calibration.rate(&workload) + epilogue
        }
        _ => {
            let workload = Workload::of(call);
            workload.work / calibration.rate(&workload)
        }
    };
    calibration.call_seconds + work
}

/// An elementwise program; as an epilogue on a GPU its first input and its result never leave registers.
fn map_seconds(kernel: &MapKernel, elements: usize, calibration: &Calibration, is_epilogue: bool) -> f64 {
    let wide = |access: &&Access| matches!(access, Access::Same | Access::Periodic { .. });
    let in_registers = is_epilogue && calibration.overlaps;
    let loads = kernel.accesses.iter().filter(wide).count() - usize::from(in_registers);
    let stores = if in_registers { 0 } else { kernel.targets.len() };
    let fresh = kernel.targets.iter().filter(|target| **target == Target::Fresh).count();
    // A result in place stays in the lines that were read.
    let held = (kernel.accesses.iter().filter(|access| **access == Access::Same).count() + fresh) as f64;
    let bytes = 4.0 * elements as f64 * (loads + stores) as f64;
    let moved = bytes / calibration.bandwidth(4.0 * elements as f64 * held.max(1.0));
    let padded = elements.next_multiple_of(calibration.granule.max(1)) as f64;
    let counts = instruction_counts(kernel);
    let computed: f64 =
        counts.into_iter().map(|(class, count)| padded * count / calibration.rate_of(class)).sum();
    if calibration.overlaps { moved.max(computed) } else { moved + computed }
}
