//! What a training run is: a model, how it is split, in which number formats, on which chip.

use crate::shape::ModelShape;

/// Number formats of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Recipe {
    /// Everything in F32.
    F32,
    /// Products in BF16, F32 master weights.
    Bf16,
    /// Products in F16 with loss scaling, F32 master weights.
    F16,
    /// Products in FP8 with one scale a tensor (delayed or current scaling).
    Fp8,
    /// Products in FP8 with one scale a row.
    Fp8Rowwise,
    /// Products in FP8 with one scale for 32 numbers (MXFP8).
    Mxfp8,
    /// Products in FP4 with one scale for 16 numbers (NVFP4).
    Nvfp4,
    /// Products in INT8 (AQT on TPUs).
    Int8,
}

impl Recipe {
    /// Every recipe.
    pub const ALL: [Self; 8] = [
        Self::F32,
        Self::Bf16,
        Self::F16,
        Self::Fp8,
        Self::Fp8Rowwise,
        Self::Mxfp8,
        Self::Nvfp4,
        Self::Int8,
    ];

    /// Products narrower than 16 bits.
    #[must_use]
    pub const fn is_narrow(self) -> bool {
        matches!(self, Self::Fp8 | Self::Fp8Rowwise | Self::Mxfp8 | Self::Nvfp4 | Self::Int8)
    }

    /// Bytes of an activation that is kept or exchanged.
    #[must_use]
    pub const fn activation_bytes(self) -> f64 {
        if matches!(self, Self::F32) { 4.0 } else { 2.0 }
    }
}

/// What data-parallel ranks hold a share of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Sharding {
    /// Nothing: every rank holds everything.
    None,
    /// Optimizer states (ZeRO 1, Megatron's distributed optimizer).
    OptimizerStates,
    /// Optimizer states and gradients (ZeRO 2).
    Gradients,
    /// Optimizer states, gradients and weights (ZeRO 3, FSDP).
    Weights,
}

/// What the backward pass computes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Recomputation {
    /// Nothing.
    None,
    /// The core of attention only (Korthikanti et al. 2022).
    Selective,
    /// Some layers or products, as the framework's policy says.
    Partial,
    /// Every layer.
    Full,
}

/// The software that runs the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Software {
    /// Megatron-LM, NeMo, DeepSpeed: hand-written parallel layers.
    Megatron,
    /// PyTorch FSDP, run eagerly.
    Fsdp,
    /// PyTorch FSDP through `torch.compile`.
    FsdpCompiled,
    /// JAX through XLA (MaxText, Pax).
    Xla,
}

/// Which weights learn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tuning {
    /// All, from scratch.
    Pretraining,
    /// All, from a trained model, on packed examples.
    FullFineTuning,
    /// Low-rank additions only (LoRA): no gradient of the frozen weights.
    LowRank,
}

/// A link: what one accelerator sends per second in one direction, and the delay of a message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Link {
    /// Bytes per second.
    pub bytes_per_second: f64,
    /// Seconds.
    pub latency_seconds: f64,
}

/// What the model reads of a chip and of the network around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chip {
    /// Dense peak of 16-bit products, FLOP/s.
    pub wide_flops: f64,
    /// Dense peak of products in the run's recipe, FLOP/s.
    pub recipe_flops: f64,
    /// Measured share of the 16-bit peak that the best product reaches, where published.
    pub achievable: Option<f64>,
    /// Peak of its memory, bytes per second.
    pub memory_bytes_per_second: f64,
    /// Its memory, bytes.
    pub memory_bytes: f64,
    /// Accelerators joined by the inner link.
    pub domain: u32,
    /// The inner link.
    pub inside: Link,
    /// The network between domains.
    pub between: Link,
}

/// The model and what is done with it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Workload {
    /// Shape of the model.
    pub shape: ModelShape,
    /// Tokens of one example.
    pub sequence_length: u32,
    /// Examples of one step over the whole system.
    pub global_batch_size: u32,
    /// Which weights learn.
    pub tuning: Tuning,
    /// Number formats.
    pub recipe: Recipe,
    /// Attention scores never reach memory (FlashAttention).
    pub flash_attention: bool,
    /// The software.
    pub software: Software,
    /// When the software was released, in years (2025.5 is mid-2025).
    pub release: f64,
}

/// How a run is split.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layout {
    /// Accelerators in all.
    pub accelerator_count: u32,
    /// Ranks that share each product.
    pub tensor_parallel_size: u32,
    /// Stages of the pipeline.
    pub pipeline_parallel_size: u32,
    /// Interleaved chunks of a stage; 1 is plain 1F1B.
    pub virtual_pipeline_size: u32,
    /// Ranks that share each sequence.
    pub context_parallel_size: u32,
    /// Ranks that share the experts.
    pub expert_parallel_size: u32,
    /// Examples of one forward pass of one replica.
    pub micro_batch_size: u32,
    /// What data-parallel ranks share.
    pub sharding: Sharding,
    /// Ranks among which weights are shared; 0 for all replicas.
    pub sharding_group: u32,
    /// Norms and residuals are split over the tensor-parallel ranks too.
    pub sequence_parallel: bool,
    /// What is computed again.
    pub recomputation: Recomputation,
    /// Exchanges of tensor parallelism run under the products (asyncTP, user buffers).
    pub overlapped_tensor_parallel: bool,
}

/// A layout that cannot be run, with the field and what it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayoutError {
    /// The field.
    pub field: &'static str,
    /// Its value.
    pub value: u32,
    /// What is allowed.
    pub allowed: Allowed,
}

/// What a field of a layout may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    /// Between these, both included.
    Range(u32, u32),
    /// A divisor of this number.
    DivisorOf(u32),
    /// A multiple of this number.
    MultipleOf(u32),
}

impl std::fmt::Display for LayoutError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is {}; ", self.field, self.value)?;
        match self.allowed {
            Allowed::Range(low, high) => write!(f, "allowed is {low} to {high}"),
            Allowed::DivisorOf(whole) => write!(f, "allowed is a divisor of {whole}"),
            Allowed::MultipleOf(part) => write!(f, "allowed is a multiple of {part}"),
        }
    }
}

impl std::error::Error for LayoutError {}

impl Layout {
    /// Replicas of the model.
    #[must_use]
    pub fn data_parallel_size(&self) -> u32 {
        (self.accelerator_count / self.model_parallel_size().max(1)).max(1)
    }

    /// Accelerators that one replica takes.
    #[must_use]
    pub const fn model_parallel_size(&self) -> u32 {
        self.tensor_parallel_size
            .saturating_mul(self.pipeline_parallel_size)
            .saturating_mul(self.context_parallel_size)
    }

    /// Micro batches of one replica in one step.
    #[must_use]
    pub fn micro_batch_count(&self, global_batch_size: u32) -> f64 {
        let examples = f64::from(self.data_parallel_size()) * f64::from(self.micro_batch_size);
        (f64::from(global_batch_size) / examples).ceil().max(1.0)
    }

    /// Ranks among which weights or optimizer states are shared.
    #[must_use]
    pub fn shards(&self) -> f64 {
        // Context-parallel ranks hold the same weights: they share them too.
        let all = self.data_parallel_size().saturating_mul(self.context_parallel_size);
        f64::from(if self.sharding_group > 0 { self.sharding_group.min(all) } else { all })
    }

    /// Checks the layout against a workload.
    ///
    /// # Errors
    /// [`LayoutError`] names the first field that does not fit.
    pub fn check(&self, workload: &Workload) -> Result<(), LayoutError> {
        let shape = &workload.shape;
        let heads = shape.num_attention_heads.max(1);
        let range = |field, value: u32, high: u32| {
            if (1..=high).contains(&value) {
                Ok(())
            } else {
                Err(LayoutError { field, value, allowed: Allowed::Range(1, high) })
            }
        };
        range("accelerator_count", self.accelerator_count, 10_000_000)?;
        range("tensor_parallel_size", self.tensor_parallel_size, heads)?;
        range("pipeline_parallel_size", self.pipeline_parallel_size, shape.num_hidden_layers.max(1) + 2)?;
        range("virtual_pipeline_size", self.virtual_pipeline_size, shape.num_hidden_layers.max(1))?;
        range("context_parallel_size", self.context_parallel_size, workload.sequence_length.max(1))?;
        let experts = shape.experts.map_or(u32::MAX, |experts| experts.num_experts.max(1));
        range("expert_parallel_size", self.expert_parallel_size, experts)?;
        let model_parallel = self.model_parallel_size();
        if !self.accelerator_count.is_multiple_of(model_parallel.max(1)) {
            return Err(LayoutError {
                field: "accelerator_count",
                value: self.accelerator_count,
                allowed: Allowed::MultipleOf(model_parallel),
            });
        }
        let replicas = self.data_parallel_size();
        range("micro_batch_size", self.micro_batch_size, (workload.global_batch_size / replicas).max(1))
    }
}
