//! The training model's parameters and correction.

use super::file::Numbers;
use super::search::{Coordinate, minimise};
use crate::catalog::Catalog;
use crate::residual::{CATEGORIES, CONTINUOUS, Fit, Kernel, Point, Residual, Spread, fit, leave_groups_out};
use crate::rows::csv::{self, Table};
use crate::rows::training::{TrainingRun, read_run};
use crate::training::{Parameters, memory, point, step};

/// A published run with what was measured.
#[derive(Debug, Clone)]
pub struct Observation {
    /// The run.
    pub run: TrainingRun,
    /// Measured seconds of a step.
    pub measured: f64,
    /// Measured memory, GiB, where published.
    pub memory_gib: Option<f64>,
    /// Second published figure.
    pub value2: Option<f64>,
    /// What the correction sees.
    pub point: Point,
}

/// The rows that can be read, and why others cannot.
#[must_use]
pub fn observations(table: &Table, catalog: &Catalog) -> (Vec<Observation>, Vec<String>) {
    let (mut read, mut skipped) = (Vec::new(), Vec::new());
    for row in table.iter() {
        let value = |column: &str| row.text(column).parse::<f64>().ok().filter(|value| *value > 0.0);
        let Some(measured) = value("value") else { continue };
        match read_run(&row, catalog) {
            Ok(run) => read.push(Observation {
                measured: run.step_seconds(run.metric, measured),
                memory_gib: value("mem_gib"),
                value2: value("value2"),
                point: point(&run.workload, &run.layout, &run.chip, run.chip_number),
                run,
            }),
            Err(reason) => skipped.push(format!("{}: {reason}", row.text("id"))),
        }
    }
    (read, skipped)
}

/// `ln(measured / physics)` of every observation.
#[must_use]
pub fn residuals(observations: &[Observation], parameters: &Parameters) -> Vec<f64> {
    observations
        .iter()
        .map(|o| {
            let seconds = step(&o.run.workload, &o.run.layout, &o.run.chip, parameters).total();
            libm::log(o.measured / seconds)
        })
        .collect()
}

/// Physics alone: mean absolute logarithm, with a pull to the neutral start that keeps parameters without evidence
/// where they are plausible.
#[must_use]
pub fn fit_parameters(observations: &[Observation]) -> (Parameters, f64) {
    let coordinates: Vec<Coordinate<Parameters>> = Parameters::RANGES
        .iter()
        .map(|(name, at, low, high)| Coordinate { name, at: Box::new(at), low: *low, high: *high })
        .collect();
    let objective = |candidate: &Parameters| {
        let errors = residuals(observations, candidate);
        let mean = errors.iter().map(|e| if e.is_finite() { e.abs().min(1.5) } else { 9.0 }).sum::<f64>()
            / errors.len().max(1) as f64;
        let (mut moved, mut neutral) = (*candidate, Parameters::NEUTRAL);
        let pull: f64 = Parameters::RANGES
            .iter()
            .map(|(_, at, _, _)| libm::log(*at(&mut moved) / *at(&mut neutral)).abs())
            .sum();
        mean + 2e-4 * pull
    };
    minimise(&Parameters::NEUTRAL, &coordinates, 1.5, 1.01, &objective)
}

/// Where the search for the kernel starts: lengths of about the spread of each feature.
#[must_use]
pub const fn neutral_kernel() -> Kernel {
    Kernel {
        lengths: [4.0, 4.0, 6.0, 3.0, 3.0, 3.0, 4.0, 3.0, 6.0, 5.0, 6.0, 3.0, 4.0, 4.0, 4.0, 6.0],
        penalties: [0.3, 0.3, 1.0, 0.8, 0.5, 0.5, 1.0, 0.1],
        far: 0.04,
        near: 0.01,
        noise: 0.0005,
    }
}

/// Mean absolute error in per cent of the rows left out one by one.
#[must_use]
pub fn left_out_error(fitted: &Fit, residuals: &[f64]) -> f64 {
    let sum: f64 = residuals
        .iter()
        .zip(&fitted.leave_one_out)
        .map(|(residual, predicted)| (libm::exp(predicted - residual) - 1.0).abs().min(1.0))
        .sum();
    sum / residuals.len().max(1) as f64
}

/// Number of the source of every row, for leaving sources out.
#[must_use]
pub fn sources(observations: &[Observation]) -> Vec<u32> {
    let mut names: Vec<&str> = Vec::new();
    observations
        .iter()
        .map(|o| {
            let known = names.iter().position(|name| *name == o.run.source);
            let at = known.unwrap_or_else(|| {
                names.push(&o.run.source);
                names.len() - 1
            });
            u32::try_from(at).unwrap_or(u32::MAX)
        })
        .collect()
}

/// 1 for every chip of the Blackwell generation, whose rows are left out together.
#[must_use]
pub fn generations(observations: &[Observation]) -> Vec<u32> {
    observations.iter().map(|o| u32::from(is_blackwell(o.run.accelerator))).collect()
}

/// A chip of the Blackwell generation.
#[must_use]
pub fn is_blackwell(accelerator: &str) -> bool {
    ["b200", "b300", "gb200", "gb300"].contains(&accelerator)
}

/// Mean absolute error of logarithms, each cut at 1.
fn mean_error(errors: &[f64]) -> f64 {
    errors.iter().map(|error| error.abs().min(1.0)).sum::<f64>() / errors.len().max(1) as f64
}

/// Chooses the kernel by leaving out rows one by one, and with less weight whole sources and a generation of chips:
/// a scale that only interpolates inside one source's table would be worth nothing elsewhere.
#[must_use]
pub fn fit_kernel(
    observations: &[Observation],
    residuals: &[f64],
    start: &Kernel,
    last_factor: f64,
) -> (Kernel, f64) {
    let points: &[Point] = &observations.iter().map(|o| o.point).collect::<Vec<_>>();
    let (sources, generations) = (sources(observations), generations(observations));
    let mut coordinates: Vec<Coordinate<Kernel>> = Vec::new();
    for j in 0..CONTINUOUS {
        coordinates.push(Coordinate {
            name: "length",
            at: Box::new(move |kernel| kernel.lengths.get_mut(j).unwrap_or(&mut kernel.far)),
            low: 0.1,
            high: 60.0,
        });
    }
    for j in 0..CATEGORIES {
        coordinates.push(Coordinate {
            name: "penalty",
            at: Box::new(move |kernel| kernel.penalties.get_mut(j).unwrap_or(&mut kernel.far)),
            low: 0.01,
            high: 6.0,
        });
    }
    coordinates.push(Coordinate { name: "far", at: Box::new(|k| &mut k.far), low: 0.002, high: 1.0 });
    coordinates.push(Coordinate { name: "near", at: Box::new(|k| &mut k.near), low: 0.0002, high: 1.0 });
    coordinates.push(Coordinate { name: "noise", at: Box::new(|k| &mut k.noise), low: 2e-5, high: 0.05 });
    let objective = |kernel: &Kernel| {
        let Some(single) = fit(points, residuals, kernel) else { return 9.0 };
        let mut score = left_out_error(&single, residuals);
        for (groups, weight) in [(&sources, 0.15), (&generations, 0.1)] {
            match leave_groups_out(points, residuals, kernel, groups) {
                Some((errors, _)) => score += weight * mean_error(&errors),
                None => return 9.0,
            }
        }
        score
    };
    minimise(start, &coordinates, 2.0, last_factor, &objective)
}

/// Reads the carried rows.
///
/// # Errors
/// The first malformed line.
pub fn carried() -> Result<Table, String> {
    csv::read(include_str!("../../validation/training.csv"))
}

/// `ln(measured / physics)` of the memory of every observation that has one.
#[must_use]
pub fn memory_residuals(observations: &[Observation]) -> Vec<(Observation, f64)> {
    observations
        .iter()
        .filter_map(|o| {
            let bytes = o.memory_gib? * 1_073_741_824.0;
            Some((o.clone(), libm::log(bytes / memory(&o.run.workload, &o.run.layout).total())))
        })
        .collect()
}

/// The kernel of the memory: too few rows to choose one by leaving rows out, so the neutral one with whole-gigabyte
/// readings as noise.
#[must_use]
pub const fn memory_kernel() -> Kernel {
    Kernel { far: 0.05, near: 0.0125, noise: 0.002, ..neutral_kernel() }
}

/// Weights and spread of a correction on these rows.
#[must_use]
pub fn residual_of(
    points: &[Point],
    residuals: &[f64],
    kernel: &Kernel,
    sources: &[u32],
    groups: usize,
) -> Option<(Residual, Fit)> {
    let fitted = fit(points, residuals, kernel)?;
    let mut errors: Vec<f64> = residuals.iter().zip(&fitted.leave_one_out).map(|(r, p)| r - p).collect();
    let mut nearness = fitted.nearness.clone();
    // Rows whose whole source is left out say how wide the interval is far from everything published.
    let (far, far_nearness) = leave_groups_out(points, residuals, kernel, sources)?;
    errors.extend(far);
    nearness.extend(far_nearness);
    let spread = Spread::measured(&errors, &nearness, groups);
    let residual =
        Residual { kernel: *kernel, anchors: points.to_vec(), weights: fitted.weights.clone(), spread };
    Some((residual, fitted))
}

/// Fits everything and returns what [`crate::training::TrainingModel::builtin`] reads.
///
/// # Errors
/// A kernel that cannot be solved.
pub fn calibrate(observations: &[Observation], last_factor: f64) -> Result<Numbers, String> {
    let (parameters, _) = fit_parameters(observations);
    let values = residuals(observations, &parameters);
    let (kernel, _) = fit_kernel(observations, &values, &neutral_kernel(), last_factor);
    numbers_of(observations, &parameters, &kernel)
}

/// What follows from parameters and kernel without any search: weights, spreads, the memory's correction.
///
/// # Errors
/// A kernel that cannot be solved.
pub fn numbers_of(
    observations: &[Observation],
    parameters: &Parameters,
    kernel: &Kernel,
) -> Result<Numbers, String> {
    let unsolved = || "the kernel cannot be solved".to_owned();
    let mut numbers = Numbers::default();
    let mut read = *parameters;
    for (name, at, _, _) in Parameters::RANGES {
        numbers.push("parameter", name, *at(&mut read));
    }
    let points: Vec<Point> = observations.iter().map(|o| o.point).collect();
    let values = residuals(observations, parameters);
    let (time, _) = residual_of(&points, &values, kernel, &sources(observations), 12).ok_or_else(unsolved)?;
    let ids: Vec<&str> = observations.iter().map(|o| o.run.id.as_str()).collect();
    numbers.push_residual("time", &time, &ids);
    let remembered = memory_residuals(observations);
    let rows: Vec<Observation> = remembered.iter().map(|(o, _)| o.clone()).collect();
    let points: Vec<Point> = remembered.iter().map(|(o, _)| o.point).collect();
    let values: Vec<f64> = remembered.iter().map(|(_, value)| *value).collect();
    let (held, fitted) = residual_of(&points, &values, &memory_kernel(), &sources(&rows), 3).ok_or_else(unsolved)?;
    let ids: Vec<&str> = remembered.iter().map(|(o, _)| o.run.id.as_str()).collect();
    numbers.push_residual("memory", &held, &ids);
    let mut short: Vec<f64> = values.iter().zip(&fitted.leave_one_out).map(|(r, p)| r - p).collect();
    short.sort_by(f64::total_cmp);
    let at = (short.len() as f64 * 0.96) as usize;
    let margin = short.get(at.min(short.len().saturating_sub(1))).copied().unwrap_or(0.0) + libm::log(0.95);
    numbers.push("memory", "margin", margin.max(0.0));
    Ok(numbers)
}
