//! Memory of the fullest accelerator.

use super::layout::{Layout, Recipe, Recomputation, Sharding, Tuning, Workload};
use super::step::local_parameters;

/// Bytes on the fullest accelerator, by what they hold.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Memory {
    /// Weights in the format of the products.
    pub weights: f64,
    /// Gradients.
    pub gradients: f64,
    /// Master weights and moments.
    pub optimizer_states: f64,
    /// Activations kept for the backward pass.
    pub activations: f64,
    /// Logits and their gradient.
    pub logits: f64,
    /// Buffers of exchanges and of fused kernels.
    pub buffers: f64,
    /// Context of the driver, libraries, fragments.
    pub reserve: f64,
}

impl Memory {
    /// Sum, bytes.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.parts().iter().map(|(_, bytes)| bytes).sum()
    }

    /// Plain name and bytes of each part.
    #[must_use]
    pub const fn parts(&self) -> [(&'static str, f64); 7] {
        [
            ("weights", self.weights),
            ("gradients", self.gradients),
            ("optimizer states", self.optimizer_states),
            ("activations", self.activations),
            ("logits", self.logits),
            ("buffers", self.buffers),
            ("framework reserve", self.reserve),
        ]
    }
}

/// The memory of a run: mixed-precision Adam after Rajbhandari et al. 2020 (arXiv 1910.02054), activations after
/// Korthikanti et al. 2022 (arXiv 2205.05198), written out per tensor so that grouped heads, gates and experts count
/// right.
#[must_use]
pub fn memory(workload: &Workload, layout: &Layout) -> Memory {
    let (dense, routed) = local_parameters(workload, layout);
    let replicas = layout.shards();
    let experts = f64::from(layout.expert_parallel_size.max(1));
    let expert_replicas =
        (f64::from(layout.accelerator_count) / f64::from(layout.pipeline_parallel_size) / experts).max(1.0);
    let held = |stage: Sharding| {
        if layout.sharding >= stage { dense / replicas + routed / expert_replicas } else { dense + routed }
    };
    let element = workload.recipe.activation_bytes();
    let low_rank = workload.tuning == Tuning::LowRank;
    let states = if workload.recipe == Recipe::F32 { 8.0 } else { 12.0 };
    let mut weights = held(Sharding::Weights) * element;
    if layout.sharding == Sharding::Weights {
        // The layer at work and the one that is fetched are whole.
        let layers = f64::from(workload.shape.num_hidden_layers).max(1.0);
        weights += 2.0 * (dense + routed) / layers * element * f64::from(layout.pipeline_parallel_size);
    }
    let learning = if low_rank { 0.02 } else { 1.0 };
    let gradient = if layout.sharding == Sharding::Weights { element } else { 4.0 };
    Memory {
        weights,
        gradients: held(Sharding::Gradients) * gradient * learning,
        optimizer_states: held(Sharding::OptimizerStates) * states * learning,
        activations: activations(workload, layout),
        logits: logits(workload, layout),
        buffers: 0.0,
        reserve: 3.5e9,
    }
}

fn tokens(workload: &Workload, layout: &Layout) -> f64 {
    f64::from(layout.micro_batch_size) * f64::from(workload.sequence_length)
        / f64::from(layout.context_parallel_size)
}

/// Bytes that one layer keeps of one micro batch without recomputation.
fn layer(workload: &Workload, layout: &Layout) -> f64 {
    let shape = &workload.shape;
    let element = workload.recipe.activation_bytes();
    let tensor = f64::from(layout.tensor_parallel_size);
    let whole = if layout.sequence_parallel { tensor } else { 1.0 };
    let hidden = f64::from(shape.hidden_size);
    let layers = f64::from(shape.num_hidden_layers).max(1.0);
    let dense = shape.dense_layers() / layers;
    // Inputs of both norms and of the two products after them; two dropout masks in classic layers.
    let streams = hidden * (4.0 * element + if shape.gated_mlp { 0.0 } else { 2.0 });
    let attention = element * (2.0 * shape.query_width() + 2.0 * shape.key_value_width());
    let mut mlp = element * shape.mlp_projections() * f64::from(shape.intermediate_size) * dense;
    if let Some(experts) = shape.experts {
        let routed = shape.expert_layers() / layers;
        let width = f64::from(experts.num_experts_per_token)
            * (shape.mlp_projections() * f64::from(experts.moe_intermediate_size) + 2.0 * hidden)
            + shape.mlp_projections() * f64::from(experts.shared_expert_intermediate_size);
        mlp += element * width * routed;
    }
    // Scores, softmax and its mask: 5 bytes for every pair of tokens and head (Korthikanti et al. 2022, table 2).
    let scores = if workload.flash_attention || layout.recomputation != Recomputation::None {
        0.0
    } else {
        5.0 * f64::from(shape.num_attention_heads) * f64::from(workload.sequence_length)
    };
    tokens(workload, layout) * (streams / whole + (attention + mlp + scores) / tensor)
}

fn activations(workload: &Workload, layout: &Layout) -> f64 {
    let stages = f64::from(layout.pipeline_parallel_size);
    let layers = (f64::from(workload.shape.num_hidden_layers) / stages).ceil();
    let micro_batches = layout.micro_batch_count(workload.global_batch_size);
    let chunks = f64::from(layout.virtual_pipeline_size.max(1));
    // 1F1B keeps as many micro batches as stages on the first one; interleaving (p - 1)/(p m) more.
    let interleaved = if chunks > 1.0 { 1.0 + (stages - 1.0) / (stages * chunks) } else { 1.0 };
    let in_flight = stages.min(micro_batches) * interleaved;
    let whole = layer(workload, layout);
    let split = if layout.sequence_parallel { f64::from(layout.tensor_parallel_size) } else { 1.0 };
    let checkpoint = tokens(workload, layout) * f64::from(workload.shape.hidden_size)
        * workload.recipe.activation_bytes()
        / split;
    match layout.recomputation {
        Recomputation::None | Recomputation::Selective => whole * layers * in_flight,
        Recomputation::Partial => (0.5 * whole + checkpoint) * layers * in_flight,
        Recomputation::Full => checkpoint * layers * in_flight + whole,
    }
}

/// Logits in 16 bits and their F32 copy of one micro batch.
fn logits(workload: &Workload, layout: &Layout) -> f64 {
    let vocabulary = f64::from(workload.shape.vocab_size) / f64::from(layout.tensor_parallel_size);
    tokens(workload, layout) * vocabulary * (workload.recipe.activation_bytes() + 4.0)
}
