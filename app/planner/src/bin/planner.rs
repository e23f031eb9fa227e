//! The planner on a command line: the same model as the page.
#![expect(clippy::print_stdout, reason = "a command line answers on standard output")]

use planner::catalog::{CALIBRATION, Calibration, Catalog, INTERVAL};
use planner::validation::{Comparison, Runs, compare, quantile, read_runs};
use std::collections::BTreeMap;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let answer = match arguments.as_slice() {
        ["validate", file] => runs(file).map(|runs| validate(&runs)),
        ["calibrate", file] => runs(file).map(|runs| calibrate(&runs)),
        _ => Err("no".into()),
    };
    match answer {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn runs(file: &str) -> Result<Runs, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("{file} could not be read ({error}). Nothing was predicted. Check the path."))?;
    read_runs(&text)
}

fn comparisons(runs: &Runs, calibration: &Calibration) -> Vec<Comparison> {
    runs.runs.iter().filter_map(|run| compare(run, Catalog::builtin(), calibration).ok()).collect()
}

/// Quantiles of measured over predicted step time, in all and by accelerator and source.
fn validate(runs: &Runs) {
    let all = comparisons(runs, &CALIBRATION);
    println!("{:<52} {:>5} {:>7} {:>7} {:>7} {:>9}", "group", "rows", "q10", "median", "q90", "|error|");
    let mut groups: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for comparison in &all {
        groups.entry("all".into()).or_default().push(comparison.ratio);
        groups.entry(format!("accelerator {}", comparison.run.accelerator)).or_default().push(comparison.ratio);
        groups.entry(format!("source {}", comparison.run.source)).or_default().push(comparison.ratio);
    }
    for (name, ratios) in &groups {
        print_group(name, ratios);
    }
    for (reason, count) in &runs.skipped {
        println!("skipped {count:>4}: {reason}");
    }
    println!(
        "stated interval: {} to {} of the predicted step time, from {} rows",
        INTERVAL.low_factor, INTERVAL.high_factor, INTERVAL.rows
    );
}

fn print_group(name: &str, ratios: &[f64]) {
    let errors: Vec<f64> = ratios.iter().map(|ratio| (1.0 / ratio - 1.0).abs()).collect();
    let (Some(low), Some(median), Some(high), Some(error)) =
        (quantile(ratios, 0.1), quantile(ratios, 0.5), quantile(ratios, 0.9), quantile(&errors, 0.5))
    else {
        return;
    };
    println!("{name:<52} {:>5} {low:>7.3} {median:>7.3} {high:>7.3} {:>8.1}%", ratios.len(), error * 100.0);
}

/// Mean absolute logarithm of measured over predicted: the objective of the fit.
fn objective(runs: &Runs, calibration: &Calibration) -> f64 {
    let all = comparisons(runs, calibration);
    all.iter().map(|comparison| comparison.ratio.ln().abs()).sum::<f64>() / all.len().max(1) as f64
}

/// Coordinate search over the fitted parameters with a shrinking step: deterministic, no random start.
fn calibrate(runs: &Runs) {
    type Field = (&'static str, fn(&mut Calibration) -> &mut f64, f64, f64);
    const FIELDS: [Field; 5] = [
        ("matmul_efficiency", |c| &mut c.matmul_efficiency, 0.3, 1.0),
        ("matmul_overhead_seconds", |c| &mut c.matmul_overhead_seconds, 1e-6, 2e-4),
        ("attention_efficiency", |c| &mut c.attention_efficiency, 0.1, 1.0),
        ("communication_overlap", |c| &mut c.communication_overlap, 0.1, 1.0),
        ("default_achievable_fraction", |c| &mut c.default_achievable_fraction, 0.4, 1.0),
    ];
    let mut best = CALIBRATION;
    let mut score = objective(runs, &best);
    let mut factor = 1.4;
    while factor > 1.004 {
        let before = score;
        for (_, field, low, high) in FIELDS {
            for step in [factor, 1.0 / factor] {
                let mut candidate = best;
                let value = field(&mut candidate);
                *value = (*value * step).clamp(low, high);
                let candidate_score = objective(runs, &candidate);
                if candidate_score < score {
                    (best, score) = (candidate, candidate_score);
                }
            }
        }
        if score >= before {
            factor = f64::sqrt(factor);
        }
    }
    for (name, field, ..) in FIELDS {
        println!("{name} = {}", field(&mut best));
    }
    let ratios: Vec<f64> = comparisons(runs, &best).iter().map(|comparison| comparison.ratio).collect();
    println!("mean |ln ratio| = {score:.4}");
    print_group("with these parameters", &ratios);
}
