//! Figures of training.

use super::{AccuracyReport, Bar, Figure, Point, Ranking, figure, part_of, ranking};
use crate::calibration::memory::memory_residuals;
use crate::calibration::training::{
    Observation, carried, fit_parameters, is_blackwell, numbers_of, observations, tried_layouts,
};
use crate::catalog::Catalog;
use crate::training::{TrainingModel, Tuning};

/// Parts of the rows, each predicted by the others.
const PARTS: u32 = 10;

/// A row left out and predicted: seconds or bytes.
#[derive(Debug, Clone, Copy)]
struct LeftOut {
    row: usize,
    predicted: f64,
    low: f64,
    high: f64,
    memory: f64,
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

fn is_dense(observation: &Observation) -> bool {
    observation.run.workload.shape.experts.is_none()
}

/// Sources that calculon can run: 16-bit Megatron on A100.
fn is_calculons(observation: &Observation) -> bool {
    let source = observation.run.source.as_str();
    observation.run.accelerator.starts_with("a100")
        && ["Megatron-LM 2021", "MT-NLG", "BigScience", "Korthikanti"]
            .iter()
            .any(|part| source.starts_with(part))
}

/// Adds the figures of training; `progress` hears shares of the work from 0 to 1.
///
/// # Errors
/// What the committed calibration or rows lack.
pub(super) fn add(out: &mut AccuracyReport, progress: &mut dyn FnMut(f64)) -> Result<(), String> {
    let catalog = Catalog::builtin();
    let table = carried()?;
    let published = table.iter().filter(|row| !row.text("value").is_empty()).count();
    let (rows, skipped) = observations(&table, catalog);
    let base = TrainingModel::builtin(catalog)?;
    let mut tenths: Vec<LeftOut> = Vec::new();
    for part in 0..PARTS {
        tenths.extend(predict_without(&rows, &base, &|_, o| part_of(&o.run.id, PARTS) != part)?);
        progress(0.02 * f64::from(part + 1));
    }
    let dense_skipped = skipped.len();
    let part = |list: &[LeftOut], keep: &dyn Fn(&Observation) -> bool| pairs(list, &rows, keep);
    let dense = part(&tenths, &is_dense);
    let expected = dense.len() + dense_skipped.min(published - rows.len());
    out.figures.push(figure(
        "training, dense models, all sources; by tenths",
        expected,
        &dense,
        Bar {
            mean: Some(10.0),
            median: Some(6.0),
            p90: Some(22.0),
            answered: Some(95.0),
            interval: true,
            ..Bar::default()
        },
        "a constant share of the peak fitted per chip: 17.3 / 10.6 / 41 %",
    ));
    let experts = part(&tenths, &|o| !is_dense(o));
    out.figures.push(figure(
        "training, mixtures of experts; by tenths",
        experts.len(),
        &experts,
        Bar::default(),
        "",
    ));
    let calculons = part(&tenths, &is_calculons);
    out.figures.push(figure(
        "the same parameters on the A100 rows that calculon runs; by tenths",
        calculons.len(),
        &calculons,
        Bar { mean: Some(12.0), ..Bar::default() },
        "calculon: 25 %",
    ));
    let korthikanti = part(&tenths, &|o| o.run.source.starts_with("Korthikanti"));
    out.figures.push(figure(
        "Korthikanti et al. 2022, table 5; by tenths",
        korthikanti.len(),
        &korthikanti,
        Bar { mean: Some(5.0), ..Bar::default() },
        "calculon, tuned on them: 3.65 %",
    ));
    for kind in [Tuning::LowRank, Tuning::FullFineTuning] {
        let some = part(&tenths, &|o| o.run.workload.tuning == kind);
        let name = if kind == Tuning::LowRank { "low-rank fine-tuning" } else { "full fine-tuning" };
        out.figures.push(figure(&format!("{name}; by tenths"), some.len(), &some, Bar::default(), ""));
    }
    out.figures.push(memory_figure(&tenths, &rows));
    let blackwell = predict_without(&rows, &base, &|_, o| !is_blackwell(o.run.accelerator))?;
    progress(0.2);
    let unseen = part(&blackwell, &|_| true);
    out.figures.push(figure(
        "training on unseen chips: every B200, GB200, B300 and GB300 row left out of the fit",
        unseen.len(),
        &unseen,
        Bar { mean: Some(20.0), ..Bar::default() },
        "",
    ));
    out.figures.push(other_sources(&rows, &base, progress)?);
    out.points.extend(tenths.iter().filter_map(|left| point(left, &rows)));
    out.rankings.push(bloom(&tenths, &rows));
    progress(1.0);
    Ok(())
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
    Ok(figure("training; each source predicted by a fit on the others", all.len(), &all, Bar::default(), ""))
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
fn memory_figure(tenths: &[LeftOut], rows: &[Observation]) -> Figure {
    let pairs: Vec<[f64; 4]> = tenths
        .iter()
        .filter_map(|left| {
            let measured = rows.get(left.row)?.memory_gib? * 1_073_741_824.0;
            Some([measured, left.memory, 0.0, left.memory / 0.95])
        })
        .collect();
    let rows = memory_residuals(rows).len();
    figure(
        "training memory; by tenths (last column: predicted at least 95 % of measured)",
        rows,
        &pairs,
        Bar { mean: Some(10.0), coverage: Some(95.0), ..Bar::default() },
        "calculon: 43 %",
    )
}

/// The layouts that BigScience tried on 384 A100, by achieved FLOP/s.
fn bloom(tenths: &[LeftOut], rows: &[Observation]) -> Ranking {
    let tried = tried_layouts(rows);
    let rate_of = |row: usize| tried.iter().find(|(at, _)| *at == row).map(|(_, rate)| *rate);
    let pairs: Vec<[f64; 2]> = tenths
        .iter()
        .filter_map(|left| {
            let (o, rate) = (rows.get(left.row)?, rate_of(left.row)?);
            Some([rate, rate * o.measured / left.predicted])
        })
        .collect();
    ranking("layouts that BigScience tried on 384 A100; by tenths", &pairs)
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
