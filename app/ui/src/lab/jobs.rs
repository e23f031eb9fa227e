//! Starting jobs, and putting their events where the pages read them.

use super::{Activity, Curve, Lab, Phase};
use crate::{
    state::{NoticeKind, Store},
    worker,
};
use leptos::prelude::*;
use planner::experiment::DatasetChoice;
use protocol::{BackendKind, Command, DataSource, Event, JobId, TrainingProgress, WorkerError};

/// Plain words for a backend.
pub const fn backend_name(backend: BackendKind) -> &'static str {
    match backend {
        BackendKind::Gpu => "GPU",
        BackendKind::Cpu => "CPU",
    }
}

/// Handles what all jobs have in common; true if the event was one of these.
fn common(
    event: &Event,
    activity: RwSignal<Option<Activity>>,
    error_slot: RwSignal<Option<WorkerError>>,
) -> bool {
    match event {
        Event::Progress { job, what, fraction, remaining_seconds } => {
            activity.set(Some(Activity {
                job: *job,
                what: what.clone(),
                fraction: fraction.map(f64::from),
                remaining_seconds: remaining_seconds.map(f64::from),
            }));
        }
        Event::Cancelled { .. } => activity.set(None),
        Event::Failed { error, .. } => {
            activity.set(None);
            error_slot.set(Some(error.clone()));
        }
        _ => return false,
    }
    true
}

fn begin(activity: RwSignal<Option<Activity>>, job: JobId, what: &str) {
    activity.set(Some(Activity { job, what: what.into(), fraction: None, remaining_seconds: None }));
}

impl Lab {
    /// Measures the device.
    pub fn probe(self) {
        if self.probing.with_untracked(Option::is_some) {
            return;
        }
        let store = Store::expect();
        self.probe_error.set(None);
        let job = worker::submit(
            |job| Command::Probe { job },
            vec![],
            move |event, _| {
                if common(&event, self.probing, self.probe_error) {
                    return;
                }
                if let Event::Probed { report, .. } = event {
                    self.probing.set(None);
                    store.device_report.set(Some(*report));
                }
            },
        );
        begin(self.probing, job, "Starting the compute worker");
    }

    /// Loads data into the worker.
    pub fn load(self, source: DataSource, files: Vec<Vec<u8>>) {
        let store = Store::expect();
        self.data_error.set(None);
        let drawn_seed = match &source {
            DataSource::Drawn { seed } => Some(*seed),
            DataSource::Files { .. } => None,
        };
        let job = worker::submit(
            |job| Command::LoadData { job, source },
            files,
            move |event, buffers| {
                if common(&event, self.loading, self.data_error) {
                    return;
                }
                if let Event::DataReady { summary, .. } = event {
                    self.loading.set(None);
                    let pixels = buffers.into_iter().next().unwrap_or_default();
                    match drawn_seed {
                        Some(seed) => self.drawn.set(Some((seed, summary, pixels))),
                        None => {
                            self.data.set(Some((summary, pixels)));
                            store.commit(|workbench| workbench.experiment.dataset = DatasetChoice::Files);
                        }
                    }
                }
            },
        );
        begin(self.loading, job, "Reading");
    }

    /// Trains with the settings of the workbench.
    pub fn train(self) {
        if self.phase.get_untracked() != Phase::Idle {
            return;
        }
        let store = Store::expect();
        self.reset();
        self.phase.set(Phase::Preparing);
        let experiment = store.workbench.with_untracked(|workbench| workbench.experiment.clone());
        let job = worker::submit(
            |job| Command::Train { job, experiment },
            vec![],
            move |event, buffers| {
                self.on_training_event(store, event, buffers);
            },
        );
        begin(self.training, job, "Starting the compute worker");
    }

    fn reset(self) {
        self.training_error.set(None);
        self.start.set(None);
        self.progress.set(None);
        self.loss.set(Curve::default());
        self.accuracy.set(Curve::default());
        self.evaluations.set(vec![]);
        self.points.set_value(vec![]);
        self.recoveries.set(vec![]);
    }

    fn on_training_event(self, store: Store, event: Event, buffers: Vec<Vec<u8>>) {
        if common(&event, self.training, self.training_error) {
            if !matches!(event, Event::Progress { .. }) {
                self.phase.set(Phase::Idle);
            }
            return;
        }
        match event {
            Event::TrainingStarted { start, .. } => {
                self.start.set(Some(start));
                self.phase.set(Phase::Running);
            }
            Event::TrainingProgress { job, progress } => self.on_progress(job, progress),
            Event::Evaluated { evaluation, .. } => self.evaluations.update(|all| all.push(evaluation)),
            Event::Recovered { recovery, .. } => {
                let from = recovery.resumed_from_step;
                let words = format!(
                    "{}. The run went on by itself from step {from}, on the {}.",
                    sentence(&recovery.cause),
                    backend_name(recovery.backend)
                );
                self.rewind(from);
                self.recoveries.update(|all| all.push(words.clone()));
                store.notify(NoticeKind::Info, words);
            }
            Event::Paused { .. } => self.phase.set(Phase::Paused),
            Event::Resumed { .. } => self.phase.set(Phase::Running),
            Event::TrainingFinished { summary, .. } => {
                let mut buffers = buffers.into_iter();
                let (pixels, filters) =
                    (buffers.next().unwrap_or_default(), buffers.next().unwrap_or_default());
                let filters: Vec<f32> =
                    filters.chunks_exact(4).map(|b| b.try_into().map_or(0.0, f32::from_le_bytes)).collect();
                self.compression.set(None);
                self.reading.set(None);
                self.misread_pixels.set(vec![]);
                self.filters.set(vec![]);
                self.training.set(None);
                self.phase.set(Phase::Idle);
                // The results come in pieces, a task each: together they would hold the page for a moment.
                let piece = std::time::Duration::from_millis(1);
                set_timeout(
                    move || {
                        store.last_training.set(Some(*summary));
                        set_timeout(move || self.misread_pixels.set(pixels), piece);
                        set_timeout(move || self.filters.set(filters), 2 * piece);
                    },
                    piece,
                );
            }
            _ => {}
        }
    }

    fn on_progress(self, job: JobId, progress: TrainingProgress) {
        let total =
            self.start.with_untracked(|start| start.as_ref().map_or(1, |start| start.total_steps.max(1)));
        self.training.set(Some(Activity {
            job,
            what: format!("Step {} of {total}", progress.step),
            fraction: Some(f64::from(progress.step) / f64::from(total)),
            remaining_seconds: Some(progress.remaining_seconds),
        }));
        self.points.update_value(|points| points.extend_from_slice(&progress.points));
        self.loss.update(|curve| progress.points.iter().for_each(|(step, loss, _)| curve.push(*step, *loss)));
        self.accuracy
            .update(|curve| progress.points.iter().for_each(|(step, _, share)| curve.push(*step, *share)));
        self.progress.set(Some(progress));
    }

    /// Forgets the points from `step` on: they are made again.
    fn rewind(self, step: u32) {
        self.points.update_value(|points| points.retain(|point| point.0 < step));
        self.evaluations.update(|all| all.retain(|evaluation| evaluation.step <= step));
        let (mut loss, mut accuracy) = (Curve::default(), Curve::default());
        self.points.with_value(|points| {
            for (step, value, share) in points {
                loss.push(*step, *value);
                accuracy.push(*step, *share);
            }
        });
        self.loss.set(loss);
        self.accuracy.set(accuracy);
    }

    /// Holds or releases the run.
    pub fn toggle_pause(self) {
        let Some(job) =
            self.training.with_untracked(|activity| activity.as_ref().map(|activity| activity.job))
        else {
            return;
        };
        match self.phase.get_untracked() {
            Phase::Running => worker::control(Command::Pause { job }),
            Phase::Paused => worker::control(Command::Resume { job }),
            Phase::Idle | Phase::Preparing => {}
        }
    }

    /// Makes the INT8 model and measures both.
    pub fn quantize(self) {
        self.quantize_error.set(None);
        let job = worker::submit(
            |job| Command::Quantize { job },
            vec![],
            move |event, _| {
                if common(&event, self.quantizing, self.quantize_error) {
                    return;
                }
                if let Event::Quantized { report, .. } = event {
                    self.quantizing.set(None);
                    self.compression.set(Some(*report));
                }
            },
        );
        begin(self.quantizing, job, "Starting");
    }

    /// Reads a drawing of 784 bytes; `done` is called whatever the answer.
    pub fn classify(self, pixels: Vec<u8>, done: impl Fn() + 'static) {
        worker::submit(
            |job| Command::Classify { job },
            vec![pixels],
            move |event, _| {
                if let Event::Classified { reading, .. } = event {
                    self.reading.set(Some(reading));
                }
                done();
            },
        );
    }
}

fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        std::iter::once(first.to_ascii_uppercase()).chain(letters).collect()
    })
}
