//! A compiled network that reads images: f32 or INT8, on either backend.

use crate::{
    EngineError,
    backends::{Executor, gpu::GpuDevice},
    graph::Graph,
    models::{CLASSES, IMAGE_PIXELS, Model, Network, ParameterLayout, RecordContext, Weights},
    plan::{Plan, Span},
    probe::KernelChoice,
    quantisation::QuantizedNetwork,
};
use std::rc::Rc;

/// Where a plan runs.
#[derive(Debug, Clone)]
pub enum Where {
    /// The CPU.
    Cpu,
    /// A GPU device, with the kernel variants that are right or fast on it.
    Gpu {
        /// The device.
        device: Rc<GpuDevice>,
        /// Its kernel variants.
        kernels: KernelChoice,
    },
}

impl Where {
    pub(crate) async fn executor(&self, plan: Rc<Plan>) -> Result<Executor, EngineError> {
        match self {
            Self::Cpu => Ok(Executor::cpu(plan)),
            Self::Gpu { device, .. } => Executor::gpu(Rc::clone(device), plan).await,
        }
    }
}

/// A network ready to read batches of a fixed size.
#[derive(Debug)]
pub struct Classifier {
    executor: Executor,
    images: Span,
    logits: Span,
    batch: usize,
}

impl Classifier {
    /// The f32 network.
    ///
    /// # Errors
    /// As [`Plan::compile`] and [`Executor::gpu`].
    pub async fn float32(
        network: &Network,
        weights: &Weights,
        batch: usize,
        place: &Where,
    ) -> Result<Self, EngineError> {
        let mut graph = Graph::new();
        let layout = ParameterLayout::of(network.parameters());
        let (flat, parameters) = layout.declare(&mut graph)?;
        let recorded = network.record(&mut graph, &parameters, batch)?;
        let plan = Rc::new(Plan::compile(&graph, &[recorded.logits], &place.options())?);
        let mut executor = place.executor(Rc::clone(&plan)).await?;
        let parts: Vec<Vec<f32>> =
            weights.iter().flat_map(|(weight, bias)| [weight.clone(), bias.clone()]).collect();
        executor.write(plan.span(flat)?, bytemuck::cast_slice(&layout.join(&parts)))?;
        Ok(Self { images: plan.span(recorded.images)?, logits: plan.span(recorded.logits)?, executor, batch })
    }

    /// The INT8 network.
    ///
    /// # Errors
    /// As [`Plan::compile`] and [`Executor::gpu`].
    pub async fn int8(
        quantized: &QuantizedNetwork,
        batch: usize,
        place: &Where,
    ) -> Result<Self, EngineError> {
        let mut graph = Graph::new();
        let recorded = quantized.record(&mut graph, batch)?;
        let plan = Rc::new(Plan::compile(&graph, &[recorded.logits], &place.options())?);
        let mut executor = place.executor(Rc::clone(&plan)).await?;
        for (layer, nodes) in quantized.layers.iter().zip(&recorded.parameters) {
            let [weight, scale, bias] = *nodes;
            executor.write(plan.span(weight)?, &layer.weight)?;
            executor.write(plan.span(scale)?, bytemuck::cast_slice(&layer.scale))?;
            executor.write(plan.span(bias)?, bytemuck::cast_slice(&layer.bias))?;
        }
        Ok(Self { images: plan.span(recorded.images)?, logits: plan.span(recorded.logits)?, executor, batch })
    }

    /// Images of one run.
    #[must_use]
    pub const fn batch(&self) -> usize {
        self.batch
    }

    /// Logits (10 an image) of any number of images of 784 bytes.
    ///
    /// # Errors
    /// A lost device or a timeout.
    pub async fn logits(&mut self, pixels: &[u8]) -> Result<Vec<f32>, EngineError> {
        let mut all = Vec::with_capacity(pixels.len() / IMAGE_PIXELS * CLASSES);
        for chunk in pixels.chunks(self.batch * IMAGE_PIXELS) {
            let images: Vec<f32> = chunk.iter().map(|pixel| f32::from(*pixel) * (1.0 / 255.0)).collect();
            self.executor.write(self.images, bytemuck::cast_slice(&images))?;
            self.executor.run().await?;
            let mut logits = self.executor.read_f32(self.logits).await?;
            logits.truncate(chunk.len() / IMAGE_PIXELS * CLASSES);
            all.append(&mut logits);
        }
        Ok(all)
    }

    /// One run on whatever the input holds, awaited: what latency and throughput are timed on.
    ///
    /// # Errors
    /// A lost device or a timeout.
    pub async fn run_once(&mut self) -> Result<(), EngineError> {
        self.executor.run().await?;
        self.executor.read(Span { words: CLASSES, ..self.logits }).await.map(drop)
    }
}

/// Any model's forward pass over batches of a fixed size: evaluation, decision boundaries, samples.
#[derive(Debug)]
pub struct Forward {
    executor: Executor,
    parameters: Span,
    examples: Span,
    labels: Option<Span>,
    logits: Span,
    loss: Span,
    matches: Span,
}

impl Forward {
    /// Compiles the forward pass of a model.
    ///
    /// # Errors
    /// As [`Plan::compile`] and [`Executor::gpu`].
    pub async fn new(model: &Model, batch: usize, place: &Where) -> Result<Self, EngineError> {
        let mut graph = Graph::new();
        let layout = ParameterLayout::of(model.parameters());
        let (flat, parameters) = layout.declare(&mut graph)?;
        let counter = graph.input("counter", &[2]);
        let context = RecordContext { batch, smoothing: 0.0, dropout: 0.0, seed: 0, counter };
        let recorded = model.record(&mut graph, &parameters, &context)?;
        let outputs = [recorded.logits, recorded.loss, recorded.matches];
        let plan = Rc::new(Plan::compile(&graph, &outputs, &place.options())?);
        let executor = place.executor(Rc::clone(&plan)).await?;
        let has_labels = recorded.labels != recorded.examples;
        Ok(Self {
            parameters: plan.span(flat)?,
            examples: plan.span(recorded.examples)?,
            labels: if has_labels { Some(plan.span(recorded.labels)?) } else { None },
            logits: plan.span(recorded.logits)?,
            loss: plan.span(recorded.loss)?,
            matches: plan.span(recorded.matches)?,
            executor,
        })
    }

    /// Puts flat parameters in.
    ///
    /// # Errors
    /// A lost device, or another number of parameters.
    pub fn set_parameters(&mut self, flat: &[f32]) -> Result<(), EngineError> {
        self.executor.write(self.parameters, bytemuck::cast_slice(flat))
    }

    /// Mean loss and matches of one batch; leaves the logits for [`Self::logits`].
    ///
    /// # Errors
    /// A lost device or a timeout.
    pub async fn run(&mut self, examples: &[u32], labels: &[u32]) -> Result<(f32, f32), EngineError> {
        self.executor.write(self.examples, examples)?;
        if let Some(span) = self.labels {
            self.executor.write(span, labels)?;
        }
        self.executor.run().await?;
        let loss = self.executor.read_f32(self.loss).await?.first().copied().unwrap_or(f32::NAN);
        let matches = self.executor.read_f32(self.matches).await?.first().copied().unwrap_or(0.0);
        Ok((loss, matches))
    }

    /// Logits of the last run.
    ///
    /// # Errors
    /// A lost device or a timeout.
    pub async fn logits(&mut self) -> Result<Vec<f32>, EngineError> {
        self.executor.read_f32(self.logits).await
    }
}

/// Probabilities of one row of logits.
#[must_use]
pub fn softmax(logits: &[f32]) -> Vec<f32> {
    let best = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = logits.iter().map(|logit| (logit - best).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}
