//! Measures what this machine is: arithmetic, memory, latency and transfer rates of both backends.
//!
//! Each rate is the best of several timings of enough work to outlast the clock; the GPU's include everything
//! from submit to result, less the round trip of an empty submit.

mod cpu;
mod gpu;
mod self_test;

pub use cpu::measure_cpu;
pub use gpu::{choose_kernels, measure_gpu};
pub use self_test::{SelfTest, self_test};

pub use shaders::KernelId;

/// Kernel variants that measured fastest (and answered rightly) on an adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KernelChoice {
    /// Name of the fastest variant of the 512 product; which one runs is chosen for each class of shapes.
    pub matmul: &'static str,
    /// INT8 product.
    pub matmul_int8: KernelId,
}

/// Bandwidth at one working-set size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BandwidthPoint {
    /// Bytes read plus bytes written by one pass.
    pub working_set_bytes: f64,
    /// Bytes read plus written, per second.
    pub bytes_per_second: f64,
}

/// Measured rates of one backend; `None` where the machine has no such thing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rates {
    /// f32 multiply-adds in registers, FLOP/s.
    pub peak_f32_flops_per_second: f64,
    /// f16 multiply-adds in registers, FLOP/s.
    pub peak_f16_flops_per_second: Option<f64>,
    /// INT8 dot products, operations/s.
    pub peak_int8_ops_per_second: Option<f64>,
    /// The engine's own 512x512x512 f32 product, FLOP/s.
    pub matmul_f32_flops_per_second: f64,
    /// Which variant of it.
    pub matmul_variant: &'static str,
    /// Copy bandwidth by working set, smallest first.
    pub bandwidth: Vec<BandwidthPoint>,
    /// One dispatch among many, seconds.
    pub dispatch_latency_seconds: Option<f64>,
    /// Submit to result on the host, seconds.
    pub round_trip_seconds: Option<f64>,
    /// Host to device, bytes/s.
    pub upload_bytes_per_second: Option<f64>,
    /// Device to host, bytes/s.
    pub readback_bytes_per_second: Option<f64>,
}

/// Told what is being measured, and the share done.
pub type OnProgress<'a> = &'a mut dyn FnMut(&str, f32);
