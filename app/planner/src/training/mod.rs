//! Time, memory and layout of one optimizer step on a real system.
//!
//! ```text
//! stage       = layers of a stage x (products + attention + elementwise + exposed exchange)     of one micro batch
//! step        = (micro batches + bubble) x slowest stage + exposed gradient traffic + optimizer
//! bubble      = (pipeline stages - 1) / interleaved chunks        (Narayanan et al. 2021, arXiv 2104.04473)
//! product     = flops / (rate x share(flops)),  share(f) = f / (f + f_half)      one curve for every shape
//! ```
//! Physics first: every parameter of [`Parameters`] has a meaning and a plausible range, one set for all rows. What
//! it leaves is learnt from published rows nearby ([`crate::residual`]).
//!
//! Left out on purpose: input pipeline, checkpoints and failures (modules of their own), clock throttling.

mod chip;
mod features;
mod layout;
mod memory;
mod model;
mod parameters;
mod step;

pub(crate) use chip::device_bytes;
pub use features::point;
pub use layout::{
    Allowed, Chip, Layout, LayoutError, Link, Recipe, Recomputation, Sharding, Software, Tuning, Workload,
};
pub use memory::{Memory, memory};
pub use model::{LARGEST_GROWTH, TrainingModel, TrainingPrediction, USABLE};
pub use parameters::Parameters;
pub use step::{Step, step};
