//! The GPU backend, through WebGPU.

mod device;
mod executor;
mod kernels;
mod profile;

pub use device::{GPU_TIMEOUT_SECONDS, DeviceRates, GpuDevice, GpuLost};
pub use executor::GpuExecutor;
