//! What a machine is and what it measured.

use serde::{Deserialize, Serialize};

/// A backend that can run a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BackendKind {
    /// WebGPU.
    Gpu,
    /// WASM SIMD, one thread.
    Cpu,
}

/// What the rest of the product may count on: a tier, instead of scattered feature checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum CapabilityTier {
    /// No WebGPU: the CPU backend does everything.
    CpuOnly,
    /// WebGPU on a software adapter: works, slower than the CPU backend.
    SoftwareGpu,
    /// A GPU at WebGPU's default limits, without f16.
    BaseGpu,
    /// A GPU with shader-f16.
    HalfGpu,
}

/// Why there is no GPU backend, each with its own remedy in the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum GpuUnavailable {
    /// `navigator.gpu` is missing in a secure page: the browser is too old or has WebGPU off.
    NoWebGpu,
    /// The page was opened over plain http from another machine: browsers hide WebGPU there.
    InsecureOrigin,
    /// WebGPU is there, but `requestAdapter` gave nothing (no GPU, driver blocked, or GPU crashed repeatedly).
    NoAdapter,
    /// An adapter was found but refused a device.
    DeviceRefused {
        /// The browser's words.
        message: String,
    },
    /// The device gave a wrong answer to a known question.
    SelfTestFailed {
        /// Which kernel, and how wrong.
        message: String,
    },
}

/// The whole Device page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeviceReport {
    /// Tier.
    pub tier: CapabilityTier,
    /// The GPU, or why there is none.
    pub gpu: Result<GpuReport, GpuUnavailable>,
    /// The processor, through WASM SIMD on one thread.
    pub cpu: MeasuredRates,
    /// The backend that measured faster on the product of two 512x512 matrices.
    pub faster: BackendKind,
    /// Why, in one sentence with both figures.
    pub reason: String,
    /// Seconds that the measurement took.
    pub elapsed_seconds: f64,
}

/// An adapter and its measurements.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GpuReport {
    /// Vendor as the browser tells it; may be empty.
    pub vendor: String,
    /// Architecture as the browser tells it; may be empty.
    pub architecture: String,
    /// Device or description as the browser tells it; may be empty.
    pub description: String,
    /// The adapter is a processor emulating a GPU.
    pub is_software: bool,
    /// Names and values of the limits, in the order of the specification.
    pub limits: Vec<(String, u64)>,
    /// Names of the features.
    pub features: Vec<String>,
    /// Packed INT8 dot product (`dot4I8Packed`) is in this browser's WGSL.
    pub has_packed_int8_dot: bool,
    /// Measurements.
    pub rates: MeasuredRates,
    /// Kernels that answered a known question rightly, and all that were asked.
    pub self_test: (u32, u32),
    /// Variants of the product that answered wrongly and are not used, with what they said.
    pub quarantined: Vec<String>,
}

/// Measured rates of one backend. `None` means: not there on this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct MeasuredRates {
    /// Best f32 rate of a chain of fused multiply-adds, in FLOP/s.
    pub peak_f32_flops_per_second: f64,
    /// Best f16 rate, in FLOP/s.
    pub peak_f16_flops_per_second: Option<f64>,
    /// Best packed INT8 dot-product rate, in operations/s (a multiply and an add are two).
    pub peak_int8_ops_per_second: Option<f64>,
    /// Rate of the engine's own 512x512x512 f32 product, in FLOP/s.
    pub matmul_f32_flops_per_second: f64,
    /// The matmul variant that won on this machine.
    pub matmul_variant: String,
    /// Copy bandwidth (bytes read plus bytes written per second) by working set.
    pub bandwidth: Vec<BandwidthPoint>,
    /// Time of one empty dispatch in a batch, in seconds.
    pub dispatch_latency_seconds: Option<f64>,
    /// Time from submit to the result on the host, in seconds.
    pub round_trip_seconds: Option<f64>,
    /// Host to device, in bytes/s.
    pub upload_bytes_per_second: Option<f64>,
    /// Device to host, in bytes/s.
    pub readback_bytes_per_second: Option<f64>,
}

impl MeasuredRates {
    /// The bandwidth of the largest working set: what the roofline's slope uses, in bytes/s.
    #[must_use]
    pub fn memory_bandwidth_bytes_per_second(&self) -> f64 {
        self.bandwidth.last().map_or(0.0, |point| point.bytes_per_second)
    }
}

/// Bandwidth at one working-set size.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BandwidthPoint {
    /// Bytes touched (source plus destination).
    pub working_set_bytes: f64,
    /// Bytes read plus written, per second.
    pub bytes_per_second: f64,
}
