//! Workloads of a comparison with other engines: single products, and training from given weights and batches.
//!
//! Everything is set up before the first run; a run computes everything anew and returns when its result, or at least
//! one element of it, is on the host. Inputs of products are state, because state keeps its place between runs.

use crate::{
    EngineError,
    backends::{Executor, gpu::GpuDevice},
    graph::Graph,
    models::{Activation, Gpt, Layer, Model, Network, Norm, Positions},
    plan::{Plan, Span},
    probe::KernelChoice,
    training::{Examples, OptimizerSpec, RecordedStep, Session, StepSettings, Where},
};
use shaders::KernelId;
use std::rc::Rc;

/// Longest that the variants of a workload's products are measured for, before its first run.
const TUNING_SECONDS: f64 = 2.0;

/// A place for the workloads. A GPU gets no known-answer test here: results are checked by whoever compares.
///
/// # Errors
/// `Ok(None)` where there is no adapter; [`EngineError::Gpu`] where it refuses a device.
pub async fn open_gpu() -> Result<Option<Where>, EngineError> {
    let Some(device) = GpuDevice::request().await? else { return Ok(None) };
    let matmul_int8 =
        if device.has_packed_int8_dot { KernelId::MatmulInt8 } else { KernelId::MatmulInt8Emulated };
    let kernels = KernelChoice { matmul: "", matmul_int8 };
    Ok(Some(Where::Gpu { device: Rc::new(device), kernels }))
}

/// Measures the variants of a plan's products where a GPU runs them.
async fn tune(place: &Where, plan: &Plan) -> Result<(), EngineError> {
    if let Where::Gpu { device, .. } = place {
        device.tune(plan, TUNING_SECONDS).await?;
    }
    Ok(())
}

/// Plain products of two matrices, `x = lhs rhs`, or a chain of them, `x = lhs (lhs (.. rhs))`.
#[derive(Debug)]
pub struct Products {
    executor: Executor,
    result: Span,
}

impl Products {
    /// `chain` products of an `[m, k]` matrix with a `[k, n]` one; m and k are equal where there are several.
    ///
    /// # Errors
    /// Sizes that do not fit, out of memory, a refused shader, a lost device.
    pub async fn new(
        [m, k, n]: [usize; 3],
        chain: usize,
        [lhs_values, rhs_values]: [&[f32]; 2],
        place: &Where,
        is_tuned: bool,
    ) -> Result<Self, EngineError> {
        let mut graph = Graph::new();
        let lhs = graph.state("lhs", &[m, k]);
        let rhs = graph.state("rhs", &[k, n]);
        let mut x = rhs;
        for _ in 0..chain.max(1) {
            x = graph.matmul(lhs, x, false, false)?;
        }
        let plan = Rc::new(Plan::compile(&graph, &[x], &place.options())?);
        if is_tuned {
            tune(place, &plan).await?;
        } else if let Where::Gpu { device, .. } = place {
            device.expect_runs(1);
        }
        let mut executor = place.executor(Rc::clone(&plan)).await?;
        executor.write(plan.span(lhs)?, bytemuck::cast_slice(lhs_values))?;
        executor.write(plan.span(rhs)?, bytemuck::cast_slice(rhs_values))?;
        Ok(Self { executor, result: plan.span(x)? })
    }

    /// Computes everything again and waits until one element is on the host.
    ///
    /// # Errors
    /// A lost device or a timeout.
    pub async fn run(&mut self) -> Result<(), EngineError> {
        self.executor.run().await?;
        self.executor.read(Span { words: 1, ..self.result }).await?;
        Ok(())
    }

    /// The whole result of the last run.
    ///
    /// # Errors
    /// A lost device or a timeout.
    pub async fn output(&mut self) -> Result<Vec<f32>, EngineError> {
        self.executor.read_f32(self.result).await
    }
}

/// A model with the batch and the optimiser that the comparison prescribes.
#[derive(Debug, Clone)]
pub struct TrainingJob {
    /// Model.
    pub model: Model,
    /// Examples of a batch.
    pub batch: usize,
    /// Adam's learning rate.
    pub learning_rate: f64,
    /// Decoupled decay of every parameter.
    pub weight_decay: f32,
}

impl TrainingJob {
    /// Dense layers of these sizes with ReLU between them.
    #[must_use]
    pub fn mlp(sizes: &[usize], batch: usize, learning_rate: f64) -> Self {
        let last = sizes.len().saturating_sub(2);
        let pairs = sizes.windows(2).enumerate();
        let layers = pairs.filter_map(|(number, pair)| match pair {
            &[inputs, outputs] => Some(Layer::Dense { inputs, outputs, relu: number < last }),
            _ => None,
        });
        let model = Model::Network(Network { layers: layers.collect() });
        Self { model, batch, learning_rate, weight_decay: 0.0 }
    }

    /// Two convolutions of 16 and 32 channels, each with a 2x2 maximum, and a dense layer.
    #[must_use]
    pub fn cnn(batch: usize, learning_rate: f64) -> Self {
        let layers = vec![
            Layer::Conv { inputs: 1, outputs: 16 },
            Layer::Conv { inputs: 16, outputs: 32 },
            Layer::Dense { inputs: 7 * 7 * 32, outputs: 10, relu: false },
        ];
        Self { model: Model::Network(Network { layers }), batch, learning_rate, weight_decay: 0.0 }
    }

    /// A decoder with learned positions, layer normalisation, GELU, biases and a head of its own.
    #[must_use]
    pub fn gpt(
        [num_hidden_layers, hidden_size, num_attention_heads, sequence_length, vocab_size]: [usize; 5],
        batch: usize,
        learning_rate: f64,
        weight_decay: f32,
    ) -> Self {
        let model = Model::Gpt(Gpt {
            vocab_size,
            sequence_length,
            num_hidden_layers,
            hidden_size,
            intermediate_size: 4 * hidden_size,
            num_attention_heads,
            num_key_value_heads: num_attention_heads,
            positions: Positions::Learned,
            activation: Activation::Gelu,
            norm: Norm::Layer,
            tie_word_embeddings: false,
            has_bias: true,
        });
        Self { model, batch, learning_rate, weight_decay }
    }

    fn settings(&self) -> StepSettings {
        StepSettings {
            micro_batch_size: self.batch,
            optimizer: OptimizerSpec::ADAM,
            weight_decay: self.weight_decay,
            decay_all: true,
            ..StepSettings::default()
        }
    }
}

/// Given batches, one after the other, from the first again after the last.
#[derive(Debug, Clone, Default)]
pub struct Cycle {
    /// Examples (f32 bits or tokens) and labels of each batch.
    pub batches: Vec<(Vec<u32>, Vec<u32>)>,
}

impl Examples for Cycle {
    fn fill(&mut self, number: u64, _: usize, examples: &mut Vec<u32>, labels: &mut Vec<u32>) {
        let index = number % self.batches.len().max(1) as u64;
        if let Some((x, y)) = usize::try_from(index).ok().and_then(|index| self.batches.get(index)) {
            examples.extend_from_slice(x);
            labels.extend_from_slice(y);
        }
    }

    fn batches_per_epoch(&self, _: usize) -> u32 {
        u32::try_from(self.batches.len()).unwrap_or(u32::MAX).max(1)
    }
}

/// A run of a [`TrainingJob`].
#[derive(Debug)]
pub struct Training {
    session: Session,
}

impl Training {
    /// Starts from `weights`, all parameters one after the other in the order of the model.
    ///
    /// # Errors
    /// [`EngineError::Shape`] where there are more or fewer weights than the model has; else as [`Session::new`].
    pub async fn new(
        job: &TrainingJob,
        weights: &[f32],
        batches: Cycle,
        place: &Where,
    ) -> Result<Self, EngineError> {
        let settings = job.settings();
        let recorded = RecordedStep::record(&job.model, &settings)?;
        let expected = recorded.layout.count();
        if weights.len() != expected {
            let message = format!("{} weights for a model of {expected}", weights.len());
            return Err(EngineError::Shape { message });
        }
        let mut rest = weights;
        let parts = recorded.layout.placements.iter().map(|placement| {
            let (part, after) = rest.split_at_checked(placement.words).unwrap_or((rest, &[]));
            rest = after;
            part.to_vec()
        });
        let parts: Vec<Vec<f32>> = parts.collect();
        let flat = recorded.layout.join(&parts);
        if matches!(place, Where::Gpu { .. }) {
            let plan = Plan::compile(&recorded.graph, &[recorded.model.logits], &place.options())?;
            tune(place, &plan).await?;
        }
        let learning_rate = job.learning_rate;
        let rate = Rc::new(move |_| learning_rate);
        let session =
            Session::with_weights(recorded, settings, rate, Box::new(batches), &flat, place).await?;
        Ok(Self { session })
    }

    /// The run underneath, to be profiled.
    pub const fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Runs steps and returns their losses, which waits for all of them.
    ///
    /// # Errors
    /// As [`Session::advance`].
    pub async fn steps(&mut self, count: u32) -> Result<Vec<f32>, EngineError> {
        let points = self.session.advance(count).await?;
        Ok(points.into_iter().map(|point| point.loss).collect())
    }
}
