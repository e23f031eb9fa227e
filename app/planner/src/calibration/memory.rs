//! The correction of the memory, from readings and from the fact that a run ran.
//!
//! Few rows publish memory, but every published step time proves that its run fitted. Where physics with the
//! correction of the readings says more than the accelerator holds, the row becomes a reading of what it holds at
//! most: without it, half of the runs that ran would be called impossible.

use super::file::Numbers;
use super::training::{Observation, neutral_kernel, residual_of, sources};
use crate::catalog::Catalog;
use crate::residual::{Fit, Kernel, Point, Residual};
use crate::rows::csv;
use crate::rows::training::{TrainingRun, read_run};
use crate::training::{USABLE, memory, point};

/// Bytes of a GiB.
const GIB: f64 = 1_073_741_824.0;

/// Share of the memory that a run that ran may be said to take: a little under what [`USABLE`] lets fit.
const FULL: f64 = USABLE - 0.04;

/// Share of the memory that a run that ran out of it needs at least.
const OVERFULL: f64 = 1.02;

/// Quantile of the rows whose memory is predicted at [`ENOUGH`] of the reading or more.
const SAFE: f64 = 0.96;

/// Share of a reading that counts as predicted.
const ENOUGH: f64 = 0.95;

/// Rows with their readings, those that are only bounded after those that are measured.
#[derive(Default)]
struct Readings {
    ids: Vec<String>,
    sources: Vec<u32>,
    points: Vec<Point>,
    values: Vec<f64>,
    measured: usize,
}

/// The kernel of the memory: too few readings to choose one by leaving rows out, so the neutral one with whole-gigabyte
/// readings as noise.
#[must_use]
pub const fn memory_kernel() -> Kernel {
    Kernel { far: 0.05, near: 0.0125, noise: 0.002, ..neutral_kernel() }
}

/// `ln(measured / physics)` of the memory of every observation that has a reading.
#[must_use]
pub fn memory_residuals(observations: &[Observation]) -> Vec<(Observation, f64)> {
    observations
        .iter()
        .filter_map(|o| {
            let bytes = o.memory_gib? * GIB;
            Some((o.clone(), libm::log(bytes / memory(&o.run.workload, &o.run.layout).total())))
        })
        .collect()
}

impl Readings {
    fn push(&mut self, id: &str, source: u32, point: Point, value: f64) {
        self.ids.push(id.to_owned());
        self.sources.push(source);
        self.points.push(point);
        self.values.push(value);
    }

    fn knows(&self, id: &str) -> bool {
        self.ids.iter().any(|known| known == id)
    }

    /// What is added to every prediction, so that readings are rarely above it.
    fn margin(&self, fitted: &Fit) -> f64 {
        let pairs = self.values.iter().zip(&fitted.leave_one_out).take(self.measured);
        let mut short: Vec<f64> = pairs.map(|(reading, predicted)| reading - predicted).collect();
        short.sort_by(f64::total_cmp);
        let at = (short.len() as f64 * SAFE) as usize;
        let worst = short.get(at.min(short.len().saturating_sub(1))).copied().unwrap_or(0.0);
        (worst + libm::log(ENOUGH)).max(0.0)
    }

    fn solve(&self) -> Option<(Residual, f64)> {
        let (residual, fitted) = residual_of(&self.points, &self.values, &memory_kernel(), &self.sources, 3)?;
        Some((residual, self.margin(&fitted)))
    }

    /// Adds a bound where the prediction breaks it: runs that ran from above, runs that failed from below.
    fn bound(&mut self, observations: &[Observation], sources: &[u32], failed: &[TrainingRun]) -> Option<()> {
        let (residual, margin) = self.solve()?;
        for (o, source) in observations.iter().zip(sources) {
            let value = ratio(&o.run, o.run.chip.memory_bytes * FULL) - margin;
            if !self.knows(&o.run.id) && residual.predict(&o.point).log_mean > value {
                self.push(&o.run.id, *source, o.point, value);
            }
        }
        for run in failed {
            let at = point(&run.workload, &run.layout, &run.chip, run.chip_number);
            let value = ratio(run, run.chip.memory_bytes * OVERFULL) - margin;
            if !self.knows(&run.id) && residual.predict(&at).log_mean < value {
                self.push(&run.id, u32::MAX, at, value);
            }
        }
        Some(())
    }
}

/// `ln(bytes / physics)` of a run.
fn ratio(run: &TrainingRun, bytes: f64) -> f64 {
    libm::log(bytes / memory(&run.workload, &run.layout).total())
}

/// The published runs that ran out of memory.
#[must_use]
pub fn failed_runs(catalog: &Catalog) -> Vec<TrainingRun> {
    csv::read(include_str!("../../validation/out_of_memory.csv"))
        .map(|table| table.iter().filter_map(|row| read_run(&row, catalog).ok()).collect())
        .unwrap_or_default()
}

/// Adds the correction of the memory to a fit. `None` where a kernel cannot be solved.
pub fn push(numbers: &mut Numbers, observations: &[Observation]) -> Option<()> {
    let sources = sources(observations);
    let mut readings = Readings::default();
    for (o, source) in observations.iter().zip(&sources) {
        if let Some(gib) = o.memory_gib {
            readings.push(&o.run.id, *source, o.point, ratio(&o.run, gib * GIB));
        }
    }
    readings.measured = readings.ids.len();
    let failed = failed_runs(Catalog::builtin());
    // The second pass finds rows that the bounds of their neighbours push over the edge.
    for _ in 0..2 {
        readings.bound(observations, &sources, &failed)?;
    }
    let (residual, margin) = readings.solve()?;
    let ids: Vec<&str> = readings.ids.iter().map(String::as_str).collect();
    numbers.push_residual("memory", &residual, &ids);
    numbers.push("memory", "margin", margin);
    Some(())
}
