//! The layouts of a model on a number of accelerators.

use crate::training::{Chip, Layout, Recomputation, Sharding, Workload};

/// What changes seldom between layouts: how the model is split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// Ranks that share each product.
    pub tensor: u32,
    /// Stages.
    pub pipeline: u32,
    /// Ranks that share each sequence.
    pub context: u32,
    /// Ranks that share the experts.
    pub expert: u32,
    /// Examples of one forward pass of one replica.
    pub micro_batch: u32,
}

/// Largest micro batch that is tried.
const LARGEST_MICRO_BATCH: u32 = 16;

/// Powers of two up to `most`.
fn powers(most: u32) -> impl Iterator<Item = u32> {
    (0..=20_u32).map(|power| 1_u32 << power).take_while(move |value| *value <= most)
}

/// Every split that divides accelerators, heads, layers, experts and batch.
///
/// Tensor parallelism stays inside the link's domain, where published runs keep it; context parallelism is tried
/// where a rank keeps 2,048 tokens or more of a sequence.
pub fn splits(workload: &Workload, chip: &Chip, count: u32) -> Vec<Split> {
    let shape = &workload.shape;
    let mut all = Vec::new();
    let experts = shape.experts.map_or(1, |experts| experts.num_experts);
    for tensor in powers(shape.num_attention_heads.min(chip.domain.clamp(1, 64))) {
        if !shape.num_attention_heads.is_multiple_of(tensor) {
            continue;
        }
        for pipeline in stages(shape.num_hidden_layers, count / tensor) {
            for context in powers((workload.sequence_length / 2_048).clamp(1, 64)) {
                let model_parallel = tensor.saturating_mul(pipeline).saturating_mul(context);
                if model_parallel > count || !count.is_multiple_of(model_parallel) {
                    continue;
                }
                let replicas = count / model_parallel;
                if !workload.global_batch_size.is_multiple_of(replicas) {
                    continue;
                }
                let each = workload.global_batch_size / replicas;
                let ranks = tensor.saturating_mul(context).saturating_mul(replicas);
                for expert in powers(experts.min(ranks)).filter(|expert| experts.is_multiple_of(*expert)) {
                    for micro_batch in
                        powers(LARGEST_MICRO_BATCH.min(each)).filter(|m| each.is_multiple_of(*m))
                    {
                        all.push(Split { tensor, pipeline, context, expert, micro_batch });
                    }
                }
            }
        }
    }
    all
}

/// Numbers of stages: those that give every stage nearly as many layers (at most one in eight is idle).
fn stages(layers: u32, most: u32) -> impl Iterator<Item = u32> {
    let layers = layers.max(1);
    (1..=layers.min(most.max(1)).min(256)).filter(move |stages| {
        let fullest = layers.div_ceil(*stages);
        f64::from(layers) / f64::from(*stages) / f64::from(fullest) >= 0.875
    })
}

/// What is tried with every split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// What is computed again.
    pub recomputation: Recomputation,
    /// What replicas share.
    pub sharding: Sharding,
    /// Interleaved chunks.
    pub chunks: u32,
}

/// The choices of a split.
pub fn choices(split: Split, layers: u32) -> impl Iterator<Item = Choice> {
    let each = layers.div_ceil(split.pipeline.max(1));
    let chunks = [1_u32, 2, 4, 8].into_iter().filter(move |chunks| {
        *chunks == 1 || split.pipeline > 1 && each >= *chunks && each.is_multiple_of(*chunks)
    });
    // Gathering weights for every micro batch of a pipeline costs more than it frees.
    let most = if split.pipeline > 1 { 2 } else { 3 };
    chunks.flat_map(move |chunks| {
        [Sharding::None, Sharding::OptimizerStates, Sharding::Weights].into_iter().take(most).flat_map(
            move |sharding| {
                [Recomputation::None, Recomputation::Selective, Recomputation::Full]
                    .into_iter()
                    .map(move |recomputation| Choice { recomputation, sharding, chunks })
            },
        )
    })
}

/// The layout of a split and a choice.
#[must_use]
pub const fn layout(count: u32, split: Split, choice: Choice) -> Layout {
    Layout {
        accelerator_count: count,
        tensor_parallel_size: split.tensor,
        pipeline_parallel_size: split.pipeline,
        virtual_pipeline_size: choice.chunks,
        context_parallel_size: split.context,
        expert_parallel_size: split.expert,
        micro_batch_size: split.micro_batch,
        sharding: choice.sharding,
        sharding_group: 0,
        sequence_parallel: split.tensor > 1,
        recomputation: choice.recomputation,
        overlapped_tensor_parallel: true,
    }
}
