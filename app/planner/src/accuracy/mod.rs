//! Recomputes every figure of the Accuracy page: each published row predicted without itself.
//!
//! - *Tenths* (*thirds*): rows are dealt into ten (three) parts by their id; each part is predicted by parameters,
//!   weights and spreads fitted on the others. This is what a visitor whose run resembles published ones may expect.
//! - *Other sources*: each source is predicted by a fit on the others.
//! - *Unseen chips*: all Blackwell rows are predicted by a fit without them.
//!
//! The kernel's scales are the committed ones in all of them; choosing them anew in each part takes minutes.

mod serving;
mod training;

use serde::{Deserialize, Serialize};

/// One figure with its bar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// What was predicted, and how rows were left out.
    pub what: String,
    /// Published rows.
    pub rows: usize,
    /// Rows that got an answer.
    pub answered: usize,
    /// Mean absolute error in per cent of the measured value.
    pub mape: f64,
    /// Median of the same.
    pub median: f64,
    /// 90th percentile of the same.
    pub p90: f64,
    /// Share of rows within 20 %, in per cent.
    pub within_20: f64,
    /// Share of rows inside their 80 % interval, in per cent.
    pub coverage: f64,
    /// What the project asks of itself.
    pub bar: String,
    /// What others reach on comparable rows.
    pub peers: String,
}

/// One predicted row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Row id.
    pub id: String,
    /// Who published it.
    pub source: String,
    /// The model's name there.
    pub model: String,
    /// Accelerator.
    pub accelerator: String,
    /// Year of the software.
    pub year: u32,
    /// Unit.
    pub metric: String,
    /// Published value.
    pub measured: f64,
    /// Predicted value.
    pub predicted: f64,
    /// One in ten is below.
    pub low: f64,
    /// One in ten is above.
    pub high: f64,
}

/// How well rows are ranked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ranking {
    /// What was ranked, and how rows were left out.
    pub what: String,
    /// Rows.
    pub rows: usize,
    /// Kendall's rank correlation (tau-b: ties count for neither side), -1 to 1.
    pub tau: f64,
    /// How far the row that is predicted to be the best falls short of the best measured, in per cent.
    pub pick_behind: f64,
    /// What the project asks of itself.
    pub bar: String,
}

/// Ranks pairs of measured and predicted, more being better.
#[must_use]
pub fn ranking(what: &str, pairs: &[[f64; 2]], bar: &str) -> Ranking {
    let (mut agree, mut measured_differ, mut predicted_differ) = (0.0, 0.0, 0.0);
    for (at, [m, p]) in pairs.iter().enumerate() {
        for [n, q] in pairs.iter().skip(at + 1) {
            let sign = |difference: f64| if difference == 0.0 { 0.0 } else { difference.signum() };
            let (left, right) = (sign(m - n), sign(p - q));
            agree += left * right;
            measured_differ += left * left;
            predicted_differ += right * right;
        }
    }
    let best = pairs.iter().map(|[measured, _]| *measured).fold(f64::MIN, f64::max);
    let pick = pairs.iter().max_by(|left, right| left[1].total_cmp(&right[1])).map_or(0.0, |pair| pair[0]);
    Ranking {
        what: what.to_owned(),
        rows: pairs.len(),
        tau: agree / f64::sqrt(measured_differ * predicted_differ).max(1.0),
        pick_behind: (1.0 - pick / best) * 100.0,
        bar: bar.to_owned(),
    }
}

/// Everything the page shows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct AccuracyReport {
    /// The figures.
    pub figures: Vec<Figure>,
    /// The rankings.
    pub rankings: Vec<Ranking>,
    /// The rows, each predicted without itself.
    pub points: Vec<Point>,
}

/// Relative error of a prediction.
fn error(measured: f64, predicted: f64) -> f64 {
    (predicted / measured - 1.0).abs() * 100.0
}

/// The statistics of some pairs of measured, predicted, low, high.
#[must_use]
pub fn figure(what: &str, rows: usize, pairs: &[[f64; 4]], bar: &str, peers: &str) -> Figure {
    let mut errors: Vec<f64> =
        pairs.iter().map(|[measured, predicted, ..]| error(*measured, *predicted)).collect();
    errors.sort_by(f64::total_cmp);
    let count = errors.len().max(1) as f64;
    let share = |held: usize| held as f64 / count * 100.0;
    let quantile =
        |at: f64| errors.get(((errors.len() as f64 * at) as usize).min(errors.len().saturating_sub(1)));
    Figure {
        what: what.to_owned(),
        rows,
        answered: errors.len(),
        mape: errors.iter().sum::<f64>() / count,
        median: quantile(0.5).copied().unwrap_or(0.0),
        p90: quantile(0.9).copied().unwrap_or(0.0),
        within_20: share(errors.iter().filter(|error| **error <= 20.0).count()),
        coverage: share(
            pairs.iter().filter(|[measured, _, low, high]| low <= measured && measured <= high).count(),
        ),
        bar: bar.to_owned(),
        peers: peers.to_owned(),
    }
}

/// The part of a row, of so many: by its number, so that it stays there when rows are added.
fn part_of(id: &str, parts: u32) -> u32 {
    let number: u32 = id.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(0);
    // A multiplicative hash: neighbouring rows of one table fall into different parts.
    (number.wrapping_mul(2_654_435_761) >> 16) % parts
}

/// Recomputes everything; `progress` hears shares of the work from 0 to 1.
///
/// # Errors
/// What the committed calibration or rows lack.
pub fn report(progress: &mut dyn FnMut(f64)) -> Result<AccuracyReport, String> {
    let mut out = AccuracyReport::default();
    training::add(&mut out, &mut |share| progress(share * 0.6))?;
    serving::add(&mut out, &mut |share| progress(0.6 + share * 0.4))?;
    Ok(out)
}
