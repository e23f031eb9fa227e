//! What the correction sees of a served model. Never who published it.

use super::step::{Mode, ServingChip, ServingLayout, ServingTimes, ServingWorkload};
use crate::residual::Point;

fn ln(value: f64) -> f64 {
    libm::log(value.max(1e-9))
}

/// A number for a word (engine, version): the first 31 bits of its FNV-1a hash, so that no list has to be kept.
#[must_use]
pub fn word_number(word: &str) -> u32 {
    let mut hash: u32 = 0x811c_9dc5;
    for byte in word.bytes() {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    hash >> 1
}

/// The features. `words` are engine, version, recipe; `chip_number` is the accelerator's place in the catalog.
#[must_use]
pub fn point(
    workload: &ServingWorkload,
    layout: &ServingLayout,
    chip: &ServingChip,
    times: &ServingTimes,
    chip_number: u32,
    words: [&str; 3],
) -> Point {
    let shape = &workload.shape;
    let mode = match workload.mode {
        Mode::Online => 0,
        Mode::Saturated => 1,
        Mode::Static => 2,
        Mode::Edge => 3,
    };
    let continuous = [
        ln(workload.concurrency.max(1.0)),
        ln(workload.input_tokens),
        ln(workload.output_tokens),
        ln(layout.tensor_parallel_size),
        ln(layout.accelerator_count),
        ln(layout.attention_data_parallel_size),
        ln(layout.expert_parallel_size),
        ln(shape.active_parameters()),
        ln(shape.parameters()) - ln(shape.active_parameters()),
        ln(workload.weight_bytes),
        ln(times.decode_step),
        times.prefill_share,
        times.weight_share,
        ln(times.running),
        ln(chip.memory_bytes_per_second),
        ln(chip.flops),
        0.0,
    ];
    let [engine, version, recipe] = words.map(word_number);
    let categories = [
        chip_number,
        engine,
        version,
        recipe,
        mode,
        shape.num_hidden_layers,
        shape.hidden_size,
        u32::from(shape.experts.is_some()),
    ];
    Point { continuous, categories }
}
