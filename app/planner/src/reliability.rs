//! Failures: how often a cluster stops, how often to save, and which share of the time is useful.
//!
//! Failures are Poisson: rates of components add, the mean time between failures is `M = 1 / sum`, and the chance of
//! none in `t` is `exp(-t / M)`.
//!
//! Training works for an interval `tau`, stands still for `delta` (the stall of a checkpoint), and repeats; the
//! checkpoint can be restored from `w` after the stall ends (0 when blocking). A failure costs a restart `R`, during
//! which it can fail again, and the work since the last restorable checkpoint.
//!
//! Exact useful share, by renewal: a cycle is a restart (mean `M (exp(R / M) - 1)`) and a working life (mean `M`),
//! together `M exp(R / M)`. With `L = tau + delta`, checkpoint `k` counts if the life outlasts `k L + w`, so a life keeps
//! `sum exp(-(k L + w) / M) = exp(-w / M) / (exp(L / M) - 1)` checkpoints of `tau` useful seconds:
//!
//! `goodput = tau exp(-(w + R) / M) / (M (exp((tau + delta) / M) - 1))`
//!
//! With `w = 0` this is Daly's expected time (Daly 2006, eq. 20). Its best interval solves
//! `(1 - tau / M) exp((tau + delta) / M) = 1`, whatever `R` and `w` are. Young 1974: `sqrt(2 delta M)`; Daly's higher
//! order: `sqrt(2 delta M) (1 + 1/3 sqrt(delta / 2M) + 1/9 delta / 2M) - delta`.
//!
//! Left out on purpose: failures that come in bursts or depend on age, and a slowdown while an asynchronous checkpoint
//! is written.

use crate::storage::checkpoint::CheckpointTime;
use crate::storage::{Case, Figure, OutOfRange, check};
use crate::units::{SECONDS_PER_HOUR, Seconds};
use std::fmt;

/// Longest time that a field may hold, seconds (about 30,000 years).
const LONGEST: f64 = 1e12;

/// Published failure rates.
#[derive(Debug)]
pub struct RateProfile {
    /// Stable id; links hold it.
    pub id: &'static str,
    /// Plain name with its source and year.
    pub name: &'static str,
    /// Failures of one accelerator per hour.
    pub accelerator_failures_per_hour: Figure,
    /// Failures of the rest of one node per hour.
    pub host_failures_per_hour: Figure,
    /// Failures of the network per node and hour.
    pub network_failures_per_hour: Figure,
    /// Failures of software per node and hour.
    pub software_failures_per_hour: Figure,
}

/// What no source states (`catalog/reliability.toml`).
#[derive(Debug)]
pub struct ReliabilityFigures {
    /// Seconds from a failure to its detection.
    pub detection_seconds: Figure,
    /// Seconds to replace a node and start all processes, without reading the checkpoint.
    pub restart_seconds: Figure,
    /// Interruptions of one spot node per hour.
    pub spot_interruptions_per_node_hour: Figure,
}

mod data {
    use super::{Figure, RateProfile, ReliabilityFigures};
    include!(concat!(env!("OUT_DIR"), "/reliability.rs"));
}

/// Every published profile.
#[must_use]
pub const fn profiles() -> &'static [RateProfile] {
    data::PROFILES
}

/// The assumptions.
#[must_use]
pub const fn assumptions() -> &'static ReliabilityFigures {
    &data::ASSUMED
}

/// Why a question about failures has no answer.
#[derive(Debug, Clone, PartialEq)]
pub enum ReliabilityError {
    /// A field is outside its range.
    OutOfRange(OutOfRange),
    /// No profile has this id.
    UnknownProfile {
        /// The id that was asked for.
        id: String,
    },
}

impl fmt::Display for ReliabilityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange(error) => error.fmt(f),
            Self::UnknownProfile { id } => write!(
                f,
                "The catalog has no failure rates \"{id}\". Your other settings are kept. Choose one from the list."
            ),
        }
    }
}

impl std::error::Error for ReliabilityError {}

impl From<OutOfRange> for ReliabilityError {
    fn from(error: OutOfRange) -> Self {
        Self::OutOfRange(error)
    }
}

/// The profile with this id.
///
/// # Errors
/// [`ReliabilityError::UnknownProfile`].
pub fn profile(id: &str) -> Result<&'static RateProfile, ReliabilityError> {
    let unknown = || ReliabilityError::UnknownProfile { id: id.to_owned() };
    profiles().iter().find(|profile| profile.id == id).ok_or_else(unknown)
}

/// Failure rates that a job sees; a visitor may type each.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FailureRates {
    /// One accelerator, per hour.
    pub accelerator_per_hour: f64,
    /// The rest of one node, per hour.
    pub host_per_hour: f64,
    /// The network, per node and hour.
    pub network_per_hour: f64,
    /// Software, per node and hour.
    pub software_per_hour: f64,
    /// A spot node's interruption, per hour; zero for nodes that are not spot.
    pub spot_per_hour: f64,
}

impl FailureRates {
    /// The rates of a profile, without spot.
    #[must_use]
    pub const fn of(profile: &RateProfile, case: Case) -> Self {
        Self {
            accelerator_per_hour: profile.accelerator_failures_per_hour.less_is_better(case),
            host_per_hour: profile.host_failures_per_hour.less_is_better(case),
            network_per_hour: profile.network_failures_per_hour.less_is_better(case),
            software_per_hour: profile.software_failures_per_hour.less_is_better(case),
            spot_per_hour: 0.0,
        }
    }

    /// The same on spot nodes, at the assumed rate.
    #[must_use]
    pub const fn on_spot(mut self, case: Case) -> Self {
        self.spot_per_hour = assumptions().spot_interruptions_per_node_hour.less_is_better(case);
        self
    }
}

/// What fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Component {
    /// Accelerators and their memory.
    Accelerator,
    /// The rest of a node.
    Host,
    /// Switches, cables, cards.
    Network,
    /// Software.
    Software,
    /// A spot node taken back.
    Spot,
}

/// How often a cluster stops.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClusterFailures {
    /// Mean time between failures.
    pub mean_time_between_failures: Seconds,
    /// Share of the failures by component.
    pub shares: [(Component, f64); 5],
}

/// How often a job on so many accelerators and nodes stops.
///
/// # Errors
/// [`OutOfRange`] names the field; rates that are all zero are refused.
pub fn cluster_failures(
    rates: &FailureRates,
    accelerators: u32,
    nodes: u32,
) -> Result<ClusterFailures, OutOfRange> {
    let accelerators = check("accelerators", f64::from(accelerators), (1.0, 1e7), "")?;
    let nodes = check("nodes", f64::from(nodes), (1.0, 1e7), "")?;
    let rate = |field, rate| check(field, rate, (0.0, 1e3), "failures per hour");
    let FailureRates {
        accelerator_per_hour,
        host_per_hour,
        network_per_hour,
        software_per_hour,
        spot_per_hour,
    } = *rates;
    let per_hour = [
        (Component::Accelerator, accelerators * rate("accelerator_per_hour", accelerator_per_hour)?),
        (Component::Host, nodes * rate("host_per_hour", host_per_hour)?),
        (Component::Network, nodes * rate("network_per_hour", network_per_hour)?),
        (Component::Software, nodes * rate("software_per_hour", software_per_hour)?),
        (Component::Spot, nodes * rate("spot_per_hour", spot_per_hour)?),
    ];
    let total: f64 = per_hour.iter().map(|(_, rate)| rate).sum();
    check("sum of all failure rates", total, (SECONDS_PER_HOUR / LONGEST, 1e11), "failures per hour")?;
    Ok(ClusterFailures {
        mean_time_between_failures: Seconds(SECONDS_PER_HOUR / total),
        shares: per_hour.map(|(component, rate)| (component, rate / total)),
    })
}

/// How a job saves and recovers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recovery {
    /// Training stands still for a checkpoint: `delta`.
    pub stall: Seconds,
    /// From the end of the stall until the checkpoint can be restored from: `w`.
    pub durable_after: Seconds,
    /// From a failure until training goes on, reading the checkpoint included: `R`.
    pub restart: Seconds,
}

impl Recovery {
    /// Recovery from a checkpoint with these times, at the assumed times to detect a failure and to start again.
    #[must_use]
    pub fn assumed(checkpoint: &CheckpointTime, case: Case) -> Self {
        let ReliabilityFigures { detection_seconds, restart_seconds, .. } = assumptions();
        let start = detection_seconds.less_is_better(case) + restart_seconds.less_is_better(case);
        Self {
            stall: checkpoint.stall,
            durable_after: checkpoint.durable_after,
            restart: Seconds(start) + checkpoint.read,
        }
    }

    fn check(&self) -> Result<(), OutOfRange> {
        check("stall", self.stall.0, (1e-6, 1e9), "seconds")?;
        check("durable_after", self.durable_after.0, (0.0, 1e9), "seconds")?;
        check("restart", self.restart.0, (0.0, 1e9), "seconds")?;
        Ok(())
    }
}

fn check_mtbf(mtbf: Seconds) -> Result<f64, OutOfRange> {
    check("mean_time_between_failures", mtbf.0, (1e-3, LONGEST), "seconds")
}

/// Young's first-order interval, `sqrt(2 delta M)`.
///
/// # Errors
/// [`OutOfRange`] names the field.
pub fn young_interval(stall: Seconds, mean_time_between_failures: Seconds) -> Result<Seconds, OutOfRange> {
    let mtbf = check_mtbf(mean_time_between_failures)?;
    let stall = check("stall", stall.0, (1e-6, 1e9), "seconds")?;
    Ok(Seconds((2.0 * stall * mtbf).sqrt()))
}

/// Daly's higher-order interval; `M` where a stall takes longer than `2 M`.
///
/// # Errors
/// [`OutOfRange`] names the field.
pub fn daly_interval(stall: Seconds, mean_time_between_failures: Seconds) -> Result<Seconds, OutOfRange> {
    let young = young_interval(stall, mean_time_between_failures)?;
    let ratio = stall / mean_time_between_failures / 2.0;
    if ratio >= 1.0 {
        return Ok(mean_time_between_failures);
    }
    Ok(young * (1.0 + ratio.sqrt() / 3.0 + ratio / 9.0) - stall)
}

/// The interval of the largest goodput: the exact optimum, or the time that one asynchronous write takes where that is
/// longer (only one is under way at once).
///
/// # Errors
/// [`OutOfRange`] names the field.
pub fn best_interval(
    recovery: &Recovery,
    mean_time_between_failures: Seconds,
) -> Result<Seconds, OutOfRange> {
    recovery.check()?;
    let mtbf = check_mtbf(mean_time_between_failures)?;
    let stall = recovery.stall.0 / mtbf;
    // ln(1 - u) + u + delta / M falls from delta / M at u = 0 without bound: one root in (0, 1).
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if libm::log1p(-middle) + middle + stall > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(Seconds((f64::midpoint(low, high) * mtbf).max(recovery.durable_after.0 - recovery.stall.0)))
}

/// Where the time goes; the shares add up to one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Goodput {
    /// Useful share of the time.
    pub useful: f64,
    /// Stalls of checkpoints that were kept.
    pub checkpointing: f64,
    /// Work and stalls that a failure undid.
    pub rework: f64,
    /// Detection, replacement, reading back.
    pub restarting: f64,
}

/// Exact shares of the time with a checkpoint after every `interval` of work.
///
/// # Errors
/// [`OutOfRange`] names the field; an interval in which an asynchronous write cannot finish is refused.
pub fn goodput(
    interval: Seconds,
    recovery: &Recovery,
    mean_time_between_failures: Seconds,
) -> Result<Goodput, OutOfRange> {
    recovery.check()?;
    let mtbf = check_mtbf(mean_time_between_failures)?;
    let shortest = (recovery.durable_after.0 - recovery.stall.0).max(1e-6);
    let work = check("interval", interval.0, (shortest, LONGEST), "seconds")?;
    let working = libm::exp(-recovery.restart.0 / mtbf);
    let durable = libm::exp(-recovery.durable_after.0 / mtbf);
    let kept = durable / libm::expm1((work + recovery.stall.0) / mtbf);
    let useful = work / mtbf * kept;
    let checkpointing = recovery.stall.0 / mtbf * kept;
    Ok(Goodput {
        useful: useful * working,
        checkpointing: checkpointing * working,
        rework: (1.0 - useful - checkpointing).max(0.0) * working,
        restarting: -libm::expm1(-recovery.restart.0 / mtbf),
    })
}

/// What failures make of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunWithFailures {
    /// Work between checkpoints.
    pub interval: Seconds,
    /// Where the time goes.
    pub goodput: Goodput,
    /// Expected time from start to end.
    pub wall_time: Seconds,
    /// Expected number of failures.
    pub failures: f64,
    /// Checkpoints that a run without failures would write.
    pub checkpoints: f64,
}

/// Expected course of a run of `work` (its time without failures or checkpoints); without an interval, the best one.
///
/// # Errors
/// [`OutOfRange`] names the field; a useful share below one in a million million is refused as hopeless.
pub fn run_with_failures(
    work: Seconds,
    interval: Option<Seconds>,
    recovery: &Recovery,
    mean_time_between_failures: Seconds,
) -> Result<RunWithFailures, OutOfRange> {
    let work = Seconds(check("work", work.0, (1e-3, LONGEST), "seconds")?);
    let interval = match interval {
        Some(interval) => interval,
        None => best_interval(recovery, mean_time_between_failures)?,
    };
    let goodput = goodput(interval, recovery, mean_time_between_failures)?;
    let wall_time = work / check("useful share of the time", goodput.useful, (1e-12, 1.0), "")?;
    // Failures during a restart count too, so they come at the same rate all the time.
    let failures = wall_time / mean_time_between_failures;
    Ok(RunWithFailures { interval, goodput, wall_time, failures, checkpoints: work / interval })
}
