//! What the worker remembers between commands.

use crate::messages;
use engine::{
    EngineError,
    backends::gpu::GpuDevice,
    datasets::Dataset,
    models::{Network, Weights},
    probe::{KernelChoice, SelfTest},
    quantisation::QuantizedNetwork,
    training::{Classifier, Where},
};
use futures::lock::Mutex;
use planner::experiment::Experiment;
use protocol::{BackendKind, Event, GpuUnavailable, JobId, WorkerError};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
};

/// Flags of a running job.
#[derive(Debug, Default)]
pub struct Job {
    cancelled: Cell<bool>,
    paused: Cell<bool>,
}

/// A GPU that answered the self-test, and what was measured on it.
#[derive(Debug, Clone)]
pub struct Gpu {
    /// Device.
    pub device: Rc<GpuDevice>,
    /// Kernel variants. Kept when the device is replaced, so that replayed steps give the same bits.
    pub kernels: KernelChoice,
    /// Seconds of its 512 product.
    pub matmul_seconds: f64,
    /// Known answers.
    pub self_test: SelfTest,
}

/// The last trained model.
#[derive(Debug)]
pub struct Trained {
    /// Network.
    pub network: Network,
    /// Weights.
    pub weights: Weights,
    /// Backend that finished the run.
    pub backend: BackendKind,
    /// The data it was trained on.
    pub dataset: Rc<Dataset>,
    /// INT8 version, once made.
    pub quantized: Option<QuantizedNetwork>,
}

/// Readers of one image at a time, on the CPU: no queueing behind a training run on the GPU.
#[derive(Debug, Default)]
pub struct Readers {
    /// f32.
    pub float32: Option<Classifier>,
    /// INT8.
    pub int8: Option<Classifier>,
}

/// Everything the worker remembers.
#[derive(Debug, Default)]
pub struct Context {
    /// Held by the heavy job whose turn it is.
    pub turn: Mutex<()>,
    jobs: RefCell<HashMap<JobId, Rc<Job>>>,
    /// The GPU in use.
    pub gpu: RefCell<Option<Gpu>>,
    /// Drawn data and its seed.
    pub drawn: RefCell<Option<(u32, Rc<Dataset>)>>,
    /// The visitor's files, kept beside the drawn data so that switching between the two loses nothing.
    pub files: RefCell<Option<Rc<Dataset>>>,
    /// Last trained model.
    pub trained: RefCell<Option<Rc<Trained>>>,
    /// Its readers.
    pub readers: Mutex<Readers>,
    /// Which backend measured faster, and how, by model and batch.
    pub faster: RefCell<HashMap<String, (BackendKind, String)>>,
}

impl Context {
    /// Registers a job.
    pub fn start(&self, job: JobId) {
        self.jobs.borrow_mut().entry(job).or_default();
    }

    /// Forgets a job.
    pub fn end(&self, job: JobId) {
        self.jobs.borrow_mut().remove(&job);
    }

    fn job(&self, job: JobId) -> Option<Rc<Job>> {
        self.jobs.borrow().get(&job).cloned()
    }

    /// The visitor stopped the job; it is acknowledged at once, and what it says later is dropped.
    pub fn cancel(&self, job: JobId) {
        if let Some(flags) = self.job(job) {
            flags.cancelled.set(true);
        }
        messages::post(&Event::Cancelled { job }, vec![]);
    }

    /// Whether the visitor stopped the job.
    pub fn is_cancelled(&self, job: JobId) -> bool {
        self.job(job).is_none_or(|flags| flags.cancelled.get())
    }

    /// Holds or releases a job.
    pub fn set_paused(&self, job: JobId, paused: bool) {
        if let Some(flags) = self.job(job) {
            flags.paused.set(paused);
        }
    }

    /// Whether the job is held.
    pub fn is_paused(&self, job: JobId) -> bool {
        self.job(job).is_some_and(|flags| flags.paused.get())
    }

    /// Posts an event of a job, unless it was cancelled.
    pub fn post(&self, job: JobId, event: &Event, buffers: Vec<Vec<u8>>) {
        if !self.is_cancelled(job) {
            messages::post(event, buffers);
        }
    }

    /// Posts what is being done.
    pub fn progress(&self, job: JobId, what: impl Into<String>, fraction: Option<f32>) {
        let event = Event::Progress { job, what: what.into(), fraction, remaining_seconds: None };
        self.post(job, &event, vec![]);
    }

    /// Where work of a backend runs; the CPU where there is no GPU any more.
    pub fn place(&self, backend: BackendKind) -> Where {
        match (backend, self.gpu.borrow().as_ref()) {
            (BackendKind::Gpu, Some(gpu)) => {
                Where::Gpu { device: Rc::clone(&gpu.device), kernels: gpu.kernels }
            }
            _ => Where::Cpu,
        }
    }
}

/// The backend of a place.
pub const fn backend_of(place: &Where) -> BackendKind {
    match place {
        Where::Cpu => BackendKind::Cpu,
        Where::Gpu { .. } => BackendKind::Gpu,
    }
}

/// A key of [`Context::faster`].
pub fn model_key(experiment: &Experiment) -> String {
    let Experiment { model, width, batch_size, optimizer, .. } = experiment;
    format!("{model:?} {width} {batch_size} {optimizer:?}")
}

/// What the visitor reads of an engine error.
pub fn explain(error: &EngineError, kept: &str) -> WorkerError {
    let next = match error {
        EngineError::OutOfMemory { .. } => "Choose a smaller batch or width, or the other backend.",
        EngineError::NonFinite { .. } => "Lower the learning rate and train again.",
        EngineError::DeviceLost { .. } | EngineError::Timeout { .. } | EngineError::Gpu { .. } => {
            "Try again; if it happens again, choose the CPU backend or reload the page."
        }
        EngineError::Shape { .. } => {
            "Choose other settings; please report this message, it should not happen."
        }
        EngineError::Cancelled => "Start again when you like.",
    };
    let what = error.to_string();
    let mut letters = what.chars();
    let what = letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect());
    WorkerError { what: format!("{what}."), kept: kept.to_owned(), next: next.to_owned() }
}

/// Why there is no GPU backend, for the run's reason.
pub const fn unavailable(reason: &GpuUnavailable) -> &'static str {
    match reason {
        GpuUnavailable::NoWebGpu => "this browser has no WebGPU",
        GpuUnavailable::InsecureOrigin => "browsers hide WebGPU on plain http pages",
        GpuUnavailable::NoAdapter => "the browser offers no GPU adapter",
        GpuUnavailable::DeviceRefused { .. } => "the GPU refused a device",
        GpuUnavailable::SelfTestFailed { .. } => "the GPU gave wrong answers to known questions",
    }
}
