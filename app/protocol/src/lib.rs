//! Messages between the page and the compute worker: closed enums, job ids, no strings that mean things.
//!
//! A message on the wire is the JavaScript array `[control, buffers]`: `control` is a [`Command`] or an
//! [`Event`] through `serde-wasm-bindgen`, `buffers` is an array of transferred `ArrayBuffer`s whose meaning
//! the variant's documentation gives. Events of a stale job are dropped by the page.

mod device;
mod training;

pub use device::*;
pub use training::*;

use planner::experiment::Experiment;
use serde::{Deserialize, Serialize};

/// The name of the worker's loader file, relative to the page; the build id is its query string.
pub const COMPUTE_LOADER: &str = "compute-loader.js";

/// One unit of work that can be cancelled. Ids are never used twice within a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct JobId(pub u32);

/// What the page asks of the compute worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// First message. The worker answers [`Event::Ready`], or [`Event::BuildMismatch`] and does nothing more.
    Hello {
        /// The page's build id.
        build_id: String,
    },
    /// Measure this machine. Answers [`Event::Progress`], then [`Event::Probed`].
    Probe {
        /// Job.
        job: JobId,
    },
    /// Make or load the data set. Buffers: the dropped files, in the order of `files`; none for drawn data.
    /// Answers [`Event::Progress`], then [`Event::DataReady`] (buffer 0: preview pixels, u8).
    LoadData {
        /// Job.
        job: JobId,
        /// Source.
        source: DataSource,
    },
    /// Train from scratch on the loaded data (drawn data is made first if absent).
    /// Answers [`Event::TrainingStarted`], [`Event::TrainingProgress`]..., then [`Event::TrainingFinished`].
    Train {
        /// Job.
        job: JobId,
        /// Settings; the worker sanitises them again.
        experiment: Experiment,
    },
    /// Hold the run after the step in progress; answers [`Event::Paused`].
    Pause {
        /// Job of the run.
        job: JobId,
    },
    /// Go on with a held run; answers [`Event::Resumed`].
    Resume {
        /// Job of the run.
        job: JobId,
    },
    /// Stop a job; answers [`Event::Cancelled`] within 100 ms. The last trained model stays usable.
    Cancel {
        /// Job.
        job: JobId,
    },
    /// Quantise the trained model to INT8 and measure both. Answers [`Event::Progress`], then [`Event::Quantized`].
    Quantize {
        /// Job.
        job: JobId,
    },
    /// Read one image with the f32 model, and the INT8 model if there is one. Buffer 0: 784 bytes, 0 black to
    /// 255 ink. Answers [`Event::Classified`].
    Classify {
        /// Job.
        job: JobId,
    },
}

/// Where the training data comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DataSource {
    /// Procedural digits.
    Drawn {
        /// Seed.
        seed: u32,
    },
    /// Dropped files (IDX pairs, plain or gzip; or one CSV of label and pixels).
    Files {
        /// Names, parallel to the message's buffers.
        names: Vec<String>,
    },
}

/// What the compute worker tells the page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The handshake succeeded.
    Ready {
        /// The worker's build id, equal to the page's.
        build_id: String,
    },
    /// The worker is of another build: the page offers one reload.
    BuildMismatch {
        /// The worker's build id.
        build_id: String,
    },
    /// Something is under way.
    Progress {
        /// Job.
        job: JobId,
        /// What is being done, in plain words.
        what: String,
        /// Part done, 0 to 1, if known.
        fraction: Option<f32>,
        /// Estimated seconds to go, if known.
        remaining_seconds: Option<f32>,
    },
    /// The machine was measured.
    Probed {
        /// Job.
        job: JobId,
        /// The report.
        report: Box<DeviceReport>,
    },
    /// The data set is in the worker. Buffer 0: `preview_labels.len()` images of 784 bytes.
    DataReady {
        /// Job.
        job: JobId,
        /// The summary.
        summary: DataSummary,
    },
    /// The run is set up: plan compiled, memory reserved.
    TrainingStarted {
        /// Job.
        job: JobId,
        /// What will run.
        start: TrainingStart,
    },
    /// New losses since the last report (at most ten a second).
    TrainingProgress {
        /// Job.
        job: JobId,
        /// The news.
        progress: TrainingProgress,
    },
    /// Accuracy on held-out images, measured between epochs and at the end.
    Evaluated {
        /// Job.
        job: JobId,
        /// The figures.
        evaluation: Evaluation,
    },
    /// The GPU was lost and the run goes on from its last snapshot.
    Recovered {
        /// Job.
        job: JobId,
        /// What happened.
        recovery: Recovery,
    },
    /// The run is held.
    Paused {
        /// Job.
        job: JobId,
    },
    /// The run goes on.
    Resumed {
        /// Job.
        job: JobId,
    },
    /// The run ended by itself. Buffer 0: pixels of `summary.misread` (784 bytes each). Buffer 1: f32 filters,
    /// `summary.filters.count` images of `side * side`, row-major.
    TrainingFinished {
        /// Job.
        job: JobId,
        /// The results.
        summary: Box<TrainingSummary>,
    },
    /// The INT8 model is ready and both were measured.
    Quantized {
        /// Job.
        job: JobId,
        /// The comparison.
        report: Box<CompressionReport>,
    },
    /// One image was read.
    Classified {
        /// Job.
        job: JobId,
        /// What each model reads.
        reading: Reading,
    },
    /// The job was stopped at the visitor's wish.
    Cancelled {
        /// Job.
        job: JobId,
    },
    /// The job failed.
    Failed {
        /// Job.
        job: JobId,
        /// What happened, what was kept, what to do next.
        error: WorkerError,
    },
}

/// An error as the visitor reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerError {
    /// What happened.
    pub what: String,
    /// What was kept.
    pub kept: String,
    /// What to do next.
    pub next: String,
}
