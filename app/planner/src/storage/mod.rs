//! Storage and data: what a store costs and delivers, what a sample weighs, whether input starves accelerators.
//!
//! - [`Store`]: prices, and throughput as a function of clients, streams and request size.
//! - [`Dataset`]: bytes and core-seconds of one sample by format, compression and pruning.
//! - [`Pipeline`]: the stages from store to accelerator, the slowest of them, and what would be enough.
//! - [`checkpoint`]: bytes of a checkpoint and the time to write it.
//!
//! Everything is a steady state: a stage's rate is a mean, and buffers between stages are deep enough that only means
//! count. Left out on purpose: contention with other tenants, retries after throttling, queueing behind bursts, and
//! the time to fill the pipeline.

mod catalog;
pub mod checkpoint;
mod error;
mod format;
mod pipeline;
mod store;

pub use catalog::{
    Case, Codec, Figure, Format, PipelineFigures, PriceStep, Store, StoreKind, codec, codecs, format,
    formats, pipeline_figures, store, stores,
};
pub use error::{OutOfRange, StorageError, check};
pub use format::{Dataset, SampleCost};
pub use pipeline::{
    Cache, Demand, Feeding, MAXIMUM_CLIENTS, Pipeline, Required, Source, Stage, StageRate, Supply,
};
pub use store::{Access, BYTES_PER_BILLED_GB, Direction, StoreCost, StoreLimit, Throughput, Usage};
