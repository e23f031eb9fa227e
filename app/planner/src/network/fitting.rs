//! Fits the parameters on measurements, and says how far off setups are that the fit has not seen.
//!
//! The fit minimises the mean over setups of the mean absolute logarithm of measured over predicted, weighted by the
//! square root of a setup's rows, by coordinate search: no randomness, so the same rows give the same bits.

use super::parameters::{NetworkModel, Parameters, Spread};
use super::rows::Measurement;
use crate::calibration::file::Numbers;
use crate::calibration::search::{Coordinate, minimise};

/// Factor of the search's first step.
const FIRST_FACTOR: f64 = 1.6;
/// The search ends when its step is below this.
const LAST_FACTOR: f64 = 1.01;

/// A measurement that the fit had not seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Left {
    /// Id of the row.
    pub id: String,
    /// Its setup.
    pub setup: String,
    /// Whether it crossed nodes.
    pub across: bool,
    /// Natural logarithm of measured over predicted.
    pub residual: f64,
}

/// Relative errors `|predicted / measured - 1|` of a set of rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Accuracy {
    /// Rows.
    pub rows: usize,
    /// Mean.
    pub mean: f64,
    /// Median.
    pub median: f64,
    /// 90 % quantile.
    pub p90: f64,
}

/// The parameters that suit the measurements best.
#[must_use]
pub fn fit(measurements: &[Measurement]) -> Parameters {
    fit_from(&Parameters::NEUTRAL, measurements, FIRST_FACTOR)
}

fn fit_from(start: &Parameters, measurements: &[Measurement], first_factor: f64) -> Parameters {
    let coordinates: Vec<Coordinate<Parameters>> = Parameters::RANGES
        .into_iter()
        .map(|(name, at, low, high)| Coordinate { name, at: Box::new(at), low, high })
        .collect();
    let weights = weights(measurements);
    let objective = |parameters: &Parameters| {
        let sum: f64 = measurements
            .iter()
            .zip(&weights)
            .map(|(row, weight)| weight * row.residual(parameters).map_or(10.0, f64::abs))
            .sum();
        sum / weights.iter().sum::<f64>()
    };
    minimise(start, &coordinates, first_factor, LAST_FACTOR, &objective).0
}

/// `1 / sqrt(rows of the setup)`: a long sweep counts more than one row, but not by its length.
fn weights(measurements: &[Measurement]) -> Vec<f64> {
    measurements
        .iter()
        .map(|row| {
            let same = measurements.iter().filter(|other| other.setup == row.setup).count();
            1.0 / f64::from(u32::try_from(same).unwrap_or(u32::MAX)).sqrt()
        })
        .collect()
}

/// Every measurement, predicted by a fit on the other setups.
///
/// # Errors
/// What is out of range in a row.
pub fn cross_validate(measurements: &[Measurement]) -> Result<Vec<Left>, String> {
    let whole = fit(measurements);
    let mut setups: Vec<&str> = measurements.iter().map(|row| row.setup.as_str()).collect();
    setups.sort_unstable();
    setups.dedup();
    let mut left = Vec::with_capacity(measurements.len());
    for setup in setups {
        let (out, kept): (Vec<_>, Vec<_>) = measurements.iter().cloned().partition(|row| row.setup == setup);
        // The search continues from the whole fit: the minimum moves little, and the first steps are the slow ones.
        let parameters = fit_from(&whole, &kept, 1.3);
        for row in out {
            let residual = row.residual(&parameters).map_err(|error| format!("{}: {error}", row.id))?;
            left.push(Left { across: row.across(), id: row.id, setup: row.setup, residual });
        }
    }
    Ok(left)
}

/// Errors of residuals.
#[must_use]
pub fn accuracy(residuals: &[f64]) -> Accuracy {
    let mut errors: Vec<f64> = residuals.iter().map(|r| (libm::exp(-r) - 1.0).abs()).collect();
    errors.sort_by(f64::total_cmp);
    let rows = errors.len();
    let mean = errors.iter().sum::<f64>() / f64::from(u32::try_from(rows.max(1)).unwrap_or(u32::MAX));
    Accuracy { rows, mean, median: quantile(&errors, 50), p90: quantile(&errors, 90) }
}

/// The quantile at `percent` of sorted values; 0 of none.
fn quantile(sorted: &[f64], percent: usize) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last * percent + 50) / 100).copied().unwrap_or(0.0)
}

/// The 80 % interval that left-out residuals give: the narrowest equal-tailed one that holds at least 80 % of the rows
/// when each setup is held against the residuals of the other setups. Rows of a setup err alike, so the plain 10 % and
/// 90 % quantiles would hold less.
#[must_use]
pub fn spread(left: &[Left]) -> Spread {
    let mut tail = 10;
    while tail > 0 && covered(left, tail) < 0.8 {
        tail -= 1;
    }
    tails(left, tail)
}

/// Share of the rows that an interval with tails of `tail` percent of the other setups' rows holds.
fn covered(left: &[Left], tail: usize) -> f64 {
    let mut setups: Vec<&str> = left.iter().map(|row| row.setup.as_str()).collect();
    setups.sort_unstable();
    setups.dedup();
    let mut held = 0_u32;
    for setup in setups {
        let (of, others): (Vec<_>, Vec<_>) = left.iter().cloned().partition(|row| row.setup == setup);
        let range = tails(&others, tail);
        held += of.iter().map(|row| u32::from(range.holds(row))).sum::<u32>();
    }
    f64::from(held) / f64::from(u32::try_from(left.len().max(1)).unwrap_or(u32::MAX))
}

/// Quantiles at `tail` and `100 - tail` percent.
fn tails(left: &[Left], tail: usize) -> Spread {
    let of = |across: bool, percent: usize| {
        let mut residuals: Vec<f64> =
            left.iter().filter(|row| row.across == across).map(|row| row.residual).collect();
        residuals.sort_by(f64::total_cmp);
        libm::exp(quantile(&residuals, percent))
    };
    Spread {
        inside_low: of(false, tail),
        inside_high: of(false, 100 - tail),
        outside_low: of(true, tail),
        outside_high: of(true, 100 - tail),
    }
}

/// The file of a fit: parameters, spread, and the errors of left-out setups.
///
/// # Errors
/// What is out of range in a row.
pub fn numbers(measurements: &[Measurement]) -> Result<Numbers, String> {
    let model =
        NetworkModel { parameters: fit(measurements), spread: spread(&cross_validate(measurements)?) };
    let mut numbers = Numbers::default();
    for (name, value) in model.parameters.named() {
        numbers.push("parameter", name, value);
    }
    let Spread { inside_low, inside_high, outside_low, outside_high } = model.spread;
    for (name, value) in [
        ("inside_low", inside_low),
        ("inside_high", inside_high),
        ("outside_low", outside_low),
        ("outside_high", outside_high),
    ] {
        numbers.push("spread", name, value);
    }
    Ok(numbers)
}
