//! What the correction sees of a run. Never who published it.

use super::layout::{Chip, Layout, Recipe, Recomputation, Sharding, Workload};
use crate::residual::Point;

fn ln(value: f64) -> f64 {
    libm::log(value.max(1e-9))
}

/// Doublings in the size of a head, up to 64: without fused attention, products of odd sizes miss the matrix units.
fn alignment(workload: &Workload) -> f64 {
    let doublings = workload.shape.head_dim.max(1).trailing_zeros().min(6);
    f64::from(if workload.flash_attention { 6 } else { doublings })
}

/// The features of a run. `chip_number` is the accelerator's place in a list that only grows.
#[must_use]
pub fn point(workload: &Workload, layout: &Layout, chip: &Chip, chip_number: u32) -> Point {
    let shape = &workload.shape;
    let recomputation = match layout.recomputation {
        Recomputation::None => 0.0,
        Recomputation::Selective => 0.4,
        Recomputation::Partial => 0.7,
        Recomputation::Full => 1.0,
    };
    let continuous = [
        ln(shape.active_parameters()),
        ln(f64::from(workload.sequence_length)),
        ln(f64::from(layout.accelerator_count)),
        ln(f64::from(layout.tensor_parallel_size)),
        ln(f64::from(layout.pipeline_parallel_size)),
        ln(f64::from(layout.context_parallel_size)),
        ln(f64::from(layout.expert_parallel_size)),
        ln(f64::from(layout.micro_batch_size)),
        ln(layout.micro_batch_count(workload.global_batch_size)),
        ln(f64::from(layout.virtual_pipeline_size.max(1))),
        ln(f64::from(shape.hidden_size)),
        recomputation,
        workload.release - 2024.0,
        ln(shape.parameters()) - ln(shape.active_parameters()),
        ln(chip.wide_flops),
        ln(f64::from(shape.head_dim)),
        alignment(workload),
    ];
    let recipe = Recipe::ALL.iter().position(|recipe| *recipe == workload.recipe).unwrap_or(0);
    let categories = [
        chip_number,
        u32::try_from(recipe).unwrap_or(0),
        u32::from(shape.experts.is_some()),
        workload.software as u32,
        match layout.sharding {
            Sharding::None => 0,
            Sharding::OptimizerStates => 1,
            Sharding::Gradients => 2,
            Sharding::Weights => 3,
        },
        u32::from(layout.overlapped_tensor_parallel),
        workload.tuning as u32,
        shape.num_hidden_layers,
    ];
    Point { continuous, categories }
}
