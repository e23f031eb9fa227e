//! One training step as a graph: forward, loss and gradients in the first phase, once for each micro-batch; clipping,
//! update, average and summary in the second.

use super::optimizer::{self, OptimizerSpec, UpdateInputs};
use crate::{
    EngineError, autodiff,
    graph::{Graph, NodeId, Op},
    models::{Model, ParameterLayout, RecordContext, Recorded},
    passes::{PassSet, Rewritten, mixed_precision, recomputation},
};
use shaders::program::{Binary, Program, Unary};

/// Steps whose records fit into the ring on the device.
pub const RING: usize = 64;

/// What the first words of the flags hold while everything is finite.
pub(super) const ALL_FINITE: u32 = u32::MAX;

/// Settings of a step besides the model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepSettings {
    /// Examples of a micro-batch.
    pub micro_batch_size: usize,
    /// Micro-batches whose gradients add up to one update.
    pub gradient_accumulation_steps: u32,
    /// Optimiser.
    pub optimizer: OptimizerSpec,
    /// Largest norm of all gradients together.
    pub clip_norm: Option<f32>,
    /// Decoupled weight decay of matrices and kernels.
    pub weight_decay: f32,
    /// Weight decay reaches every parameter, biases, gains and embeddings too.
    pub decay_all: bool,
    /// Decay of the running average of weights.
    pub average_decay: Option<f32>,
    /// Label smoothing.
    pub smoothing: f32,
    /// Dropout rate.
    pub dropout: f32,
    /// Seed of weights, order and dropout.
    pub seed: u32,
    /// Products see values rounded to 16-bit floats, and the loss is scaled so that small gradients survive.
    pub mixed_precision: bool,
    /// Rewritings of the step and choices of its plan.
    pub passes: PassSet,
    /// Activations are computed again in the backward pass instead of being kept.
    pub recompute: bool,
}

impl Default for StepSettings {
    fn default() -> Self {
        Self {
            micro_batch_size: 32,
            gradient_accumulation_steps: 1,
            optimizer: OptimizerSpec::ADAM,
            clip_norm: None,
            weight_decay: 0.0,
            decay_all: false,
            average_decay: None,
            smoothing: 0.0,
            dropout: 0.0,
            seed: 0,
            mixed_precision: false,
            passes: PassSet::all(),
            recompute: false,
        }
    }
}

/// Numbers that the host writes before each step.
#[derive(Debug, Clone, Copy)]
#[repr(usize)]
pub(super) enum Scalar {
    /// 1 where the micro-batch adds to the gradients, 0 where it begins them.
    Keep,
    /// Learning rate with bias corrections.
    Rate,
    /// Learning rate.
    PlainRate,
    /// Adam's epsilon with bias corrections.
    Epsilon,
    /// 1 - rate * weight decay.
    Decay,
    /// Factor of the loss before its gradients are taken.
    LossScale,
    /// 1 / (loss scale * micro-batches).
    Unscale,
    /// Largest norm, or infinity's stand-in.
    Clip,
}

/// Words of the scalars.
pub(super) const SCALARS: usize = 8;

/// A recorded step with the nodes that the host reads and writes.
#[derive(Debug, Clone)]
pub struct RecordedStep {
    /// The graph.
    pub graph: Graph,
    /// Parameters in the flat buffers.
    pub layout: ParameterLayout,
    /// Inputs and outputs of the model.
    pub model: Recorded,
    /// Flat parameters.
    pub parameters: NodeId,
    /// Flat gradients.
    pub gradients: NodeId,
    /// Running average of the parameters.
    pub average: Option<NodeId>,
    /// Lowest word of the gradients that was not finite, or all ones.
    pub flags: NodeId,
    /// `RING` x 4: loss and matches summed over micro-batches, square of the gradients' norm, step.
    pub ring: NodeId,
    /// The plan's share of the passes.
    pub passes: PassSet,
    /// Number of the first node of the backward pass.
    pub boundary: usize,
    pub(super) scalars: NodeId,
    pub(super) counter: NodeId,
}

impl RecordedStep {
    /// Records a step.
    ///
    /// # Errors
    /// [`EngineError::Shape`] where sizes do not fit each other.
    pub fn record(model: &Model, settings: &StepSettings) -> Result<Self, EngineError> {
        let mut graph = Graph::new();
        let layout = ParameterLayout::of(model.parameters());
        let (parameters, views) = layout.declare(&mut graph)?;
        let states = optimizer::declare(&mut graph, settings.optimizer, &layout);
        let average = settings.average_decay.map(|_| graph.state("average", &[layout.words]));
        let clock = graph.state("clock", &[2]);
        let flags = graph.state("flags", &[1]);
        let sums = [graph.state("loss_sum", &[1]), graph.state("match_sum", &[1])];
        let ring = graph.state("ring", &[RING, 4]);
        let gradients = graph.state("gradients", &[layout.words]);
        let scalars = graph.input("scalars", &[SCALARS]);
        let counter = graph.input("counter", &[2]);
        let context = RecordContext {
            batch: settings.micro_batch_size,
            smoothing: settings.smoothing,
            dropout: settings.dropout,
            seed: settings.seed,
            counter,
        };
        let recorded = model.record(&mut graph, &views, &context)?;
        let mut step = Self {
            graph,
            layout,
            model: recorded,
            parameters,
            gradients,
            average,
            flags,
            ring,
            passes: settings.passes,
            boundary: 0,
            scalars,
            counter,
        };
        if settings.mixed_precision {
            // Parameters come before the first product and keep their ids.
            step.rewrite(mixed_precision);
        }
        step.boundary = step.graph.nodes().len();
        step.backward(&views, sums, settings)?;
        step.graph.set_phase(1);
        let norm = step.graph.sum_squares(step.gradients);
        let inputs = step.update_inputs(norm, settings.decay_all)?;
        let layout = step.layout.clone();
        optimizer::record(&mut step.graph, settings.optimizer, &layout, &states, &inputs)?;
        step.finish(settings, sums, norm, clock)?;
        for pass in settings.passes.graph_passes() {
            step.rewrite(pass);
        }
        if settings.recompute {
            let boundary = step.boundary;
            step.rewrite(|graph, keep| recomputation(graph, keep, boundary));
        }
        Ok(step)
    }

    /// Puts a rewritten graph in place of this one.
    pub fn rewrite(&mut self, pass: impl FnOnce(&Graph, &[NodeId]) -> Rewritten) {
        let Recorded { examples, labels, logits, loss, matches } = self.model;
        let mut keep = vec![examples, labels, logits, loss, matches, self.parameters, self.gradients];
        keep.extend([self.flags, self.ring, self.scalars, self.counter]);
        keep.extend(self.average);
        let rewritten = pass(&self.graph, &keep);
        let id = |old: NodeId| rewritten.id(old);
        self.model = Recorded {
            examples: id(examples),
            labels: id(labels),
            logits: id(logits),
            loss: id(loss),
            matches: id(matches),
        };
        self.parameters = id(self.parameters);
        self.gradients = id(self.gradients);
        self.flags = id(self.flags);
        self.ring = id(self.ring);
        self.scalars = id(self.scalars);
        self.counter = id(self.counter);
        self.average = self.average.map(id);
        self.boundary = rewritten.boundary(self.boundary);
        self.graph = rewritten.graph;
    }

    fn scalar(&mut self, which: Scalar) -> Result<NodeId, EngineError> {
        self.graph.element(self.scalars, which as usize)
    }

    /// Gradients into the flat buffer, loss and matches into their sums.
    fn backward(
        &mut self,
        views: &[NodeId],
        sums: [NodeId; 2],
        settings: &StepSettings,
    ) -> Result<(), EngineError> {
        let seed = self.scalar(Scalar::LossScale)?;
        let found = autodiff::gradients(&mut self.graph, self.model.loss, views, Some(seed))?;
        let keep = self.scalar(Scalar::Keep)?;
        let accumulates = settings.gradient_accumulation_steps > 1;
        for (placement, gradient) in self.layout.placements.iter().zip(found) {
            let Some(gradient) = gradient else { continue };
            if accumulates {
                self.graph.accumulate(self.gradients, placement.offset, gradient, keep);
            } else {
                self.graph.store(self.gradients, placement.offset, gradient);
            }
        }
        for (sum, value) in sums.into_iter().zip([self.model.loss, self.model.matches]) {
            self.graph.accumulate(sum, 0, value, keep);
        }
        Ok(())
    }

    /// The factor of the gradients: unscaled, and clipped where their norm passes the limit (Pascanu et al. 2013).
    fn update_inputs(&mut self, norm: NodeId, decay_all: bool) -> Result<UpdateInputs, EngineError> {
        let (unscale, clip) = (self.scalar(Scalar::Unscale)?, self.scalar(Scalar::Clip)?);
        let mut program = Program::new();
        let [square, unscale_value, limit] = std::array::from_fn(|input| program.input(input as u8));
        let root = program.unary(Unary::Sqrt, square);
        let root = program.binary(Binary::Multiply, root, unscale_value);
        let tiny = program.constant(1e-6);
        let root = program.binary(Binary::Add, root, tiny);
        let ratio = program.binary(Binary::Divide, limit, root);
        let one = program.constant(1.0);
        let ratio = program.binary(Binary::Minimum, ratio, one);
        let factor = program.binary(Binary::Multiply, ratio, unscale_value);
        program.output(factor);
        let factor = self.graph.map("clip", &[norm, unscale, clip], &program)?;
        let is_finite = self.graph.unary(Unary::IsFinite, norm);
        self.graph.push(Op::FirstNonFinite, vec![self.gradients, self.flags], vec![], "first_non_finite");
        Ok(UpdateInputs {
            parameters: self.parameters,
            gradients: self.gradients,
            factor,
            is_finite,
            rate: self.scalar(Scalar::Rate)?,
            plain_rate: self.scalar(Scalar::PlainRate)?,
            epsilon: self.scalar(Scalar::Epsilon)?,
            decay: self.scalar(Scalar::Decay)?,
            decay_all,
        })
    }

    /// The running average and the record of the step.
    fn finish(
        &mut self,
        settings: &StepSettings,
        sums: [NodeId; 2],
        norm: NodeId,
        clock: NodeId,
    ) -> Result<(), EngineError> {
        if let (Some(average), Some(decay)) = (self.average, settings.average_decay) {
            let mut program = Program::new();
            let [old, weight] = std::array::from_fn(|input| program.input(input as u8));
            let (keep, take) = (program.constant(decay), program.constant(1.0 - decay));
            let (left, right) =
                (program.binary(Binary::Multiply, keep, old), program.binary(Binary::Multiply, take, weight));
            let mixed = program.binary(Binary::Add, left, right);
            program.output(mixed);
            self.graph.update("average", &[average, self.parameters], &program)?;
        }
        let inputs = vec![sums[0], sums[1], norm, clock, self.ring];
        self.graph.push(Op::StepSummary, inputs, vec![], "step_summary");
        Ok(())
    }
}
