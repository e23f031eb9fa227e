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
    /// Whether it is met; true where nothing is asked.
    pub met: bool,
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
    /// Whether it is met.
    pub met: bool,
}

/// Ranks pairs of measured and predicted, more being better.
#[must_use]
pub fn ranking(what: &str, pairs: &[[f64; 2]]) -> Ranking {
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
    let tau = agree / f64::sqrt(measured_differ * predicted_differ).max(1.0);
    let pick_behind = (1.0 - pick / best) * 100.0;
    Ranking {
        what: what.to_owned(),
        rows: pairs.len(),
        tau,
        pick_behind,
        bar: "rank correlation at least 0.6; the pick within 3 % of the best".into(),
        met: tau >= 0.6 && pick_behind <= 3.0,
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

/// What the project asks of a figure; per cent, `None` where nothing is asked.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Bar {
    mean: Option<f64>,
    median: Option<f64>,
    p90: Option<f64>,
    within_20: Option<f64>,
    answered: Option<f64>,
    coverage: Option<f64>,
    /// The 80 % interval holds 75 to 85 %.
    interval: bool,
}

impl Bar {
    fn met(&self, figure: &Figure) -> bool {
        let below = |most: Option<f64>, value: f64| most.is_none_or(|most| value <= most);
        let above = |least: Option<f64>, value: f64| least.is_none_or(|least| value >= least);
        let answered = figure.answered as f64 / figure.rows.max(1) as f64 * 100.0;
        below(self.mean, figure.mape)
            && below(self.median, figure.median)
            && below(self.p90, figure.p90)
            && above(self.within_20, figure.within_20)
            && above(self.answered, answered)
            && above(self.coverage, figure.coverage)
            && (!self.interval || (75.0..=85.0).contains(&figure.coverage))
    }

    fn words(&self) -> String {
        let parts = [
            ("mean at most", self.mean, ""),
            ("median at most", self.median, ""),
            ("90th percentile at most", self.p90, ""),
            ("at least", self.within_20, " within 20 %"),
            ("at least", self.answered, " answered"),
            ("at least", self.coverage, " in the last column"),
        ];
        let words = parts
            .iter()
            .filter_map(|(before, value, after)| Some(format!("{before} {} %{after}", (*value)?)));
        let interval = self.interval.then(|| "75 to 85 % in the interval".to_owned());
        words.chain(interval).collect::<Vec<_>>().join(", ")
    }
}

/// The statistics of some pairs of measured, predicted, low, high.
#[must_use]
fn figure(what: &str, rows: usize, pairs: &[[f64; 4]], bar: Bar, peers: &str) -> Figure {
    let mut errors: Vec<f64> =
        pairs.iter().map(|[measured, predicted, ..]| error(*measured, *predicted)).collect();
    errors.sort_by(f64::total_cmp);
    let count = errors.len().max(1) as f64;
    let share = |held: usize| held as f64 / count * 100.0;
    let quantile =
        |at: f64| errors.get(((errors.len() as f64 * at) as usize).min(errors.len().saturating_sub(1)));
    let mut figure = Figure {
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
        bar: bar.words(),
        met: true,
        peers: peers.to_owned(),
    };
    figure.met = bar.met(&figure);
    figure
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
