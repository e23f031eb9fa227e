//! Fits the parameters of `catalog/calibration.toml` and measures the error on sources that a fit has not seen.

use super::{Comparison, Runs, compare};
use crate::catalog::{CALIBRATION, Calibration, Catalog};
use std::collections::{BTreeMap, BTreeSet};

/// Name, place, and physical range of a fitted parameter.
pub type FittedParameter = (&'static str, fn(&mut Calibration) -> &mut f64, f64, f64);

/// The fitted parameters; every other one has a published source.
pub const FITTED: [FittedParameter; 5] = [
    ("matmul_efficiency", |parameters| &mut parameters.matmul_efficiency, 0.3, 1.0),
    ("matmul_overhead_seconds", |parameters| &mut parameters.matmul_overhead_seconds, 1e-6, 2e-4),
    ("attention_efficiency", |parameters| &mut parameters.attention_efficiency, 0.1, 1.0),
    ("communication_overlap", |parameters| &mut parameters.communication_overlap, 0.1, 1.0),
    ("default_achievable_fraction", |parameters| &mut parameters.default_achievable_fraction, 0.4, 1.0),
];

/// Where every fit starts; the parameters that have a published source keep it.
const NEUTRAL: Calibration = Calibration {
    matmul_efficiency: 0.8,
    matmul_overhead_seconds: 2e-5,
    attention_efficiency: 0.5,
    communication_overlap: 0.5,
    default_achievable_fraction: 0.8,
    ..CALIBRATION
};

/// Predicts every run whose facts the catalog has.
#[must_use]
pub fn compare_all(runs: &Runs, catalog: &Catalog, calibration: &Calibration) -> Vec<Comparison> {
    runs.runs.iter().filter_map(|run| compare(run, catalog, calibration).ok()).collect()
}

/// Mean absolute logarithm of measured over predicted.
fn objective(runs: &Runs, catalog: &Catalog, calibration: &Calibration) -> f64 {
    let ratios = runs.runs.iter().filter_map(|run| compare(run, catalog, calibration).ok());
    let (sum, count) =
        ratios.fold((0.0, 0.0), |(sum, count), item| (sum + item.ratio.ln().abs(), count + 1.0));
    sum / f64::max(count, 1.0)
}

/// Coordinate search with a shrinking step from a neutral start, so that the answer depends on the rows alone.
/// Returns the parameters and their mean absolute logarithmic error.
#[must_use]
pub fn fit(runs: &Runs, catalog: &Catalog) -> (Calibration, f64) {
    let mut best = NEUTRAL;
    let mut score = objective(runs, catalog, &best);
    let mut factor: f64 = 1.4;
    while factor > 1.02 {
        let before = score;
        for (_, field, low, high) in FITTED {
            for step in [factor, 1.0 / factor] {
                let mut candidate = best;
                let value = field(&mut candidate);
                *value = (*value * step).clamp(low, high);
                let candidate_score = objective(runs, catalog, &candidate);
                if candidate_score < score {
                    (best, score) = (candidate, candidate_score);
                }
            }
        }
        if score >= before {
            factor = factor.sqrt();
        }
    }
    (best, score)
}

/// Measured over predicted step time of every run, each source predicted with parameters that were fitted on the
/// other sources only: what a visitor, whose run is in no table, may expect.
#[must_use]
pub fn unseen_ratios(runs: &Runs, catalog: &Catalog) -> Vec<f64> {
    let sources: BTreeSet<&str> = runs.runs.iter().map(|run| run.source.as_str()).collect();
    let mut ratios = Vec::with_capacity(runs.runs.len());
    for source in sources {
        let part = |inside: bool| Runs {
            runs: runs.runs.iter().filter(|run| (run.source == source) == inside).cloned().collect(),
            skipped: BTreeMap::new(),
        };
        let (parameters, _) = fit(&part(false), catalog);
        ratios.extend(compare_all(&part(true), catalog, &parameters).iter().map(|item| item.ratio));
    }
    ratios
}
