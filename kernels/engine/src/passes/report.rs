//! What each pass gained: the same step compiled before and after it.

use super::{Pass, PassSet, recomputation};
use crate::{
    EngineError,
    graph::{Graph, NodeId},
    models::Model,
    plan::{Plan, PlanOptions},
    training::{RecordedStep, StepSettings},
};

/// What a graph costs on one kind of backend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Nodes of the graph.
    pub nodes: usize,
    /// Kernel calls of one run.
    pub calls: usize,
    /// Operations of one run.
    pub flops: f64,
    /// Bytes of the buffers that calls touch.
    pub bytes: f64,
    /// Bytes of the arena.
    pub arena_bytes: u64,
}

impl Cost {
    /// Compiles a graph and counts.
    ///
    /// # Errors
    /// As [`Plan::compile`].
    pub fn of(graph: &Graph, outputs: &[NodeId], options: &PlanOptions) -> Result<Self, EngineError> {
        let plan = Plan::compile(graph, outputs, options)?;
        Ok(Self {
            nodes: graph.nodes().len(),
            calls: plan.calls.len(),
            flops: plan.flops(),
            bytes: plan.calls.iter().map(|call| call.bytes).sum(),
            arena_bytes: plan.bytes(),
        })
    }
}

/// One pass before and after.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PassReport {
    /// [`Pass::id`], or `recomputation`.
    pub id: &'static str,
    /// [`Pass::title`].
    pub title: &'static str,
    /// Without it, after all passes before it.
    pub before: Cost,
    /// With it.
    pub after: Cost,
}

/// Runs the chosen passes of a model's step one after the other. Starts from the graph as recorded, compiled without
/// any of the plan's own passes; `options` say for which backend.
///
/// # Errors
/// As [`RecordedStep::record`] and [`Plan::compile`].
pub fn reports(
    model: &Model,
    settings: &StepSettings,
    options: &PlanOptions,
) -> Result<Vec<PassReport>, EngineError> {
    let plain = StepSettings { passes: PassSet::none(), recompute: false, ..*settings };
    let mut step = RecordedStep::record(model, &plain)?;
    let mut set = PassSet::none();
    let cost = |step: &RecordedStep, set: &PassSet| {
        Cost::of(&step.graph, &[step.model.logits], &set.options(*options))
    };
    let mut before = cost(&step, &set)?;
    let mut found = vec![];
    for pass in Pass::ALL.into_iter().filter(|pass| settings.passes.has(*pass)) {
        set = set.with(pass, true);
        if let Some(rewrite) = pass.graph_pass() {
            step.rewrite(rewrite);
            if set.dead_code {
                step.rewrite(super::dead_code);
            }
        }
        let after = cost(&step, &set)?;
        found.push(PassReport { id: pass.id(), title: pass.title(), before, after });
        before = after;
    }
    if settings.recompute {
        let boundary = step.boundary;
        step.rewrite(|graph, keep| recomputation(graph, keep, boundary));
        let after = cost(&step, &set)?;
        let title = "Compute activations again instead of keeping them";
        found.push(PassReport { id: "recomputation", title, before, after });
    }
    Ok(found)
}
