//! Figures of serving: rows dealt into thirds, each predicted by a fit on the others.

use super::{AccuracyReport, Bar, Point, figure, part_of};
use crate::calibration::serving::{
    ServingObservation, Target, builtin, carried, fit_parameters, model_of, numbers_of, observations,
};
use crate::catalog::Catalog;
use crate::rows::inference::ServingMetric;
use crate::serving::{Mode, ServingModel};

/// Parts of the rows, each predicted by the others: a fit takes seconds, so there are three.
const PARTS: u32 = 3;

/// A left-out row: its place, its unit, and measured, predicted, low, high.
struct LeftOut {
    row: usize,
    target: Target,
    metric: ServingMetric,
    values: [f64; 4],
}

fn predict(model: &ServingModel, row: usize, observation: &ServingObservation) -> Vec<LeftOut> {
    let run = &observation.run;
    let [engine, version, recipe] = &run.words;
    let prediction =
        model.predict(&run.workload, &run.layout, &run.chip, run.chip_number, [engine, version, recipe]);
    [Target::Token, Target::First]
        .into_iter()
        .filter_map(|target| {
            let (metric, measured) = observation.of(target)?;
            let [value, low, high] = run.answer(metric, &prediction);
            Some(LeftOut { row, target, metric, values: [measured, value, low, high] })
        })
        .collect()
}

/// Adds the figures of serving; `progress` hears shares of the work from 0 to 1.
///
/// # Errors
/// What the committed calibration or rows lack.
pub(super) fn add(out: &mut AccuracyReport, progress: &mut dyn FnMut(f64)) -> Result<(), String> {
    let catalog = Catalog::builtin();
    let (rows, skipped) = observations(&carried()?, catalog);
    let base = builtin(catalog)?;
    let mut left: Vec<LeftOut> = Vec::new();
    for part in 0..PARTS {
        let rest: Vec<ServingObservation> =
            rows.iter().filter(|o| part_of(&o.run.id, PARTS) != part).cloned().collect();
        let (parameters, _) = fit_parameters(&rest);
        let numbers = numbers_of(&rest, &parameters, [&base.per_token.kernel, &base.first_token.kernel])?;
        let model = model_of(&numbers, &rest)?;
        let parts = rows.iter().enumerate().filter(|(_, o)| part_of(&o.run.id, PARTS) == part);
        left.extend(parts.flat_map(|(row, o)| predict(&model, row, o)));
        progress(f64::from(part + 1) / f64::from(PARTS));
    }
    let pairs = |keep: &dyn Fn(&ServingObservation, Target) -> bool| -> Vec<[f64; 4]> {
        left.iter().filter(|l| rows.get(l.row).is_some_and(|o| keep(o, l.target))).map(|l| l.values).collect()
    };
    let online = pairs(&|o, target| o.run.workload.mode == Mode::Online && target == Target::Token);
    out.figures.push(figure(
        "serving, time per output token (TPOT), aggregated; by thirds",
        online.len() + skipped.len(),
        &online,
        Bar {
            mean: Some(18.0),
            within_20: Some(65.0),
            answered: Some(95.0),
            interval: true,
            ..Bar::default()
        },
        "aiconfigurator: 28 %, 53 %, 69 %",
    ));
    let most = pairs(&|o, target| {
        o.run.workload.mode == Mode::Saturated && o.run.words[0] == "trtllm" && target == Target::Token
    });
    out.figures.push(figure(
        "serving, TensorRT-LLM throughput; by thirds",
        most.len(),
        &most,
        Bar { mean: Some(25.0), ..Bar::default() },
        "",
    ));
    let first = pairs(&|_, target| target == Target::First);
    out.figures.push(figure(
        "serving, time to first token (TTFT); by thirds",
        first.len(),
        &first,
        Bar::default(),
        "",
    ));
    let edge = pairs(&|o, target| {
        matches!(o.run.workload.mode, Mode::Edge | Mode::Static) && target == Target::Token
    });
    out.figures.push(figure(
        "one batch or one stream, edge devices included; by thirds",
        edge.len(),
        &edge,
        Bar::default(),
        "",
    ));
    out.points.extend(left.iter().filter_map(|l| point(l, &rows)));
    Ok(())
}

fn point(left: &LeftOut, rows: &[ServingObservation]) -> Option<Point> {
    let run = &rows.get(left.row)?.run;
    let [measured, predicted, low, high] = left.values;
    let at = run.metrics.iter().position(|metric| *metric == Some(left.metric))?;
    Some(Point {
        id: run.id.clone(),
        source: run.source.clone(),
        model: run.model.clone(),
        accelerator: run.accelerator.to_owned(),
        year: run.year,
        metric: run.metric_names.get(at)?.clone(),
        measured,
        predicted,
        low,
        high,
    })
}
