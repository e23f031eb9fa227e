//! What is looked at: a model with its settings, from the query that the page sends.

use engine::{
    EngineError,
    models::{
        Activation, Autoencoder, Gpt, Layer, Model, Network, Norm, Positions, ResidualNetwork, ToyNetwork,
        VisionTransformer,
    },
    passes::{Pass, PassSet},
    random::Stream,
    training::{Examples, OptimizerSpec, Session, StepSettings, Where},
};
use std::{collections::HashMap, rc::Rc};

/// A model with its step.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Model.
    pub model: Model,
    /// Step.
    pub settings: StepSettings,
}

/// The query as pairs; what is not understood is left out.
pub fn pairs(query: &str) -> HashMap<String, String> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn number(query: &HashMap<String, String>, key: &str, default: usize, range: (usize, usize)) -> usize {
    let value = query.get(key).and_then(|value| value.parse().ok()).unwrap_or(default);
    value.clamp(range.0, range.1)
}

impl Subject {
    /// From the page's query; numbers are forced into their ranges.
    pub fn of(query: &HashMap<String, String>) -> Self {
        let name = query.get("model").map_or("gpt", String::as_str);
        let default_batch = if name == "gpt" { 4 } else { 32 };
        let passes = query.get("off").map_or("", String::as_str);
        let off: Vec<&str> = passes.split('.').collect();
        let set =
            Pass::ALL.into_iter().fold(PassSet::all(), |set, pass| set.with(pass, !off.contains(&pass.id())));
        let settings = StepSettings {
            micro_batch_size: number(query, "batch", default_batch, (1, 256)),
            gradient_accumulation_steps: number(query, "accumulate", 1, (1, 16)) as u32,
            optimizer: OptimizerSpec::ADAM,
            mixed_precision: query.get("f16").is_some_and(|value| value == "1"),
            recompute: query.get("recompute").is_some_and(|value| value == "1"),
            passes: set,
            seed: 1,
            ..StepSettings::default()
        };
        Self { model: model(name), settings }
    }

    /// The same with another batch.
    pub fn with_batch(&self, batch: usize) -> Self {
        Self {
            settings: StepSettings { micro_batch_size: batch, ..self.settings },
            model: self.model.clone(),
        }
    }

    /// A run of it.
    pub async fn session(&self, place: &Where) -> Result<Session, EngineError> {
        let examples = Box::new(Filler { model: self.model.clone() });
        Session::new(&self.model, self.settings, Rc::new(|_| 1e-4), examples, place).await
    }
}

fn model(name: &str) -> Model {
    let dense = |inputs, outputs, relu| Layer::Dense { inputs, outputs, relu };
    match name {
        "mlp" => Model::Network(Network {
            layers: vec![dense(784, 256, true), dense(256, 128, true), dense(128, 10, false)],
        }),
        "cnn" => Model::Network(Network {
            layers: vec![
                Layer::Conv { inputs: 1, outputs: 16 },
                Layer::Conv { inputs: 16, outputs: 32 },
                dense(1568, 10, false),
            ],
        }),
        "residual" => Model::Residual(ResidualNetwork { width: 8, blocks: 2 }),
        "vit" => Model::VisionTransformer(VisionTransformer {
            patch_size: 4,
            hidden_size: 64,
            num_hidden_layers: 4,
            num_attention_heads: 4,
            intermediate_size: 128,
        }),
        "autoencoder" => Model::Autoencoder(Autoencoder { width: 128, latent: 16 }),
        "toy" => Model::Toy(ToyNetwork { width: 16, layers: 3, classes: 3 }),
        _ => Model::Gpt(Gpt {
            vocab_size: 256,
            sequence_length: 64,
            num_hidden_layers: 4,
            hidden_size: 128,
            intermediate_size: 512,
            num_attention_heads: 4,
            num_key_value_heads: 4,
            positions: Positions::Rotary,
            activation: Activation::Gelu,
            norm: Norm::Layer,
            tie_word_embeddings: true,
            has_bias: true,
        }),
    }
}

/// Seeded examples of the right shape: what a step costs does not depend on their values.
#[derive(Debug)]
struct Filler {
    model: Model,
}

impl Examples for Filler {
    fn fill(&mut self, number: u64, batch: usize, examples: &mut Vec<u32>, labels: &mut Vec<u32>) {
        let stream = Stream::new(3, number as u32 % 16);
        let ids = |into: &mut Vec<u32>, count: usize, below: usize| {
            into.extend((0..count as u32).map(|index| stream.bits(index) % below.max(1) as u32));
        };
        match &self.model {
            Model::Gpt(gpt) => {
                ids(examples, batch * gpt.sequence_length, gpt.vocab_size);
                ids(labels, batch * gpt.sequence_length, gpt.vocab_size);
            }
            other => {
                let (values, classes) = match other {
                    Model::Toy(toy) => (2, toy.classes),
                    _ => (784, 10),
                };
                examples.extend((0..(batch * values) as u32).map(|index| stream.uniform(index).to_bits()));
                ids(labels, batch, classes);
            }
        }
    }

    fn batches_per_epoch(&self, _: usize) -> u32 {
        16
    }
}
