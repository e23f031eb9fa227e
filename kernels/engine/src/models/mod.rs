//! The models that the workbench trains, and how their parameters lie in memory.
//!
//! All parameters of a model are one flat state, each at an aligned offset; gradients, moments and averages have the
//! same layout, so that clipping, updates, averages, checkpoints and all-reduce are work on one buffer.

mod autoencoder;
mod gpt;
mod network;
mod residual;
mod toy;
mod vision_transformer;

pub use autoencoder::Autoencoder;
pub use gpt::{Activation, Gpt, Norm, Positions};
pub use network::{CLASSES, IMAGE_PIXELS, IMAGE_SIDE, Layer, Network, RecordedNetwork, Weights};
pub use residual::ResidualNetwork;
pub use toy::ToyNetwork;
pub use vision_transformer::VisionTransformer;

use crate::{
    EngineError,
    graph::{Graph, NodeId, layout::aligned},
    random::Stream,
};

/// How a parameter begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Initial {
    /// Zeros.
    Zeros,
    /// Ones.
    Ones,
    /// Uniform in plus or minus this.
    Uniform(f32),
}

/// One parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Name, as in safetensors files: "blocks.0.attention.weight".
    pub name: String,
    /// Shape.
    pub shape: Vec<usize>,
    /// How it begins.
    pub initial: Initial,
    /// Weight decay applies: matrices and kernels, not biases, gains and embeddings of positions.
    pub decays: bool,
}

impl Parameter {
    /// A matrix or a kernel, uniform in plus or minus sqrt(gain / fan-in).
    #[must_use]
    pub fn weight(name: impl Into<String>, shape: &[usize], fan_in: usize, gain: f32) -> Self {
        let limit = (gain / fan_in.max(1) as f32).sqrt();
        Self { name: name.into(), shape: shape.to_vec(), initial: Initial::Uniform(limit), decays: true }
    }

    /// A vector that begins at zeros or ones.
    #[must_use]
    pub fn vector(name: impl Into<String>, length: usize, initial: Initial) -> Self {
        Self { name: name.into(), shape: vec![length], initial, decays: false }
    }
}

/// A parameter with its place in the flat buffer.
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    /// The parameter.
    pub parameter: Parameter,
    /// First word.
    pub offset: usize,
    /// Words.
    pub words: usize,
}

/// All parameters in one flat buffer; those that decay come first.
#[derive(Debug, Clone, PartialEq)]
pub struct ParameterLayout {
    /// In the order of the model.
    pub placements: Vec<Placement>,
    /// Words of the buffer, padding included.
    pub words: usize,
    /// Words at the beginning to which weight decay applies.
    pub decaying_words: usize,
}

impl ParameterLayout {
    /// Places parameters at aligned offsets.
    #[must_use]
    pub fn of(parameters: Vec<Parameter>) -> Self {
        let mut placements: Vec<Placement> = parameters
            .into_iter()
            .map(|parameter| {
                let words = parameter.shape.iter().product();
                Placement { parameter, offset: 0, words }
            })
            .collect();
        let mut end = 0;
        let mut decaying_words = 0;
        for decays in [true, false] {
            for placement in placements.iter_mut().filter(|placement| placement.parameter.decays == decays) {
                placement.offset = end;
                end += aligned(placement.words);
            }
            if decays {
                decaying_words = end;
            }
        }
        Self { placements, words: end, decaying_words }
    }

    /// Trainable values.
    #[must_use]
    pub fn count(&self) -> usize {
        self.placements.iter().map(|placement| placement.words).sum()
    }

    /// Records the flat state and a view for each parameter.
    ///
    /// # Errors
    /// None in practice; views are made to fit.
    pub fn declare(&self, graph: &mut Graph) -> Result<(NodeId, Vec<NodeId>), EngineError> {
        let flat = graph.state("parameters", &[self.words]);
        let mut views = Vec::with_capacity(self.placements.len());
        for placement in &self.placements {
            let view = graph.view(flat, placement.offset, &placement.parameter.shape)?;
            graph.set_label(view, &placement.parameter.name);
            views.push(view);
        }
        Ok((flat, views))
    }

    /// Initial values, one random stream a parameter.
    #[must_use]
    pub fn initial(&self, seed: u32) -> Vec<f32> {
        let parts =
            (1_u32..).zip(&self.placements).map(|(stream, placement)| match placement.parameter.initial {
                Initial::Zeros => vec![0.0; placement.words],
                Initial::Ones => vec![1.0; placement.words],
                Initial::Uniform(limit) => Stream::new(seed, stream).weights(placement.words, limit),
            });
        let parts: Vec<Vec<f32>> = parts.collect();
        self.join(&parts)
    }

    /// The flat buffer from one slice a parameter, in the order of the model.
    #[must_use]
    pub fn join(&self, parts: &[Vec<f32>]) -> Vec<f32> {
        let mut flat = vec![0.0; self.words];
        for (placement, part) in self.placements.iter().zip(parts) {
            let target = flat.iter_mut().skip(placement.offset).take(placement.words);
            for (target, value) in target.zip(part) {
                *target = *value;
            }
        }
        flat
    }

    /// One vector a parameter from the flat buffer.
    #[must_use]
    pub fn split(&self, flat: &[f32]) -> Vec<Vec<f32>> {
        let part = |placement: &Placement| {
            flat.get(placement.offset..placement.offset + placement.words)
                .map(<[f32]>::to_vec)
                .unwrap_or_default()
        };
        self.placements.iter().map(part).collect()
    }

    /// Name of the parameter that holds a word of the flat buffer.
    #[must_use]
    pub fn name_at(&self, word: usize) -> &str {
        let found = self
            .placements
            .iter()
            .find(|placement| (placement.offset..placement.offset + placement.words).contains(&word));
        found.map_or("padding", |placement| placement.parameter.name.as_str())
    }
}

/// What a model reads and gives for one batch.
#[derive(Debug, Clone, Copy)]
pub struct Recorded {
    /// What the host writes: images, points (f32) or tokens (u32).
    pub examples: NodeId,
    /// Labels or next tokens, u32; for an autoencoder the examples themselves.
    pub labels: NodeId,
    /// Predictions: logits a row, or the reconstruction.
    pub logits: NodeId,
    /// Mean loss, one value.
    pub loss: NodeId,
    /// Rows read rightly, one value; 0 where there are no labels.
    pub matches: NodeId,
}

/// What recording may need besides the parameters.
#[derive(Debug, Clone, Copy)]
pub struct RecordContext {
    /// Examples of a micro-batch.
    pub batch: usize,
    /// Label smoothing.
    pub smoothing: f32,
    /// Dropout rate, 0 for none.
    pub dropout: f32,
    /// Seed of dropout.
    pub seed: u32,
    /// Counter that dropout reads.
    pub counter: NodeId,
}

/// A model that can be trained.
#[derive(Debug, Clone, PartialEq)]
pub enum Model {
    /// Dense and convolutional networks over images.
    Network(Network),
    /// Residual convolutional network over images (He et al. 2016).
    Residual(ResidualNetwork),
    /// Decoder transformer over tokens.
    Gpt(Gpt),
    /// Encoder transformer over patches of images (Dosovitskiy et al. 2021).
    VisionTransformer(VisionTransformer),
    /// Dense autoencoder over images.
    Autoencoder(Autoencoder),
    /// Dense network over points of the plane.
    Toy(ToyNetwork),
}

impl Model {
    /// Parameters in the order in which recording reads them.
    #[must_use]
    pub fn parameters(&self) -> Vec<Parameter> {
        match self {
            Self::Network(model) => model.parameters(),
            Self::Residual(model) => model.parameters(),
            Self::Gpt(model) => model.parameters(),
            Self::VisionTransformer(model) => model.parameters(),
            Self::Autoencoder(model) => model.parameters(),
            Self::Toy(model) => model.parameters(),
        }
    }

    /// Records the forward pass and the loss.
    ///
    /// # Errors
    /// [`EngineError::Shape`] where sizes do not fit each other.
    pub fn record(
        &self,
        graph: &mut Graph,
        parameters: &[NodeId],
        context: &RecordContext,
    ) -> Result<Recorded, EngineError> {
        match self {
            Self::Network(model) => model.record_loss(graph, parameters, context),
            Self::Residual(model) => model.record_loss(graph, parameters, context),
            Self::Gpt(model) => model.record_loss(graph, parameters, context),
            Self::VisionTransformer(model) => model.record_loss(graph, parameters, context),
            Self::Autoencoder(model) => model.record_loss(graph, parameters, context),
            Self::Toy(model) => model.record_loss(graph, parameters, context),
        }
    }
}

/// Weight and bias of each layer of a [`Network`] from its flat parameters.
#[must_use]
pub fn weights_of(layout: &ParameterLayout, flat: &[f32]) -> Weights {
    network::pairs(layout.split(flat))
}

/// Hands parameters out in order.
pub(crate) struct Taker<'a> {
    rest: std::slice::Iter<'a, NodeId>,
}

impl<'a> Taker<'a> {
    pub fn new(parameters: &'a [NodeId]) -> Self {
        Self { rest: parameters.iter() }
    }

    /// The next parameter.
    pub fn next(&mut self) -> Result<NodeId, EngineError> {
        let missing = || EngineError::Shape { message: "the model has fewer parameters than layers".into() };
        self.rest.next().copied().ok_or_else(missing)
    }
}

/// Loss and matches of rows of logits.
pub(crate) fn classification(
    graph: &mut Graph,
    examples: NodeId,
    logits: NodeId,
    rows: usize,
    smoothing: f32,
) -> Result<Recorded, EngineError> {
    let labels = graph.input("labels", &[rows]);
    let losses = graph.cross_entropy(logits, labels, smoothing)?;
    let loss = graph.mean(losses)?;
    let matched = graph.top_match(logits, labels)?;
    let matches = graph.reduce(crate::graph::ReduceKind::Sum, matched, 0)?;
    Ok(Recorded { examples, labels, logits, loss, matches })
}
