//! One training step as a graph: forward, loss, gradients, updates, summary.

use crate::{
    EngineError, autodiff,
    graph::{Graph, NodeId, Op},
    models::{Network, RecordedNetwork},
};
use planner::experiment::Optimizer;

/// Steps whose losses and learning rates fit into the rings on the device.
pub const RING: usize = 64;

const BETA1: f32 = 0.9;
const BETA2: f32 = 0.999;
const EPSILON: f64 = 1e-8;
const MOMENTUM: f32 = 0.9;

/// A recorded step with the nodes that the host reads and writes.
#[derive(Debug, Clone)]
pub struct RecordedStep {
    /// The graph.
    pub graph: Graph,
    /// The network in it.
    pub network: RecordedNetwork,
    /// Labels of the batch, u32.
    pub labels: NodeId,
    /// `RING` x 2: rate and epsilon of a step.
    pub schedule: NodeId,
    /// `RING` x 4: mean loss, examples read rightly, non-finite flag, step.
    pub ring: NodeId,
}

impl RecordedStep {
    /// Records a step for batches of `batch` images.
    ///
    /// # Errors
    /// [`EngineError::Shape`] where layers do not fit each other.
    pub fn record(network: &Network, batch: usize, optimizer: Optimizer) -> Result<Self, EngineError> {
        let mut graph = Graph::new();
        let network = network.record(&mut graph, batch)?;
        let labels = graph.input("labels", &[batch]);
        let parameters: Vec<NodeId> =
            network.parameters.iter().flat_map(|&(weight, bias)| [weight, bias]).collect();
        let moments_each = match optimizer {
            Optimizer::Adam => 2,
            Optimizer::Sgd => 1,
        };
        let mut moments = Vec::with_capacity(parameters.len());
        for parameter in &parameters {
            let shape = graph.shape(*parameter).to_vec();
            let own: Vec<NodeId> =
                (0..moments_each).map(|number| graph.state(&format!("moment{number}"), &shape)).collect();
            moments.push(own);
        }
        let schedule = graph.state("schedule", &[RING, 2]);
        let clock = graph.state("clock", &[2]);
        let flags = graph.state("flags", &[1]);
        let ring = graph.state("ring", &[RING, 4]);
        let loss = graph.softmax_cross_entropy(network.logits, labels)?;
        let gradients = autodiff::gradients(&mut graph, loss, &parameters)?;
        for ((parameter, gradient), own) in parameters.iter().zip(gradients).zip(moments) {
            let Some(gradient) = gradient else { continue };
            let op = match optimizer {
                Optimizer::Adam => Op::Adam { beta1: BETA1, beta2: BETA2 },
                Optimizer::Sgd => Op::Sgd { momentum: MOMENTUM },
            };
            let mut inputs = vec![*parameter, gradient];
            inputs.extend(own);
            inputs.extend([schedule, clock, flags]);
            graph.push(op, inputs, vec![], "update");
        }
        graph.push(Op::LossSummary, vec![loss, flags, clock, ring], vec![], "loss_summary");
        Ok(Self { graph, network, labels, schedule, ring })
    }
}

/// Adam's rate and epsilon of a step (from 0) with the bias corrections folded in, as in the last paragraph of
/// section 2 of Kingma and Ba 2015: rate * sqrt(1 - b2^t) / (1 - b1^t) and epsilon * sqrt(1 - b2^t).
pub(super) fn adam_rate(learning_rate: f64, step: u32) -> (f32, f32) {
    let t = i32::try_from(step).unwrap_or(i32::MAX).saturating_add(1);
    let first = 1.0 - f64::from(BETA1).powi(t);
    let second = (1.0 - f64::from(BETA2).powi(t)).sqrt();
    ((learning_rate * second / first) as f32, (EPSILON * second) as f32)
}
