//! The bars that the project sets itself, on published rows that were left out of the fit.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "a test may stop where it stands")]

use planner::accuracy::{AccuracyReport, Figure, report};
use planner::calibration::memory::failed_runs;
use planner::calibration::{serving, training};
use planner::catalog::Catalog;
use planner::training::{TrainingModel, USABLE};
use std::sync::LazyLock;

static REPORT: LazyLock<AccuracyReport> =
    LazyLock::new(|| report(&mut |_| {}).expect("the committed rows and fits are whole"));

fn figure(start: &str) -> &'static Figure {
    let found = REPORT.figures.iter().find(|figure| figure.what.starts_with(start));
    found.unwrap_or_else(|| panic!("no figure \"{start}\""))
}

#[test]
fn training_is_within_its_bars() {
    let dense = figure("training, dense models");
    assert!(dense.mape <= 10.0 && dense.median <= 6.0 && dense.p90 <= 22.0, "{dense:?}");
    assert!(dense.answered * 100 >= dense.rows * 95, "{dense:?}");
    assert!((75.0..=86.0).contains(&dense.coverage), "{dense:?}");
    assert!(figure("the same parameters on the A100").mape <= 12.0);
    assert!(figure("Korthikanti").mape <= 5.0);
    assert!(figure("training on unseen chips").mape <= 20.0);
    let memory = figure("training memory");
    assert!(memory.mape <= 10.0 && memory.coverage >= 95.0, "{memory:?}");
}

#[test]
fn serving_is_within_its_bars() {
    let token = figure("serving, time per output token");
    assert!(token.mape <= 18.0 && token.within_20 >= 65.0, "{token:?}");
    assert!(token.answered * 100 >= token.rows * 95, "{token:?}");
    assert!((75.0..=86.0).contains(&token.coverage), "{token:?}");
    assert!(figure("serving, TensorRT-LLM throughput").mape <= 25.0);
}

#[test]
fn the_pick_of_a_layout_is_near_the_best() {
    let ranking = &REPORT.rankings[0];
    assert!(ranking.met, "{ranking:?}");
}

#[test]
fn runs_that_ran_out_of_memory_do_not_fit() {
    let catalog = Catalog::builtin();
    let model = TrainingModel::builtin(catalog).unwrap();
    let failed = failed_runs(catalog);
    assert_eq!(failed.len(), 6);
    for run in failed {
        let said = model.predict_checked(&run.workload, &run.layout, &run.chip, run.chip_number);
        assert!(!said.fits, "{}: {} of {} bytes", run.id, said.memory_bytes, run.chip.memory_bytes * USABLE);
    }
}

#[test]
fn the_committed_fit_follows_from_the_committed_rows() {
    // Weights, spreads and margins are solved anew from the committed parameters and scales.
    let catalog = Catalog::builtin();
    let (rows, _) = training::observations(&training::carried().unwrap(), catalog);
    let model = TrainingModel::builtin(catalog).unwrap();
    let again = training::numbers_of(&rows, &model.parameters, &model.time.kernel).unwrap();
    assert!(again.write() == include_str!("../calibration/training.csv"), "run planner fit training");
    let (rows, _) = serving::observations(&serving::carried().unwrap(), catalog);
    let model = serving::builtin(catalog).unwrap();
    let kernels = [&model.per_token.kernel, &model.first_token.kernel];
    let again = serving::numbers_of(&rows, &model.parameters, kernels).unwrap();
    assert!(again.write() == include_str!("../calibration/serving.csv"), "run planner fit inference");
}
