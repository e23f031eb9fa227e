//! The GPU backend over WebGPU.

mod device;
mod executor;

pub use device::{GpuDevice, GpuLost};
pub use executor::GpuExecutor;
