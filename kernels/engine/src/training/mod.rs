//! Training: a step is recorded once and replayed; snapshots make a run survive the loss of its device.

mod classifier;
mod recorded;
mod results;
pub mod schedule;

pub use classifier::{Classifier, Where, softmax};
pub use recorded::{RING, RecordedStep};
pub use results::{HeldOut, argmax, digest, loss_digest};

use crate::{
    EngineError,
    backends::Executor,
    datasets::Dataset,
    models::{IMAGE_PIXELS, Network, Weights},
    plan::{Plan, PlanOptions, Span},
    random::Stream,
};
use planner::experiment::{Experiment, Optimizer};
use std::rc::Rc;

/// Mean loss and accuracy of one step's batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Step, from 0.
    pub step: u32,
    /// Mean cross-entropy.
    pub loss: f32,
    /// Share read rightly, 0 to 1.
    pub accuracy: f32,
}

/// State of a run at one step: weights, moments, clock. The order of examples follows from seed and step.
#[derive(Debug, Clone)]
struct Snapshot {
    step: u32,
    state: Vec<u32>,
}

/// A run.
#[derive(Debug)]
pub struct Trainer {
    experiment: Experiment,
    network: Network,
    dataset: Rc<Dataset>,
    recorded: RecordedStep,
    executor: Executor,
    points: Vec<Point>,
    step: u32,
    steps_per_epoch: u32,
    batch_size: usize,
    order: (u32, Vec<u32>),
    snapshot: Snapshot,
}

impl Trainer {
    /// Sets a run up: records the step, compiles the plan, writes the initial weights.
    ///
    /// # Errors
    /// Out of memory at this batch size and width, a refused shader, a lost device.
    pub async fn new(
        experiment: Experiment,
        dataset: Rc<Dataset>,
        place: &Where,
    ) -> Result<Self, EngineError> {
        let network = Network::of(&experiment);
        let batch_size = (experiment.batch_size as usize).min(dataset.train.len()).max(1);
        let recorded = RecordedStep::record(&network, batch_size, experiment.optimizer)?;
        let plan = Rc::new(Plan::compile(&recorded.graph, &[recorded.network.logits], &place.options())?);
        let mut executor = place.executor(Rc::clone(&plan)).await?;
        for ((weight, bias), nodes) in
            network.initial_weights(experiment.seed).iter().zip(&recorded.network.parameters)
        {
            executor.write(plan.span(nodes.0)?, bytemuck::cast_slice(weight))?;
            executor.write(plan.span(nodes.1)?, bytemuck::cast_slice(bias))?;
        }
        let steps_per_epoch = u32::try_from(dataset.train.len() / batch_size).unwrap_or(u32::MAX).max(1);
        let mut trainer = Self {
            experiment,
            network,
            dataset,
            recorded,
            executor,
            points: vec![],
            step: 0,
            steps_per_epoch,
            batch_size,
            order: (u32::MAX, vec![]),
            snapshot: Snapshot { step: 0, state: vec![] },
        };
        trainer.take_snapshot().await?;
        Ok(trainer)
    }

    /// The plan that runs.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        self.executor.plan()
    }

    /// The network.
    #[must_use]
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// Steps done.
    #[must_use]
    pub const fn step(&self) -> u32 {
        self.step
    }

    /// Steps of one pass over the training set; a last, smaller batch is left out.
    #[must_use]
    pub const fn steps_per_epoch(&self) -> u32 {
        self.steps_per_epoch
    }

    /// Steps of the whole run.
    #[must_use]
    pub const fn total_steps(&self) -> u32 {
        self.steps_per_epoch.saturating_mul(self.experiment.epochs)
    }

    /// Examples of one step.
    #[must_use]
    pub const fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// The loss curve so far.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Runs up to `steps` more steps and returns their points.
    ///
    /// # Errors
    /// A lost device or a timeout (go on with [`Self::restore`]), or [`EngineError::NonFinite`].
    pub async fn advance(&mut self, steps: u32) -> Result<Vec<Point>, EngineError> {
        let steps = steps.min(RING as u32 / 2).min(self.total_steps() - self.step);
        let first = self.step;
        self.write_schedule(first)?;
        for step in first..first + steps {
            self.write_batch(step)?;
            self.executor.run().await?;
        }
        let ring = self.executor.read(self.span(self.recorded.ring)?).await?;
        let mut news = Vec::with_capacity(steps as usize);
        for step in first..first + steps {
            let slot = (step as usize % RING) * 4;
            let &[loss, correct, bad, stamp] = ring.get(slot..slot + 4).unwrap_or_default() else { continue };
            if stamp != step {
                let cause = format!("step {step} did not run: its slot holds step {stamp}");
                return Err(EngineError::DeviceLost { cause });
            }
            if bad != 0 {
                let tensor = if bad & 1 != 0 { "loss" } else { "gradients" };
                return Err(EngineError::NonFinite { step, tensor });
            }
            let accuracy = correct as f32 / self.batch_size as f32;
            news.push(Point { step, loss: f32::from_bits(loss), accuracy });
        }
        self.points.extend_from_slice(&news);
        self.step = first + steps;
        Ok(news)
    }

    /// Keeps the state of this step on the host, so that the run survives a lost device.
    ///
    /// # Errors
    /// A lost device or a timeout; the earlier snapshot stays.
    pub async fn take_snapshot(&mut self) -> Result<(), EngineError> {
        let state = self.executor.read(self.plan().state_span()).await?;
        self.snapshot = Snapshot { step: self.step, state };
        Ok(())
    }

    /// Goes on from the last snapshot in another place; returns the step of the snapshot. Replayed steps give the
    /// same bits on the same adapter.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub async fn restore(&mut self, place: &Where) -> Result<u32, EngineError> {
        let outputs = [self.recorded.network.logits];
        let plan = Rc::new(Plan::compile(&self.recorded.graph, &outputs, &place.options())?);
        let mut executor = place.executor(Rc::clone(&plan)).await?;
        executor.write(plan.state_span(), &self.snapshot.state)?;
        self.executor = executor;
        self.step = self.snapshot.step;
        self.points.truncate(self.step as usize);
        Ok(self.step)
    }

    /// The weights as they are now.
    ///
    /// # Errors
    /// A lost device or a timeout.
    pub async fn weights(&mut self) -> Result<Weights, EngineError> {
        let mut weights = Vec::new();
        for (weight, bias) in self.recorded.network.parameters.clone() {
            let (weight, bias) = (self.span(weight)?, self.span(bias)?);
            weights.push((self.executor.read_f32(weight).await?, self.executor.read_f32(bias).await?));
        }
        Ok(weights)
    }

    fn span(&self, node: crate::graph::NodeId) -> Result<Span, EngineError> {
        self.plan().span(node)
    }

    /// Learning rates of the steps from `first` on, with Adam's bias corrections folded in.
    fn write_schedule(&mut self, first: u32) -> Result<(), EngineError> {
        let mut words = vec![0_u32; RING * 2];
        for step in first..first + RING as u32 {
            let (rate, epsilon) = match self.experiment.optimizer {
                Optimizer::Adam => recorded::adam_rate(self.experiment.learning_rate, step),
                Optimizer::Sgd => (self.experiment.learning_rate as f32, 0.0),
            };
            let slot = (step as usize % RING) * 2;
            if let Some([rate_word, epsilon_word]) = words.get_mut(slot..slot + 2) {
                *rate_word = rate.to_bits();
                *epsilon_word = epsilon.to_bits();
            }
        }
        self.executor.write(self.span(self.recorded.schedule)?, &words)
    }

    fn write_batch(&mut self, step: u32) -> Result<(), EngineError> {
        let epoch = step / self.steps_per_epoch;
        if self.order.0 != epoch {
            // Streams of weights are numbered from 1; orders of epochs get the upper half.
            let stream = Stream::new(self.experiment.seed, 0x8000_0000 | epoch);
            self.order = (epoch, stream.permutation(self.dataset.train.len()));
        }
        let begin = (step % self.steps_per_epoch) as usize * self.batch_size;
        let mut images: Vec<f32> = Vec::with_capacity(self.batch_size * IMAGE_PIXELS);
        let mut labels: Vec<u32> = Vec::with_capacity(self.batch_size);
        for index in self.order.1.iter().skip(begin).take(self.batch_size) {
            let index = *index as usize;
            let image = self.dataset.train.image(index).unwrap_or_default();
            images.extend(image.iter().map(|pixel| f32::from(*pixel) * (1.0 / 255.0)));
            labels.push(self.dataset.train.labels.get(index).copied().map_or(u32::MAX, u32::from));
        }
        self.executor.write(self.span(self.recorded.network.images)?, bytemuck::cast_slice(&images))?;
        self.executor.write(self.span(self.recorded.labels)?, &labels)
    }
}

/// Seconds that one step takes here, measured on a throw-away run: the best of a few steps after a first. Where the
/// first, which compiles, is already many times slower than `rival` seconds, it is the answer.
///
/// # Errors
/// As [`Trainer::new`] and [`Trainer::advance`].
pub async fn measure_step(
    experiment: &Experiment,
    dataset: &Rc<Dataset>,
    place: &Where,
    rival: Option<f64>,
) -> Result<f64, EngineError> {
    const HOPELESS: f64 = 8.0;
    let mut trainer = Trainer::new(experiment.clone(), Rc::clone(dataset), place).await?;
    let mut best = f64::INFINITY;
    for round in 0..3 {
        let begin = crate::platform::now_seconds();
        let done = trainer.advance(1 + round).await?.len().max(1);
        best = best.min((crate::platform::now_seconds() - begin) / done as f64);
        if rival.is_some_and(|rival| best > HOPELESS * rival) {
            break;
        }
    }
    Ok(best)
}

impl Where {
    /// How plans are made for this place.
    #[must_use]
    pub fn options(&self) -> PlanOptions {
        match self {
            Self::Cpu => PlanOptions::cpu(),
            Self::Gpu { kernels, .. } => PlanOptions::gpu(kernels.matmul, kernels.matmul_int8),
        }
    }
}
