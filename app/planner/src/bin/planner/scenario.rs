//! A scenario from a file or a link, checked field by field: a command line repairs nothing silently.

use planner::scenario::Scenario;
use planner::share;
use serde_json::Value;

/// Name, lowest, highest and wholeness of every number of a scenario.
const NUMBERS: [(&str, f64, f64, bool); 17] = [
    ("accelerator_count", 1.0, 1e6, true),
    ("sequence_length", 1.0, 1e7, true),
    ("global_batch_size", 1.0, 1e7, true),
    ("micro_batch_size", 1.0, 65_536.0, true),
    ("tensor_parallel_size", 1.0, 64.0, true),
    ("pipeline_parallel_size", 1.0, 256.0, true),
    ("virtual_pipeline_size", 1.0, 64.0, true),
    ("context_parallel_size", 1.0, 256.0, true),
    ("expert_parallel_size", 1.0, 1_024.0, true),
    ("zero_stage", 0.0, 3.0, true),
    ("training_tokens", 1.0, 1e16, false),
    ("cloud_fraction", 0.0, 1.0, false),
    ("usd_per_accelerator_hour", 0.0, 10_000.0, false),
    ("usd_per_kilowatt_hour", 0.0, 10.0, false),
    ("amortisation_years", 0.1, 20.0, false),
    ("seed", 0.0, 4_294_967_295.0, true),
    ("epochs", 0.0, 1e9, true),
];

/// Reads a link (its fragment or the whole address), an exported file, or a bare scenario in JSON.
pub fn read(what: &str) -> Result<Scenario, String> {
    if let Some((_, fragment)) = what.split_once('#').or(what.starts_with('/').then_some(("", what)))
        && fragment.contains("?v=")
    {
        return share::decode(fragment)
            .map(|workbench| workbench.scenario)
            .map_err(|error| error.to_string());
    }
    let text = super::read(what)?;
    if text.contains("\"ridgepoint\"") {
        return share::from_json(&text)
            .map(|workbench| workbench.scenario)
            .map_err(|error| error.to_string());
    }
    let value: Value = serde_json::from_str(&text).map_err(|error| malformed(what, &text, &error))?;
    let fields = value.as_object().ok_or_else(|| {
        format!("{what} is not a scenario: a JSON object is wanted. Nothing was predicted.")
    })?;
    for (name, low, high, is_whole) in NUMBERS {
        let Some(given) = fields.get(name) else { continue };
        if name == "usd_per_accelerator_hour" && given.is_null() {
            continue;
        }
        let inside = given
            .as_f64()
            .is_some_and(|number| (low..=high).contains(&number) && (!is_whole || number.fract() == 0.0));
        if !inside {
            let kind = if is_whole { "a whole number" } else { "a number" };
            return Err(format!(
                "{name} is {given}; allowed is {kind} from {low} to {high}. Nothing was predicted."
            ));
        }
    }
    serde_json::from_value(value).map_err(|error| {
        format!("{what} is not a scenario ({error}). Nothing was predicted. Export one from the page.")
    })
}

/// JSON has no NaN: the line says which field it was.
fn malformed(what: &str, text: &str, error: &serde_json::Error) -> String {
    let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
    let field = line.get(..error.column().min(line.len())).and_then(|before| before.rsplit('"').nth(1));
    let at = field.map_or_else(String::new, |field| format!("{:.64}: ", field));
    format!("{at}{what} is not JSON ({error}). A number is written with digits. Nothing was predicted.")
}
