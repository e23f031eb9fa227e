//! The planner on a command line: the same model as the page.
//!
//! ```text
//! planner evaluate <scenario.json | link>   what the scenario costs and how fast it is
//! planner validate <rows.csv>               predicts published runs: median and 10/90 % quantiles
//! planner calibrate <rows.csv>              fits the parameters of catalog/calibration.toml
//! planner select <rows.csv>                 the rows of a CSV that the model can predict, as CSV
//! planner models | accelerators | presets   what a scenario can name
//! planner open <link>                       the state of a link as the JSON file that the page exports
//! planner link <file.json>                  the link of such a file
//! ```

mod rows;

use planner::catalog::{CALIBRATION, Calibration, Catalog, INTERVAL};
use planner::prediction::{FactUse, Prediction, Provenance};
use planner::scenario::Scenario;
use planner::validation::{Comparison, FITTED, Runs, compare_all, fit, quantile, read_runs, unseen_ratios};
use planner::{evaluate, format, presets, share};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

const USAGE: &str = "planner evaluate <scenario.json | link>\nplanner validate <rows.csv>\nplanner calibrate <rows.csv>\n\
planner select <rows.csv>\nplanner models | accelerators | presets\nplanner open <link>\nplanner link <file.json>\n";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let answer = match arguments.as_slice() {
        ["predict", kind, options @ ..] => rows::predict(kind, options),
        ["fit", kind, options @ ..] => rows::fit(kind, options),
        ["accuracy"] => rows::accuracy(false),
        ["accuracy", "--json"] => rows::accuracy(true),
        ["evaluate", what] => scenario_of(what).and_then(|scenario| evaluated(&scenario)),
        ["validate", file] => runs(file).map(|runs| validated(&runs)),
        ["calibrate", file] => runs(file).map(|runs| calibrated(&runs)),
        ["select", file] => selected(file),
        ["models"] => Ok(models()),
        ["accelerators"] => Ok(accelerators()),
        ["presets"] => Ok(preset_list()),
        ["open", link] => opened(link),
        ["link", file] => linked(file),
        _ => Err(format!("No such command. Nothing was done. Use one of:\n{USAGE}")),
    };
    match answer {
        Ok(text) => {
            // A reader that stops early (`| head`) is not an error.
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(message) => {
            let _ = writeln!(std::io::stderr(), "{message}");
            ExitCode::FAILURE
        }
    }
}

fn read(file: &str) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| {
        format!("{file} could not be read ({error}). Nothing was predicted. Check the path.")
    })
}

fn runs(file: &str) -> Result<Runs, String> {
    read_runs(&read(file)?)
}

/// A link (its fragment or the whole address), an exported file, or a bare scenario in JSON.
fn scenario_of(what: &str) -> Result<Scenario, String> {
    if let Some((_, fragment)) = what.split_once('#').or(what.starts_with('/').then_some(("", what)))
        && fragment.contains("?v=")
    {
        return share::decode(fragment)
            .map(|workbench| workbench.scenario)
            .map_err(|error| error.to_string());
    }
    let text = read(what)?;
    if text.contains("\"ridgepoint\"") {
        return share::from_json(&text)
            .map(|workbench| workbench.scenario)
            .map_err(|error| error.to_string());
    }
    serde_json::from_str(&text).map_err(|error| {
        format!("{what} is not a scenario ({error}). Nothing was predicted. Export one from the page.")
    })
}

fn evaluated(scenario: &Scenario) -> Result<String, String> {
    let prediction = evaluate(scenario, Catalog::builtin()).map_err(|error| error.to_string())?;
    let mut out = String::new();
    report(&mut out, &prediction).map_err(|error| error.to_string())?;
    Ok(out)
}

fn report(out: &mut String, prediction: &Prediction) -> std::fmt::Result {
    writeln!(out, "{}\n", prediction.verdict)?;
    let step = &prediction.step_time;
    writeln!(
        out,
        "step time          {} ({})",
        format::seconds(step.value),
        format::interval(step, format::seconds)
    )?;
    for part in &prediction.step_parts {
        writeln!(out, "  {:<50} {}", part.label, format::seconds(part.time))?;
    }
    writeln!(out, "throughput         {}", format::tokens_per_second(prediction.tokens_per_second))?;
    writeln!(out, "model FLOPs utilisation {}", format::percent(prediction.model_flops_utilization))?;
    writeln!(
        out,
        "memory             {} of {}",
        format::bytes_binary(prediction.memory_total),
        format::bytes_binary(prediction.memory_capacity)
    )?;
    for part in &prediction.memory_parts {
        writeln!(out, "  {:<50} {}", part.label, format::bytes_binary(part.bytes))?;
    }
    let energy = &prediction.energy;
    writeln!(
        out,
        "energy             {} ({})",
        format::energy(energy.value),
        format::interval(energy, format::energy)
    )?;
    let cost = &prediction.cost;
    writeln!(
        out,
        "cost               {} ({})",
        format::usd(cost.value),
        format::interval(cost, format::usd)
    )?;
    for part in &prediction.cost_parts {
        writeln!(out, "  {:<50} {}", part.label, format::usd(part.cost))?;
    }
    writeln!(out, "\nfacts")?;
    for FactUse { label, value, unit, provenance } in &prediction.facts {
        writeln!(out, "  {label}: {} [{}]", format::fact(*value, *unit), badge(provenance))?;
    }
    writeln!(out, "\n{}", prediction.interval_basis)?;
    prediction.notes.iter().try_for_each(|note| writeln!(out, "- {note}"))
}

fn badge(provenance: &Provenance) -> String {
    match provenance {
        Provenance::Measured => "measured here".into(),
        Provenance::Catalog { source, retrieved_on } => format!("{source}, read {retrieved_on}"),
        Provenance::Model => "model".into(),
        Provenance::Assumption => "assumption".into(),
    }
}

fn models() -> String {
    Catalog::builtin().models().iter().fold(String::new(), |mut out, model| {
        let _ =
            writeln!(out, "{:<16} {:<20} {}", model.id, model.name, format::count(model.parameters.value));
        out
    })
}

fn accelerators() -> String {
    Catalog::builtin().accelerators().iter().fold(String::new(), |mut out, accelerator| {
        let peaks: Vec<String> = accelerator
            .dtypes()
            .filter_map(|dtype| {
                let peak = accelerator.peak_flops(dtype).ok()?;
                Some(format!("{} {}", dtype.name(), format::flops_per_second(peak.value)))
            })
            .collect();
        let _ = writeln!(out, "{:<16} {:<34} {}", accelerator.id, accelerator.name, peaks.join(", "));
        out
    })
}

fn preset_list() -> String {
    presets::all().iter().fold(String::new(), |mut out, preset| {
        let link = share::encode(&preset.workbench());
        let _ = writeln!(out, "{:<20} {}\n{:<20} #{link}", preset.id, preset.description, "");
        out
    })
}

/// The state of a link as an exported file; its notes go to standard error.
fn opened(link: &str) -> Result<String, String> {
    let fragment = link.split_once('#').map_or(link, |(_, fragment)| fragment);
    let decoded = share::decode_with_notes(fragment).map_err(|error| error.to_string())?;
    for note in &decoded.notes {
        let _ = writeln!(std::io::stderr(), "{note}");
    }
    Ok(share::to_json(&decoded.workbench))
}

/// The link of an exported file.
fn linked(file: &str) -> Result<String, String> {
    let workbench = share::from_json(&read(file)?).map_err(|error| error.to_string())?;
    Ok(format!("#{}\n", share::encode(&workbench)))
}

/// The header and the rows that [`read_runs`] can use.
fn selected(file: &str) -> Result<String, String> {
    let text = read(file)?;
    let mut lines = text.lines();
    let header = lines.next().unwrap_or_default();
    let mut out = format!("{header}\n");
    for line in lines {
        if !read_runs(&format!("{header}\n{line}"))?.runs.is_empty() {
            out.push_str(line);
            out.push('\n');
        }
    }
    Ok(out)
}

fn comparisons(runs: &Runs, calibration: &Calibration) -> Vec<Comparison> {
    compare_all(runs, Catalog::builtin(), calibration)
}

/// Quantiles of measured over predicted step time, in all and by accelerator and source.
fn validated(runs: &Runs) -> String {
    let mut out = format!(
        "measured over predicted step time\n{:<54} {:>5} {:>7} {:>7} {:>7} {:>9}\n",
        "group", "rows", "q10", "median", "q90", "|error|"
    );
    let mut groups: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for comparison in comparisons(runs, &CALIBRATION) {
        let run = &comparison.run;
        let names =
            ["all".into(), format!("accelerator {}", run.accelerator), format!("source {}", run.source)];
        for name in names {
            groups.entry(name).or_default().push(comparison.ratio);
        }
    }
    for (name, ratios) in &groups {
        out += &group_line(name, ratios);
    }
    for (reason, count) in &runs.skipped {
        let _ = writeln!(out, "skipped {count:>4}: {reason}");
    }
    let _ = writeln!(
        out,
        "stated 80 % interval: {} to {} of the predicted step time, from {} rows",
        INTERVAL.low_factor, INTERVAL.high_factor, INTERVAL.rows
    );
    out
}

fn group_line(name: &str, ratios: &[f64]) -> String {
    let errors: Vec<f64> = ratios.iter().map(|ratio| (1.0 / ratio - 1.0).abs()).collect();
    match (quantile(ratios, 0.1), quantile(ratios, 0.5), quantile(ratios, 0.9), quantile(&errors, 0.5)) {
        (Some(low), Some(median), Some(high), Some(error)) => format!(
            "{name:<54} {:>5} {low:>7.3} {median:>7.3} {high:>7.3} {:>8.1}%\n",
            ratios.len(),
            error * 100.0
        ),
        _ => String::new(),
    }
}

/// The fitted parameters, and how well the model does on sources that the fit has not seen.
fn calibrated(runs: &Runs) -> String {
    let (mut best, score) = fit(runs, Catalog::builtin());
    let mut out = String::new();
    for (name, field, ..) in FITTED {
        let _ = writeln!(out, "{name} = {:.4e}", field(&mut best));
    }
    let _ = writeln!(out, "mean |ln(measured / predicted)| = {score:.4}");
    let seen: Vec<f64> = comparisons(runs, &best).iter().map(|comparison| comparison.ratio).collect();
    out += &group_line("fitted on all rows", &seen);
    out + &group_line(
        "each source predicted by a fit on the others",
        &unseen_ratios(runs, Catalog::builtin()),
    )
}
