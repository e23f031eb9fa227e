//! Gradients of every model against central differences of its own loss, and training that learns.

#![allow(clippy::expect_used, clippy::panic, reason = "a test may stop where it stands")]

use engine::{
    models::{
        Activation, Autoencoder, Gpt, Layer, Model, Network, Norm, Positions, ResidualNetwork, ToyNetwork,
        VisionTransformer,
    },
    random::Stream,
    training::{Examples, Forward, OptimizerSpec, Session, StepSettings, Where},
};
use pollster::block_on;
use std::rc::Rc;

/// Random examples whose kind follows from the model.
#[derive(Debug, Clone)]
struct Fixed {
    model: Model,
}

impl Fixed {
    fn batch(&self, number: u64, batch: usize) -> (Vec<u32>, Vec<u32>) {
        let stream = Stream::new(5, 77 + number as u32 % 4);
        let floats =
            |count: usize| (0..count as u32).map(|index| stream.uniform(index).to_bits()).collect::<Vec<_>>();
        let ids = |count: usize, below: u32| {
            (0..count as u32).map(|index| stream.bits(index + 9999) % below).collect::<Vec<_>>()
        };
        match &self.model {
            Model::Gpt(gpt) => {
                let rows = batch * gpt.sequence_length;
                let tokens = ids(rows, gpt.vocab_size as u32);
                let next = tokens.iter().map(|token| (token * 3 + 1) % gpt.vocab_size as u32).collect();
                (tokens, next)
            }
            Model::Toy(toy) => (floats(batch * 2), ids(batch, toy.classes as u32)),
            Model::Autoencoder(_) => (floats(batch * 784), vec![]),
            _ => (floats(batch * 784), ids(batch, 10)),
        }
    }
}

impl Examples for Fixed {
    fn fill(&mut self, number: u64, batch: usize, examples: &mut Vec<u32>, labels: &mut Vec<u32>) {
        let (x, y) = self.batch(number, batch);
        examples.extend(x);
        labels.extend(y);
    }

    fn batches_per_epoch(&self, _: usize) -> u32 {
        4
    }
}

fn gpt(positions: Positions, activation: Activation, norm: Norm, tied: bool) -> Model {
    Model::Gpt(Gpt {
        vocab_size: 13,
        sequence_length: 6,
        num_hidden_layers: 2,
        hidden_size: 16,
        intermediate_size: 20,
        num_attention_heads: 4,
        num_key_value_heads: if tied { 2 } else { 4 },
        positions,
        activation,
        norm,
        tie_word_embeddings: tied,
        has_bias: !tied,
    })
}

fn models() -> Vec<Model> {
    vec![
        Model::Network(Network {
            layers: vec![
                Layer::Conv { inputs: 1, outputs: 3 },
                Layer::Conv { inputs: 3, outputs: 4 },
                Layer::Dense { inputs: 196, outputs: 10, relu: false },
            ],
        }),
        Model::Residual(ResidualNetwork { width: 4, blocks: 1 }),
        gpt(Positions::Learned, Activation::Gelu, Norm::Layer, false),
        gpt(Positions::Rotary, Activation::SwiGlu, Norm::Rms, true),
        Model::VisionTransformer(VisionTransformer {
            patch_size: 7,
            hidden_size: 16,
            num_hidden_layers: 1,
            num_attention_heads: 2,
            intermediate_size: 24,
        }),
        Model::Autoencoder(Autoencoder { width: 16, latent: 4 }),
        Model::Toy(ToyNetwork { width: 6, layers: 2, classes: 3 }),
    ]
}

#[test]
fn gradients_of_models_agree_with_central_differences() {
    for model in models() {
        let settings = StepSettings {
            micro_batch_size: 3,
            optimizer: OptimizerSpec::Sgd { momentum: 0.0, nesterov: false },
            ..StepSettings::default()
        };
        let examples = Fixed { model: model.clone() };
        let mut session = block_on(Session::new(
            &model,
            settings,
            Rc::new(|_| 0.0),
            Box::new(examples.clone()),
            &Where::Cpu,
        ))
        .expect("compiles");
        let weights = block_on(session.parameters(false)).expect("reads");
        block_on(session.advance(1)).expect("runs");
        let gradients = block_on(session.gradients()).expect("reads");
        let mut forward = block_on(Forward::new(&model, 3, &Where::Cpu)).expect("compiles");
        let (x, y) = examples.batch(0, 3);
        let mut loss = |weights: &[f32]| {
            forward.set_parameters(weights).expect("fits");
            f64::from(block_on(forward.run(&x, &y)).expect("runs").0)
        };
        // Along random directions: one number tests all parameters at once.
        for direction in 0..4 {
            let stream = Stream::new(21, direction);
            let along: Vec<f32> =
                (0..weights.len() as u32).map(|index| stream.uniform(index) * 2.0 - 1.0).collect();
            let norm = along.iter().map(|value| f64::from(value * value)).sum::<f64>().sqrt();
            let step = 1e-2;
            let moved = |sign: f64| {
                let shift =
                    |(weight, along): (&f32, &f32)| weight + (sign * step * f64::from(*along) / norm) as f32;
                weights.iter().zip(&along).map(shift).collect::<Vec<f32>>()
            };
            let wanted = (loss(&moved(1.0)) - loss(&moved(-1.0))) / (2.0 * step);
            let found = gradients
                .iter()
                .zip(&along)
                .map(|(gradient, along)| f64::from(gradient * along))
                .sum::<f64>()
                / norm;
            assert!((wanted - found).abs() < 8e-3 * wanted.abs().max(0.1), "{model:?}: {wanted} {found}");
        }
    }
}

#[test]
fn every_optimizer_lowers_the_loss() {
    let optimizers = [
        (OptimizerSpec::SGD, 0.1),
        (OptimizerSpec::Sgd { momentum: 0.9, nesterov: true }, 0.1),
        (OptimizerSpec::ADAM, 3e-3),
        (OptimizerSpec::Lion { beta1: 0.9, beta2: 0.99 }, 3e-3),
        (OptimizerSpec::Adafactor { beta2: 0.99 }, 1e-2),
        (OptimizerSpec::Muon { momentum: 0.95 }, 1e-2),
    ];
    for model in [
        gpt(Positions::Rotary, Activation::SwiGlu, Norm::Rms, true),
        Model::Toy(ToyNetwork { width: 16, layers: 2, classes: 3 }),
    ] {
        for (optimizer, rate) in optimizers {
            let settings = StepSettings {
                micro_batch_size: 8,
                optimizer,
                clip_norm: Some(1.0),
                weight_decay: 0.01,
                ..StepSettings::default()
            };
            let examples = Box::new(Fixed { model: model.clone() });
            let mut session =
                block_on(Session::new(&model, settings, Rc::new(move |_| rate), examples, &Where::Cpu))
                    .expect("compiles");
            let mut points = vec![];
            for _ in 0..4 {
                points.extend(
                    block_on(session.advance(32)).unwrap_or_else(|error| panic!("{optimizer:?}: {error}")),
                );
            }
            let (first, last) = (points[0].loss, points[points.len() - 1].loss);
            let share = if matches!(model, Model::Gpt(_)) { 0.8 } else { 0.995 };
            assert!(last < share * first, "{optimizer:?}: {first} to {last}");
        }
    }
}

#[test]
fn accumulated_gradients_equal_the_large_batch() {
    #[derive(Debug)]
    struct Halves(Fixed);
    impl Examples for Halves {
        fn fill(&mut self, number: u64, batch: usize, examples: &mut Vec<u32>, labels: &mut Vec<u32>) {
            let (x, y) = self.0.batch(number / 2, batch * 2);
            let half = |words: &[u32]| {
                let size = words.len() / 2;
                words[number as usize % 2 * size..][..size].to_vec()
            };
            examples.extend(half(&x));
            labels.extend(half(&y));
        }
        fn batches_per_epoch(&self, _: usize) -> u32 {
            8
        }
    }
    let model = gpt(Positions::Learned, Activation::Gelu, Norm::Layer, false);
    let run = |parts: u32| {
        let settings = StepSettings {
            micro_batch_size: 8 / parts as usize,
            gradient_accumulation_steps: parts,
            ..StepSettings::default()
        };
        let fixed = Fixed { model: model.clone() };
        let examples: Box<dyn Examples> = if parts == 1 { Box::new(fixed) } else { Box::new(Halves(fixed)) };
        let mut session = block_on(Session::new(&model, settings, Rc::new(|_| 1e-3), examples, &Where::Cpu))
            .expect("compiles");
        let loss = block_on(session.advance(1)).expect("runs")[0].loss;
        let gradients = block_on(session.gradients()).expect("reads");
        (loss, gradients.iter().map(|value| value / parts as f32).collect::<Vec<_>>())
    };
    let ((whole_loss, whole), (parts_loss, parts)) = (run(1), run(2));
    assert!((whole_loss - parts_loss).abs() < 1e-5);
    let norm = whole.iter().map(|value| value * value).sum::<f32>().sqrt();
    let error = whole.iter().zip(&parts).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt();
    assert!(error < 1e-5 * norm, "{error} of {norm}");
}
