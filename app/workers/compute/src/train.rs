//! The training job: choose a backend, run, report, survive the loss of the GPU.

use crate::{
    context::{Context, Trained, backend_of, explain},
    data::{count, draw},
    device,
    prepare::{Prepared, prepare},
};
use engine::{
    EngineError,
    datasets::Dataset,
    models::{IMAGE_PIXELS, Network, Weights},
    platform::{now_seconds, sleep, yield_now},
    training::{Classifier, HeldOut, Point, Trainer, Where, digest, loss_digest},
};
use planner::experiment::{DatasetChoice, Experiment, ModelKind};
use protocol::{
    BackendKind, Evaluation, Event, FilterShape, JobId, Misread, Recovery, TrainingProgress, TrainingStart,
    TrainingSummary, WorkerError,
};
use std::rc::Rc;

pub const KEPT: &str = "Your settings, and the model trained before, if any, are unchanged.";
/// Seconds between two reports to the page.
const REPORT_EVERY: f64 = 0.1;
/// Seconds between two snapshots of a run on the GPU.
const SNAPSHOT_EVERY: f64 = 2.0;
/// Seconds that one submit-and-read of several steps should take: below what a cancel may wait for.
const CHUNK_SECONDS: f64 = 0.05;
/// Images of one evaluation run.
const EVALUATION_BATCH: usize = 250;
/// Losses of the GPU in a row, without a new snapshot in between, after which the CPU goes on.
const LOSSES_IN_A_ROW: u32 = 4;

/// Answers [`protocol::Command::Train`].
pub async fn train(context: &Rc<Context>, job: JobId, experiment: Experiment) -> Result<(), WorkerError> {
    let experiment = experiment.sanitised();
    let dataset = dataset(context, job, &experiment).await?;
    let fail = |error: EngineError| explain(&error, KEPT);
    let Prepared { trainer, place, reason } = prepare(context, job, &experiment, &dataset).await?;
    let start = TrainingStart {
        backend: backend_of(&place),
        reason,
        parameter_count: trainer.network().parameter_count() as u64,
        total_steps: trainer.total_steps(),
        plan_bytes: trainer.plan().bytes(),
        flops_per_step: trainer.plan().flops(),
        dispatches_per_step: count(trainer.plan().calls.len()),
    };
    context.post(job, &Event::TrainingStarted { job, start }, vec![]);
    let mut run = Run::new(context, job, experiment, dataset, trainer, place);
    let finished = run.run_all().await.map_err(fail)?;
    run.finish(finished).await;
    Ok(())
}

async fn dataset(
    context: &Rc<Context>,
    job: JobId,
    experiment: &Experiment,
) -> Result<Rc<Dataset>, WorkerError> {
    match experiment.dataset {
        DatasetChoice::Drawn => draw(context, job, experiment.data_seed).await,
        DatasetChoice::Files => match context.files.borrow().as_ref() {
            Some(dataset) => Ok(Rc::clone(dataset)),
            _ => Err(WorkerError {
                what: "These settings train on files, and no files are loaded.".into(),
                kept: KEPT.into(),
                next:
                    "Drop the files on the page again, or choose the drawn digits. Links never carry files."
                        .into(),
            }),
        },
    }
}

/// A run with what it needs to report and to recover.
struct Run<'a> {
    context: &'a Rc<Context>,
    job: JobId,
    experiment: Experiment,
    dataset: Rc<Dataset>,
    trainer: Trainer,
    place: Where,
    /// Points not yet reported.
    news: Vec<Point>,
    reported: f64,
    snapshot: f64,
    /// (time, step) about a second ago, for the rate.
    rate_from: (f64, u32),
    seconds: f64,
    chunk: u32,
    recoveries: u32,
    losses_in_a_row: u32,
}

/// What is known when the last step is done.
struct Finished {
    weights: Weights,
    held_out: HeldOut,
}

impl<'a> Run<'a> {
    fn new(
        context: &'a Rc<Context>,
        job: JobId,
        experiment: Experiment,
        dataset: Rc<Dataset>,
        trainer: Trainer,
        place: Where,
    ) -> Self {
        let now = now_seconds();
        Self {
            context,
            job,
            experiment,
            dataset,
            trainer,
            place,
            news: vec![],
            reported: now,
            snapshot: now,
            rate_from: (now, 0),
            seconds: 0.0,
            chunk: 1,
            recoveries: 0,
            losses_in_a_row: 0,
        }
    }

    /// Trains and evaluates; a lost GPU is replaced, anything else ends the run.
    async fn run_all(&mut self) -> Result<Finished, EngineError> {
        loop {
            match self.segment().await {
                Ok(finished) => return Ok(finished),
                Err(error) if self.can_recover(&error) => self.recover(&error).await?,
                Err(error) => return Err(error),
            }
        }
    }

    fn can_recover(&self, error: &EngineError) -> bool {
        error.is_of_device()
            && backend_of(&self.place) == BackendKind::Gpu
            && !self.context.is_cancelled(self.job)
    }

    /// Goes on from the last snapshot: on a new device, or on the CPU where there is none or it keeps failing.
    async fn recover(&mut self, error: &EngineError) -> Result<(), EngineError> {
        self.recoveries += 1;
        self.losses_in_a_row += 1;
        if let Where::Gpu { device, .. } = &self.place
            && device.check().is_ok()
        {
            // A device that hangs is given up on purpose.
            device.device.destroy();
        }
        self.place = Where::Cpu;
        if self.losses_in_a_row < LOSSES_IN_A_ROW {
            // The browser needs a moment to bring the GPU process back.
            for pause in [0.05, 0.3, 0.8] {
                sleep(pause).await;
                if let Ok(gpu) = device::reacquire(self.context).await {
                    self.place = Where::Gpu { device: Rc::clone(&gpu.device), kernels: gpu.kernels };
                    break;
                }
            }
        }
        let place = self.place.clone();
        let step = match self.trainer.restore(&place).await {
            Ok(step) => step,
            Err(_) => {
                self.place = Where::Cpu;
                self.trainer.restore(&Where::Cpu).await?
            }
        };
        self.news.retain(|point| point.step < step);
        self.rate_from = (now_seconds(), step);
        let recovery =
            Recovery { cause: error.to_string(), resumed_from_step: step, backend: backend_of(&self.place) };
        self.context.post(self.job, &Event::Recovered { job: self.job, recovery }, vec![]);
        Ok(())
    }

    /// From the current step to the end, or to an error.
    async fn segment(&mut self) -> Result<Finished, EngineError> {
        let per_epoch = self.trainer.steps_per_epoch();
        while self.trainer.step() < self.trainer.total_steps() {
            self.hold_while_paused().await;
            if self.context.is_cancelled(self.job) {
                return Err(EngineError::Cancelled);
            }
            let to_epoch_end = per_epoch - self.trainer.step() % per_epoch;
            let begin = now_seconds();
            let points = self.trainer.advance(self.chunk.min(to_epoch_end)).await?;
            let elapsed = now_seconds() - begin;
            self.seconds += elapsed;
            self.chunk = next_chunk(self.chunk, elapsed);
            self.news.extend(points);
            let epoch_ends = self.trainer.step().is_multiple_of(per_epoch);
            self.report(epoch_ends);
            yield_now().await;
            if epoch_ends && self.trainer.step() < self.trainer.total_steps() {
                self.evaluate().await?;
            }
            if backend_of(&self.place) == BackendKind::Gpu && now_seconds() - self.snapshot > SNAPSHOT_EVERY {
                self.trainer.take_snapshot().await?;
                self.snapshot = now_seconds();
                self.losses_in_a_row = 0;
            }
        }
        let (weights, held_out) = self.evaluate().await?;
        Ok(Finished { weights, held_out })
    }

    async fn hold_while_paused(&mut self) {
        if !self.context.is_paused(self.job) {
            return;
        }
        let job = self.job;
        self.report(true);
        self.context.post(job, &Event::Paused { job }, vec![]);
        while self.context.is_paused(job) && !self.context.is_cancelled(job) {
            sleep(0.02).await;
        }
        self.rate_from = (now_seconds(), self.trainer.step());
        self.context.post(job, &Event::Resumed { job }, vec![]);
    }

    fn report(&mut self, at_once: bool) {
        let now = now_seconds();
        if !at_once && now - self.reported < REPORT_EVERY {
            return;
        }
        self.reported = now;
        let step = self.trainer.step();
        let (since, from) = self.rate_from;
        let steps_per_second = f64::from(step.saturating_sub(from)) / (now - since).max(1e-6);
        if now - since > 1.0 {
            self.rate_from = (now, step);
        }
        let points = self.news.drain(..).map(|point| (point.step, point.loss, point.accuracy)).collect();
        let to_go = f64::from(self.trainer.total_steps() - step);
        let progress = TrainingProgress {
            step,
            points,
            examples_per_second: steps_per_second * self.trainer.batch_size() as f64,
            flops_per_second: steps_per_second * self.trainer.plan().flops(),
            remaining_seconds: if steps_per_second > 0.0 { to_go / steps_per_second } else { 0.0 },
        };
        self.context.post(self.job, &Event::TrainingProgress { job: self.job, progress }, vec![]);
    }

    async fn evaluate(&mut self) -> Result<(Weights, HeldOut), EngineError> {
        let begin = now_seconds();
        let weights = self.trainer.weights().await?;
        let network = self.trainer.network().clone();
        let batch = EVALUATION_BATCH.min(self.dataset.held_out.len()).max(1);
        let mut classifier = Classifier::float32(&network, &weights, batch, &self.place).await?;
        let logits = classifier.logits(&self.dataset.held_out.pixels).await?;
        let held_out = HeldOut::of(&logits, &self.dataset.held_out);
        let evaluation = evaluation(self.trainer.step(), &held_out);
        self.context.post(self.job, &Event::Evaluated { job: self.job, evaluation }, vec![]);
        // Evaluation is not training: the rate and the remaining time do not count it.
        self.rate_from.0 += now_seconds() - begin;
        Ok((weights, held_out))
    }

    async fn finish(self, finished: Finished) {
        let Finished { weights, held_out } = finished;
        let network = self.trainer.network().clone();
        let misread: Vec<Misread> = held_out
            .misread
            .iter()
            .take(24)
            .map(|&(index, confidence)| Misread {
                index,
                label: self.dataset.held_out.labels.get(index as usize).copied().unwrap_or(0),
                predicted: held_out.predicted.get(index as usize).copied().unwrap_or(0),
                confidence,
            })
            .collect();
        let pixels = misread
            .iter()
            .flat_map(|misread| {
                self.dataset.held_out.image(misread.index as usize).unwrap_or_default().to_vec()
            })
            .collect();
        let (filters, values) = filters(&self.experiment, &weights);
        let summary = TrainingSummary {
            evaluation: evaluation(self.trainer.step(), &held_out),
            confusion: held_out.confusion,
            misread,
            filters,
            elapsed_seconds: self.seconds,
            backend: backend_of(&self.place),
            loss_digest: loss_digest(self.trainer.points()),
            weights_digest: digest(
                weights.iter().flat_map(|(w, b)| w.iter().chain(b)).map(|value| value.to_bits()),
            ),
            weight_bytes: network.parameter_count() as u64 * 4,
            recoveries: self.recoveries,
            flops_per_example: forward_flops(&network),
        };
        let trained = Trained {
            network,
            weights,
            backend: backend_of(&self.place),
            dataset: Rc::clone(&self.dataset),
            quantized: None,
        };
        if !self.context.is_cancelled(self.job) {
            self.context.trained.replace(Some(Rc::new(trained)));
            *self.context.readers.lock().await = Default::default();
        }
        let event = Event::TrainingFinished { job: self.job, summary: Box::new(summary) };
        self.context.post(self.job, &event, vec![pixels, values]);
    }
}

/// As many steps as take [`CHUNK_SECONDS`] together.
fn next_chunk(chunk: u32, elapsed: f64) -> u32 {
    let fitting = f64::from(chunk) * CHUNK_SECONDS / elapsed.max(1e-6);
    (fitting as u32).clamp(1, chunk * 2).min(32)
}

const fn evaluation(step: u32, held_out: &HeldOut) -> Evaluation {
    Evaluation { step, accuracy: held_out.accuracy, loss: held_out.loss }
}

/// Multiplications and additions of the products of one image's forward pass.
fn forward_flops(network: &Network) -> f64 {
    let mut pixels = IMAGE_PIXELS;
    let mut flops = 0.0;
    for layer in &network.layers {
        let products = (layer.fan_in() * layer.outputs()) as f64;
        if matches!(layer, engine::models::Layer::Conv { .. }) {
            flops += 2.0 * products * pixels as f64;
            pixels /= 4;
        } else {
            flops += 2.0 * products;
        }
    }
    flops
}

/// First-layer filters as images: 3x3 of the convolution, or 28x28 of the first 32 hidden units.
fn filters(experiment: &Experiment, weights: &Weights) -> (FilterShape, Vec<u8>) {
    let side = match experiment.model {
        ModelKind::Cnn => 3,
        ModelKind::Mlp => 28,
    };
    let outputs = experiment.width as usize;
    let shown = outputs.min(32);
    let mut bytes = Vec::with_capacity(shown * side * side * 4);
    if let Some((weight, _)) = weights.first() {
        for filter in 0..shown {
            for value in weight.iter().skip(filter).step_by(outputs).take(side * side) {
                bytes.extend(value.to_le_bytes());
            }
        }
    }
    (FilterShape { count: count(shown), side: count(side) }, bytes)
}
