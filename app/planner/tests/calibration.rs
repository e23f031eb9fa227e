//! The stated interval must be the one that the published rows give.

use planner::catalog::{CALIBRATION, Catalog, INTERVAL};
use planner::validation::{FITTED, compare_all, fit, quantile, read_runs, unseen_ratios};
use std::collections::{BTreeMap, BTreeSet};

const ROWS: &str = include_str!("../validation/training.csv");

#[test]
fn the_interval_is_met_by_sources_that_the_fit_has_not_seen() {
    let runs = read_runs(ROWS).unwrap();
    assert!(runs.skipped.is_empty(), "the shipped rows are all used: {:?}", runs.skipped);
    let ratios = unseen_ratios(&runs, Catalog::builtin());
    assert_eq!(ratios.len(), INTERVAL.rows as usize);
    let (low, high) = (quantile(&ratios, 0.1).unwrap(), quantile(&ratios, 0.9).unwrap());
    // Rounded outwards to two decimals, and not wider than that.
    assert!(INTERVAL.low_factor <= low && low - INTERVAL.low_factor < 0.011, "q10 is {low}");
    assert!(INTERVAL.high_factor >= high && INTERVAL.high_factor - high < 0.011, "q90 is {high}");
    let inside = |ratio: &&f64| (INTERVAL.low_factor..=INTERVAL.high_factor).contains(*ratio);
    let met = ratios.iter().filter(inside).count() as f64 / ratios.len() as f64;
    assert!(met >= 0.8, "the stated 80 % interval holds {met} of the rows");
    // The committed parameters, which have seen every row, must do at least as well.
    let seen: Vec<f64> =
        compare_all(&runs, Catalog::builtin(), &CALIBRATION).iter().map(|item| item.ratio).collect();
    assert!(seen.iter().filter(inside).count() as f64 >= 0.8 * seen.len() as f64);
    let median = quantile(&seen, 0.5).unwrap();
    assert!((0.97..1.03).contains(&median), "the central value is biased: {median}");
}

#[test]
fn the_committed_parameters_are_the_fitted_ones() {
    let runs = read_runs(ROWS).unwrap();
    let (mut fitted, _) = fit(&runs, Catalog::builtin());
    let mut committed = CALIBRATION;
    for (name, field, ..) in FITTED {
        let (fitted, committed) = (*field(&mut fitted), *field(&mut committed));
        assert!((fitted / committed - 1.0).abs() < 0.01, "{name}: fitted {fitted}, committed {committed}");
    }
}

#[test]
fn covered_accelerators_have_five_rows_each() {
    let runs = read_runs(ROWS).unwrap();
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    for run in &runs.runs {
        *rows.entry(run.accelerator).or_default() += 1;
    }
    let counted: BTreeSet<&str> = rows.iter().filter(|(_, count)| **count >= 5).map(|(id, _)| *id).collect();
    assert_eq!(counted, INTERVAL.covered_accelerators.iter().copied().collect());
}

#[test]
fn malformed_files_are_refused_with_a_line() {
    assert!(read_runs("a,b\n1").unwrap_err().contains("Line 2"));
    assert!(read_runs("a,b\n\"1,2").unwrap_err().contains("quote"));
    assert!(read_runs("").unwrap().runs.is_empty());
    let nonsense = "id,accelerator,precision,n_accel\nT1,H100-80GB,bf16,-5\nT2,abacus,bf16,4\n";
    let runs = read_runs(nonsense).unwrap();
    assert_eq!((runs.runs.len(), runs.skipped.len()), (0, 2));
}
