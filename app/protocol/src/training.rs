//! Data sets, training runs, and what quantisation made of a model.

use crate::BackendKind;
use serde::{Deserialize, Serialize};

/// A data set that is in the worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataSummary {
    /// "Drawn digits, seed 1", or the names of the files.
    pub name: String,
    /// Training images.
    pub train_count: u32,
    /// Held-out images.
    pub held_out_count: u32,
    /// Classes (10).
    pub class_count: u32,
    /// Labels of the preview images, which are the message's buffer 0.
    pub preview_labels: Vec<u8>,
    /// Seconds that making or reading it took.
    pub elapsed_seconds: f64,
    /// Anything the reader should know ("no held-out file: the last 2,000 images were held out").
    pub notes: Vec<String>,
}

/// What a run is about to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingStart {
    /// Backend that runs.
    pub backend: BackendKind,
    /// Why this backend.
    pub reason: String,
    /// Trainable parameters.
    pub parameter_count: u64,
    /// Steps in the whole run.
    pub total_steps: u32,
    /// Bytes the plan reserves (weights, gradients, moments, activations), exactly.
    pub plan_bytes: u64,
    /// Floating-point operations of one step, from the graph.
    pub flops_per_step: f64,
    /// Dispatches (GPU) or kernel calls (CPU) of one step.
    pub dispatches_per_step: u32,
}

/// News of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingProgress {
    /// Steps done.
    pub step: u32,
    /// `(step, mean loss, share of the batch read rightly)` since the last report, every step.
    pub points: Vec<(u32, f32, f32)>,
    /// Examples per second over the last second.
    pub examples_per_second: f64,
    /// Achieved FLOP/s from the graph's count.
    pub flops_per_second: f64,
    /// Estimated seconds to go.
    pub remaining_seconds: f64,
}

/// Held-out figures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// After this step.
    pub step: u32,
    /// Share of held-out images read rightly, 0 to 1.
    pub accuracy: f32,
    /// Mean cross-entropy.
    pub loss: f32,
}

/// A loss of the device that the run survived.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recovery {
    /// What happened.
    pub cause: String,
    /// The step of the snapshot the run went back to.
    pub resumed_from_step: u32,
    /// The backend that goes on.
    pub backend: BackendKind,
}

/// One image that was read wrongly.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Misread {
    /// Index among the held-out images.
    pub index: u32,
    /// What it is.
    pub label: u8,
    /// What was read.
    pub predicted: u8,
    /// Probability given to the wrong reading.
    pub confidence: f32,
}

/// Shape of the filters in the summary's buffer 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterShape {
    /// How many.
    pub count: u32,
    /// Side length in weights (3 for the CNN, 28 for the MLP).
    pub side: u32,
}

/// The end of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingSummary {
    /// Held-out figures after the last step.
    pub evaluation: Evaluation,
    /// Row: true class; column: read class; row-major 10x10.
    pub confusion: Vec<u32>,
    /// Up to 24 misread images, surest first; pixels in buffer 0.
    pub misread: Vec<Misread>,
    /// Filters in buffer 1.
    pub filters: FilterShape,
    /// Wall-clock seconds of training, without pauses.
    pub elapsed_seconds: f64,
    /// Backend that finished the run.
    pub backend: BackendKind,
    /// Hex digest of the whole loss curve's bits: equal runs show equal digests.
    pub loss_digest: String,
    /// Hex digest of the final weights' bits.
    pub weights_digest: String,
    /// Bytes of the f32 weights.
    pub weight_bytes: u64,
    /// Losses of the GPU device that were survived.
    pub recoveries: u32,
    /// Forward floating-point operations of one example.
    pub flops_per_example: f64,
}

/// One variant of a model, measured here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VariantReport {
    /// "f32" or "INT8".
    pub name: String,
    /// Bytes of weights, scales and biases.
    pub weight_bytes: u64,
    /// Held-out accuracy, 0 to 1.
    pub accuracy: f32,
    /// Median time of one image, in seconds.
    pub latency_p50_seconds: f64,
    /// 95th percentile time of one image, in seconds.
    pub latency_p95_seconds: f64,
    /// Images per second in batches of `batch_size`.
    pub examples_per_second: f64,
}

/// f32 against INT8 on this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CompressionReport {
    /// The trained model.
    pub float32: VariantReport,
    /// Its INT8 version.
    pub int8: VariantReport,
    /// Backend both were measured on.
    pub backend: BackendKind,
    /// How the integer products were computed ("dot4I8Packed", "emulated", "WASM SIMD i16 dot").
    pub integer_path: String,
    /// Batch size of the throughput figures.
    pub batch_size: u32,
    /// Runs behind each latency percentile.
    pub latency_runs: u32,
    /// Held-out images that the two models read differently.
    pub disagreements: u32,
    /// Calibration images.
    pub calibration_count: u32,
    /// Whether INT8 paid off here, in a plain sentence with the figures and the reason.
    pub verdict: String,
}

/// What the models read on one image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Probabilities of the f32 model, ten of them.
    pub float32: Vec<f32>,
    /// Probabilities of the INT8 model, ten of them, if there is one.
    pub int8: Option<Vec<f32>>,
    /// The image as the models saw it (centred, scaled), 784 bytes.
    pub seen: Vec<u8>,
}
