//! Recomputes every figure of the Accuracy page: each published row predicted without itself.
//!
//! - *Thirds*: rows are dealt into three parts by their id; each part is predicted by parameters, weights and spreads
//!   fitted on the other two. This is what a visitor whose run resembles published ones may expect.
//! - *Other sources*: each source is predicted by a fit on the others.
//! - *Unseen chips*: all Blackwell rows are predicted by a fit without them.
//!
//! The kernel's scales are the committed ones in all of them; choosing them anew in each part takes minutes.

use crate::calibration::training::{
    Observation, carried, fit_parameters, is_blackwell, memory_residuals, numbers_of, observations,
};
use crate::catalog::Catalog;
use crate::training::{TrainingModel, Tuning};
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

/// Everything the page shows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct AccuracyReport {
    /// The figures.
    pub figures: Vec<Figure>,
    /// The rows, each predicted without itself.
    pub points: Vec<Point>,
}

/// A row left out and predicted: seconds or bytes.
#[derive(Debug, Clone, Copy)]
struct LeftOut {
    row: usize,
    predicted: f64,
    low: f64,
    high: f64,
    memory: f64,
}

/// Relative error of a prediction.
fn error(measured: f64, predicted: f64) -> f64 {
    (predicted / measured - 1.0).abs() * 100.0
}

/// The statistics of some pairs of measured, predicted, low, high.
#[must_use]
pub fn figure(what: &str, rows: usize, pairs: &[[f64; 4]], bar: &str, peers: &str) -> Figure {
    let mut errors: Vec<f64> = pairs.iter().map(|[measured, predicted, ..]| error(*measured, *predicted)).collect();
    errors.sort_by(f64::total_cmp);
    let count = errors.len().max(1) as f64;
    let share = |held: usize| held as f64 / count * 100.0;
    let quantile = |at: f64| errors.get(((errors.len() as f64 * at) as usize).min(errors.len().saturating_sub(1)));
    Figure {
        what: what.to_owned(),
        rows,
        answered: errors.len(),
        mape: errors.iter().sum::<f64>() / count,
        median: quantile(0.5).copied().unwrap_or(0.0),
        p90: quantile(0.9).copied().unwrap_or(0.0),
        within_20: share(errors.iter().filter(|error| **error <= 20.0).count()),
        coverage: share(pairs.iter().filter(|[measured, _, low, high]| low <= measured && measured <= high).count()),
        bar: bar.to_owned(),
        peers: peers.to_owned(),
    }
}

/// Predicts `out` by a fit on `kept`.
fn predict_without(
    all: &[Observation],
    base: &TrainingModel,
    kept: &dyn Fn(usize, &Observation) -> bool,
) -> Result<Vec<LeftOut>, String> {
    let (mut rest, mut out) = (Vec::new(), Vec::new());
    for (row, observation) in all.iter().enumerate() {
        if kept(row, observation) { rest.push(observation.clone()) } else { out.push((row, observation)) }
    }
    let (parameters, _) = fit_parameters(&rest);
    let numbers = numbers_of(&rest, &parameters, &base.time.kernel)?;
    let model = TrainingModel::of(&numbers, &rest)?;
    Ok(out
        .into_iter()
        .map(|(row, o)| {
            let p = model.predict_checked(&o.run.workload, &o.run.layout, &o.run.chip, o.run.chip_number);
            LeftOut { row, predicted: p.seconds, low: p.low, high: p.high, memory: p.memory_bytes }
        })
        .collect())
}

/// The part of a row: by its number, so that it stays there when rows are added.
fn third(observation: &Observation) -> u32 {
    let number: u32 = observation.run.id.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(0);
    // A multiplicative hash: neighbouring rows of one table fall into different parts.
    (number.wrapping_mul(2_654_435_761) >> 16) % 3
}

fn is_dense(observation: &Observation) -> bool {
    observation.run.workload.shape.experts.is_none()
}

/// Sources that calculon can run: 16-bit Megatron on A100.
fn is_calculons(observation: &Observation) -> bool {
    let source = observation.run.source.as_str();
    observation.run.accelerator.starts_with("a100")
        && ["Megatron-LM 2021", "MT-NLG", "BigScience", "Korthikanti"].iter().any(|part| source.starts_with(part))
}

/// Recomputes everything; `progress` hears shares of the work from 0 to 1.
///
/// # Errors
/// What the committed calibration or rows lack.
pub fn report(progress: &mut dyn FnMut(f64)) -> Result<AccuracyReport, String> {
    let catalog = Catalog::builtin();
    let table = carried()?;
    let published = table.iter().filter(|row| !row.text("value").is_empty()).count();
    let (rows, skipped) = observations(&table, catalog);
    let base = TrainingModel::builtin(catalog)?;
    let mut thirds: Vec<LeftOut> = Vec::new();
    for part in 0..3 {
        thirds.extend(predict_without(&rows, &base, &|_, o| third(o) != part)?);
        progress(0.05 * f64::from(part + 1));
    }
    let mut out = AccuracyReport::default();
    let dense_skipped = skipped.len();
    let part = |list: &[LeftOut], keep: &dyn Fn(&Observation) -> bool| pairs(list, &rows, keep);
    let dense = part(&thirds, &is_dense);
    let expected = dense.len() + dense_skipped.min(published - rows.len());
    out.figures.push(figure(
        "training, dense models, all sources; by thirds",
        expected,
        &dense,
        "mean at most 10 %, median 6 %, 90th percentile 22 %, 95 % answered",
        "a constant share of the peak fitted per chip: 17.3 / 10.6 / 41 %",
    ));
    let experts = part(&thirds, &|o| !is_dense(o));
    out.figures.push(figure("training, mixtures of experts; by thirds", experts.len(), &experts, "", ""));
    let calculons = part(&thirds, &is_calculons);
    out.figures.push(figure(
        "the same parameters on the A100 rows that calculon runs; by thirds",
        calculons.len(),
        &calculons,
        "mean at most 12 %",
        "calculon: 25 %",
    ));
    let korthikanti = part(&thirds, &|o| o.run.source.starts_with("Korthikanti"));
    out.figures.push(figure(
        "Korthikanti et al. 2022, table 5; by thirds",
        korthikanti.len(),
        &korthikanti,
        "mean at most 5 %",
        "calculon, tuned on them: 3.65 %",
    ));
    for kind in [Tuning::LowRank, Tuning::FullFineTuning] {
        let some = part(&thirds, &|o| o.run.workload.tuning == kind);
        let name = if kind == Tuning::LowRank { "low-rank fine-tuning" } else { "full fine-tuning" };
        out.figures.push(figure(&format!("{name}; by thirds"), some.len(), &some, "", ""));
    }
    out.figures.push(memory_figure(&thirds, &rows));
    let blackwell = predict_without(&rows, &base, &|_, o| !is_blackwell(o.run.accelerator))?;
    progress(0.2);
    let unseen = part(&blackwell, &|_| true);
    out.figures.push(figure(
        "training on unseen chips: every B200, GB200, B300 and GB300 row left out of the fit",
        unseen.len(),
        &unseen,
        "mean at most 20 %",
        "",
    ));
    out.figures.push(other_sources(&rows, &base, progress)?);
    out.points = thirds.iter().filter_map(|left| point(left, &rows)).collect();
    progress(1.0);
    Ok(out)
}

fn other_sources(
    rows: &[Observation],
    base: &TrainingModel,
    progress: &mut dyn FnMut(f64),
) -> Result<Figure, String> {
    let mut sources: Vec<&str> = rows.iter().map(|o| o.run.source.as_str()).collect();
    sources.sort_unstable();
    sources.dedup();
    let mut left = Vec::new();
    for (at, source) in sources.iter().enumerate() {
        left.extend(predict_without(rows, base, &|_, o| o.run.source != *source)?);
        progress(0.2 + 0.75 * (at + 1) as f64 / sources.len() as f64);
    }
    let all = pairs(&left, rows, &|_| true);
    Ok(figure("training; each source predicted by a fit on the others", all.len(), &all, "", ""))
}

fn pairs(list: &[LeftOut], rows: &[Observation], keep: &dyn Fn(&Observation) -> bool) -> Vec<[f64; 4]> {
    list.iter()
        .filter_map(|left| {
            let o = rows.get(left.row).filter(|o| keep(o))?;
            Some([o.measured, left.predicted, left.low, left.high])
        })
        .collect()
}

/// The memory of rows that publish it; its "coverage" is the share of rows of which at least 95 % is predicted.
fn memory_figure(thirds: &[LeftOut], rows: &[Observation]) -> Figure {
    let pairs: Vec<[f64; 4]> = thirds
        .iter()
        .filter_map(|left| {
            let measured = rows.get(left.row)?.memory_gib? * 1_073_741_824.0;
            Some([measured, left.memory, 0.0, left.memory / 0.95])
        })
        .collect();
    let rows = memory_residuals(rows).len();
    figure(
        "training memory; by thirds (last column: predicted at least 95 % of measured)",
        rows,
        &pairs,
        "mean at most 10 %; 95 % of rows predicted at least 95 %",
        "calculon: 43 %",
    )
}

fn point(left: &LeftOut, rows: &[Observation]) -> Option<Point> {
    let o = rows.get(left.row)?;
    let unit = |seconds: f64| o.run.in_units(o.run.metric, seconds);
    let (a, b) = (unit(left.low), unit(left.high));
    Some(Point {
        id: o.run.id.clone(),
        source: o.run.source.clone(),
        model: o.run.model.clone(),
        accelerator: o.run.accelerator.to_owned(),
        year: o.run.workload.release as u32,
        metric: o.run.metric_names[0].clone(),
        measured: unit(o.measured),
        predicted: unit(left.predicted),
        low: a.min(b),
        high: a.max(b),
    })
}
