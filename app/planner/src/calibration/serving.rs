//! The serving model's parameters and corrections.

use super::file::Numbers;
use super::search::{Coordinate, minimise};
use crate::catalog::Catalog;
use crate::residual::{CATEGORIES, CONTINUOUS, Kernel, Point, Residual, Spread, fit};
use crate::rows::csv::{self, Table};
use crate::rows::inference::{ServingMetric, ServingRun, read_serving};
use crate::serving::{ServingModel, ServingParameters};

/// A published figure of a run.
#[derive(Debug, Clone)]
pub struct ServingObservation {
    /// The run.
    pub run: ServingRun,
    /// Time per token or rate, with its unit.
    pub token: Option<(ServingMetric, f64)>,
    /// Time to the first token or rate of prefill, with its unit.
    pub first: Option<(ServingMetric, f64)>,
}

/// First tokens later than this are all queue: they say nothing of prefill.
const QUEUED_MILLISECONDS: f64 = 30_000.0;

/// The rows that can be read, and why others cannot.
#[must_use]
pub fn observations(table: &Table, catalog: &Catalog) -> (Vec<ServingObservation>, Vec<String>) {
    let (mut read, mut skipped) = (Vec::new(), Vec::new());
    for row in table.iter() {
        match read_serving(&row, catalog) {
            Ok(run) => {
                let (mut token, mut first) = (None, None);
                for (column, metric) in ["value", "value2"].into_iter().zip(run.metrics) {
                    let value = row.text(column).parse::<f64>().ok().filter(|value| *value > 0.0);
                    match (metric, value) {
                        (Some(metric), Some(value)) if metric.is_per_token() => token = Some((metric, value)),
                        (Some(ServingMetric::FirstTokenMilliseconds), Some(value)) if value > QUEUED_MILLISECONDS => {}
                        (Some(metric), Some(value)) => first = Some((metric, value)),
                        _ => {}
                    }
                }
                if token.is_some() || first.is_some() {
                    read.push(ServingObservation { run, token, first });
                }
            }
            Err(reason) => skipped.push(format!("{}: {reason}", row.text("id"))),
        }
    }
    (read, skipped)
}

/// Which of the two corrections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// Time per token.
    Token,
    /// Time to the first token.
    First,
}

impl ServingObservation {
    /// The published figure of a target.
    #[must_use]
    pub const fn of(&self, target: Target) -> Option<(ServingMetric, f64)> {
        match target {
            Target::Token => self.token,
            Target::First => self.first,
        }
    }

    /// `ln(measured / physics)` of a target.
    #[must_use]
    pub fn residual(&self, target: Target, parameters: &ServingParameters) -> Option<f64> {
        let (metric, value) = self.of(target)?;
        Some(libm::log(self.run.ratio(metric, value, parameters)))
    }
}

/// Physics alone: mean absolute logarithm over both targets, with a pull to the neutral start.
#[must_use]
pub fn fit_parameters(observations: &[ServingObservation]) -> (ServingParameters, f64) {
    let coordinates: Vec<Coordinate<ServingParameters>> = ServingParameters::RANGES
        .iter()
        .map(|(name, at, low, high)| Coordinate { name, at: Box::new(at), low: *low, high: *high })
        .collect();
    let objective = |candidate: &ServingParameters| {
        let mut sum = 0.0;
        let mut count = 0.0;
        for observation in observations {
            for (target, weight) in [(Target::Token, 1.0), (Target::First, 0.4)] {
                if let Some(error) = observation.residual(target, candidate) {
                    sum += weight * if error.is_finite() { error.abs().min(1.2) } else { 9.0 };
                    count += weight;
                }
            }
        }
        let (mut moved, mut neutral) = (*candidate, ServingParameters::NEUTRAL);
        let pull: f64 = ServingParameters::RANGES
            .iter()
            .map(|(_, at, _, _)| libm::log(*at(&mut moved) / *at(&mut neutral)).abs())
            .sum();
        sum / f64::max(count, 1.0) + 2e-4 * pull
    };
    minimise(&ServingParameters::NEUTRAL, &coordinates, 1.5, 1.02, &objective)
}

/// Where the search for a kernel starts.
#[must_use]
pub const fn neutral_kernel() -> Kernel {
    Kernel {
        lengths: [4.0, 4.0, 5.0, 3.0, 6.0, 3.0, 4.0, 5.0, 6.0, 4.0, 5.0, 3.0, 4.0, 6.0, 5.0, 5.0],
        penalties: [0.3, 0.4, 0.2, 0.3, 3.0, 0.3, 0.1, 0.5],
        far: 0.1,
        near: 0.03,
        noise: 0.002,
    }
}

/// Points, residuals and ids of a target.
#[must_use]
pub fn data(
    observations: &[ServingObservation],
    target: Target,
    parameters: &ServingParameters,
) -> (Vec<Point>, Vec<f64>, Vec<String>) {
    let (mut points, mut values, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    for observation in observations {
        if let Some(value) = observation.residual(target, parameters).filter(|value| value.is_finite()) {
            points.push(observation.run.point(parameters));
            values.push(value);
            ids.push(observation.run.id.clone());
        }
    }
    (points, values, ids)
}

/// Chooses a kernel by leaving out rows one by one, on every third row so that a search takes minutes.
#[must_use]
pub fn fit_kernel(points: &[Point], residuals: &[f64], start: &Kernel, last_factor: f64) -> (Kernel, f64) {
    let mut coordinates: Vec<Coordinate<Kernel>> = Vec::new();
    for j in 0..CONTINUOUS {
        coordinates.push(Coordinate {
            name: "length",
            at: Box::new(move |kernel| kernel.lengths.get_mut(j).unwrap_or(&mut kernel.far)),
            low: 0.1,
            high: 40.0,
        });
    }
    for j in 0..CATEGORIES {
        coordinates.push(Coordinate {
            name: "penalty",
            at: Box::new(move |kernel| kernel.penalties.get_mut(j).unwrap_or(&mut kernel.far)),
            low: 0.02,
            high: 6.0,
        });
    }
    coordinates.push(Coordinate { name: "far", at: Box::new(|k| &mut k.far), low: 0.005, high: 1.0 });
    coordinates.push(Coordinate { name: "near", at: Box::new(|k| &mut k.near), low: 0.001, high: 1.0 });
    coordinates.push(Coordinate { name: "noise", at: Box::new(|k| &mut k.noise), low: 1e-4, high: 0.05 });
    let objective = |kernel: &Kernel| {
        fit(points, residuals, kernel).map_or(9.0, |fitted| super::training::left_out_error(&fitted, residuals))
    };
    minimise(start, &coordinates, 2.0, last_factor, &objective)
}

/// Every third of a slice.
fn thinned<T: Clone>(all: &[T]) -> Vec<T> {
    all.iter().step_by(3).cloned().collect()
}

/// Fits everything and returns what [`builtin`] reads.
///
/// # Errors
/// A kernel that cannot be solved.
pub fn calibrate(observations: &[ServingObservation], last_factor: f64) -> Result<Numbers, String> {
    let (parameters, _) = fit_parameters(observations);
    let mut kernels = Vec::new();
    for target in [Target::Token, Target::First] {
        let (points, values, _) = data(observations, target, &parameters);
        kernels.push(fit_kernel(&thinned(&points), &thinned(&values), &neutral_kernel(), last_factor).0);
    }
    match kernels.as_slice() {
        [token, first] => numbers_of(observations, &parameters, [token, first]),
        _ => Err("a kernel is missing".into()),
    }
}

/// What follows from parameters and kernels without any search.
///
/// # Errors
/// A kernel that cannot be solved.
pub fn numbers_of(
    observations: &[ServingObservation],
    parameters: &ServingParameters,
    kernels: [&Kernel; 2],
) -> Result<Numbers, String> {
    let mut numbers = Numbers::default();
    let mut read = *parameters;
    for (name, at, _, _) in ServingParameters::RANGES {
        numbers.push("parameter", name, *at(&mut read));
    }
    for ((target, name), kernel) in [(Target::Token, "token"), (Target::First, "first")].into_iter().zip(kernels) {
        let (points, values, ids) = data(observations, target, parameters);
        let fitted = fit(&points, &values, kernel).ok_or("the kernel cannot be solved")?;
        let mut errors: Vec<f64> = values.iter().zip(&fitted.leave_one_out).map(|(r, p)| r - p).collect();
        let mut nearness = fitted.nearness.clone();
        // Far from everything published, physics alone is as wrong as it is on all rows.
        let physics: Vec<f64> = values.iter().step_by(10).copied().collect();
        nearness.extend(physics.iter().map(|_| 0.0));
        errors.extend(physics);
        let spread = Spread::measured(&errors, &nearness, 12);
        let residual = Residual { kernel: *kernel, anchors: points, weights: fitted.weights, spread };
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        numbers.push_residual(name, &residual, &ids);
    }
    Ok(numbers)
}

/// Reads the carried rows.
///
/// # Errors
/// The first malformed line.
pub fn carried() -> Result<Table, String> {
    csv::read(include_str!("../../validation/inference.csv"))
}

/// The model with a fit, on these rows.
///
/// # Errors
/// What the fit lacks.
pub fn model_of(numbers: &Numbers, observations: &[ServingObservation]) -> Result<ServingModel, String> {
    let mut parameters = ServingParameters::NEUTRAL;
    for (name, at, _, _) in ServingParameters::RANGES {
        *at(&mut parameters) = numbers.one("parameter", name)?;
    }
    // The rows stand in the order of their ids.
    let ids: Vec<&str> = observations.iter().map(|o| o.run.id.as_str()).collect();
    let anchor = |id: &str| {
        let at = ids.binary_search(&id).ok()?;
        observations.get(at).map(|o| o.run.point(&parameters))
    };
    ServingModel::of(numbers, &anchor)
}

/// The model with the committed fit.
///
/// # Errors
/// What the committed files lack; a test keeps it from happening.
pub fn builtin(catalog: &Catalog) -> Result<ServingModel, String> {
    let numbers = Numbers::read(include_str!("../../calibration/serving.csv"))?;
    model_of(&numbers, &observations(&carried()?, catalog).0)
}
