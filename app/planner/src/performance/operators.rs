//! The operators of one transformer layer and of the output projection: FLOPs and bytes on one accelerator.
//!
//! `T` tokens of a micro batch, hidden size `h`, query width `q`, key-value width `k`, MLP width `f`, tensor
//! parallel size `t`, element of `e` bytes. Matrix products over `t` accelerators each do `1/t` of the work;
//! norms and residuals are split too (sequence parallelism, Korthikanti et al. 2022).

use super::{Layout, Machine, effective_memory_bandwidth};
use crate::catalog::{Calibration, ModelShape};
use crate::prediction::Resource;
use crate::scenario::Dtype;
use crate::units::{Bytes, Flops, Seconds};

/// What sort of kernel runs an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorKind {
    /// Matrix product in the run's number format.
    Matmul,
    /// Matrix product in the wide format (output projection).
    WideMatmul,
    /// Fused attention; scores never reach memory (Dao et al. 2022).
    Attention,
    /// Norms, residuals, activation functions, rotations, casts: bound by memory.
    Elementwise,
}

/// Work of one operator in the forward pass of one micro batch on one accelerator.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Operator {
    /// Kernel family.
    pub kind: OperatorKind,
    /// Operations.
    pub flops: Flops,
    /// Bytes read and written.
    pub bytes: Bytes,
    /// Kernels that it takes.
    pub launches: f64,
}

impl Operator {
    /// Backward work per forward work: two products for one; fused attention recomputes its scores (5 for 2).
    pub(super) const fn backward_factor(&self) -> f64 {
        match self.kind {
            OperatorKind::Attention => 2.5,
            OperatorKind::Matmul | OperatorKind::WideMatmul | OperatorKind::Elementwise => 2.0,
        }
    }

    /// Time of `factor` forward passes, and the resource that binds it.
    pub(super) fn time(
        &self,
        factor: f64,
        machine: &Machine,
        calibration: &Calibration,
    ) -> (Seconds, Resource) {
        let rate = match self.kind {
            OperatorKind::Matmul => machine.matrix_rate * calibration.matmul_efficiency,
            OperatorKind::WideMatmul => machine.wide_matrix_rate * calibration.matmul_efficiency,
            OperatorKind::Attention => machine.wide_matrix_rate * calibration.attention_efficiency,
            OperatorKind::Elementwise => machine.wide_matrix_rate,
        };
        let arithmetic = self.flops / rate;
        let memory = self.bytes / effective_memory_bandwidth(machine, calibration);
        let overhead = Seconds(calibration.matmul_overhead_seconds * self.launches);
        let resource = if memory > arithmetic { Resource::Memory } else { Resource::Compute };
        ((arithmetic.max(memory) + overhead) * factor, resource)
    }
}

/// The forward operators of one layer on one accelerator.
pub(super) fn layer_operators(shape: &ModelShape, layout: &Layout) -> [Operator; 5] {
    let tokens = layout.micro_batch_tokens();
    let split = f64::from(layout.tensor_parallel_size);
    let hidden = f64::from(shape.hidden_size);
    let query = shape.query_width() / split;
    let key_value = shape.key_value_width() / split;
    let intermediate = f64::from(shape.intermediate_size) / split;
    let widening = shape.mlp_projections() - 1.0;
    let element = layout.element_bytes();
    let narrow = matches!(layout.precision, Dtype::F8E4m3 | Dtype::I8);
    // A narrow format needs each input cast once for the product and once transposed for the weight gradient.
    let cast = if narrow { 4.0 * (2.0 * hidden + query + intermediate) } else { 0.0 };
    let causal = if shape.causal { 0.5 } else { 1.0 };
    let elementwise =
        element * (8.0 * hidden / split + (widening + 1.0) * intermediate + 2.0 * (query + key_value));
    [
        matmul(OperatorKind::Matmul, tokens, hidden, query + 2.0 * key_value, element),
        Operator {
            kind: OperatorKind::Attention,
            flops: Flops(4.0 * tokens * f64::from(layout.sequence_length) * query * causal),
            bytes: Bytes(element * tokens * (2.0 * query + 2.0 * key_value)),
            launches: 1.0,
        },
        matmul(OperatorKind::Matmul, tokens, query, hidden, element),
        Operator {
            launches: 2.0,
            ..sum(
                matmul(OperatorKind::Matmul, tokens, hidden, widening * intermediate, element),
                matmul(OperatorKind::Matmul, tokens, intermediate, hidden, element),
            )
        },
        Operator {
            kind: OperatorKind::Elementwise,
            flops: Flops(0.0),
            bytes: Bytes(tokens * (elementwise + cast)),
            launches: 1.0,
        },
    ]
}

/// Output projection and loss: the product, then one pass over the logits in F32 (read, exponentiate, write).
pub(super) fn output_operators(shape: &ModelShape, layout: &Layout) -> [Operator; 2] {
    let tokens = layout.micro_batch_tokens();
    let vocabulary = f64::from(shape.vocab_size) / f64::from(layout.tensor_parallel_size);
    [
        matmul(
            OperatorKind::WideMatmul,
            tokens,
            f64::from(shape.hidden_size),
            vocabulary,
            layout.element_bytes(),
        ),
        Operator {
            kind: OperatorKind::Elementwise,
            flops: Flops(0.0),
            bytes: Bytes(8.0 * tokens * vocabulary),
            launches: 1.0,
        },
    ]
}

/// `[tokens, inner] x [inner, outer]`: `2 T i o` operations; both inputs and the output cross the memory once.
fn matmul(kind: OperatorKind, tokens: f64, inner: f64, outer: f64, element: f64) -> Operator {
    Operator {
        kind,
        flops: Flops(2.0 * tokens * inner * outer),
        bytes: Bytes(element * (tokens * inner + inner * outer + tokens * outer)),
        launches: 1.0,
    }
}

fn sum(left: Operator, right: Operator) -> Operator {
    Operator {
        kind: left.kind,
        flops: left.flops + right.flops,
        bytes: left.bytes + right.bytes,
        launches: left.launches + right.launches,
    }
}
