//! Small models of every kind, and examples for them.

use engine::{
    models::{
        Activation, Autoencoder, Gpt, Layer, Model, Network, Norm, Positions, ResidualNetwork, ToyNetwork,
        VisionTransformer,
    },
    random::Stream,
    training::Examples,
};

/// Random examples whose kind follows from the model; four batches that repeat.
#[derive(Debug, Clone)]
pub struct Fixed {
    pub model: Model,
}

impl Examples for Fixed {
    fn fill(&mut self, number: u64, batch: usize, examples: &mut Vec<u32>, labels: &mut Vec<u32>) {
        let stream = Stream::new(5, 77 + number as u32 % 4);
        let floats = |count: usize| (0..count as u32).map(|index| stream.uniform(index).to_bits());
        let ids = |count: usize, below: usize| {
            (0..count as u32).map(move |index| stream.bits(index + 9999) % below as u32)
        };
        match &self.model {
            Model::Gpt(gpt) => {
                examples.extend(ids(batch * gpt.sequence_length, gpt.vocab_size));
                labels.extend(examples.iter().map(|token| (token * 3 + 1) % gpt.vocab_size as u32));
            }
            Model::Toy(toy) => {
                examples.extend(floats(batch * 2));
                labels.extend(ids(batch, toy.classes));
            }
            Model::Autoencoder(_) => examples.extend(floats(batch * 784)),
            _ => {
                examples.extend(floats(batch * 784));
                labels.extend(ids(batch, 10));
            }
        }
    }

    fn batches_per_epoch(&self, _: usize) -> u32 {
        4
    }
}

/// Rotary positions, SwiGLU, RMSNorm, grouped heads and a tied head; or none of these.
pub fn small_gpt(modern: bool) -> Model {
    Model::Gpt(Gpt {
        vocab_size: 13,
        sequence_length: 6,
        num_hidden_layers: 2,
        hidden_size: 16,
        intermediate_size: 20,
        num_attention_heads: 4,
        num_key_value_heads: if modern { 2 } else { 4 },
        positions: if modern { Positions::Rotary } else { Positions::Learned },
        activation: if modern { Activation::SwiGlu } else { Activation::Gelu },
        norm: if modern { Norm::Rms } else { Norm::Layer },
        tie_word_embeddings: modern,
        has_bias: !modern,
    })
}

/// One of each kind.
#[allow(dead_code, reason = "not every test file trains all of them")]
pub fn small_models() -> Vec<Model> {
    let dense = |inputs, outputs, relu| Layer::Dense { inputs, outputs, relu };
    vec![
        Model::Network(Network { layers: vec![dense(784, 12, true), dense(12, 10, false)] }),
        Model::Network(Network {
            layers: vec![
                Layer::Conv { inputs: 1, outputs: 3 },
                Layer::Conv { inputs: 3, outputs: 4 },
                dense(196, 10, false),
            ],
        }),
        Model::Residual(ResidualNetwork { width: 4, blocks: 1 }),
        small_gpt(false),
        small_gpt(true),
        Model::VisionTransformer(VisionTransformer {
            patch_size: 7,
            hidden_size: 16,
            num_hidden_layers: 2,
            num_attention_heads: 2,
            intermediate_size: 24,
        }),
        Model::Autoencoder(Autoencoder { width: 16, latent: 4 }),
        Model::Toy(ToyNetwork { width: 6, layers: 2, classes: 3 }),
    ]
}
