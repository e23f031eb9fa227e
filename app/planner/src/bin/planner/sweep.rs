//! `sweep`: the layouts worth choosing, as a table or as JSON.

use planner::catalog::Catalog;
use planner::format;
use planner::search::{Plan, PlanOptions, PlanReport, plan, short};
use planner::training::TrainingModel;
use planner::units::{Bytes, Joules, Seconds, Usd};
use std::fmt::Write as _;

/// Seconds of a day.
const DAY: f64 = 86_400.0;

/// `sweep SCENARIO [--top N] [--json] ...`.
pub fn sweep(what: &str, arguments: &[&str]) -> Result<String, String> {
    let scenario = super::scenario::read(what)?;
    let (options, as_json) = options(arguments)?;
    let catalog = Catalog::builtin();
    let model = TrainingModel::builtin(catalog)?;
    let found =
        plan(&scenario, &options, catalog, &model, &mut |_, _| true).map_err(|error| error.to_string())?;
    if as_json {
        return serde_json::to_string_pretty(&PlanReport::of(&found))
            .map(|text| text + "\n")
            .map_err(|e| e.to_string());
    }
    Ok(table(&found))
}

fn options(arguments: &[&str]) -> Result<(PlanOptions, bool), String> {
    let mut options = PlanOptions { top: 10, ..PlanOptions::default() };
    let mut as_json = false;
    let mut rest = arguments.iter();
    while let Some(name) = rest.next() {
        if *name == "--json" {
            as_json = true;
            continue;
        }
        let value = rest.next().ok_or_else(|| format!("{name} has no value. Nothing was searched."))?;
        let number = |low: f64, high: f64| {
            value
                .parse::<f64>()
                .ok()
                .filter(|number| (low..=high).contains(number))
                .ok_or_else(|| format!("{name} is {value}; allowed is a number from {low} to {high}."))
        };
        match *name {
            "--top" => options.top = number(1.0, 1e4)? as usize,
            "--deadline-days" => options.goal.deadline = Some(number(1e-6, 1e6)? * DAY),
            "--budget-usd" => options.goal.budget = Some(number(0.0, 1e15)?),
            "--accelerators" => options.accelerators = value.split(',').map(str::to_owned).collect(),
            "--counts" => {
                options.counts = value
                    .split(',')
                    .map(|part| {
                        part.parse::<u32>().ok().filter(|count| (1..=1_000_000).contains(count)).ok_or_else(
                            || format!("--counts has {part}; allowed are whole numbers from 1 to 1000000."),
                        )
                    })
                    .collect::<Result<_, _>>()?;
            }
            _ => return Err(format!("{name} is unknown. Nothing was searched.")),
        }
    }
    Ok((options, as_json))
}

fn table(plan: &Plan) -> String {
    let mut out = format!(
        "{} layouts looked at, {} fit, {} on the front over time, cost, energy and memory\n\n",
        plan.searched.considered,
        plan.searched.fitting,
        plan.front.len()
    );
    for fleet in plan.fleets.iter().filter(|fleet| fleet.left_out.is_some()) {
        let why = fleet.left_out.as_deref().unwrap_or_default();
        let _ = writeln!(out, "left out: {} {}: {why}", fleet.count, fleet.accelerator);
    }
    for one in &plan.best {
        let accelerator = plan.fleets.get(one.fleet).map_or("", |fleet| &fleet.accelerator);
        let _ = writeln!(
            out,
            "{:<12} {:<14} {:<12} {:<10} {:<10} {accelerator}: {}",
            format::seconds(Seconds(one.seconds)),
            format::seconds(Seconds(one.time)),
            format::usd(Usd(one.cost)),
            format::energy(Joules(one.energy)),
            format::bytes_binary(Bytes(one.memory_bytes)),
            short(one)
        );
    }
    let _ = writeln!(out, "\n{}", plan.explanation);
    out
}
