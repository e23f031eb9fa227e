//! Memory of the fullest accelerator.

use super::layout::{Layout, Recipe, Recomputation, Sharding, Software, Tuning, Workload};
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

    /// Every part so many times as large.
    #[must_use]
    pub const fn scaled(self, factor: f64) -> Self {
        Self {
            weights: self.weights * factor,
            gradients: self.gradients * factor,
            optimizer_states: self.optimizer_states * factor,
            activations: self.activations * factor,
            logits: self.logits * factor,
            buffers: self.buffers * factor,
            reserve: self.reserve * factor,
        }
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

/// Bytes of the context of the driver, libraries and fragments: aiconfigurator's 3.5 GB (systems/h100_sxm.yaml,
/// `other_mem`).
const RESERVE: f64 = 3.5e9;

/// What an allocator leaves between blocks, as a share of what comes and goes in every step.
const FRAGMENTS: f64 = 0.1;

/// The memory of a run: mixed-precision Adam after Rajbhandari et al. 2020 (arXiv 1910.02054), activations after
/// Korthikanti et al. 2022 (arXiv 2205.05198), written out per tensor so that grouped heads, gates and experts count
/// right. The fullest stage is the first: it holds the embedding and most micro batches.
#[must_use]
pub fn memory(workload: &Workload, layout: &Layout) -> Memory {
    let (dense, routed) = first_stage(workload, layout);
    let replicas = layout.shards();
    let experts = f64::from(layout.expert_parallel_size.max(1));
    let expert_replicas =
        (f64::from(layout.accelerator_count) / f64::from(layout.pipeline_parallel_size) / experts).max(1.0);
    // Stages of a pipeline keep gathered weights and whole gradients: gathering per micro batch would cost more.
    let sharding = if layout.sharding == Sharding::Weights && layout.pipeline_parallel_size > 1 {
        Sharding::OptimizerStates
    } else {
        layout.sharding
    };
    let held = |stage: Sharding| {
        if sharding >= stage { dense / replicas + routed / expert_replicas } else { dense + routed }
    };
    let element = workload.recipe.activation_bytes();
    let low_rank = workload.tuning == Tuning::LowRank;
    let mut weights = held(Sharding::Weights) * element;
    if sharding == Sharding::Weights {
        // The layer at work and the one that is fetched are whole.
        let layers = f64::from(workload.shape.num_hidden_layers).max(1.0);
        weights += 2.0 * (dense + routed) / layers * element * f64::from(layout.pipeline_parallel_size);
    }
    let learning = if low_rank { 0.02 } else { 1.0 };
    let (activations, logits) = (activations(workload, layout), logits(workload, layout));
    Memory {
        weights,
        gradients: held(Sharding::Gradients) * gradient_bytes(workload, layout) * learning,
        optimizer_states: held(Sharding::OptimizerStates) * state_bytes(workload, layout) * learning,
        activations,
        logits,
        buffers: FRAGMENTS * (activations + logits),
        reserve: RESERVE,
    }
}

/// Weights of the first stage on one rank: dense with the embedding's table, and routed experts.
pub(super) fn first_stage(workload: &Workload, layout: &Layout) -> (f64, f64) {
    let (mean, routed) = local_parameters(workload, layout);
    let pipeline = f64::from(layout.pipeline_parallel_size);
    let shape = &workload.shape;
    let tables = if shape.tie_word_embeddings { 1.0 } else { 2.0 };
    let tensor = f64::from(layout.tensor_parallel_size);
    let spread = shape.vocabulary_parameters() * tables / tensor / pipeline;
    let first = shape.vocabulary_parameters() / tensor * if pipeline > 1.0 { 1.0 } else { tables };
    let layers = f64::from(shape.num_hidden_layers).max(1.0);
    let rounded = (layers / pipeline).ceil() / (layers / pipeline);
    ((mean - spread) * rounded + first, routed * rounded)
}

/// Bytes of the states of one weight: F32 master and two moments; the F32 gradient of its own part where DeepSpeed's
/// ZeRO 1 keeps 16-bit gradients; in F32 training the weight is its own master.
fn state_bytes(workload: &Workload, layout: &Layout) -> f64 {
    match workload.recipe {
        Recipe::F32 => 8.0,
        Recipe::F16 if !workload.flash_attention && layout.sharding == Sharding::OptimizerStates => 16.0,
        _ => 12.0,
    }
}

/// Bytes of one gradient. Megatron accumulates in F32. DeepSpeed's ZeRO 1 keeps F16 gradients as they are; its BF16
/// optimizer of 2021 kept the 16-bit gradient, an F32 sum and a 16-bit copy (BLOOM's training notes).
fn gradient_bytes(workload: &Workload, layout: &Layout) -> f64 {
    let old_zero = !workload.flash_attention && layout.sharding == Sharding::OptimizerStates;
    match (workload.software, workload.recipe) {
        (_, Recipe::F32) => 4.0,
        (Software::Megatron, Recipe::F16) if old_zero => 2.0,
        (Software::Megatron, Recipe::Bf16) if old_zero => 8.0,
        (Software::Megatron | Software::Xla, _) => 4.0,
        (Software::Fsdp | Software::FsdpCompiled, _) if layout.pipeline_parallel_size > 1 => 4.0,
        (Software::Fsdp | Software::FsdpCompiled, _) => 2.0,
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
        // FSDP's selective policy keeps every second product's output; Megatron's repeats the core of attention only.
        Recomputation::Selective if workload.software != Software::Megatron => {
            (0.6 * whole + checkpoint) * layers * in_flight
        }
        Recomputation::None | Recomputation::Selective => whole * layers * in_flight,
        Recomputation::Partial => (0.5 * whole + checkpoint) * layers * in_flight,
        Recomputation::Full => checkpoint * layers * in_flight + whole,
    }
}

/// Logits in 16 bits, their F32 copy and its gradient, of one micro batch.
fn logits(workload: &Workload, layout: &Layout) -> f64 {
    let vocabulary = f64::from(workload.shape.vocab_size) / f64::from(layout.tensor_parallel_size);
    tokens(workload, layout) * vocabulary * (workload.recipe.activation_bytes() + 8.0)
}
