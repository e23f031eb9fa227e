//! What can go wrong, as data; the worker turns it into what happened, what was kept and what to do next.

use std::fmt;

/// An error of the engine.
#[derive(Debug, Clone, PartialEq)]
pub enum EngineError {
    /// Shapes do not fit an operation.
    Shape {
        /// Operation and the shapes it met.
        message: String,
    },
    /// The plan needs more memory than the backend gives.
    OutOfMemory {
        /// Bytes needed.
        needed_bytes: u64,
        /// Bytes that may be had.
        limit_bytes: u64,
    },
    /// The GPU device is gone; a snapshot and a new adapter bring the run back.
    DeviceLost {
        /// The browser's words.
        cause: String,
    },
    /// A GPU promise was not kept in time.
    Timeout {
        /// What was waited for.
        what: &'static str,
        /// Seconds waited.
        seconds: f64,
    },
    /// Loss or gradients stopped being finite.
    NonFinite {
        /// Step at which it was seen.
        step: u32,
        /// Which: "the gradient of layer0.weight", "the loss".
        tensor: String,
    },
    /// The browser refused a GPU call.
    Gpu {
        /// The browser's words.
        message: String,
    },
    /// The visitor stopped the work.
    Cancelled,
}

impl EngineError {
    /// Whether a GPU failed, so that another device or the CPU may do what it could not.
    #[must_use]
    pub const fn is_of_device(&self) -> bool {
        matches!(self, Self::DeviceLost { .. } | Self::Timeout { .. } | Self::Gpu { .. })
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape { message } => write!(formatter, "shapes do not fit: {message}"),
            Self::OutOfMemory { needed_bytes, limit_bytes } => write!(
                formatter,
                "the plan needs {} MiB, and this backend gives at most {} MiB",
                needed_bytes.div_ceil(1 << 20),
                limit_bytes >> 20
            ),
            Self::DeviceLost { cause } => write!(formatter, "the GPU was lost ({cause})"),
            Self::Timeout { what, seconds } => write!(formatter, "{what} did not end within {seconds:.0} s"),
            Self::NonFinite { step, tensor } => {
                write!(formatter, "{tensor} stopped being finite at step {step}")
            }
            Self::Gpu { message } => write!(formatter, "the browser refused a GPU call: {message}"),
            Self::Cancelled => write!(formatter, "stopped"),
        }
    }
}

impl std::error::Error for EngineError {}
