//! What replicas train: a model, its batches and a replica's place among the others, from the page's settings.

use engine::{
    bench::Cycle,
    models::{Activation, Gpt, Layer, Model, Network, Norm, Positions},
    random::Stream,
    training::{OptimizerSpec, StepSettings, parallel::Link, parallel::ReplicaSettings},
};
use serde::Deserialize;

const CLASSES: u32 = 10;
const PIXELS: u32 = 784;
/// Batches that come again in turn: they stay in memory, so that a step copies its batch and draws nothing.
const BATCHES: u32 = 4;
/// Words of all batches at most (64 MiB).
const MOST_WORDS: usize = 16 << 20;

/// Settings of a replica, the same for all but for the rank.
#[derive(Debug, Clone, Deserialize)]
pub struct Settings {
    /// "mlp", "cnn" or "gpt".
    pub model: String,
    /// This replica, from 0.
    pub rank: usize,
    /// All of them.
    pub ranks: usize,
    /// Examples of one update, over all ranks.
    pub global_batch_size: usize,
    /// Most bytes of a bucket.
    pub bucket_bytes: usize,
    /// Whether buckets travel while the backward pass runs.
    pub overlap: bool,
    /// Simulated link, in 10^9 bits a second; 0 is no limit.
    pub gbit_per_second: f64,
    /// Simulated latency of a message, in seconds.
    pub latency_seconds: f64,
    /// Steps that are timed.
    pub steps: u32,
    /// Steps before them.
    pub warm_up_steps: u32,
}

impl Settings {
    /// The link to the next rank.
    pub fn link(&self) -> Link {
        Link::new(self.gbit_per_second, self.latency_seconds)
    }

    /// Place among the others.
    pub const fn replica(&self) -> ReplicaSettings {
        ReplicaSettings {
            rank: self.rank,
            ranks: self.ranks,
            global_batch_size: self.global_batch_size,
            bucket_words: self.bucket_bytes / 4,
            overlap: self.overlap,
        }
    }

    /// The step. Plain SGD: it makes no difference of the gradients larger than it is.
    pub fn step(&self) -> StepSettings {
        StepSettings {
            micro_batch_size: self.global_batch_size,
            optimizer: OptimizerSpec::SGD,
            seed: 1,
            ..StepSettings::default()
        }
    }

    /// The model.
    pub fn model(&self) -> Model {
        let dense = |inputs, outputs, relu| Layer::Dense { inputs, outputs, relu };
        match self.model.as_str() {
            "gpt" => Model::Gpt(Gpt {
                vocab_size: 256,
                sequence_length: 64,
                num_hidden_layers: 2,
                hidden_size: 96,
                intermediate_size: 384,
                num_attention_heads: 4,
                num_key_value_heads: 4,
                positions: Positions::Rotary,
                activation: Activation::Gelu,
                norm: Norm::Layer,
                tie_word_embeddings: true,
                has_bias: true,
            }),
            "cnn" => Model::Network(Network {
                layers: vec![
                    Layer::Conv { inputs: 1, outputs: 16 },
                    Layer::Conv { inputs: 16, outputs: 32 },
                    dense(1568, 10, false),
                ],
            }),
            _ => Model::Network(Network {
                layers: vec![dense(784, 256, true), dense(256, 128, true), dense(128, 10, false)],
            }),
        }
    }

    /// Global batches, the same on every rank.
    ///
    /// # Errors
    /// In words, where they would need too much memory.
    pub fn examples(&self, model: &Model) -> Result<Cycle, String> {
        let each = match model {
            Model::Gpt(gpt) => 2 * gpt.sequence_length,
            _ => PIXELS as usize + 1,
        };
        if self.global_batch_size.saturating_mul(each * BATCHES as usize) > MOST_WORDS {
            return Err(format!("a batch of {} examples is too large", self.global_batch_size));
        }
        let batch = self.global_batch_size as u32;
        let batches = (0..BATCHES).map(|number| match model {
            Model::Gpt(gpt) => sequences(number, batch, gpt),
            _ => patterns(number, batch),
        });
        Ok(Cycle { batches: batches.collect() })
    }
}

/// A pattern for each class, with noise: something that can be learnt.
fn patterns(number: u32, batch: u32) -> (Vec<u32>, Vec<u32>) {
    let (classes, noise) = (Stream::new(5, 1), Stream::new(6, number));
    let labels: Vec<u32> = (0..batch).map(|index| noise.bits(u32::MAX - index) % CLASSES).collect();
    let mut examples = Vec::with_capacity((batch * PIXELS) as usize);
    for (index, label) in (0..).zip(&labels) {
        examples.extend((0..PIXELS).map(|pixel| {
            let clean = classes.uniform(label * PIXELS + pixel);
            (0.5 * (clean + noise.uniform(index * PIXELS + pixel))).to_bits()
        }));
    }
    (examples, labels)
}

/// Bytes that mostly count up in steps of their own, with noise.
fn sequences(number: u32, batch: u32, gpt: &Gpt) -> (Vec<u32>, Vec<u32>) {
    let noise = Stream::new(7, number);
    let (length, vocabulary) = (gpt.sequence_length as u32, gpt.vocab_size as u32);
    let token = |index: u32, place: u32| {
        let draw = noise.bits(index * (length + 1) + place);
        let start = noise.bits(u32::MAX - index);
        if draw.is_multiple_of(16) {
            draw / 16 % vocabulary
        } else {
            (start + place * (1 + start % 7)) % vocabulary
        }
    };
    let all = |shift: u32| {
        let rows = (0..batch).flat_map(|index| (0..length).map(move |place| (index, place + shift)));
        rows.map(|(index, place)| token(index, place)).collect()
    };
    (all(0), all(1))
}
