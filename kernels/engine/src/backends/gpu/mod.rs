//! The GPU backend, through WebGPU.

mod device;
mod executor;
mod kernels;
mod profile;
mod trial;
mod tuning;

pub use device::{DeviceRates, GPU_TIMEOUT_SECONDS, GpuDevice, GpuLost};
pub use executor::GpuExecutor;
pub use tuning::{Choice, ShapeClass, TuneTable, candidates};
