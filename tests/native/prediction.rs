//! The engine's prediction of a step against its clock, on the CPU backend.
//!
//! A machine that does other work at the same time makes both sides of the comparison a matter of luck: there,
//! `RIDGEPOINT_SKIP_PREDICTION_BAR=1` prints the table and asserts nothing.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may stop where it stands, and shows its table"
)]

use engine::{
    models::{
        Activation, Autoencoder, Gpt, Layer, Model, Network, Norm, Positions, ToyNetwork, VisionTransformer,
    },
    platform::now_seconds,
    profile::{Calibration, calibrate, predict},
    random::Stream,
    training::{Examples, Session, StepSettings, Where},
};
use pollster::block_on;
use std::rc::Rc;

/// Median absolute error that is allowed.
const BAR: f64 = 0.25;

/// One random batch, made once, so that the clock sees the engine only.
#[derive(Debug)]
struct OneBatch {
    examples: Vec<u32>,
    labels: Vec<u32>,
}

impl OneBatch {
    fn new(model: &Model, batch: usize) -> Self {
        let stream = Stream::new(3, 4);
        let floats = |count: usize| (0..count as u32).map(|index| stream.uniform(index).to_bits()).collect();
        let ids = |count: usize, below: usize| -> Vec<u32> {
            (0..count as u32).map(|index| stream.bits(index) % below as u32).collect()
        };
        let (examples, labels) = match model {
            Model::Gpt(gpt) => {
                let tokens = ids(batch * gpt.sequence_length, gpt.vocab_size);
                (tokens.clone(), tokens)
            }
            Model::Toy(toy) => (floats(batch * 2), ids(batch, toy.classes)),
            Model::Autoencoder(_) => (floats(batch * 784), vec![]),
            _ => (floats(batch * 784), ids(batch, 10)),
        };
        Self { examples, labels }
    }
}

impl Examples for OneBatch {
    fn fill(&mut self, _: u64, _: usize, examples: &mut Vec<u32>, labels: &mut Vec<u32>) {
        examples.extend_from_slice(&self.examples);
        labels.extend_from_slice(&self.labels);
    }

    fn batches_per_epoch(&self, _: usize) -> u32 {
        1
    }
}

fn mlp(width: usize) -> Model {
    let dense = |inputs, outputs, relu| Layer::Dense { inputs, outputs, relu };
    Model::Network(Network {
        layers: vec![dense(784, width, true), dense(width, width, true), dense(width, 10, false)],
    })
}

fn cnn(width: usize) -> Model {
    Model::Network(Network {
        layers: vec![
            Layer::Conv { inputs: 1, outputs: width },
            Layer::Conv { inputs: width, outputs: 2 * width },
            Layer::Dense { inputs: 7 * 7 * 2 * width, outputs: 10, relu: false },
        ],
    })
}

fn gpt(width: usize, layers: usize, length: usize, modern: bool) -> Model {
    Model::Gpt(Gpt {
        vocab_size: 96,
        sequence_length: length,
        num_hidden_layers: layers,
        hidden_size: width,
        intermediate_size: 4 * width,
        num_attention_heads: 4,
        num_key_value_heads: if modern { 2 } else { 4 },
        positions: if modern { Positions::Rotary } else { Positions::Learned },
        activation: if modern { Activation::SwiGlu } else { Activation::Gelu },
        norm: if modern { Norm::Rms } else { Norm::Layer },
        tie_word_embeddings: modern,
        has_bias: !modern,
    })
}

fn vit(patch_size: usize, hidden_size: usize) -> Model {
    Model::VisionTransformer(VisionTransformer {
        patch_size,
        hidden_size,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        intermediate_size: 4 * hidden_size,
    })
}

fn configurations() -> Vec<(&'static str, Model, usize)> {
    vec![
        ("MLP 32, batch 8", mlp(32), 8),
        ("MLP 128, batch 32", mlp(128), 32),
        ("MLP 256, batch 128", mlp(256), 128),
        ("CNN 4, batch 8", cnn(4), 8),
        ("CNN 8, batch 16", cnn(8), 16),
        ("CNN 16, batch 32", cnn(16), 32),
        ("GPT 32 x 2, 32 tokens, batch 4", gpt(32, 2, 32, false), 4),
        ("GPT 64 x 2, 64 tokens, batch 4", gpt(64, 2, 64, false), 4),
        ("GPT 128 x 2, 64 tokens, batch 4, modern", gpt(128, 2, 64, true), 4),
        ("GPT 64 x 4, 128 tokens, batch 2, modern", gpt(64, 4, 128, true), 2),
        ("ViT 7 32, batch 8", vit(7, 32), 8),
        ("ViT 4 64, batch 8", vit(4, 64), 8),
        ("autoencoder 64, batch 32", Model::Autoencoder(Autoencoder { width: 64, latent: 8 }), 32),
        ("autoencoder 256, batch 64", Model::Autoencoder(Autoencoder { width: 256, latent: 16 }), 64),
        ("toy 32, batch 256", Model::Toy(ToyNetwork { width: 32, layers: 3, classes: 3 }), 256),
    ]
}

/// Seconds that this thread ran, by the kernel's books; by the clock where there are none. What other work on the
/// machine takes is no part of a step.
fn thread_seconds() -> f64 {
    let books = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let ran = books.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    ran.map_or_else(now_seconds, |nanoseconds| nanoseconds * 1e-9)
}

/// Predicted and measured seconds of a step, after a warm-up; the books are kept by the tick of the kernel, so that
/// many steps are counted together.
fn both(model: &Model, batch: usize, calibration: &Calibration) -> (f64, f64) {
    let settings = StepSettings { micro_batch_size: batch, ..StepSettings::default() };
    let examples = Box::new(OneBatch::new(model, batch));
    let mut session =
        block_on(Session::new(model, settings, Rc::new(|_| 1e-4), examples, &Where::Cpu)).expect("compiles");
    let predicted = predict(session.plan(), 1, calibration).seconds;
    let mut steps = 0;
    block_on(session.advance(2)).expect("runs");
    let begin = thread_seconds();
    while thread_seconds() - begin < 0.3 {
        steps += block_on(session.advance(4)).expect("runs").len();
    }
    (predicted, (thread_seconds() - begin) / steps as f64)
}

#[test]
fn steps_take_what_was_predicted() {
    let begin = now_seconds();
    let calibration = block_on(calibrate(&Where::Cpu)).expect("the CPU stays");
    let took = now_seconds() - begin;
    println!("calibration: {took:.2} s, {} rates", calibration.samples.len());
    let mut errors: Vec<f64> = vec![];
    for (name, model, batch) in configurations() {
        let (predicted, measured) = both(&model, batch, &calibration);
        let error = predicted / measured - 1.0;
        println!(
            "{name:42} predicted {:9.3} ms, measured {:9.3} ms, {:+5.1} %",
            predicted * 1e3,
            measured * 1e3,
            error * 1e2
        );
        errors.push(error.abs());
    }
    errors.sort_by(f64::total_cmp);
    let median = errors[errors.len() / 2];
    println!("median absolute error of {}: {:.1} %", errors.len(), median * 1e2);
    assert!(errors.len() >= 12);
    if std::env::var("RIDGEPOINT_SKIP_PREDICTION_BAR").is_err() {
        assert!(median <= BAR, "the median error is {:.1} %", median * 1e2);
        assert!(took < 6.0, "the calibration took {took:.1} s");
    }
}

#[test]
fn a_prediction_follows_its_calibration() {
    let calibration = block_on(calibrate(&Where::Cpu)).expect("the CPU stays");
    let again = Calibration::from_text(&calibration.to_text()).expect("reads its own text");
    let model = mlp(64);
    let settings = StepSettings { micro_batch_size: 16, ..StepSettings::default() };
    let examples = Box::new(OneBatch::new(&model, 16));
    let session =
        block_on(Session::new(&model, settings, Rc::new(|_| 1e-4), examples, &Where::Cpu)).expect("compiles");
    let seconds = |calibration: &Calibration| predict(session.plan(), 1, calibration).seconds;
    let base = seconds(&calibration);
    assert!((seconds(&again) / base - 1.0).abs() < 1e-9, "text keeps every rate");
    let mut slow = calibration.clone();
    slow.call_seconds *= 2.0;
    slow.samples.iter_mut().for_each(|sample| sample.rate /= 2.0);
    assert!((seconds(&slow) / base - 2.0).abs() < 1e-6, "half the rates, twice the time");
    let prediction = predict(session.plan(), 3, &calibration);
    let first: f64 = prediction.calls[session.plan().phases[0].clone()].iter().sum();
    assert!((prediction.seconds - base - 2.0 * first).abs() < 1e-9, "two micro-batches more");
}
