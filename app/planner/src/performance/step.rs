//! Sums operators, traffic, bubble and update into the time of a step.

use super::collectives::Exchange;
use super::operators::{Operator, OperatorKind, layer_operators, output_operators};
use super::{Layout, Machine, effective_memory_bandwidth, optimizer_traffic, parameters_per_accelerator};
use crate::catalog::{Calibration, ModelShape};
use crate::prediction::{Resource, StepPart};
use crate::units::{Bytes, Seconds};

/// The parts of a step, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartKind {
    /// Products of the layers.
    MatrixProducts,
    /// Attention.
    Attention,
    /// Norms, residuals, activation functions.
    Elementwise,
    /// Output projection and loss.
    Output,
    /// Second forward pass.
    Recomputation,
    /// Optimizer update.
    Optimizer,
    /// Exchange of activations inside a layer.
    TensorParallel,
    /// Activations between stages.
    PipelineTransfer,
    /// Gradients (and, with ZeRO 3, weights) between replicas.
    DataParallel,
    /// Idle stages.
    Bubble,
}

/// The time of a step and its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct StepBreakdown {
    /// Parts that take time; they sum to `total`.
    pub parts: Vec<(PartKind, StepPart)>,
    /// Time of the step.
    pub total: Seconds,
}

impl StepBreakdown {
    /// Exposed time that waits for a resource.
    #[must_use]
    pub fn time_of(&self, resource: Resource) -> Seconds {
        self.parts.iter().filter(|(_, part)| part.resource == resource).map(|(_, part)| part.time).sum()
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
        RESOURCES
            .into_iter()
            .max_by(|left, right| self.time_of(*left).0.total_cmp(&self.time_of(*right).0))
            .unwrap_or(Resource::Compute)
    }

    fn push(&mut self, kind: PartKind, label: &'static str, resource: Resource, time: Seconds) {
        if time.0 > 0.0 {
            self.total += time;
            self.parts.push((kind, StepPart { label, resource, time }));
        }
    }

    fn push_exchange(&mut self, kind: PartKind, labels: [&'static str; 2], exchange: Exchange) {
        let [inside, between] = labels;
        self.push(kind, inside, Resource::IntraNodeNetwork, exchange.intra_node);
        self.push(kind, between, Resource::InterNodeNetwork, exchange.inter_node);
    }
}

/// Work of one micro batch on one stage.
#[derive(Default)]
struct StageWork {
    products: (Seconds, Seconds),
    attention: Seconds,
    elementwise: Seconds,
    output: Seconds,
    recomputation: Seconds,
    tensor_parallel: Exchange,
    transfer: Exchange,
}

impl StageWork {
    fn arithmetic(&self) -> Seconds {
        self.products.0
            + self.products.1
            + self.attention
            + self.elementwise
            + self.output
            + self.recomputation
    }

    fn total(&self) -> Seconds {
        self.arithmetic() + self.tensor_parallel.total() + self.transfer.total()
    }
}

/// The time of one optimizer step.
#[must_use]
pub fn step_breakdown(
    shape: &ModelShape,
    layout: &Layout,
    machine: &Machine,
    calibration: &Calibration,
) -> StepBreakdown {
    let work = stage_work(shape, layout, machine, calibration);
    let micro_batches = f64::from(layout.micro_batch_count);
    let mut step = StepBreakdown { parts: Vec::with_capacity(12), total: Seconds(0.0) };
    let (compute_bound, memory_bound) = work.products;
    let (resource, products) = if memory_bound > compute_bound {
        (Resource::Memory, compute_bound + memory_bound)
    } else {
        (Resource::Compute, compute_bound + memory_bound)
    };
    step.push(PartKind::MatrixProducts, "matrix products", resource, products * micro_batches);
    step.push(PartKind::Attention, "attention", Resource::Compute, work.attention * micro_batches);
    step.push(
        PartKind::Elementwise,
        "norms, activations and casts",
        Resource::Memory,
        work.elementwise * micro_batches,
    );
    step.push(PartKind::Output, "output projection and loss", Resource::Compute, work.output * micro_batches);
    step.push(
        PartKind::Recomputation,
        "recomputation of activations",
        Resource::Compute,
        work.recomputation * micro_batches,
    );
    let update = optimizer_traffic(layout, parameters_per_accelerator(shape, layout))
        / effective_memory_bandwidth(machine, calibration);
    step.push(PartKind::Optimizer, "optimizer update", Resource::Memory, update);
    step.push_exchange(
        PartKind::TensorParallel,
        ["tensor-parallel exchange in the node", "tensor-parallel exchange between nodes"],
        work.tensor_parallel.times(micro_batches),
    );
    step.push_exchange(
        PartKind::PipelineTransfer,
        ["pipeline transfers in the node", "pipeline transfers between nodes"],
        work.transfer.times(micro_batches),
    );
    step.push_exchange(
        PartKind::DataParallel,
        data_parallel_labels(layout),
        exposed_data_parallel(shape, layout, machine, calibration, &work),
    );
    let idle_slots = f64::from(layout.pipeline_parallel_size - layout.pipeline_parallel_size.min(1))
        / f64::from(layout.virtual_pipeline_size.max(1));
    step.push(PartKind::Bubble, "pipeline bubble", Resource::PipelineBubble, work.total() * idle_slots);
    step
}

const fn data_parallel_labels(layout: &Layout) -> [&'static str; 2] {
    if layout.zero_stage >= 3 {
        [
            "weight gathers and gradient exchange in the node",
            "weight gathers and gradient exchange between nodes",
        ]
    } else {
        ["gradient all-reduce in the node", "gradient all-reduce between nodes"]
    }
}

/// One micro batch on the average stage, forward and backward; the last stage's output projection is spread
/// over the stages, as uneven splits do in practice.
fn stage_work(
    shape: &ModelShape,
    layout: &Layout,
    machine: &Machine,
    calibration: &Calibration,
) -> StageWork {
    let stages = f64::from(layout.pipeline_parallel_size);
    let layers = f64::from(shape.num_hidden_layers) / stages;
    let time = |operator: &Operator, factor: f64| operator.time(factor, machine, calibration);
    let mut work = StageWork::default();
    for operator in &layer_operators(shape, layout) {
        let (spent, resource) = time(operator, layers * (1.0 + operator.backward_factor()));
        match (operator.kind, resource) {
            (OperatorKind::Attention, _) => work.attention += spent,
            (OperatorKind::Elementwise, _) => work.elementwise += spent,
            (_, Resource::Memory) => work.products.1 += spent,
            _ => work.products.0 += spent,
        }
        if layout.full_recomputation {
            work.recomputation += time(operator, layers).0;
        }
    }
    for operator in &output_operators(shape, layout) {
        work.output += time(operator, (1.0 + operator.backward_factor()) / stages).0;
    }
    let activation =
        Bytes(layout.micro_batch_tokens() * f64::from(shape.hidden_size) * layout.element_bytes());
    // Two all-reduces forward and two backward per layer; recomputation repeats the forward ones.
    let all_reduces = layers * if layout.full_recomputation { 6.0 } else { 4.0 };
    work.tensor_parallel =
        machine.topology.exchange(activation, layout.tensor_parallel_size, 1, 2.0).times(all_reduces);
    if layout.pipeline_parallel_size > 1 {
        let distance = layout.tensor_parallel_size.saturating_mul(layout.data_parallel_size);
        let chunk = activation / f64::from(layout.tensor_parallel_size);
        // The activation goes on, its gradient comes back, once per interleaved chunk.
        let transfers = 2.0 * f64::from(layout.virtual_pipeline_size.max(1));
        work.transfer = machine.topology.transfer(chunk, distance).times(transfers);
    }
    work
}

/// Traffic between replicas that arithmetic cannot hide.
///
/// ZeRO 0 to 2 move every gradient (and updated weight) once per step: two passes, hidden behind one micro
/// batch. ZeRO 3 gathers weights twice and scatters gradients once per micro batch, hidden behind all of it.
fn exposed_data_parallel(
    shape: &ModelShape,
    layout: &Layout,
    machine: &Machine,
    calibration: &Calibration,
    work: &StageWork,
) -> Exchange {
    let bytes = Bytes(parameters_per_accelerator(shape, layout) * layout.element_bytes());
    let micro_batches = f64::from(layout.micro_batch_count);
    let (passes, window) = if layout.zero_stage >= 3 {
        (3.0 * micro_batches, work.arithmetic() * micro_batches)
    } else {
        (2.0, work.arithmetic())
    };
    let exchange =
        machine.topology.exchange(bytes, layout.data_parallel_size, layout.tensor_parallel_size, passes);
    let total = exchange.total();
    let exposed = total - (window * calibration.communication_overlap).min(total);
    if total.0 > 0.0 { exchange.times(exposed / total) } else { exchange }
}
