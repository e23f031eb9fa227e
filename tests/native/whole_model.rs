//! A whole model against PyTorch: 200 steps of a GPT of 0.9 million parameters on the CPU backend.
//!
//! The same job runs on Vulkan in `tests/gpu` and in the browser, on WASM and WebGPU, in
//! `tests/e2e/journeys/whole-model.spec.js`. `tests/whole_model/gpt_curve.py` made the curve.

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test may stop where it stands, and says how far it was"
)]

#[path = "../whole_model/job.rs"]
mod job;

use engine::{bench::Training, training::Where};
use pollster::block_on;

fn losses(change: impl FnOnce(&mut job::Known)) -> (Vec<f32>, Vec<f64>) {
    let mut known = job::known();
    change(&mut known);
    let run = Training::new(&known.job, &known.weights, known.batches, &Where::Cpu);
    let mut run = block_on(run).expect("the model fits");
    let mut losses = vec![];
    while losses.len() < known.losses.len() {
        losses.extend(block_on(run.steps(20)).expect("the run stays finite"));
    }
    (losses, known.losses)
}

#[test]
fn a_gpt_learns_as_in_pytorch() {
    let (losses, known) = losses(|_| {});
    assert_eq!(losses.len(), 200);
    let (step, apart) = job::farthest(&losses, &known);
    println!("at most {apart:.1e} from PyTorch's losses, at step {step}");
    assert!(apart <= job::TOLERANCE, "step {step}: {} here, {} in PyTorch", losses[step], known[step]);
}

#[test]
fn a_slightly_other_learning_rate_is_found() {
    let (losses, known) = losses(|known| known.job.learning_rate *= 1.01);
    let (_, apart) = job::farthest(&losses, &known);
    assert!(apart > job::TOLERANCE, "a learning rate 1 % off is only {apart:.1e} away");
}
