//! Time of one optimizer step.
//!
//! ```text
//! micro batch  = sum over operators of max(flops / matrix rate, bytes / memory bandwidth) + overhead
//! step         = micro batches x slowest stage  +  pipeline bubble  +  exposed traffic  +  optimizer update
//! ```
//! A roofline per operator group (Williams et al. 2009), Megatron's tensor and pipeline parallelism (Narayanan et
//! al. 2021), ZeRO's traffic (Rajbhandari et al. 2020), alpha-beta costs of collectives (Thakur et al. 2005).
//! Left out on purpose: input pipeline, checkpoints, failures, stragglers, expert and context parallelism,
//! interleaving of traffic beyond one overlap factor, clock throttling.

mod collectives;
mod operators;
mod step;

pub use collectives::{Link, Topology};
pub use operators::{Operator, OperatorKind};
pub use step::{PartKind, StepBreakdown, step_breakdown};

use crate::catalog::{Calibration, ModelShape};
use crate::scenario::Dtype;
use crate::units::{Bytes, BytesPerSecond, FlopsPerSecond};

/// What the step-time model needs to know of the machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Machine {
    /// Matrix rate that one accelerator reaches on the largest products in the run's number format.
    pub matrix_rate: FlopsPerSecond,
    /// The same in the 16- or 32-bit format in which attention and the output projection run.
    pub wide_matrix_rate: FlopsPerSecond,
    /// Peak bandwidth of its memory.
    pub memory_bandwidth: BytesPerSecond,
    /// Links inside and between nodes.
    pub topology: Topology,
}

/// How the run is split over the machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layout {
    /// Megatron tensor parallelism.
    pub tensor_parallel_size: u32,
    /// Pipeline stages.
    pub pipeline_parallel_size: u32,
    /// Interleaved chunks of a stage; 1 is plain 1F1B.
    pub virtual_pipeline_size: u32,
    /// Model replicas.
    pub data_parallel_size: u32,
    /// Examples of one forward pass of one replica.
    pub micro_batch_size: u32,
    /// Micro batches that one replica runs in one step.
    pub micro_batch_count: u32,
    /// Tokens of one example.
    pub sequence_length: u32,
    /// ZeRO stage, 0 to 3.
    pub zero_stage: u8,
    /// The forward pass is run again in the backward pass.
    pub full_recomputation: bool,
    /// Number format of the matrix products.
    pub precision: Dtype,
}

impl Layout {
    /// Tokens of one micro batch.
    #[must_use]
    pub fn micro_batch_tokens(&self) -> f64 {
        f64::from(self.micro_batch_size) * f64::from(self.sequence_length)
    }

    /// Tokens of one step over the whole system.
    #[must_use]
    pub fn step_tokens(&self) -> f64 {
        self.micro_batch_tokens() * f64::from(self.micro_batch_count) * f64::from(self.data_parallel_size)
    }

    /// Accelerators that the run uses.
    #[must_use]
    pub fn accelerator_count(&self) -> f64 {
        f64::from(self.tensor_parallel_size)
            * f64::from(self.pipeline_parallel_size)
            * f64::from(self.data_parallel_size)
    }

    /// Bytes of one activation or of one weight in a matrix product's wide format.
    #[must_use]
    pub const fn element_bytes(&self) -> f64 {
        match self.precision {
            Dtype::F32 => 4.0,
            Dtype::Bf16 | Dtype::F16 | Dtype::F8E4m3 | Dtype::I8 => 2.0,
        }
    }
}

/// Weights that one accelerator of a pipeline stage holds before ZeRO divides them.
#[must_use]
pub fn parameters_per_accelerator(shape: &ModelShape, layout: &Layout) -> f64 {
    shape.parameters() / f64::from(layout.tensor_parallel_size) / f64::from(layout.pipeline_parallel_size)
}

/// Memory bandwidth that a streaming kernel reaches.
#[must_use]
pub(crate) fn effective_memory_bandwidth(machine: &Machine, calibration: &Calibration) -> BytesPerSecond {
    machine.memory_bandwidth * calibration.memory_efficiency
}

/// Bytes that the optimizer moves for one weight: reads gradient (4), master weight and two moments (12), writes
/// the latter three and the working copy.
pub(crate) fn optimizer_traffic(layout: &Layout, parameters: f64) -> Bytes {
    let replicas = if layout.zero_stage >= 1 { f64::from(layout.data_parallel_size) } else { 1.0 };
    Bytes(parameters / replicas * (28.0 + layout.element_bytes()))
}
