//! Training: a step is recorded once and replayed; snapshots make a run survive the loss of its device.

mod classifier;
mod examples;
mod images;
mod keep;
mod optimizer;
pub mod parallel;
mod recorded;
mod results;
mod sampling;
pub mod schedule;
mod session;

pub use classifier::{Classifier, Forward, Where, softmax};
pub use examples::{PointExamples, TextExamples};
pub use images::ImageExamples;
pub use keep::{CURVE, curve};
pub use optimizer::OptimizerSpec;
pub use recorded::{RING, RecordedStep, StepSettings};
pub use results::{HeldOut, argmax, argmax_index, digest, loss_digest};
pub use sampling::next_token;
pub use session::{Examples, RateOfStep, Session, Snapshot};

use crate::{
    EngineError,
    datasets::Dataset,
    models::{Model, Network, Weights, weights_of},
    plan::{Plan, PlanOptions},
};
use planner::experiment::{Experiment, Optimizer};
use std::rc::Rc;

/// Mean loss and accuracy of one step's batch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Step, from 0.
    pub step: u32,
    /// Mean loss.
    pub loss: f32,
    /// Share read rightly, 0 to 1.
    pub accuracy: f32,
    /// Norm of all gradients together, before clipping.
    pub gradient_norm: f32,
}

/// A run on images.
#[derive(Debug)]
pub struct Trainer {
    experiment: Experiment,
    network: Network,
    session: Session,
    batch_size: usize,
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
        let settings = StepSettings {
            micro_batch_size: batch_size,
            optimizer: match experiment.optimizer {
                Optimizer::Adam => OptimizerSpec::ADAM,
                Optimizer::Sgd => OptimizerSpec::SGD,
            },
            seed: experiment.seed,
            ..StepSettings::default()
        };
        let learning_rate = experiment.learning_rate;
        let examples = Box::new(ImageExamples::new(Rc::new(dataset.train.clone()), experiment.seed));
        let model = Model::Network(network.clone());
        let session =
            Session::new(&model, settings, Rc::new(move |_| learning_rate), examples, place).await?;
        Ok(Self { experiment, network, session, batch_size })
    }

    /// The plan that runs.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        self.session.plan()
    }

    /// The run underneath.
    pub const fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// The network.
    #[must_use]
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// Steps done.
    #[must_use]
    pub const fn step(&self) -> u32 {
        self.session.step()
    }

    /// Steps of one pass over the training set; a last, smaller batch is left out.
    #[must_use]
    pub fn steps_per_epoch(&self) -> u32 {
        self.session.steps_per_epoch()
    }

    /// Steps of the whole run.
    #[must_use]
    pub fn total_steps(&self) -> u32 {
        self.steps_per_epoch().saturating_mul(self.experiment.epochs)
    }

    /// Examples of one step.
    #[must_use]
    pub const fn batch_size(&self) -> usize {
        self.batch_size
    }

    /// The loss curve so far.
    #[must_use]
    pub fn points(&self) -> &[Point] {
        self.session.points()
    }

    /// Runs up to `steps` more steps and returns their points.
    ///
    /// # Errors
    /// A lost device or a timeout (go on with [`Self::restore`]), or [`EngineError::NonFinite`].
    pub async fn advance(&mut self, steps: u32) -> Result<Vec<Point>, EngineError> {
        let left = self.total_steps().saturating_sub(self.step());
        self.session.advance(steps.min(left)).await
    }

    /// Keeps the state of this step on the host, so that the run survives a lost device.
    ///
    /// # Errors
    /// A lost device or a timeout; the earlier snapshot stays.
    pub async fn take_snapshot(&mut self) -> Result<(), EngineError> {
        self.session.take_snapshot().await
    }

    /// Goes on from the last snapshot in another place; returns the step of the snapshot.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub async fn restore(&mut self, place: &Where) -> Result<u32, EngineError> {
        self.session.restore(place).await
    }

    /// The weights as they are now.
    ///
    /// # Errors
    /// A lost device or a timeout.
    pub async fn weights(&mut self) -> Result<Weights, EngineError> {
        let flat = self.session.parameters(false).await?;
        Ok(weights_of(&self.session.recorded().layout, &flat))
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
    pub const fn options(&self) -> PlanOptions {
        match self {
            Self::Cpu => PlanOptions::cpu(),
            Self::Gpu { kernels, .. } => PlanOptions::gpu(kernels.matmul_int8),
        }
    }
}
