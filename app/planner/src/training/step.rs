//! The time of one optimizer step, in parts.

use super::layout::{Chip, Layout, Link, Recipe, Recomputation, Sharding, Software, Tuning, Workload};
use super::parameters::Parameters;
use crate::prediction::Resource;

/// Exposed times of one step, seconds; they sum to [`Step::total`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Step {
    /// Matrix products of the layers.
    pub products: f64,
    /// Attention.
    pub attention: f64,
    /// Norms, residuals, activation functions, casts.
    pub elementwise: f64,
    /// Output projection and loss.
    pub output: f64,
    /// What is computed again.
    pub recomputation: f64,
    /// Waiting for kernels to start.
    pub launches: f64,
    /// Optimizer update.
    pub optimizer: f64,
    /// Exchange of tensor parallelism.
    pub tensor_parallel: f64,
    /// Exchange of context parallelism.
    pub context_parallel: f64,
    /// Exchange of experts.
    pub expert_parallel: f64,
    /// Activations between stages.
    pub pipeline_transfer: f64,
    /// Gradients and weights between replicas.
    pub data_parallel: f64,
    /// Idle stages.
    pub bubble: f64,
    /// Waiting for the slowest of many accelerators.
    pub straggling: f64,
    /// Does tensor- or context- or expert-parallel traffic leave the domain.
    leaves_domain: bool,
    /// Does data-parallel traffic leave the domain.
    replicas_leave_domain: bool,
}

impl Step {
    /// The time of the step, seconds.
    #[must_use]
    pub fn total(&self) -> f64 {
        self.parts().iter().map(|(_, _, time)| time).sum()
    }

    /// Every part so many times as long.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        for part in [
            &mut self.products,
            &mut self.attention,
            &mut self.elementwise,
            &mut self.output,
            &mut self.recomputation,
            &mut self.launches,
            &mut self.optimizer,
            &mut self.tensor_parallel,
            &mut self.context_parallel,
            &mut self.expert_parallel,
            &mut self.pipeline_transfer,
            &mut self.data_parallel,
            &mut self.bubble,
            &mut self.straggling,
        ] {
            *part *= factor;
        }
        self
    }

    /// Plain name, resource and seconds of every part.
    #[must_use]
    pub const fn parts(&self) -> [(&'static str, Resource, f64); 14] {
        let model = if self.leaves_domain { Resource::InterNodeNetwork } else { Resource::IntraNodeNetwork };
        let replicas =
            if self.replicas_leave_domain { Resource::InterNodeNetwork } else { Resource::IntraNodeNetwork };
        [
            ("matrix products", Resource::Compute, self.products),
            ("attention", Resource::Compute, self.attention),
            ("norms, activations and casts", Resource::Memory, self.elementwise),
            ("output projection and loss", Resource::Compute, self.output),
            ("recomputation of activations", Resource::Compute, self.recomputation),
            ("kernel launches", Resource::Compute, self.launches),
            ("optimizer update", Resource::Memory, self.optimizer),
            ("tensor-parallel exchange", model, self.tensor_parallel),
            ("context-parallel exchange", model, self.context_parallel),
            ("expert exchange", model, self.expert_parallel),
            ("pipeline transfers", Resource::InterNodeNetwork, self.pipeline_transfer),
            ("gradient and weight exchange", replicas, self.data_parallel),
            ("pipeline bubble", Resource::PipelineBubble, self.bubble),
            ("stragglers and congestion", Resource::InterNodeNetwork, self.straggling),
        ]
    }

    /// The resource with the largest exposed time.
    #[must_use]
    pub fn bound_by(&self) -> Resource {
        const RESOURCES: [Resource; 5] = [
            Resource::Compute,
            Resource::Memory,
            Resource::IntraNodeNetwork,
            Resource::InterNodeNetwork,
            Resource::PipelineBubble,
        ];
        let parts = self.parts();
        let time = |resource: Resource| -> f64 {
            parts.iter().filter(|part| part.1 == resource).map(|part| part.2).sum()
        };
        let (mut best, mut longest) = (Resource::Compute, f64::MIN);
        for resource in RESOURCES {
            let spent = time(resource);
            if spent > longest {
                (best, longest) = (resource, spent);
            }
        }
        best
    }
}

/// Rates of one chip in one recipe, after the shares.
struct Rates<'a> {
    wide: f64,
    narrow: f64,
    memory: f64,
    parameters: &'a Parameters,
}

impl Rates<'_> {
    /// Seconds of a product of `flops` at `rate`, launched `count` times.
    fn product(&self, flops: f64, rate: f64, count: f64) -> f64 {
        flops / rate + count * self.parameters.half_time_seconds
    }
}

fn rates<'a>(chip: &Chip, workload: &Workload, parameters: &'a Parameters) -> Rates<'a> {
    let achievable = chip.achievable.unwrap_or(parameters.default_achievable);
    let wide = chip.wide_flops * achievable * parameters.matrix_share;
    let share = match workload.recipe {
        Recipe::F32 | Recipe::Bf16 | Recipe::F16 => 1.0,
        Recipe::Fp8 | Recipe::Fp8Rowwise | Recipe::Mxfp8 | Recipe::Int8 => parameters.narrow_share,
        Recipe::Nvfp4 => parameters.fp4_share,
    };
    let narrow = chip.recipe_flops * achievable * parameters.matrix_share * share;
    Rates { wide, narrow, memory: chip.memory_bytes_per_second * parameters.memory_share, parameters }
}

/// One layer's forward pass of one micro batch on one rank, seconds by kind.
struct LayerWork {
    products: f64,
    attention: f64,
    elementwise: f64,
    /// Scores that cross the memory without fused attention; also what selective recomputation repeats.
    scores: f64,
    launches: f64,
    tensor: f64,
    context: f64,
    expert: f64,
}

/// The time of one optimizer step by physics alone.
#[must_use]
pub fn step(workload: &Workload, layout: &Layout, chip: &Chip, parameters: &Parameters) -> Step {
    let rates = rates(chip, workload, parameters);
    let layer = layer_work(workload, layout, chip, &rates);
    let shape = &workload.shape;
    let pipeline = f64::from(layout.pipeline_parallel_size);
    let layers = f64::from(shape.num_hidden_layers) / pipeline;
    let micro_batches = layout.micro_batch_count(workload.global_batch_size);
    // Backward: two products for one (one without weight gradients); fused attention 2.5 (its scores again).
    let learning = if workload.tuning == Tuning::LowRank { 2.0 } else { 3.0 };
    let mut step = Step {
        leaves_domain: leaves_domain(layout, chip),
        replicas_leave_domain: layout.accelerator_count > chip.domain,
        ..Step::default()
    };
    let each = layers * micro_batches;
    step.products = each * layer.products * learning;
    step.attention = each * (layer.attention * 3.5 + layer.scores * 3.0);
    step.elementwise = each * layer.elementwise * 3.0;
    step.launches = each * layer.launches * 3.0;
    step.output = micro_batches * output(workload, layout, &rates) * learning / pipeline;
    let again = match layout.recomputation {
        Recomputation::None => 0.0,
        Recomputation::Selective => layer.scores + if workload.flash_attention { 0.0 } else { layer.attention },
        Recomputation::Partial => forward(&layer) * parameters.partial_recomputation,
        Recomputation::Full => forward(&layer),
    };
    step.recomputation = each * again;
    let repeated = if layout.recomputation == Recomputation::Full { 3.0 } else { 2.0 };
    let hidden = if layout.overlapped_tensor_parallel { parameters.tensor_visible } else { 1.0 };
    step.tensor_parallel = each * layer.tensor * repeated * hidden;
    step.expert_parallel = each * layer.expert * repeated * parameters.expert_visible;
    step.context_parallel = (each * layer.context * (1.0 + repeated) - step.attention * 0.8).max(0.0);
    step.pipeline_transfer = micro_batches * transfer(workload, layout, chip, parameters);
    step.optimizer = optimizer(workload, layout, &rates);
    let arithmetic =
        step.products + step.attention + step.elementwise + step.output + step.recomputation + step.launches;
    step.data_parallel = replicas(workload, layout, chip, parameters, arithmetic, micro_batches);
    let busy = arithmetic
        + step.tensor_parallel
        + step.expert_parallel
        + step.context_parallel
        + step.pipeline_transfer;
    step.bubble = busy / micro_batches * (pipeline - 1.0) / f64::from(layout.virtual_pipeline_size.max(1))
        * parameters.bubble_share;
    let doublings = libm::log2(f64::from(layout.accelerator_count) / f64::from(chip.domain.clamp(1, 8))).max(0.0);
    step.straggling = busy * doublings * parameters.straggling;
    step
}

fn forward(layer: &LayerWork) -> f64 {
    layer.products + layer.attention + layer.elementwise + layer.scores + layer.launches
}

fn leaves_domain(layout: &Layout, chip: &Chip) -> bool {
    let widest = layout
        .tensor_parallel_size
        .saturating_mul(layout.context_parallel_size)
        .max(layout.expert_parallel_size);
    widest > chip.domain
}

fn layer_work(workload: &Workload, layout: &Layout, chip: &Chip, rates: &Rates) -> LayerWork {
    let parameters = rates.parameters;
    let shape = &workload.shape;
    let tensor = f64::from(layout.tensor_parallel_size);
    let context = f64::from(layout.context_parallel_size);
    let sequence = f64::from(workload.sequence_length);
    let tokens = f64::from(layout.micro_batch_size) * sequence / context;
    let layers = f64::from(shape.num_hidden_layers).max(1.0);
    let dense = shape.dense_layers() / layers;
    let routed = shape.expert_layers() / layers;
    let element = workload.recipe.activation_bytes();
    let hidden = f64::from(shape.hidden_size);
    // Attention projections and the dense MLP: four products.
    let mlp = dense * shape.mlp_parameters(shape.intermediate_size);
    let always = shape.attention_parameters() + mlp;
    let mut products = rates.product(2.0 * tokens * always / tensor, rates.narrow, 2.0 + 2.0 * dense);
    let mut expert = 0.0;
    let mut wide_activations = dense * shape.mlp_projections() * f64::from(shape.intermediate_size);
    if let Some(experts) = shape.experts {
        let chosen = f64::from(experts.num_experts_per_token);
        let flops = 2.0 * tokens * chosen * shape.expert_parameters() / tensor;
        let shared = 2.0 * tokens * shape.mlp_parameters(experts.shared_expert_intermediate_size) / tensor;
        products += routed * rates.product(flops + shared, rates.narrow * parameters.expert_share, 4.0);
        wide_activations += routed
            * (chosen * (shape.mlp_projections() * f64::from(experts.moe_intermediate_size) + 4.0 * hidden)
                + shape.mlp_projections() * f64::from(experts.shared_expert_intermediate_size));
        expert = routed * expert_exchange(tokens / tensor, chosen, workload, layout, chip, parameters);
    }
    let attended = shape.attended_tokens(sequence) * if shape.causal { 0.5 } else { 1.0 };
    let attention_flops = 4.0 * tokens * attended * shape.score_width() / tensor;
    let attention_rate = rates.wide / parameters.matrix_share * parameters.attention_share;
    let softmax_layers = 1.0 - f64::from(shape.num_recurrent_layers) / layers;
    // Scores written, read by softmax, written, masked, read: 11 bytes each (Korthikanti et al. 2022, section 4).
    let scores = if workload.flash_attention {
        0.0
    } else {
        11.0 * tokens * sequence * f64::from(shape.num_attention_heads) / tensor / rates.memory
    };
    // Without sequence parallelism every rank normalises all tokens.
    let norms = if layout.sequence_parallel || tensor <= 1.0 { tensor } else { 1.0 };
    let passes = parameters.elementwise_passes
        * match workload.software {
            Software::Megatron | Software::FsdpCompiled | Software::Xla => 1.0,
            Software::Fsdp => 1.5,
        };
    let passes = passes + parameters.recurrent_passes * (1.0 - softmax_layers);
    let casts = if workload.recipe.is_narrow() { 2.0 * hidden } else { 0.0 };
    let elementwise =
        tokens * element * (passes * hidden / norms + (wide_activations + casts) / tensor) / rates.memory;
    let exchange = if tensor > 1.0 {
        2.0 * ring(2.0 * tokens * hidden * element, layout.tensor_parallel_size, 1, chip, parameters)
    } else {
        0.0
    };
    let keys = if context > 1.0 {
        let bytes = tokens * shape.cached_width() * element / tensor * (context - 1.0);
        pass(bytes, layout.tensor_parallel_size.saturating_mul(layout.context_parallel_size), chip, parameters)
    } else {
        0.0
    };
    LayerWork {
        products,
        attention: softmax_layers * attention_flops / attention_rate,
        elementwise,
        scores,
        launches: parameters.launch_seconds,
        tensor: exchange,
        context: keys,
        expert,
    }
}

/// Forward pass of the output projection and the loss over one micro batch, seconds.
fn output(workload: &Workload, layout: &Layout, rates: &Rates) -> f64 {
    let shape = &workload.shape;
    let tokens = f64::from(layout.micro_batch_size) * f64::from(workload.sequence_length)
        / f64::from(layout.context_parallel_size);
    let tensor = f64::from(layout.tensor_parallel_size);
    let flops = 2.0 * tokens * shape.vocabulary_parameters() / tensor;
    let bytes = 10.0 * tokens * f64::from(shape.vocab_size) / tensor;
    rates.product(flops, rates.wide, 1.0) + bytes / rates.memory
}

/// One pass of `bytes` leaving each rank, over the inner link while the group fits the domain.
fn pass(bytes: f64, group_span: u32, chip: &Chip, parameters: &Parameters) -> f64 {
    let (link, share) = if group_span <= chip.domain {
        (chip.inside, parameters.inside_share)
    } else {
        (chip.between, parameters.between_share)
    };
    bytes / (link.bytes_per_second * share) + link.latency_seconds
}

/// A ring pass (all-gather or reduce-scatter; twice that is an all-reduce) of `bytes` over `ranks` that lie `stride`
/// apart, in two levels: inside the domain, then each rank's share between domains.
fn ring(bytes: f64, ranks: u32, stride: u32, chip: &Chip, parameters: &Parameters) -> f64 {
    let ranks = f64::from(ranks);
    let inside = (f64::from(chip.domain) / f64::from(stride.max(1))).floor().clamp(1.0, ranks);
    let domains = (ranks / inside).ceil();
    let part = |link: Link, share: f64, n: f64, bytes: f64| {
        if n <= 1.0 {
            0.0
        } else {
            bytes * (n - 1.0) / n / (link.bytes_per_second * share) + link.latency_seconds * libm::log2(n).max(1.0)
        }
    };
    part(chip.inside, parameters.inside_share, inside, bytes)
        + part(chip.between, parameters.between_share, domains, bytes / inside)
}

/// Tokens to their experts and back, seconds of one layer's forward pass. A token crosses to each rank, and to each
/// domain, once, however many of its experts live there: of `n` places, `k` random experts reach
/// `n (1 - (1 - 1/n)^k)`.
fn expert_exchange(
    tokens: f64,
    chosen: f64,
    workload: &Workload,
    layout: &Layout,
    chip: &Chip,
    parameters: &Parameters,
) -> f64 {
    let group = f64::from(layout.expert_parallel_size);
    if group <= 1.0 {
        return 0.0;
    }
    let reached = |places: f64| places * (1.0 - libm::pow(1.0 - 1.0 / places, chosen));
    let domains = (group / f64::from(chip.domain)).ceil().max(1.0);
    let bytes = 2.0 * workload.recipe.activation_bytes() * tokens * workload.shape.expert_width();
    // All places are alike, so that one in `n` is the sender's own.
    let ranks = bytes * reached(group) * (1.0 - 1.0 / group) / (chip.inside.bytes_per_second * parameters.inside_share);
    let outside = if domains > 1.0 {
        bytes * reached(domains) * (1.0 - 1.0 / domains)
            / (chip.between.bytes_per_second * parameters.between_share)
            + 2.0 * chip.between.latency_seconds
    } else {
        0.0
    };
    ranks.max(outside) + 2.0 * chip.inside.latency_seconds
}

/// Activation to the next stage and its gradient back, for one micro batch, where products cannot hide it.
fn transfer(workload: &Workload, layout: &Layout, chip: &Chip, parameters: &Parameters) -> f64 {
    if layout.pipeline_parallel_size <= 1 {
        return 0.0;
    }
    let bytes = f64::from(layout.micro_batch_size) * f64::from(workload.sequence_length)
        / f64::from(layout.context_parallel_size)
        * f64::from(workload.shape.hidden_size)
        * workload.recipe.activation_bytes()
        / if layout.sequence_parallel { f64::from(layout.tensor_parallel_size) } else { 1.0 };
    // Megatron places stages farthest apart: neighbours are one replica group away.
    let span = layout.accelerator_count / layout.pipeline_parallel_size.max(1);
    2.0 * f64::from(layout.virtual_pipeline_size.max(1)) * pass(bytes, span.saturating_mul(2), chip, parameters)
}

/// Weights of one rank: the dense ones, and the routed experts.
pub(super) fn local_parameters(workload: &Workload, layout: &Layout) -> (f64, f64) {
    let shape = &workload.shape;
    let split = f64::from(layout.tensor_parallel_size) * f64::from(layout.pipeline_parallel_size);
    let routed = shape.expert_layers() * shape.routed_parameters();
    // Experts are spread over the expert-parallel ranks instead of the tensor-parallel ones, or over both.
    let groups = f64::from(layout.expert_parallel_size.max(1));
    let expert_split = f64::from(layout.pipeline_parallel_size) * groups.max(1.0);
    ((shape.parameters() - routed) / split, routed / expert_split)
}

/// Seconds of the update: gradient, master weight and two moments are read, the latter three and the copy written.
fn optimizer(workload: &Workload, layout: &Layout, rates: &Rates) -> f64 {
    if workload.tuning == Tuning::LowRank {
        return 0.0;
    }
    let (dense, routed) = local_parameters(workload, layout);
    let shared = layout.sharding >= Sharding::OptimizerStates;
    let replicas = if shared { layout.shards() } else { 1.0 };
    let expert_replicas = if shared {
        (f64::from(layout.accelerator_count)
            / f64::from(layout.pipeline_parallel_size)
            / f64::from(layout.expert_parallel_size.max(1)))
        .max(1.0)
    } else {
        1.0
    };
    30.0 * (dense / replicas + routed / expert_replicas) / rates.memory
}

/// Traffic between replicas that arithmetic does not hide.
fn replicas(
    workload: &Workload,
    layout: &Layout,
    chip: &Chip,
    parameters: &Parameters,
    arithmetic: f64,
    micro_batches: f64,
) -> f64 {
    if workload.tuning == Tuning::LowRank {
        return 0.0;
    }
    let (dense, routed) = local_parameters(workload, layout);
    let group = layout.data_parallel_size().saturating_mul(layout.context_parallel_size);
    let stride = layout.tensor_parallel_size;
    let element = workload.recipe.activation_bytes();
    let expert_group = (group / layout.expert_parallel_size.max(1)).max(1);
    let one = ring(dense * element, group, stride, chip, parameters)
        + ring(routed * element, expert_group, layout.expert_parallel_size.max(1), chip, parameters);
    let (passes, window) = if layout.sharding == Sharding::Weights {
        // Weights gathered forward and backward, gradients scattered, every micro batch.
        (3.0 * micro_batches, arithmetic)
    } else {
        // Gradients reduced and scattered, weights gathered, once; hidden under the last micro batch.
        (3.0, arithmetic / micro_batches)
    };
    (one * passes - window * parameters.overlap).max(one)
}
