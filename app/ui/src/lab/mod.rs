//! What the labs (Device and Train) know while the visitor moves between pages: running jobs and their results.

mod curve;
mod jobs;

pub use curve::Curve;
pub use jobs::backend_name;

use crate::worker;
use leptos::prelude::*;
use protocol::{
    CompressionReport, DataSummary, Evaluation, JobId, Reading, TrainingProgress, TrainingStart, WorkerError,
};

/// What a running job is doing.
#[derive(Debug, Clone, PartialEq)]
pub struct Activity {
    /// Job.
    pub job: JobId,
    /// In plain words.
    pub what: String,
    /// Share done, if known.
    pub fraction: Option<f64>,
    /// Seconds to go, if known.
    pub remaining_seconds: Option<f64>,
}

/// Where a training run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// No run.
    #[default]
    Idle,
    /// Data, backend and plan are being prepared.
    Preparing,
    /// Steps run.
    Running,
    /// Held by the visitor.
    Paused,
}

/// Signals of both labs. Cheap to copy; lives as long as the page.
#[derive(Debug, Clone, Copy)]
pub struct Lab {
    /// Measuring the device.
    pub probing: RwSignal<Option<Activity>>,
    /// Why measuring failed.
    pub probe_error: RwSignal<Option<WorkerError>>,
    /// Training, its preparation included.
    pub training: RwSignal<Option<Activity>>,
    /// Where the run stands.
    pub phase: RwSignal<Phase>,
    /// What the run does.
    pub start: RwSignal<Option<TrainingStart>>,
    /// Rates of the run.
    pub progress: RwSignal<Option<TrainingProgress>>,
    /// Loss by step.
    pub loss: RwSignal<Curve>,
    /// Accuracy on the batch by step.
    pub accuracy: RwSignal<Curve>,
    /// Held-out figures so far.
    pub evaluations: RwSignal<Vec<Evaluation>>,
    /// Every point, for the CSV file.
    pub points: StoredValue<Vec<(u32, f32, f32)>>,
    /// Why training failed.
    pub training_error: RwSignal<Option<WorkerError>>,
    /// Losses of the GPU that the run survived.
    pub recoveries: RwSignal<Vec<String>>,
    /// Pixels of misread images, 784 bytes each.
    pub misread_pixels: RwSignal<Vec<u8>>,
    /// First-layer filters.
    pub filters: RwSignal<Vec<f32>>,
    /// The first digits of the drawn data set, with its seed, once asked for.
    pub drawn: RwSignal<Option<(u32, DataSummary, Vec<u8>)>>,
    /// The visitor's files and their preview pixels.
    pub data: RwSignal<Option<(DataSummary, Vec<u8>)>>,
    /// Loading data.
    pub loading: RwSignal<Option<Activity>>,
    /// Why data was refused.
    pub data_error: RwSignal<Option<WorkerError>>,
    /// Quantising.
    pub quantizing: RwSignal<Option<Activity>>,
    /// f32 against INT8.
    pub compression: RwSignal<Option<CompressionReport>>,
    /// Why quantising failed.
    pub quantize_error: RwSignal<Option<WorkerError>>,
    /// What the models read on the drawing.
    pub reading: RwSignal<Option<Reading>>,
}

impl Lab {
    /// Everything empty. Called once.
    pub fn start() -> Self {
        let lab = Self {
            probing: RwSignal::new(None),
            probe_error: RwSignal::new(None),
            training: RwSignal::new(None),
            phase: RwSignal::new(Phase::Idle),
            start: RwSignal::new(None),
            progress: RwSignal::new(None),
            loss: RwSignal::new(Curve::default()),
            accuracy: RwSignal::new(Curve::default()),
            evaluations: RwSignal::new(vec![]),
            points: StoredValue::new(vec![]),
            training_error: RwSignal::new(None),
            recoveries: RwSignal::new(vec![]),
            misread_pixels: RwSignal::new(vec![]),
            filters: RwSignal::new(vec![]),
            drawn: RwSignal::new(None),
            data: RwSignal::new(None),
            loading: RwSignal::new(None),
            data_error: RwSignal::new(None),
            quantizing: RwSignal::new(None),
            compression: RwSignal::new(None),
            quantize_error: RwSignal::new(None),
            reading: RwSignal::new(None),
        };
        provide_context(lab);
        let store = crate::state::Store::expect();
        worker::on_lost(move || {
            // The model and the data went with the worker.
            store.last_training.set(None);
            lab.compression.set(None);
            lab.reading.set(None);
            lab.data.set(None);
        });
        lab
    }

    /// The labs of this page.
    pub fn expect() -> Self {
        use_context().unwrap_or_else(Self::start)
    }

    /// Whether a run is being prepared, running or held.
    pub fn is_training(self) -> bool {
        self.phase.get() != Phase::Idle
    }
}
