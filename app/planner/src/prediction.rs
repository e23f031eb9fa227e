//! What [`crate::evaluate`] says of a scenario. Derived, never stored.

use crate::units::{Bytes, Joules, Seconds, Usd};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Where a number comes from; the page shows it as a badge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Provenance {
    /// Measured in this browser.
    Measured,
    /// A catalog fact.
    Catalog {
        /// Where it was read.
        source: Cow<'static, str>,
        /// ISO date.
        retrieved_on: Cow<'static, str>,
    },
    /// A formula of the model, with an interval.
    Model,
    /// Typed by the visitor, or a default that the visitor may change.
    Assumption,
}

/// A predicted quantity with its 80 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate<T> {
    /// Central value.
    pub value: T,
    /// One in ten published runs was below this.
    pub low: T,
    /// One in ten published runs was above this.
    pub high: T,
}

/// The resource that a part of the step waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Resource {
    /// Arithmetic units.
    Compute,
    /// Accelerator memory bandwidth.
    Memory,
    /// Links inside a node.
    IntraNodeNetwork,
    /// Network between nodes.
    InterNodeNetwork,
    /// Idle time of pipeline stages.
    PipelineBubble,
}

/// One part of the step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepPart {
    /// Plain words ("gradient all-reduce").
    pub label: Cow<'static, str>,
    /// What it waits for.
    pub resource: Resource,
    /// Exposed time, that is, not hidden behind another part.
    pub time: Seconds,
}

/// One part of an accelerator's memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemoryPart {
    /// Plain words ("optimizer states").
    pub label: Cow<'static, str>,
    /// Size on the fullest accelerator.
    pub bytes: Bytes,
}

/// One part of the cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CostPart {
    /// Plain words ("accelerator rent").
    pub label: Cow<'static, str>,
    /// Cost of the whole run.
    pub cost: Usd,
    /// Where its price comes from.
    pub provenance: Provenance,
}

/// A fact or assumption that entered the prediction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FactUse {
    /// Key under which a scenario can replace it ([`crate::own_facts`]); `None` where a form has it.
    pub key: Option<Cow<'static, str>>,
    /// "Peak BF16 rate of NVIDIA H100 SXM".
    pub label: String,
    /// The value in base units (FLOP/s, bytes, bytes/s, W, USD ...).
    pub value: f64,
    /// The unit, for the formatter.
    pub unit: FactUnit,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// Units a [`FactUse`] can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FactUnit {
    /// FLOP/s.
    FlopsPerSecond,
    /// Bytes.
    Bytes,
    /// Bytes per second.
    BytesPerSecond,
    /// Watts.
    Watts,
    /// USD.
    Usd,
    /// USD per hour.
    UsdPerHour,
    /// USD per kWh.
    UsdPerKilowattHour,
    /// A pure number.
    Ratio,
    /// A count.
    Count,
}

/// What a scenario costs and how fast it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// Time of one optimizer step.
    pub step_time: Estimate<Seconds>,
    /// Parts of the central step time; they sum to it.
    pub step_parts: Vec<StepPart>,
    /// What binds the step: the resource with the largest exposed time.
    pub bound_by: Resource,
    /// Optimizer steps of the run.
    pub step_count: f64,
    /// Time of the run.
    pub time_to_train: Estimate<Seconds>,
    /// Tokens per second over the whole system, central.
    pub tokens_per_second: f64,
    /// Model FLOPs utilisation, 0 to 1, central.
    pub model_flops_utilization: f64,
    /// Parts of the memory of the fullest accelerator.
    pub memory_parts: Vec<MemoryPart>,
    /// Their sum.
    pub memory_total: Bytes,
    /// Memory of one accelerator.
    pub memory_capacity: Bytes,
    /// The sum, with the framework's reserve, is below the capacity.
    pub fits: bool,
    /// Energy of the run at the meter, that is, with cooling.
    pub energy: Estimate<Joules>,
    /// Cost of the run.
    pub cost: Estimate<Usd>,
    /// Parts of the central cost.
    pub cost_parts: Vec<CostPart>,
    /// Everything that entered.
    pub facts: Vec<FactUse>,
    /// What the model leaves out or extrapolates here, in plain words.
    pub notes: Vec<String>,
    /// One plain sentence with the main figures and what binds.
    pub verdict: String,
    /// How the interval was made ("80 % of 312 published runs, see the validation table").
    pub interval_basis: String,
}
