//! The visitor's truth about a system: one plain value, in the store and in the link.

use crate::own_facts::OwnFacts;
use serde::{Deserialize, Serialize};

/// Where the accelerators stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Deployment {
    /// Bought, housed and powered by the owner.
    OnPremises,
    /// Rented by the hour.
    #[default]
    Cloud,
    /// A base load that is owned, the rest rented (`cloud_fraction`).
    Hybrid,
}

/// Number formats, spelled as in safetensors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
pub enum Dtype {
    /// 32-bit float.
    #[serde(rename = "F32")]
    F32,
    /// bfloat16.
    #[default]
    #[serde(rename = "BF16")]
    Bf16,
    /// 16-bit float.
    #[serde(rename = "F16")]
    F16,
    /// 8-bit float, 4 exponent bits.
    #[serde(rename = "F8_E4M3")]
    F8E4m3,
    /// 8-bit integer.
    #[serde(rename = "I8")]
    I8,
}

/// A machine measured in this browser, taken into the scenario at the visitor's wish ("use my device").
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MeasuredDevice {
    /// Measured f32 rate of the engine's matrix product, FLOP/s.
    pub peak_f32_flops_per_second: f64,
    /// Measured copy bandwidth of a large working set, bytes/s.
    pub memory_bandwidth_bytes_per_second: f64,
    /// Memory that a tab may use on it, bytes (WebGPU's limit or the WASM heap).
    pub memory_bytes: f64,
}

/// The identifier of "this device" among the accelerators.
pub const THIS_DEVICE: &str = "this-device";

/// A system and a training run on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Scenario {
    /// Free text, at most 256 characters, control and bidi characters stripped.
    pub name: String,
    /// Catalog id of the accelerator, or [`THIS_DEVICE`].
    pub accelerator: String,
    /// The measured machine, where the visitor took it in.
    pub measured_device: Option<MeasuredDevice>,
    /// Accelerators in all, 1 to 1,000,000.
    pub accelerator_count: u32,
    /// Catalog id of the network between nodes.
    pub interconnect: String,
    /// Where it stands.
    pub deployment: Deployment,
    /// Hybrid only: the share of accelerator-hours that is rented, 0 to 1.
    pub cloud_fraction: f64,
    /// Catalog id of the model preset.
    pub model: String,
    /// Number format of the matrix products.
    pub precision: Dtype,
    /// Tokens (or images) of one example, 1 to 10,000,000.
    pub sequence_length: u32,
    /// Examples of one optimizer step over the whole system, 1 to 10,000,000.
    pub global_batch_size: u32,
    /// Examples of one forward pass on one model replica, 1 to 65,536.
    pub micro_batch_size: u32,
    /// Megatron tensor parallelism, 1 to 64.
    pub tensor_parallel_size: u32,
    /// Pipeline stages, 1 to 256.
    pub pipeline_parallel_size: u32,
    /// Interleaved chunks of a pipeline stage, 1 to 64; 1 is plain 1F1B.
    pub virtual_pipeline_size: u32,
    /// Ranks that share each sequence, 1 to 256.
    pub context_parallel_size: u32,
    /// Ranks that share the experts, 1 to 1,024; counts for mixtures of experts only.
    pub expert_parallel_size: u32,
    /// ZeRO stage, 0 to 3.
    pub zero_stage: u8,
    /// Recompute all activations in the backward pass.
    pub full_recomputation: bool,
    /// Recompute the core of attention only; fused attention does so anyway.
    pub selective_recomputation: bool,
    /// Tokens to train on, 1 to 1e16.
    pub training_tokens: f64,
    /// The visitor's own price; `None` means the catalog's, with its date. 0 to 10,000.
    pub usd_per_accelerator_hour: Option<f64>,
    /// Electricity, 0 to 10 USD per kWh; a visitor's assumption, not a catalog fact.
    pub usd_per_kilowatt_hour: f64,
    /// Owned hardware is written off over so many years, 0.1 to 20.
    pub amortisation_years: f64,
    /// Facts that the visitor replaced, in base units.
    pub own_facts: OwnFacts,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            name: String::new(),
            accelerator: "h100-sxm".into(),
            measured_device: None,
            accelerator_count: 64,
            interconnect: "infiniband-ndr".into(),
            deployment: Deployment::Cloud,
            cloud_fraction: 0.5,
            model: "llama-3-8b".into(),
            precision: Dtype::Bf16,
            sequence_length: 8192,
            global_batch_size: 128,
            micro_batch_size: 1,
            tensor_parallel_size: 1,
            pipeline_parallel_size: 1,
            virtual_pipeline_size: 1,
            context_parallel_size: 1,
            expert_parallel_size: 1,
            zero_stage: 3,
            full_recomputation: false,
            selective_recomputation: false,
            training_tokens: 1e12,
            usd_per_accelerator_hour: None,
            usd_per_kilowatt_hour: 0.12,
            amortisation_years: 4.0,
            own_facts: OwnFacts::default(),
        }
    }
}
