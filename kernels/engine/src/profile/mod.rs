//! What a step costs and where: time, operations and bytes of every kernel call, by kernel and by block of the model,
//! on the roofline, over memory, and as a trace. [`predict`] says the same before anything has run.

pub mod calibration;
mod memory;
pub mod predict;
mod roofline;
mod trace;

pub use calibration::{Calibration, calibrate};
pub use memory::{MemoryPoint, MemoryTimeline, memory_timeline};
pub use predict::{Prediction, predict};
pub use roofline::{Position, Roof, Roofs};

use crate::{EngineError, graph::NodeId, training::Session};
use std::collections::BTreeMap;

/// One kernel call of a step, measured.
#[derive(Debug, Clone, PartialEq)]
pub struct CallProfile {
    /// Number of the call in the plan.
    pub call: usize,
    /// Phase of the step: 0 for a micro-batch, 1 for the update.
    pub phase: usize,
    /// Kernel.
    pub kernel: &'static str,
    /// Node that it serves.
    pub node: NodeId,
    /// Its name.
    pub label: String,
    /// Block of the model; 0 where none.
    pub block: u16,
    /// How often a step runs it.
    pub runs: u32,
    /// Seconds of one run, the median.
    pub seconds: f64,
    /// Operations of one run.
    pub flops: f64,
    /// Bytes of the buffers it touches.
    pub bytes: f64,
    /// Share of the step's time, 0 to 1.
    pub share: f64,
}

impl CallProfile {
    /// Operations per second; 0 where the clock saw no time pass.
    #[must_use]
    pub fn flops_per_second(&self) -> f64 {
        per_second(self.flops, self.seconds)
    }

    /// Bytes per second.
    #[must_use]
    pub fn bytes_per_second(&self) -> f64 {
        per_second(self.bytes, self.seconds)
    }
}

fn per_second(work: f64, seconds: f64) -> f64 {
    if seconds > 0.0 { work / seconds } else { 0.0 }
}

/// A step, call by call, in the order of execution.
#[derive(Debug, Clone, PartialEq)]
pub struct StepProfile {
    /// The calls.
    pub rows: Vec<CallProfile>,
    /// Seconds of all calls of a step together: arithmetic, not the waits between.
    pub total_seconds: f64,
    /// Bytes alive at each call.
    pub memory: MemoryTimeline,
}

/// Several calls together.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Kernel, or block.
    pub name: String,
    /// Calls of a step.
    pub calls: usize,
    /// Seconds of a step.
    pub seconds: f64,
    /// Operations of a step.
    pub flops: f64,
    /// Bytes of a step.
    pub bytes: f64,
    /// Share of the step's time, 0 to 1.
    pub share: f64,
}

impl StepProfile {
    /// Calls by kernel, slowest first.
    #[must_use]
    pub fn by_kernel(&self) -> Vec<Group> {
        self.grouped(|row| row.kernel.to_owned())
    }

    /// Calls by block of the model, slowest first.
    #[must_use]
    pub fn by_block(&self) -> Vec<Group> {
        self.grouped(|row| match (row.phase, row.block) {
            (0, 0) => "outside blocks".to_owned(),
            (0, block) => format!("block {block}"),
            _ => "update".to_owned(),
        })
    }

    fn grouped(&self, name_of: impl Fn(&CallProfile) -> String) -> Vec<Group> {
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        for row in &self.rows {
            let name = name_of(row);
            let empty =
                Group { name: name.clone(), calls: 0, seconds: 0.0, flops: 0.0, bytes: 0.0, share: 0.0 };
            let group = groups.entry(name).or_insert(empty);
            let runs = f64::from(row.runs);
            group.calls += row.runs as usize;
            group.seconds += runs * row.seconds;
            group.flops += runs * row.flops;
            group.bytes += runs * row.bytes;
            group.share += row.share;
        }
        let mut groups: Vec<Group> = groups.into_values().collect();
        groups.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
        groups
    }
}

/// Measures each call of a step `repeats` times. The run stands at the same step with the same bits afterwards: its
/// state is kept in a snapshot meanwhile.
///
/// # Errors
/// A lost device or a timeout; the snapshot is then the state to go on from.
pub async fn profile_step(session: &mut Session, repeats: u32) -> Result<StepProfile, EngineError> {
    session.take_snapshot().await?;
    let phases = session.plan().phases.len();
    let mut seconds: Vec<Vec<f64>> = vec![vec![]; session.plan().calls.len()];
    for _ in 0..repeats.max(1) {
        for phase in 0..phases {
            if phase == 0 {
                session.begin_micro_batch(session.step(), 0)?;
            }
            let begin = session.plan().phases.get(phase).map_or(0, |calls| calls.start);
            let measured = session.executor().profile_phase(phase).await?;
            for (slot, value) in seconds.iter_mut().skip(begin).zip(measured) {
                slot.push(value);
            }
        }
    }
    let snapshot = session.snapshot().clone();
    session.resume(snapshot)?;
    Ok(assemble(session, &seconds))
}

fn assemble(session: &Session, seconds: &[Vec<f64>]) -> StepProfile {
    let (plan, graph) = (session.plan(), &session.recorded().graph);
    let parts = session.settings().gradient_accumulation_steps.max(1);
    let mut rows: Vec<CallProfile> = vec![];
    for (phase, range) in plan.phases.iter().enumerate() {
        let runs = if phase == 0 { parts } else { 1 };
        for (number, call) in range.clone().zip(plan.phase(phase)) {
            let node = graph.node(call.node);
            rows.push(CallProfile {
                call: number,
                phase,
                kernel: call.kernel.name(),
                node: call.node,
                label: node.label.clone(),
                block: node.block,
                runs,
                seconds: seconds.get(number).map_or(0.0, |values| median(values)),
                flops: call.flops,
                bytes: call.bytes,
                share: 0.0,
            });
        }
    }
    let total: f64 = rows.iter().map(|row| f64::from(row.runs) * row.seconds).sum();
    for row in &mut rows {
        row.share = if total > 0.0 { f64::from(row.runs) * row.seconds / total } else { 0.0 };
    }
    let memory = memory_timeline(plan, graph, session.recorded().boundary);
    StepProfile { rows, total_seconds: total, memory }
}

/// The middle value; 0 of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(0.0)
}
