//! Memory of the fullest accelerator.
//!
//! Mixed-precision Adam (Rajbhandari et al. 2020): a 16-bit weight, an F32 gradient, and 12 bytes of optimizer
//! states (F32 master weight and two moments); in F32 training the weight is its own master. ZeRO 1 divides the
//! states by the replicas, ZeRO 2 the gradients too, ZeRO 3 the weights too.
//!
//! Activations follow Korthikanti et al. 2022 with fused attention (no score matrix) and sequence parallelism:
//! 34 bytes x tokens x hidden size / tensor parallel size for a classic layer, here written out per tensor so
//! that grouped heads and gated MLPs count right. Full recomputation keeps the input of each layer and the
//! working set of one. With a pipeline the first stage holds as many micro batches as there are stages.

use crate::catalog::ModelShape;
use crate::performance::{Layout, parameters_per_accelerator};
use crate::prediction::MemoryPart;
use crate::scenario::Dtype;
use crate::units::Bytes;

/// Bytes of activations that one layer keeps for one micro batch, without recomputation.
#[must_use]
pub fn layer_activations(shape: &ModelShape, layout: &Layout) -> Bytes {
    let element = layout.element_bytes();
    let hidden = f64::from(shape.hidden_size);
    let intermediate = f64::from(shape.intermediate_size);
    // Inputs of two norms, of the query-key-value product and of the MLP.
    let inputs = 4.0 * hidden * element;
    // Query, key, value, and the input of the output product.
    let attention = element * (2.0 * shape.query_width() + 2.0 * shape.key_value_width());
    // Input of the activation function and of the down product; a gate adds one more.
    let mlp = element * shape.mlp_projections() * intermediate;
    // Two dropout masks of one byte in models without a gate (the classic ones).
    let masks = if shape.gated_mlp { 0.0 } else { 2.0 * hidden };
    Bytes(
        layout.micro_batch_tokens() * (inputs + attention + mlp + masks)
            / f64::from(layout.tensor_parallel_size),
    )
}

/// The parts, largest consumer first in the usual order; `reserve` is the framework's.
#[must_use]
pub fn memory_parts(shape: &ModelShape, layout: &Layout, reserve: Bytes) -> Vec<MemoryPart> {
    let replicas = f64::from(layout.data_parallel_size);
    let divided = |stage: u8| if layout.zero_stage >= stage { replicas } else { 1.0 };
    let parameters = parameters_per_accelerator(shape, layout);
    let states = if layout.precision == Dtype::F32 { 8.0 } else { 12.0 };
    let mut weights = parameters * layout.element_bytes() / divided(3);
    if layout.zero_stage >= 3 {
        // The layer at work and the one being fetched are whole.
        weights +=
            2.0 * shape.layer_parameters() * layout.element_bytes() / f64::from(layout.tensor_parallel_size);
    }
    vec![
        MemoryPart { label: "weights", bytes: Bytes(weights) },
        MemoryPart { label: "gradients", bytes: Bytes(parameters * 4.0 / divided(2)) },
        MemoryPart { label: "optimizer states", bytes: Bytes(parameters * states / divided(1)) },
        MemoryPart { label: "activations", bytes: activations(shape, layout) },
        MemoryPart { label: "logits", bytes: logits(shape, layout) },
        MemoryPart { label: "framework reserve", bytes: reserve },
    ]
}

fn activations(shape: &ModelShape, layout: &Layout) -> Bytes {
    let stages = f64::from(layout.pipeline_parallel_size);
    let layers = (f64::from(shape.num_hidden_layers) / stages).ceil();
    let in_flight = f64::from(layout.pipeline_parallel_size.min(layout.micro_batch_count));
    let layer = layer_activations(shape, layout);
    if layout.full_recomputation {
        // Split over the tensor-parallel group as under sequence parallelism.
        let checkpoint = Bytes(
            layout.micro_batch_tokens() * f64::from(shape.hidden_size) * layout.element_bytes()
                / f64::from(layout.tensor_parallel_size),
        );
        checkpoint * (layers * in_flight) + layer
    } else {
        layer * (layers * in_flight)
    }
}

/// Logits in the wide format and their F32 gradient on the last stage (one micro batch).
fn logits(shape: &ModelShape, layout: &Layout) -> Bytes {
    let vocabulary = f64::from(shape.vocab_size) / f64::from(layout.tensor_parallel_size);
    Bytes(layout.micro_batch_tokens() * vocabulary * (layout.element_bytes() + 4.0))
}
