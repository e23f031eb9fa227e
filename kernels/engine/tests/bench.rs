//! Workloads of the comparison with other engines against references computed in f64 with another program.

#![allow(clippy::expect_used, reason = "a test may stop where it stands")]

use engine::{
    bench::{Cycle, Products, Training, TrainingJob},
    models::Model,
    training::{OptimizerSpec, Session, StepSettings, Where},
};
use pollster::block_on;
use std::rc::Rc;

/// Element `index` of the stream of `seed`: mulberry32 as a counter (kit/kit.mjs of the comparison, `u32`).
fn bits(seed: u32, index: u32) -> u32 {
    let a = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x6d2b_79f5));
    let mut t = (a ^ (a >> 15)).wrapping_mul(1 | a);
    t = t.wrapping_add((t ^ (t >> 7)).wrapping_mul(61 | t)) ^ t;
    t ^ (t >> 14)
}

fn share(seed: u32, index: usize) -> f64 {
    f64::from(bits(seed, index as u32) >> 8) / 16_777_216.0
}

fn uniform(seed: u32, count: usize, low: f64, high: f64) -> Vec<f32> {
    (0..count).map(|index| (low + (high - low) * share(seed, index)) as f32).collect()
}

fn linear(seed: u32, inputs: usize, outputs: usize) -> Vec<f32> {
    let limit = 1.0 / (inputs as f64).sqrt();
    uniform(seed, inputs * outputs, -limit, limit)
}

/// Images of one of ten patterns plus noise, and which one.
fn image_batches(seed: u32, batch: usize) -> Cycle {
    const PIXELS: usize = 784;
    let patterns = uniform(seed, 10 * PIXELS, 0.0, 0.5);
    let batches = (0..8).map(|number| {
        let labels: Vec<u32> =
            (0..batch).map(|row| (share(seed + 100 + number, row) * 10.0) as u32).collect();
        let noise = uniform(seed + 200 + number, batch * PIXELS, 0.0, 0.5);
        let pattern = |index: usize| patterns[labels[index / PIXELS] as usize * PIXELS + index % PIXELS];
        let pixels = noise.iter().enumerate().map(|(index, noise)| (noise + pattern(index)).to_bits());
        (pixels.collect(), labels)
    });
    Cycle { batches: batches.collect() }
}

fn token_batches(batch: usize, length: usize, vocabulary: u32) -> Cycle {
    let batches = (0..8).map(|number| {
        let seed = 6000 + 10 * number;
        let (mut tokens, mut next_tokens) = (vec![], vec![]);
        for row in 0..batch {
            let mut token = bits(seed, row as u32) % vocabulary;
            for position in 0..length {
                let random = bits(seed + 1, (row * length + position) as u32);
                let is_noise = random & 7 == 0;
                let next = if is_noise { random >> 8 } else { 7 * token + 3 } % vocabulary;
                tokens.push(token);
                next_tokens.push(next);
                token = next;
            }
        }
        (tokens, next_tokens)
    });
    Cycle { batches: batches.collect() }
}

fn check_losses(job: &TrainingJob, weights: &[f32], batches: Cycle, expected: &[f64]) {
    let mut training = block_on(Training::new(job, weights, batches, &Where::Cpu)).expect("compiles");
    let losses = block_on(training.steps(expected.len() as u32)).expect("runs");
    assert_eq!(losses.len(), expected.len());
    for (step, (loss, expected)) in losses.iter().zip(expected).enumerate() {
        let error = (f64::from(*loss) - expected).abs() / expected;
        assert!(error < 1e-4, "step {step}: {loss} instead of {expected}");
    }
}

#[test]
fn the_dense_network_trains_as_the_reference() {
    let weights = [
        linear(301, 784, 256),
        vec![0.0; 256],
        linear(302, 256, 128),
        vec![0.0; 128],
        linear(303, 128, 10),
        vec![0.0; 10],
    ];
    let job = TrainingJob::mlp(&[784, 256, 128, 10], 128, 1e-3);
    let expected =
        [2.3106802213736923, 2.256840834066951, 2.199122616904665, 2.1659784619424043, 2.0795998184331115];
    check_losses(&job, &weights.concat(), image_batches(3000, 128), &expected);
}

#[test]
fn the_convolutional_network_trains_as_the_reference() {
    let convolution = |seed: u32, inputs: usize, outputs: usize| linear(seed, 9 * inputs, outputs);
    let weights = [
        convolution(401, 1, 16),
        vec![0.0; 16],
        convolution(402, 16, 32),
        vec![0.0; 32],
        linear(403, 1568, 10),
        vec![0.0; 10],
    ];
    let job = TrainingJob::cnn(64, 1e-3);
    let expected =
        [2.312942454302768, 2.3070014510021437, 2.3407419533766514, 2.30930154251909, 2.30283692266854];
    check_losses(&job, &weights.concat(), image_batches(4000, 64), &expected);
}

#[test]
fn the_transformer_trains_as_the_reference() {
    const LAYERS: usize = 4;
    const WIDTH: usize = 128;
    let mut seeds = 500_u32..;
    let mut seed = || seeds.next().expect("endless");
    let (ones, zeros) = (|count| vec![1.0_f32; count], |count| vec![0.0_f32; count]);
    let mut weights = uniform(seed(), 96 * WIDTH, -0.05, 0.05);
    weights.extend(uniform(seed(), 128 * WIDTH, -0.05, 0.05));
    for _ in 0..LAYERS {
        weights.extend([ones(WIDTH), zeros(WIDTH)].concat());
        for (inputs, outputs) in [(WIDTH, 3 * WIDTH), (WIDTH, WIDTH)] {
            weights.extend([linear(seed(), inputs, outputs), zeros(outputs)].concat());
        }
        weights.extend([ones(WIDTH), zeros(WIDTH)].concat());
        for (inputs, outputs) in [(WIDTH, 4 * WIDTH), (4 * WIDTH, WIDTH)] {
            weights.extend([linear(seed(), inputs, outputs), zeros(outputs)].concat());
        }
    }
    weights.extend([ones(WIDTH), zeros(WIDTH), linear(seed(), WIDTH, 96)].concat());
    let job = TrainingJob::gpt([LAYERS, WIDTH, 4, 128, 96], 8, 1e-3, 0.01);
    let expected =
        [4.72982586488377, 4.636675277748165, 4.6551791359331, 4.567780235935384, 4.415578207698597];
    check_losses(&job, &weights, token_batches(8, 128, 96), &expected);
}

#[test]
fn a_chain_of_products_depends_on_each_and_repeats() {
    const SIDE: usize = 24;
    let limit = (3.0 / SIDE as f64).sqrt();
    let (a, b) = (uniform(13, SIDE * SIDE, -limit, limit), uniform(12, SIDE * SIDE, -1.0, 1.0));
    let mut expected: Vec<f64> = b.iter().copied().map(f64::from).collect();
    for _ in 0..5 {
        let element = |index: usize| {
            let (row, column) = (index / SIDE, index % SIDE);
            (0..SIDE).map(|k| f64::from(a[row * SIDE + k]) * expected[k * SIDE + column]).sum()
        };
        expected = (0..SIDE * SIDE).map(element).collect();
    }
    let sizes = [SIDE, SIDE, SIDE];
    let mut chain = block_on(Products::new(sizes, 5, [&a, &b], &Where::Cpu, true)).expect("compiles");
    for _ in 0..2 {
        block_on(chain.run()).expect("runs");
        let output = block_on(chain.output()).expect("reads");
        for (value, expected) in output.iter().zip(&expected) {
            assert!((f64::from(*value) - expected).abs() < 1e-5, "{value} instead of {expected}");
        }
    }
}

#[test]
fn a_wrong_number_of_weights_is_refused() {
    let job = TrainingJob::mlp(&[784, 8, 10], 4, 1e-3);
    assert!(block_on(Training::new(&job, &[0.0; 7], Cycle::default(), &Where::Cpu)).is_err());
}

/// Factor of each parameter's first value after one step whose rate is nothing beside its decay.
fn factors_of_one_decay(job: &TrainingJob, decay_all: bool) -> Vec<(String, f32)> {
    let settings = StepSettings {
        micro_batch_size: job.batch,
        optimizer: OptimizerSpec::Sgd { momentum: 0.0, nesterov: false },
        weight_decay: 2.5e8,
        decay_all,
        ..StepSettings::default()
    };
    let batches = Box::new(token_batches(job.batch, 4, 8));
    let mut session = block_on(Session::new(&job.model, settings, Rc::new(|_| 1e-9), batches, &Where::Cpu))
        .expect("compiles");
    let layout = session.recorded().layout.clone();
    let before = block_on(session.parameters(false)).expect("reads");
    block_on(session.advance(1)).expect("runs");
    let after = block_on(session.parameters(false)).expect("reads");
    let named = layout.placements.iter().map(|place| {
        let factor = after[place.offset] / before[place.offset];
        (place.parameter.name.clone(), factor)
    });
    named.filter(|(_, factor)| factor.is_finite()).collect()
}

#[test]
fn decay_of_all_parameters_reaches_gains_and_embeddings_and_else_only_matrices() {
    let job = TrainingJob::gpt([1, 8, 2, 4, 8], 2, 1e-3, 0.01);
    assert!(matches!(job.model, Model::Gpt(_)));
    for (name, factor) in factors_of_one_decay(&job, true) {
        assert!((factor - 0.75).abs() < 1e-4, "{name}: {factor}");
    }
    let factors = factors_of_one_decay(&job, false);
    let factor_of = |name: &str| factors.iter().find(|(known, _)| known == name).expect("a parameter").1;
    assert!((factor_of("head.weight") - 0.75).abs() < 1e-4);
    for name in ["embedding.weight", "positions.weight", "norm.gain"] {
        assert!((factor_of(name) - 1.0).abs() < 1e-4, "{name}");
    }
}
