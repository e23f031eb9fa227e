//! A search as plain values in base units: what the command line prints as JSON and the page draws.

use super::explain::short;
use super::plan::Plan;
use super::run::Candidate;
use crate::prediction::Resource;
use crate::rows::answer::resource_name;
use crate::training::{Recomputation, Sharding};
use serde::Serialize;

/// A part of a step.
#[derive(Debug, Clone, Serialize)]
pub struct PartReport {
    /// Plain words.
    pub part: &'static str,
    /// What it waits for.
    pub resource: &'static str,
    /// Seconds.
    pub seconds: f64,
}

/// A layout with everything that is known of it.
#[derive(Debug, Clone, Serialize)]
pub struct CandidateReport {
    /// Catalog id.
    pub accelerator: String,
    /// Accelerators.
    pub accelerator_count: u32,
    /// Ranks that share each product.
    pub tensor_parallel_size: u32,
    /// Stages.
    pub pipeline_parallel_size: u32,
    /// Interleaved chunks of a stage.
    pub virtual_pipeline_size: u32,
    /// Ranks that share each sequence.
    pub context_parallel_size: u32,
    /// Ranks that share the experts.
    pub expert_parallel_size: u32,
    /// Replicas.
    pub data_parallel_size: u32,
    /// Examples of a forward pass of a replica.
    pub micro_batch_size: u32,
    /// ZeRO stage: what replicas share.
    pub zero_stage: u8,
    /// `none`, `selective`, `partial` or `full`.
    pub recomputation: &'static str,
    /// Seconds of a step.
    pub step_seconds: f64,
    /// One in ten is faster.
    pub step_seconds_low80: f64,
    /// One in ten is slower.
    pub step_seconds_high80: f64,
    /// Seconds of the run.
    pub time_to_train_seconds: f64,
    /// USD of the run.
    pub cost_usd: f64,
    /// Joules of the run at the meter.
    pub energy_joules: f64,
    /// Bytes on the fullest accelerator.
    pub memory_bytes_per_accelerator: f64,
    /// What binds the step.
    pub binding_resource: &'static str,
    /// Exposed parts of the step, those that take time.
    pub step_parts: Vec<PartReport>,
    /// In the short words of the field.
    pub summary: String,
}

/// A fleet that was searched.
#[derive(Debug, Clone, Serialize)]
pub struct FleetReport {
    /// Catalog id.
    pub accelerator: String,
    /// Accelerators.
    pub count: u32,
    /// Layouts that were looked at.
    pub considered: u64,
    /// Those that fit.
    pub fitting: u64,
    /// Why it was left out, where it was.
    pub left_out: Option<String>,
}

/// A whole search.
#[derive(Debug, Clone, Serialize)]
pub struct PlanReport {
    /// Layouts that were looked at.
    pub considered: u64,
    /// Those that fit.
    pub fitting: u64,
    /// The fleets.
    pub fleets: Vec<FleetReport>,
    /// Why the first beats the second, or why there is none.
    pub explanation: String,
    /// Best first.
    pub best: Vec<CandidateReport>,
    /// The front over time, cost, energy and memory, by time.
    pub front: Vec<CandidateReport>,
}

impl PlanReport {
    /// The values of a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let list = |all: &[Candidate]| all.iter().map(|one| candidate(one, plan)).collect();
        let fleets = plan.fleets.iter().map(|fleet| FleetReport {
            accelerator: fleet.accelerator.clone(),
            count: fleet.count,
            considered: fleet.considered,
            fitting: fleet.fitting,
            left_out: fleet.left_out.clone(),
        });
        Self {
            considered: plan.searched.considered,
            fitting: plan.searched.fitting,
            fleets: fleets.collect(),
            explanation: plan.explanation.clone(),
            best: list(&plan.best),
            front: list(&plan.front),
        }
    }
}

fn candidate(one: &Candidate, plan: &Plan) -> CandidateReport {
    let layout = &one.layout;
    let part = |(part, resource, seconds): (&'static str, Resource, f64)| PartReport {
        part,
        resource: resource_name(resource),
        seconds,
    };
    CandidateReport {
        accelerator: plan.fleets.get(one.fleet).map_or_else(String::new, |fleet| fleet.accelerator.clone()),
        accelerator_count: layout.accelerator_count,
        tensor_parallel_size: layout.tensor_parallel_size,
        pipeline_parallel_size: layout.pipeline_parallel_size,
        virtual_pipeline_size: layout.virtual_pipeline_size,
        context_parallel_size: layout.context_parallel_size,
        expert_parallel_size: layout.expert_parallel_size,
        data_parallel_size: layout.data_parallel_size(),
        micro_batch_size: layout.micro_batch_size,
        zero_stage: match layout.sharding {
            Sharding::None => 0,
            Sharding::OptimizerStates => 1,
            Sharding::Gradients => 2,
            Sharding::Weights => 3,
        },
        recomputation: match layout.recomputation {
            Recomputation::None => "none",
            Recomputation::Selective => "selective",
            Recomputation::Partial => "partial",
            Recomputation::Full => "full",
        },
        step_seconds: one.seconds,
        step_seconds_low80: one.low,
        step_seconds_high80: one.high,
        time_to_train_seconds: one.time,
        cost_usd: one.cost,
        energy_joules: one.energy,
        memory_bytes_per_accelerator: one.memory_bytes,
        binding_resource: resource_name(one.step.bound_by()),
        step_parts: one.step.parts().into_iter().filter(|part| part.2 > 0.0).map(part).collect(),
        summary: short(one),
    }
}
