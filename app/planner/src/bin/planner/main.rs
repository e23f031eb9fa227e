//! The planner on a command line: the same model as the page.
//!
//! ```text
//! planner evaluate <scenario.json | link>   what the scenario costs and how fast it is
//! planner sweep <scenario.json | link> [--top N] [--json] [--counts 8,16] [--accelerators a,b]
//!               [--deadline-days D] [--budget-usd B]    the layouts worth choosing
//! planner predict training|inference --rows IN.csv --out OUT.csv    a line of answer a row
//! planner fit training|inference --out FILE.csv                     the fit that the library embeds
//! planner accuracy [--json]                 every figure of the accuracy page
//! planner bench                             configurations per second, one thread
//! planner digest                            of every answer: the same here and in a browser (calibration/digest.txt)
//! planner catalog check                     every fact has value, unit, source and date; old prices are named
//! planner model <config.json>               a pasted Hugging Face config as the planner reads it
//! planner models | accelerators | presets   what a scenario can name
//! planner open <link>                       the state of a link as the JSON file that the page exports
//! planner link <file.json>                  the link of such a file
//! ```

mod bench;
mod check;
mod rows;
mod scenario;
mod sweep;

use planner::catalog::Catalog;
use planner::prediction::{FactUse, Prediction, Provenance};
use planner::rows::answer::carried_digest;
use planner::scenario::Scenario;
use planner::training::TrainingModel;
use planner::{evaluate, format, presets, share};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

const USAGE: &str = "planner evaluate <scenario.json | link>\nplanner sweep <scenario.json | link> [--top N] [--json] \
[--counts 8,16] [--accelerators a,b] [--deadline-days D] [--budget-usd B]\nplanner predict training|inference --rows \
IN.csv --out OUT.csv\nplanner fit training|inference --out FILE.csv\nplanner accuracy [--json]\nplanner bench\nplanner digest\n\
planner catalog check\nplanner model <config.json>\nplanner models | accelerators | presets\nplanner open <link>\nplanner link <file.json>\n";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let answer = match arguments.as_slice() {
        ["predict", kind, options @ ..] => rows::predict(kind, options),
        ["fit", kind, options @ ..] => rows::fit(kind, options),
        ["accuracy"] => rows::accuracy(false),
        ["accuracy", "--json"] => rows::accuracy(true),
        ["evaluate", what] => scenario::read(what).and_then(|scenario| evaluated(&scenario)),
        ["sweep", what, options @ ..] => sweep::sweep(what, options),
        ["bench"] => bench::bench(),
        ["model", file] => read(file).and_then(|text| pasted(&text)),
        ["digest"] => carried_digest(Catalog::builtin()).map(|digest| digest + "\n"),
        ["catalog", "check"] => check::check(),
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

fn evaluated(scenario: &Scenario) -> Result<String, String> {
    let prediction = evaluate(scenario, Catalog::builtin(), &TrainingModel::builtin(Catalog::builtin())?)
        .map_err(|error| error.to_string())?;
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
    for FactUse { label, value, unit, provenance, .. } in &prediction.facts {
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

/// What a pasted config says.
fn pasted(text: &str) -> Result<String, String> {
    let read = planner::models::config::read(text)?;
    let shape = &read.shape;
    let mut out = format!(
        "{}: {} parameters, of which a token meets {}\n{} layers, width {}, MLP {}, {} heads of {}, {} of keys and values, \
         vocabulary {}\n",
        read.name,
        format::count(shape.parameters()),
        format::count(shape.active_parameters()),
        shape.num_hidden_layers,
        shape.hidden_size,
        shape.intermediate_size,
        shape.num_attention_heads,
        shape.head_dim,
        shape.num_key_value_heads,
        shape.vocab_size
    );
    if let Some(experts) = shape.experts {
        let _ = writeln!(
            out,
            "{} experts of width {}, {} for each token",
            experts.num_experts, experts.moe_intermediate_size, experts.num_experts_per_token
        );
    }
    for note in &read.notes {
        let _ = writeln!(out, "note: {note}");
    }
    Ok(out)
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
