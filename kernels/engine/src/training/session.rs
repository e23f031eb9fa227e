//! A training run: steps are replayed from one plan, records are read in batches, snapshots keep the run alive when
//! the device goes.

use super::{
    Point, Where,
    recorded::{ALL_FINITE, RING, RecordedStep, SCALARS, Scalar, StepSettings},
};
use crate::{
    EngineError,
    backends::{Executor, gpu::TuneTable},
    models::Model,
    plan::{Plan, Span},
};
use std::{fmt::Debug, ops::Range, rc::Rc};

/// Where batches come from. What a batch holds follows from its number alone, so that a run can go on from anywhere.
pub trait Examples: Debug {
    /// Writes micro-batch `number` (from 0): what the model reads, and its labels; both as words.
    fn fill(&mut self, number: u64, batch: usize, examples: &mut Vec<u32>, labels: &mut Vec<u32>);

    /// Micro-batches of one pass over the data.
    fn batches_per_epoch(&self, batch: usize) -> u32;
}

/// Learning rate of a step.
pub type RateOfStep = Rc<dyn Fn(u32) -> f64>;

/// Steps after which a loss scale that never overflowed is doubled (Micikevicius et al. 2018).
const SCALE_GROWTH_STEPS: u32 = 200;
const FIRST_LOSS_SCALE: f32 = 65_536.0;
/// Steps between two looks where the loss scale may have to change.
const MIXED_STEPS: u32 = 8;

/// State of a run at one step: all device state, and what the host counts. The order of examples follows from the
/// seed and the step.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Steps done.
    pub step: u32,
    /// Loss scale.
    pub loss_scale: f32,
    /// Steps since it changed.
    pub scale_age: u32,
    /// The state's words.
    pub state: Vec<u32>,
}

/// A run.
pub struct Session {
    settings: StepSettings,
    rate: RateOfStep,
    recorded: RecordedStep,
    executor: Executor,
    examples: Box<dyn Examples>,
    points: Vec<Point>,
    step: u32,
    loss_scale: f32,
    scale_age: u32,
    snapshot: Snapshot,
    tuning: TuneTable,
    buffers: [Vec<u32>; 2],
}

impl Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Session").field("step", &self.step).field("settings", &self.settings).finish()
    }
}

impl Session {
    /// Sets a run up: records the step, compiles the plan, writes the initial weights.
    ///
    /// # Errors
    /// Out of memory at these sizes, a refused shader, a lost device.
    pub async fn new(
        model: &Model,
        settings: StepSettings,
        rate: RateOfStep,
        examples: Box<dyn Examples>,
        place: &Where,
    ) -> Result<Self, EngineError> {
        let recorded = RecordedStep::record(model, &settings)?;
        let weights = recorded.layout.initial(settings.seed);
        Self::with_weights(recorded, settings, rate, examples, &weights, place).await
    }

    /// As [`Self::new`], from a recorded step and given flat parameters.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub async fn with_weights(
        recorded: RecordedStep,
        settings: StepSettings,
        rate: RateOfStep,
        examples: Box<dyn Examples>,
        weights: &[f32],
        place: &Where,
    ) -> Result<Self, EngineError> {
        let executor = compile(&recorded, place, TUNE_SECONDS).await?;
        let loss_scale = if settings.mixed_precision { FIRST_LOSS_SCALE } else { 1.0 };
        let mut session = Self {
            settings,
            rate,
            recorded,
            executor,
            examples,
            points: vec![],
            step: 0,
            loss_scale,
            scale_age: 0,
            snapshot: Snapshot { step: 0, loss_scale, scale_age: 0, state: vec![] },
            tuning: match place {
                Where::Gpu { device, .. } => device.tuning(),
                Where::Cpu => TuneTable::default(),
            },
            buffers: [vec![], vec![]],
        };
        let words: &[u32] = bytemuck::cast_slice(weights);
        session.executor.write(session.span(session.recorded.parameters)?, words)?;
        if let Some(average) = session.recorded.average {
            session.executor.write(session.span(average)?, words)?;
        }
        session.executor.write(session.span(session.recorded.flags)?, &[ALL_FINITE])?;
        session.take_snapshot().await?;
        Ok(session)
    }

    /// The plan that runs.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        self.executor.plan()
    }

    /// What was recorded.
    #[must_use]
    pub const fn recorded(&self) -> &RecordedStep {
        &self.recorded
    }

    /// Settings.
    #[must_use]
    pub const fn settings(&self) -> &StepSettings {
        &self.settings
    }

    /// Steps done.
    #[must_use]
    pub const fn step(&self) -> u32 {
        self.step
    }

    /// The loss curve so far.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Puts the loss curve of a run in place that goes on from a checkpoint; points after this step are left out.
    pub(super) fn set_points(&mut self, mut points: Vec<Point>) {
        points.truncate(self.step as usize);
        self.points = points;
    }

    /// Factor of the loss in mixed precision.
    #[must_use]
    pub const fn loss_scale(&self) -> f32 {
        self.loss_scale
    }

    /// Updates of one pass over the data.
    #[must_use]
    pub fn steps_per_epoch(&self) -> u32 {
        let batches = self.examples.batches_per_epoch(self.settings.micro_batch_size);
        (batches / self.settings.gradient_accumulation_steps.max(1)).max(1)
    }

    fn span(&self, node: crate::graph::NodeId) -> Result<Span, EngineError> {
        self.plan().span(node)
    }

    /// Runs up to `steps` more steps and returns their points. Where gradients stop being finite, nothing of that step
    /// is kept; in mixed precision the loss scale shrinks and the run goes on.
    ///
    /// # Errors
    /// A lost device or a timeout (go on with [`Self::restore`]), or [`EngineError::NonFinite`].
    pub async fn advance(&mut self, steps: u32) -> Result<Vec<Point>, EngineError> {
        let most = if self.settings.mixed_precision { MIXED_STEPS } else { RING as u32 / 2 };
        let first = self.step;
        let last = first + steps.min(most);
        for step in first..last {
            self.run_step(step).await?;
        }
        self.collect(first, last).await
    }

    /// The records of steps that ran; they count as done where all of them are finite.
    async fn collect(&mut self, first: u32, last: u32) -> Result<Vec<Point>, EngineError> {
        let records = self.executor.read(self.span(self.recorded.ring)?).await?;
        let mut news = Vec::with_capacity((last - first) as usize);
        for step in first..last {
            let slot = (step as usize % RING) * 4;
            let Some(&[loss, matches, norm, stamp]) =
                records.get(slot..slot + 4).and_then(|record| record.as_array())
            else {
                continue;
            };
            if stamp != step {
                let cause = format!("step {step} did not run: its slot holds step {stamp}");
                return Err(EngineError::DeviceLost { cause });
            }
            let [loss, matches, norm] = [loss, matches, norm].map(f32::from_bits);
            self.judge(step, loss, norm).await?;
            news.push(self.point(step, loss, matches, norm));
        }
        self.points.extend_from_slice(&news);
        self.step = last;
        Ok(news)
    }

    /// Records of one step as a point.
    fn point(&self, step: u32, loss: f32, matches: f32, norm: f32) -> Point {
        let parts = self.settings.gradient_accumulation_steps.max(1) as f32;
        let rows = self.recorded.graph.elements(self.recorded.model.labels) as f32;
        let gradient_norm = norm.sqrt() / (self.loss_scale * parts);
        Point { step, loss: loss / parts, accuracy: matches / (parts * rows), gradient_norm }
    }

    /// Stops the run, or adapts the loss scale, where a step was not finite.
    async fn judge(&mut self, step: u32, loss: f32, norm: f32) -> Result<(), EngineError> {
        if loss.is_finite() && norm.is_finite() {
            self.scale_age += 1;
            if self.settings.mixed_precision && self.scale_age >= SCALE_GROWTH_STEPS {
                self.loss_scale *= 2.0;
                self.scale_age = 0;
            }
            return Ok(());
        }
        if self.settings.mixed_precision && loss.is_finite() && self.loss_scale > 1.0 {
            self.loss_scale /= 2.0;
            self.scale_age = 0;
            let span = self.span(self.recorded.flags)?;
            return self.executor.write(span, &[ALL_FINITE]);
        }
        let tensor = self.first_bad_tensor(loss).await?;
        Err(EngineError::NonFinite { step, tensor })
    }

    async fn first_bad_tensor(&mut self, loss: f32) -> Result<String, EngineError> {
        let flag = self.executor.read(self.span(self.recorded.flags)?).await?.first().copied();
        Ok(match flag {
            Some(word) if word != ALL_FINITE => {
                format!("the gradient of {}", self.recorded.layout.name_at(word as usize))
            }
            _ if !loss.is_finite() => "the loss".into(),
            _ => "the norm of the gradients".into(),
        })
    }

    /// Queues one step: its micro-batches, then the update.
    async fn run_step(&mut self, step: u32) -> Result<(), EngineError> {
        let parts = self.settings.gradient_accumulation_steps.max(1);
        for part in 0..parts {
            self.begin_micro_batch(step, part)?;
            self.executor.run_phase(0).await?;
        }
        self.executor.run_phase(1).await
    }

    /// Writes what a micro-batch reads: examples, labels, scalars, dropout's counter.
    ///
    /// # Errors
    /// A lost device.
    pub fn begin_micro_batch(&mut self, step: u32, part: u32) -> Result<(), EngineError> {
        let parts = self.settings.gradient_accumulation_steps.max(1);
        let number = u64::from(step) * u64::from(parts) + u64::from(part);
        let [examples, labels] = &mut self.buffers;
        examples.clear();
        labels.clear();
        self.examples.fill(number, self.settings.micro_batch_size, examples, labels);
        let model = self.recorded.model;
        let (examples_span, labels_span) =
            (self.executor.plan().span(model.examples)?, self.executor.plan().span(model.labels)?);
        self.executor.write(examples_span, examples)?;
        if model.labels != model.examples {
            self.executor.write(labels_span, labels)?;
        }
        // Dropout's counter is dead where nothing reads it.
        if let Ok(span) = self.span(self.recorded.counter) {
            self.executor.write(span, &[number as u32, 0])?;
        }
        let scalars = self.scalars(step, part);
        self.executor.write(self.span(self.recorded.scalars)?, &scalars)
    }

    fn scalars(&self, step: u32, part: u32) -> [u32; SCALARS] {
        let learning_rate = (self.rate)(step);
        let [rate, epsilon] = self.settings.optimizer.rates(learning_rate, step);
        let parts = self.settings.gradient_accumulation_steps.max(1) as f32;
        let mut scalars = [0.0_f32; SCALARS];
        let decay = 1.0 - (learning_rate * f64::from(self.settings.weight_decay)) as f32;
        let values = [
            (Scalar::Keep, f32::from(u8::from(part > 0))),
            (Scalar::Rate, rate),
            (Scalar::PlainRate, learning_rate as f32),
            (Scalar::Epsilon, epsilon),
            (Scalar::Decay, decay),
            (Scalar::LossScale, self.loss_scale),
            (Scalar::Unscale, 1.0 / (self.loss_scale * parts)),
            (Scalar::Clip, self.settings.clip_norm.unwrap_or(1e30)),
        ];
        for (which, value) in values {
            if let Some(slot) = scalars.get_mut(which as usize) {
                *slot = value;
            }
        }
        scalars.map(f32::to_bits)
    }

    /// Keeps the state of this step on the host, so that the run survives a lost device.
    ///
    /// # Errors
    /// A lost device or a timeout; the earlier snapshot stays.
    pub async fn take_snapshot(&mut self) -> Result<(), EngineError> {
        let state = self.executor.read(self.plan().state_span()).await?;
        let (loss_scale, scale_age) = (self.loss_scale, self.scale_age);
        self.snapshot = Snapshot { step: self.step, loss_scale, scale_age, state };
        Ok(())
    }

    /// The last snapshot.
    #[must_use]
    pub const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Goes on from a snapshot of the same model and settings.
    ///
    /// # Errors
    /// [`EngineError::Shape`] where it belongs to another plan; a lost device.
    pub fn resume(&mut self, snapshot: Snapshot) -> Result<(), EngineError> {
        let expected = self.plan().state_words;
        if snapshot.state.len() != expected {
            let message = format!("a checkpoint of {} words for a run of {expected}", snapshot.state.len());
            return Err(EngineError::Shape { message });
        }
        self.executor.write(self.plan().state_span(), &snapshot.state)?;
        self.step = snapshot.step;
        self.loss_scale = snapshot.loss_scale;
        self.scale_age = snapshot.scale_age;
        self.points.truncate(self.step as usize);
        self.snapshot = snapshot;
        Ok(())
    }

    /// Goes on from the last snapshot in another place; returns its step. Replayed steps give the same bits on the
    /// same adapter.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub async fn restore(&mut self, place: &Where) -> Result<u32, EngineError> {
        if let Where::Gpu { device, .. } = place {
            // Other kernels could round otherwise: replayed steps use those of the first time.
            device.adopt_tuning(&self.tuning);
        }
        self.executor = compile(&self.recorded, place, 0.0).await?;
        self.resume(self.snapshot.clone())?;
        Ok(self.step)
    }

    /// The flat parameters as they are now; the running average where there is one and it is wanted.
    ///
    /// # Errors
    /// A lost device or a timeout.
    pub async fn parameters(&mut self, averaged: bool) -> Result<Vec<f32>, EngineError> {
        let node = self.recorded.average.filter(|_| averaged).unwrap_or(self.recorded.parameters);
        self.executor.read_f32(self.span(node)?).await
    }

    /// The flat gradients of the last step, scaled by the loss scale and summed over micro-batches.
    ///
    /// # Errors
    /// A lost device or a timeout.
    pub async fn gradients(&mut self) -> Result<Vec<f32>, EngineError> {
        self.executor.read_f32(self.span(self.recorded.gradients)?).await
    }

    /// A part of the flat gradients, as they are now.
    ///
    /// # Errors
    /// [`EngineError::Shape`] where there is no such part; a lost device or a timeout.
    pub async fn read_gradients(&mut self, words: Range<usize>) -> Result<Vec<f32>, EngineError> {
        let span = self.span(self.recorded.gradients)?.part(words)?;
        self.executor.read_f32(span).await
    }

    /// Replaces gradients from `offset` on, before [`Self::run_update`].
    ///
    /// # Errors
    /// [`EngineError::Shape`] where they do not fit; a lost device.
    pub fn write_gradients(&mut self, offset: usize, values: &[f32]) -> Result<(), EngineError> {
        let span = self.span(self.recorded.gradients)?.part(offset..offset + values.len())?;
        self.executor.write(span, bytemuck::cast_slice(values))
    }

    /// Ends the step whose first phase the caller ran: updates with the gradients that stand there.
    ///
    /// # Errors
    /// As [`Self::advance`].
    pub async fn run_update(&mut self) -> Result<Point, EngineError> {
        self.executor.run_phase(1).await?;
        let step = self.step;
        let points = self.collect(step, step + 1).await?;
        let missing = || EngineError::Shape { message: format!("step {step} left no record") };
        points.first().copied().ok_or_else(missing)
    }

    /// The executor, for profiling and data parallelism.
    pub const fn executor(&mut self) -> &mut Executor {
        &mut self.executor
    }
}

/// Seconds that choosing kernels for a plan may take.
const TUNE_SECONDS: f64 = 2.0;

/// The step's plan in a place. A GPU first measures kernels that it does not know for at most `tune_seconds`: 0 where
/// a run goes on, which has to use what it used before, measured or not.
async fn compile(recorded: &RecordedStep, place: &Where, tune_seconds: f64) -> Result<Executor, EngineError> {
    let options = recorded.passes.options(place.options());
    let plan = Rc::new(Plan::compile(&recorded.graph, &[recorded.model.logits], &options)?);
    if let Where::Gpu { device, .. } = place
        && tune_seconds > 0.0
    {
        device.tune(&plan, tune_seconds).await?;
    }
    place.executor(plan).await
}
