//! Commands over tables of published runs: predict, fit, accuracy.

use planner::accuracy::{AccuracyReport, report};
use planner::calibration::training::{calibrate, carried, observations};
use planner::catalog::Catalog;
use planner::rows::answer;
use planner::rows::csv;
use planner::training::TrainingModel;
use std::fmt::Write as _;

/// `predict training --rows IN.csv --out OUT.csv`: one line of answer a row.
pub fn predict(kind: &str, arguments: &[&str]) -> Result<String, String> {
    let option = |name: &str| {
        arguments
            .iter()
            .position(|argument| *argument == name)
            .and_then(|at| arguments.get(at + 1).copied())
            .ok_or_else(|| format!("{name} is missing. Nothing was predicted. Add {name} FILE.csv."))
    };
    let (input, output) = (option("--rows")?, option("--out")?);
    let table = csv::read(&super::read(input)?)?;
    let catalog = Catalog::builtin();
    let answers = match kind {
        "training" => answer::training(&table, &TrainingModel::builtin(catalog)?, catalog),
        other => return Err(format!("predict {other} is unknown. Use predict training or predict inference.")),
    };
    let answered = answers.iter().filter(|line| line.first.is_some()).count();
    std::fs::write(output, answer::write(&answers))
        .map_err(|error| format!("{output} could not be written ({error}). Check the path."))?;
    Ok(format!("{answered} of {} rows answered, in {output}\n", answers.len()))
}

/// `fit training --out FILE`: the calibration that the library embeds.
pub fn fit(kind: &str, arguments: &[&str]) -> Result<String, String> {
    let output = match arguments {
        ["--out", file] => file,
        _ => return Err("Use: planner fit training --out FILE.csv".into()),
    };
    let numbers = match kind {
        "training" => calibrate(&observations(&carried()?, Catalog::builtin()).0, 1.1)?,
        other => return Err(format!("fit {other} is unknown. Use fit training or fit inference.")),
    };
    std::fs::write(output, numbers.write())
        .map_err(|error| format!("{output} could not be written ({error}). Check the path."))?;
    Ok(format!("written to {output}\n"))
}

/// `accuracy`: every figure of the Accuracy page.
pub fn accuracy(json: bool) -> Result<String, String> {
    let report = report(&mut |_| {})?;
    if json {
        return serde_json::to_string_pretty(&report).map_err(|error| error.to_string());
    }
    Ok(table(&report))
}

fn table(report: &AccuracyReport) -> String {
    let mut out = format!(
        "{:>5} {:>8} {:>7} {:>7} {:>7} {:>10} {:>9}  what\n",
        "rows", "answered", "mean", "median", "p90", "within 20%", "interval"
    );
    for f in &report.figures {
        let _ = writeln!(
            out,
            "{:>5} {:>8} {:>6.1}% {:>6.1}% {:>6.1}% {:>9.1}% {:>8.1}%  {}",
            f.rows, f.answered, f.mape, f.median, f.p90, f.within_20, f.coverage, f.what
        );
        for (name, text) in [("bar", &f.bar), ("others", &f.peers)] {
            if !text.is_empty() {
                let _ = writeln!(out, "{:62}{name}: {text}", "");
            }
        }
    }
    out
}
