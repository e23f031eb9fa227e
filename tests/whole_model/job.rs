//! The job of `gpt.json`: a fixed-seed GPT with its weights and batches, and the loss curve that PyTorch gives.

use engine::bench::{Cycle, TrainingJob};
use serde_json::Value;

const SPEC: &str = include_str!("gpt.json");
const CORPUS: &[u8] = include_bytes!("../../public/corpus/stories-and-explanations.txt");
/// How far a loss may be from PyTorch's.
pub const TOLERANCE: f64 = 1e-3;

/// Element `index` of mulberry32 by index, in [0, 1) with 24 bits.
fn share(seed: u32, index: u32) -> f32 {
    let a = seed.wrapping_add(index.wrapping_add(1).wrapping_mul(0x6d2b_79f5));
    let t = (a ^ (a >> 15)).wrapping_mul(1 | a);
    let t = t.wrapping_add((t ^ (t >> 7)).wrapping_mul(61 | t)) ^ t;
    ((t ^ (t >> 14)) >> 8) as f32 / 16_777_216.0
}

/// The job with all that it needs.
pub struct Known {
    /// Model and optimiser.
    pub job: TrainingJob,
    /// All weights in the model's order.
    pub weights: Vec<f32>,
    /// A batch for every step.
    pub batches: Cycle,
    /// PyTorch's losses, float64.
    pub losses: Vec<f64>,
}

/// Reads `gpt.json` and draws weights and batches as `gpt_curve.py` does.
pub fn known() -> Known {
    let spec: Value = serde_json::from_str(SPEC).expect("gpt.json is JSON");
    let number = |key: &str| spec[key].as_u64().expect(key) as usize;
    let (length, batch, count) = (number("length"), number("batch"), number("batches"));
    let sizes = [number("layers"), number("width"), number("heads"), length, number("vocabulary")];
    let rate = spec["learningRate"].as_f64().expect("a learning rate");
    let job = TrainingJob::gpt(sizes, batch, rate, 0.0);
    let seed = number("batchSeed") as u32;
    let room = (CORPUS.len() - length - 1) as f64;
    let window = |index: usize| {
        let start = (f64::from(share(seed, index as u32)) * room).floor() as usize;
        &CORPUS[start..=start + length]
    };
    let ids = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).collect::<Vec<u32>>();
    let batches = (0..count).map(|step| {
        let windows = (0..batch).map(|row| window(step * batch + row));
        let (x, y): (Vec<_>, Vec<_>) =
            windows.map(|window| (ids(&window[..length]), ids(&window[1..]))).unzip();
        (x.concat(), y.concat())
    });
    Known {
        batches: Cycle { batches: batches.collect() },
        weights: weights(&job, number("weightSeed") as u32),
        losses: spec["losses"].as_array().expect("losses").iter().filter_map(Value::as_f64).collect(),
        job,
    }
}

fn weights(job: &TrainingJob, seed: u32) -> Vec<f32> {
    let mut made: Vec<f32> = vec![];
    for parameter in job.model.parameters() {
        let words: usize = parameter.shape.iter().product();
        let bound = match parameter.name.as_str() {
            name if name.ends_with(".gain") => None,
            name if name.ends_with(".bias") => Some(0.0),
            "embedding.weight" | "positions.weight" => Some(0.05),
            _ => Some((1.0 / (parameter.shape[0] as f64).sqrt()) as f32),
        };
        let first = made.len();
        made.extend((first..first + words).map(|index| {
            let draw = 2.0_f32.mul_add(share(seed, index as u32), -1.0);
            bound.map_or(1.0, |bound| draw * bound)
        }));
    }
    made
}

/// The farthest that a loss is from PyTorch's, with its step.
pub fn farthest(losses: &[f32], known: &[f64]) -> (usize, f64) {
    let apart = losses.iter().zip(known).map(|(ours, theirs)| (f64::from(*ours) - theirs).abs());
    apart.enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).expect("a curve has steps")
}
