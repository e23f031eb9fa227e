//! The engine on the CPU backend: gradients against f64 differences, training, exact replay, INT8.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test may stop where it stands")]

mod support;

use engine::{
    EngineError, autodiff,
    backends::Executor,
    graph::{Graph, NodeId},
    models::{CLASSES, IMAGE_PIXELS, Layer, Network, ParameterLayout, Weights},
    plan::{Plan, PlanOptions},
    quantisation::{QuantizedNetwork, calibrate},
    random::Stream,
    training::{Classifier, HeldOut, Trainer, Where, digest, loss_digest},
};
use planner::experiment::{Experiment, ModelKind, Optimizer};
use pollster::block_on;
use std::rc::Rc;
use support::digits;

/// Mean cross-entropy of a network in f64, written out plainly: the reference for gradients.
fn loss_f64(network: &Network, weights: &[(Vec<f64>, Vec<f64>)], images: &[f64], labels: &[u32]) -> f64 {
    let mut total = 0.0;
    for (image, label) in images.chunks(IMAGE_PIXELS).zip(labels) {
        let mut x = image.to_vec();
        let mut side = 28;
        for (layer, (weight, bias)) in network.layers.iter().zip(weights) {
            x = match *layer {
                Layer::Conv { inputs, outputs } => {
                    let y = conv_f64(&x, side, (inputs, outputs), weight, bias);
                    let pooled = pool_f64(&y, side, outputs);
                    side /= 2;
                    pooled
                }
                Layer::Dense { inputs, outputs, relu } => (0..outputs)
                    .map(|o| {
                        let sum: f64 =
                            (0..inputs).map(|i| x[i] * weight[i * outputs + o]).sum::<f64>() + bias[o];
                        if relu { sum.max(0.0) } else { sum }
                    })
                    .collect(),
            };
        }
        let most = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = x.iter().map(|logit| (logit - most).exp()).sum();
        total += sum.ln() + most - x[*label as usize];
    }
    total / labels.len() as f64
}

fn conv_f64(
    x: &[f64],
    side: usize,
    (inputs, outputs): (usize, usize),
    weight: &[f64],
    bias: &[f64],
) -> Vec<f64> {
    let mut y = vec![0.0; side * side * outputs];
    for row in 0..side {
        for col in 0..side {
            for o in 0..outputs {
                let mut sum = bias[o];
                for i in 0..3 {
                    for j in 0..3 {
                        let (r, c) = (row + i, col + j);
                        if r == 0 || c == 0 || r > side || c > side {
                            continue;
                        }
                        for k in 0..inputs {
                            sum += x[((r - 1) * side + c - 1) * inputs + k]
                                * weight[((i * 3 + j) * inputs + k) * outputs + o];
                        }
                    }
                }
                y[(row * side + col) * outputs + o] = sum.max(0.0);
            }
        }
    }
    y
}

fn pool_f64(y: &[f64], side: usize, channels: usize) -> Vec<f64> {
    let half = side / 2;
    let at = |row: usize, col: usize, c: usize| y[(row * side + col) * channels + c];
    let mut pooled = vec![];
    for row in 0..half {
        for col in 0..half {
            for c in 0..channels {
                let window = [
                    at(2 * row, 2 * col, c),
                    at(2 * row, 2 * col + 1, c),
                    at(2 * row + 1, 2 * col, c),
                    at(2 * row + 1, 2 * col + 1, c),
                ];
                pooled.push(window.into_iter().fold(f64::NEG_INFINITY, f64::max));
            }
        }
    }
    pooled
}

/// Gradients of all weights and biases from the engine's CPU backend.
fn gradients(
    network: &Network,
    weights: &Weights,
    images: &[f32],
    labels: &[u32],
) -> Result<Vec<Vec<f32>>, EngineError> {
    let batch = labels.len();
    let mut graph = Graph::new();
    let layout = ParameterLayout::of(network.parameters());
    let (flat, parameters) = layout.declare(&mut graph)?;
    let recorded = network.record(&mut graph, &parameters, batch)?;
    let label_node = graph.input("labels", &[batch]);
    let losses = graph.cross_entropy(recorded.logits, label_node, 0.0)?;
    let loss = graph.mean(losses)?;
    let wanted = autodiff::gradients(&mut graph, loss, &parameters, None)?;
    let wanted: Vec<NodeId> =
        wanted.into_iter().map(|node| node.expect("every parameter leads to the loss")).collect();
    let plan = Rc::new(Plan::compile(&graph, &wanted, &PlanOptions::cpu())?);
    let mut executor = Executor::cpu(Rc::clone(&plan));
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    let parts: Vec<Vec<f32>> = weights.iter().flat_map(|(w, b)| [w.clone(), b.clone()]).collect();
    executor.write(plan.span(flat)?, &bits(&layout.join(&parts)))?;
    executor.write(plan.span(recorded.images)?, &bits(images))?;
    executor.write(plan.span(label_node)?, labels)?;
    block_on(executor.run())?;
    wanted.iter().map(|node| block_on(executor.read_f32(plan.span(*node)?))).collect()
}

/// Directional derivatives in f64 against the engine's gradients, for `directions` random directions.
fn check_gradients(network: &Network, batch: usize, directions: u32) {
    let dataset = digits(3, 64, 10);
    // Random images and biases: blank paper and zero biases would put every ReLU and maximum on its kink.
    let mut weights = network.initial_weights(5);
    let noise = Stream::new(9, 9);
    for (layer, (_, bias)) in (0_u32..).zip(&mut weights) {
        for (bias, index) in bias.iter_mut().zip(layer * 1000..) {
            *bias = noise.uniform(index) * 0.2 - 0.1;
        }
    }
    let images: Vec<f32> =
        (0..batch * IMAGE_PIXELS).map(|index| noise.uniform(10_000 + index as u32)).collect();
    let labels: Vec<u32> = dataset.train.labels[..batch].iter().map(|label| u32::from(*label)).collect();
    let engine = gradients(network, &weights, &images, &labels).expect("shapes fit");
    let images: Vec<f64> = images.into_iter().map(f64::from).collect();
    let wide = |values: &[f32]| values.iter().map(|value| f64::from(*value)).collect::<Vec<_>>();
    let base: Vec<(Vec<f64>, Vec<f64>)> = weights.iter().map(|(w, b)| (wide(w), wide(b))).collect();
    for direction in 0..directions {
        let mut index = 0;
        let stream = Stream::new(direction, 77);
        let mut next = || {
            index += 1;
            f64::from(stream.uniform(index)) - 0.5
        };
        let step: Vec<(Vec<f64>, Vec<f64>)> = base
            .iter()
            .map(|(w, b)| (w.iter().map(|_| next()).collect(), b.iter().map(|_| next()).collect()))
            .collect();
        let moved = |amount: f64| {
            let add = |a: &[f64], d: &[f64]| a.iter().zip(d).map(|(a, d)| a + amount * d).collect::<Vec<_>>();
            let weights: Vec<_> =
                base.iter().zip(&step).map(|(w, d)| (add(&w.0, &d.0), add(&w.1, &d.1))).collect();
            loss_f64(network, &weights, &images, &labels)
        };
        let epsilon = 1e-6;
        let expected = (moved(epsilon) - moved(-epsilon)) / (2.0 * epsilon);
        let flat = step.iter().flat_map(|(w, b)| [w, b]);
        let found: f64 = flat
            .zip(&engine)
            .map(|(d, g)| d.iter().zip(g).map(|(d, g)| d * f64::from(*g)).sum::<f64>())
            .sum();
        // f32 sums of up to 1e5 terms: 8 * sqrt(1e5) * 2^-24 is 1.5e-4 of the magnitude.
        assert!(
            (found - expected).abs() <= 2e-4 * expected.abs().max(1.0),
            "direction {direction}: {found} against {expected}"
        );
    }
}

#[test]
fn gradients_of_the_dense_network_match_differences_in_f64() {
    let network = Network {
        layers: vec![
            Layer::Dense { inputs: IMAGE_PIXELS, outputs: 13, relu: true },
            Layer::Dense { inputs: 13, outputs: 7, relu: true },
            Layer::Dense { inputs: 7, outputs: CLASSES, relu: false },
        ],
    };
    check_gradients(&network, 9, 20);
}

#[test]
fn gradients_of_the_convolutional_network_match_differences_in_f64() {
    let network = Network {
        layers: vec![
            Layer::Conv { inputs: 1, outputs: 3 },
            Layer::Conv { inputs: 3, outputs: 5 },
            Layer::Dense { inputs: 7 * 7 * 5, outputs: CLASSES, relu: false },
        ],
    };
    check_gradients(&network, 5, 10);
}

#[test]
fn a_wrong_gradient_would_be_seen() {
    let network =
        Network { layers: vec![Layer::Dense { inputs: IMAGE_PIXELS, outputs: CLASSES, relu: false }] };
    let weights = network.initial_weights(5);
    let images = vec![0.5; IMAGE_PIXELS * 2];
    let right = gradients(&network, &weights, &images, &[1, 2]).expect("shapes fit");
    let other = gradients(&network, &weights, &images, &[1, 3]).expect("shapes fit");
    assert_ne!(right, other);
}

#[test]
fn a_value_used_twice_gets_both_gradients() {
    let mut graph = Graph::new();
    let x = graph.input("x", &[4, CLASSES]);
    let bias = graph.state("bias", &[CLASSES]);
    let once = graph.bias_add(x, bias).expect("shapes fit");
    let twice = graph.bias_add(once, bias).expect("shapes fit");
    let labels = graph.input("labels", &[4]);
    let losses = graph.cross_entropy(twice, labels, 0.0).expect("shapes fit");
    let loss = graph.mean(losses).expect("shapes fit");
    let unused = graph.state("unused", &[3]);
    let found = autodiff::gradients(&mut graph, loss, &[bias, unused], None).expect("rules exist");
    assert!(found[1].is_none(), "a value that does not lead to the loss has no gradient");
    let grad = found[0].expect("the bias leads to the loss");
    let plan = Rc::new(Plan::compile(&graph, &[grad], &PlanOptions::cpu()).expect("fits"));
    let mut executor = Executor::cpu(Rc::clone(&plan));
    executor.write(plan.span(labels).expect("live"), &[0, 1, 2, 3]).expect("fits");
    block_on(executor.run()).expect("runs");
    let values = block_on(executor.read_f32(plan.span(grad).expect("live"))).expect("reads");
    // Uniform probabilities: class 9 gets 0.1 from each use, over the mean of four rows.
    assert!((values[9] - 0.2).abs() < 1e-6, "{values:?}");
    assert!((values[0] - (0.2 - 0.5)).abs() < 1e-6, "{values:?}");
}

#[test]
fn shapes_that_do_not_fit_are_named() {
    let mut graph = Graph::new();
    let a = graph.input("a", &[2, 3]);
    let b = graph.input("b", &[4, 5]);
    let error = graph.matmul(a, b, false, false).expect_err("3 is not 4").to_string();
    assert!(error.contains("[2, 3]") && error.contains("[4, 5]"), "{error}");
}

fn experiment(model: ModelKind, optimizer: Optimizer) -> Experiment {
    let width = if model == ModelKind::Mlp { 48 } else { 6 };
    let learning_rate = if optimizer == Optimizer::Sgd { 0.02 } else { 0.003 };
    Experiment { model, optimizer, width, learning_rate, batch_size: 50, epochs: 3, ..Experiment::default() }
}

fn train(experiment: &Experiment) -> Trainer {
    let dataset = digits(1, 2000, 400);
    let mut trainer = block_on(Trainer::new(experiment.clone(), dataset, &Where::Cpu)).expect("fits");
    while trainer.step() < trainer.total_steps() {
        block_on(trainer.advance(7)).expect("finite");
    }
    trainer
}

#[test]
fn both_networks_learn_with_both_optimisers_and_int8_keeps_up() {
    for model in [ModelKind::Mlp, ModelKind::Cnn] {
        for optimizer in [Optimizer::Adam, Optimizer::Sgd] {
            let mut trainer = train(&experiment(model, optimizer));
            let dataset = digits(1, 2000, 400);
            let weights = block_on(trainer.weights()).expect("reads");
            let mut float32 =
                block_on(Classifier::float32(trainer.network(), &weights, 64, &Where::Cpu)).expect("fits");
            let logits = block_on(float32.logits(&dataset.held_out.pixels)).expect("runs");
            let by_float = HeldOut::of(&logits, &dataset.held_out);
            assert!(by_float.accuracy > 0.85, "{model:?} {optimizer:?}: {}", by_float.accuracy);
            assert_eq!(by_float.confusion.iter().sum::<u32>(), 400);
            let pixels = &dataset.train.pixels[..256 * IMAGE_PIXELS];
            let ranges = block_on(calibrate(trainer.network(), &weights, pixels)).expect("runs");
            let quantized = QuantizedNetwork::quantize(trainer.network(), &weights, &ranges);
            let share = quantized.weight_bytes() as f64 / (trainer.network().parameter_count() as f64 * 4.0);
            assert!(share <= 0.27, "{share}");
            let mut int8 = block_on(Classifier::int8(&quantized, 64, &Where::Cpu)).expect("fits");
            let by_int8 = HeldOut::of(
                &block_on(int8.logits(&dataset.held_out.pixels)).expect("runs"),
                &dataset.held_out,
            );
            assert!(
                (by_int8.accuracy - by_float.accuracy).abs() <= 0.01,
                "{} {}",
                by_int8.accuracy,
                by_float.accuracy
            );
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_seed_does_not() {
    let settings = experiment(ModelKind::Cnn, Optimizer::Adam);
    let (first, second) = (train(&settings), train(&settings));
    assert_eq!(loss_digest(first.points()), loss_digest(second.points()));
    let other = train(&Experiment { seed: 2, ..settings });
    assert_ne!(loss_digest(first.points()), loss_digest(other.points()));
}

#[test]
fn a_restored_run_ends_with_the_same_weights() {
    let settings = experiment(ModelKind::Mlp, Optimizer::Adam);
    let undisturbed = digest_of(&mut train(&settings));
    let dataset = digits(1, 2000, 400);
    let mut trainer = block_on(Trainer::new(settings, dataset, &Where::Cpu)).expect("fits");
    block_on(trainer.advance(20)).expect("finite");
    block_on(trainer.advance(5)).expect("finite");
    block_on(trainer.take_snapshot()).expect("reads");
    block_on(trainer.advance(13)).expect("finite");
    assert_eq!(block_on(trainer.restore(&Where::Cpu)).expect("fits"), 25);
    assert_eq!(trainer.points().len(), 25);
    while trainer.step() < trainer.total_steps() {
        block_on(trainer.advance(3)).expect("finite");
    }
    assert_eq!(digest_of(&mut trainer), undisturbed);
}

fn digest_of(trainer: &mut Trainer) -> String {
    let weights = block_on(trainer.weights()).expect("reads");
    digest(weights.iter().flat_map(|(w, b)| w.iter().chain(b)).map(|value| value.to_bits()))
}

#[test]
fn a_diverging_run_stops_at_the_step_with_its_name() {
    let settings = Experiment {
        learning_rate: 1e25,
        optimizer: Optimizer::Sgd,
        ..experiment(ModelKind::Mlp, Optimizer::Sgd)
    };
    let mut trainer = block_on(Trainer::new(settings, digits(1, 2000, 400), &Where::Cpu)).expect("fits");
    let error = loop {
        match block_on(trainer.advance(1)) {
            Ok(points) => {
                assert!(!points.is_empty() && points[0].loss.is_finite(), "it must diverge before the end")
            }
            Err(error) => break error,
        }
    };
    assert!(matches!(error, EngineError::NonFinite { .. }), "{error}");
}

#[test]
fn a_plan_reserves_what_it_says_and_refuses_what_does_not_fit() {
    let trainer = train(&Experiment { epochs: 1, ..experiment(ModelKind::Cnn, Optimizer::Adam) });
    assert_eq!(trainer.plan().bytes(), trainer.plan().arena_words as u64 * 4);
    let options = PlanOptions { max_arena_words: 1000, ..PlanOptions::cpu() };
    let mut graph = Graph::new();
    let network = Network::of(&experiment(ModelKind::Cnn, Optimizer::Adam));
    let layout = ParameterLayout::of(network.parameters());
    let (_, parameters) = layout.declare(&mut graph).expect("shapes fit");
    let recorded = network.record(&mut graph, &parameters, 50).expect("shapes fit");
    let error = Plan::compile(&graph, &[recorded.logits], &options).expect_err("1000 words are too few");
    assert!(matches!(error, EngineError::OutOfMemory { .. }), "{error}");
}

#[test]
fn chunks_of_a_convolution_do_not_change_its_result() {
    let network = Network::of(&experiment(ModelKind::Cnn, Optimizer::Adam));
    let weights = network.initial_weights(1);
    let dataset = digits(1, 20, 10);
    let logits = |columns_words: usize| {
        let mut graph = Graph::new();
        let layout = ParameterLayout::of(network.parameters());
        let (flat, parameters) = layout.declare(&mut graph).expect("shapes fit");
        let recorded = network.record(&mut graph, &parameters, 20).expect("shapes fit");
        let options = PlanOptions { columns_words, ..PlanOptions::cpu() };
        let plan = Rc::new(Plan::compile(&graph, &[recorded.logits], &options).expect("fits"));
        let mut executor = Executor::cpu(Rc::clone(&plan));
        let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        let parts: Vec<Vec<f32>> = weights.iter().flat_map(|(w, b)| [w.clone(), b.clone()]).collect();
        executor.write(plan.span(flat).expect("live"), &bits(&layout.join(&parts))).expect("fits");
        let images: Vec<f32> = dataset.train.pixels.iter().map(|pixel| f32::from(*pixel) / 255.0).collect();
        executor.write(plan.span(recorded.images).expect("live"), &bits(&images)).expect("fits");
        block_on(executor.run()).expect("runs");
        block_on(executor.read_f32(plan.span(recorded.logits).expect("live"))).expect("reads")
    };
    assert_eq!(logits(1), logits(1 << 24));
}
