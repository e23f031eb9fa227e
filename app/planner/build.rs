//! Turns the catalog's TOML into Rust statics, so that no TOML parser reaches the page.
//!
//! It rejects a fact without source or date, a value that is not finite and positive, a duplicate or dangling
//! id and an unknown key. Tests hold every model's published parameter count against its fields.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a build script reports a bad catalog by failing the build"
)]

mod build_storage;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};
use toml::{Table, Value};

/// Number formats, spelled as in safetensors, with the variant of `planner::scenario::Dtype`.
const DTYPES: [(&str, &str); 5] =
    [("F32", "F32"), ("BF16", "Bf16"), ("F16", "F16"), ("F8_E4M3", "F8E4m3"), ("I8", "I8")];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=catalog");
    let mut out = String::new();
    let accelerator_ids = accelerators(&mut out);
    interconnects(&mut out);
    links();
    prices(&mut out, &accelerator_ids);
    models(&mut out);
    sites(&mut out);
    assumptions(&mut out);
    names();
    build_storage::storage();
    economics();
    let folder = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&folder).join("catalog.rs"), out).expect("OUT_DIR is writable");
}

fn read(file: &str) -> Table {
    let path = Path::new("catalog").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows of `[[name]]`, each with a unique id that is safe in a link.
fn rows(file: &str, name: &str) -> Vec<Table> {
    let table = read(file);
    assert!(table.keys().all(|key| key == name), "{file}: only [[{name}]] is known");
    let rows = table.get(name).and_then(Value::as_array).unwrap_or_else(|| panic!("{file}: no [[{name}]]"));
    rows.iter().map(|row| row.as_table().unwrap_or_else(|| panic!("{file}: not a table")).clone()).collect()
}

/// Ids and names alone, for whoever lists them without the facts.
fn names() {
    let mut out = String::new();
    for (file, table, list) in [
        ("accelerators.toml", "accelerator", "ACCELERATORS"),
        ("interconnects.toml", "interconnect", "INTERCONNECTS"),
        ("models.toml", "model", "MODELS"),
    ] {
        let rows = rows(file, table);
        // What joins accelerators inside a node comes with them and is not chosen.
        let chosen = rows.iter().filter(|row| row.get("place").and_then(Value::as_str) != Some("inside"));
        let pairs: Vec<_> = chosen.map(|row| (text(row, "id", file), text(row, "name", file))).collect();
        writeln!(out, "/// Ids and names of `{file}`.\npub static {list}: &[(&str, &str)] = &{pairs:?};")
            .expect("strings grow");
    }
    let folder = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&folder).join("names.rs"), out).expect("OUT_DIR is writable");
}

fn unique_ids(file: &str, rows: &[Table]) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for row in rows {
        let id = text(row, "id", file);
        assert!(
            id.bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte)),
            "{file}: id {id} must be lower case letters, digits, '-' and '.'"
        );
        assert!(ids.insert(id.clone()), "{file}: id {id} occurs twice");
    }
    ids
}

fn text(row: &Table, key: &str, context: &str) -> String {
    let value = row.get(key).and_then(Value::as_str).unwrap_or_else(|| panic!("{context}: {key} is missing"));
    assert!(!value.trim().is_empty(), "{context}: {key} is empty");
    value.to_owned()
}

fn number(value: &Value, context: &str) -> f64 {
    let number = match value {
        Value::Float(number) => *number,
        Value::Integer(number) => *number as f64,
        _ => panic!("{context}: not a number"),
    };
    assert!(number.is_finite() && number > 0.0 && number < 1e20, "{context}: {number} is absurd");
    number
}

fn whole(row: &Table, key: &str, context: &str) -> i64 {
    let value =
        row.get(key).and_then(Value::as_integer).unwrap_or_else(|| panic!("{context}: {key} is missing"));
    assert!((1..=1_000_000_000).contains(&value), "{context}: {key} = {value} is absurd");
    value
}

fn flag(row: &Table, key: &str, context: &str) -> bool {
    row.get(key).and_then(Value::as_bool).unwrap_or_else(|| panic!("{context}: {key} is missing"))
}

/// `{ value, source, retrieved_on }` as a Rust expression whose value is wrapped in `wrapper`.
fn fact(value: &Value, wrapper: &str, context: &str) -> (f64, String) {
    let table =
        value.as_table().unwrap_or_else(|| panic!("{context}: not {{ value, source, retrieved_on }}"));
    assert!(
        table.keys().all(|key| ["value", "source", "retrieved_on"].contains(&key.as_str())),
        "{context}: only value, source and retrieved_on are known"
    );
    let source = text(table, "source", context);
    let date = text(table, "retrieved_on", context);
    let parts: Vec<_> = date.split('-').map(str::len).collect();
    assert!(parts == [4, 2, 2] && date.starts_with("20"), "{context}: {date} is not an ISO date");
    let number = number(table.get("value").unwrap_or_else(|| panic!("{context}: no value")), context);
    let wrapped =
        if wrapper.is_empty() { format!("{number:?}_f64") } else { format!("{wrapper}({number:?})") };
    (number, format!("Fact {{ value: {wrapped}, source: {source:?}, retrieved_on: {date:?} }}"))
}

fn optional(row: &Table, key: &str, wrapper: &str, context: &str) -> String {
    row.get(key).map_or("None".into(), |value| {
        format!("Some({})", fact(value, wrapper, &format!("{context}.{key}")).1)
    })
}

fn required(row: &Table, key: &str, wrapper: &str, context: &str) -> String {
    let context = format!("{context}.{key}");
    fact(row.get(key).unwrap_or_else(|| panic!("{context} is missing")), wrapper, &context).1
}

fn known_keys(row: &Table, keys: &[&str], context: &str) {
    for key in row.keys() {
        assert!(keys.contains(&key.as_str()), "{context}: unknown key {key}");
    }
}

fn by_dtype(row: &Table, key: &str, context: &str) -> String {
    let Some(table) = row.get(key) else { return "&[]".into() };
    let table = table.as_table().unwrap_or_else(|| panic!("{context}.{key}: not a table"));
    for name in table.keys() {
        assert!(DTYPES.iter().any(|(dtype, _)| dtype == name), "{context}.{key}: unknown dtype {name}");
    }
    let mut out = String::from("&[");
    for (dtype, variant) in DTYPES {
        if let Some(value) = table.get(dtype) {
            let (_, fact) = fact(value, "FlopsPerSecond", &format!("{context}.{key}.{dtype}"));
            write!(out, "(Dtype::{variant}, {fact}), ").expect("strings grow");
        }
    }
    out + "]"
}

fn accelerators(out: &mut String) -> BTreeSet<String> {
    const FILE: &str = "accelerators.toml";
    let rows = rows(FILE, "accelerator");
    let ids = unique_ids(FILE, &rows);
    out.push_str("static ACCELERATORS: &[Accelerator] = &[\n");
    for row in &rows {
        let id = text(row, "id", FILE);
        let context = format!("{FILE}: {id}");
        known_keys(
            row,
            &[
                "id",
                "name",
                "vendor",
                "kind",
                "peak_flops",
                "achievable_flops",
                "memory_bytes",
                "memory_bandwidth_bytes_per_second",
                "intra_node_bytes_per_second",
                "accelerators_per_node",
                "thermal_design_power_watts",
                "assumed_power_watts",
                "purchase_price_usd",
            ],
            &context,
        );
        let kind = match text(row, "kind", &context).as_str() {
            "gpu" => "Gpu",
            "tpu" => "Tpu",
            "cpu" => "Cpu",
            other => panic!("{context}: unknown kind {other}"),
        };
        writeln!(
            out,
            "Accelerator {{ id: {id:?}, name: {:?}, vendor: {:?}, kind: AcceleratorKind::{kind}, peak_flops: {}, \
             achievable_flops: {}, memory: {}, memory_bandwidth: {}, intra_node_bandwidth: {}, \
             accelerators_per_node: {}, thermal_design_power: {}, assumed_power: {}, purchase_price: {} }},",
            text(row, "name", &context),
            text(row, "vendor", &context),
            by_dtype(row, "peak_flops", &context),
            by_dtype(row, "achievable_flops", &context),
            optional(row, "memory_bytes", "Bytes", &context),
            optional(row, "memory_bandwidth_bytes_per_second", "BytesPerSecond", &context),
            optional(row, "intra_node_bytes_per_second", "BytesPerSecond", &context),
            required(row, "accelerators_per_node", "", &context),
            optional(row, "thermal_design_power_watts", "Watts", &context),
            optional(row, "assumed_power_watts", "Watts", &context),
            optional(row, "purchase_price_usd", "Usd", &context),
        )
        .expect("strings grow");
    }
    out.push_str("];\n");
    ids
}

fn interconnects(out: &mut String) {
    const FILE: &str = "interconnects.toml";
    let rows = rows(FILE, "interconnect");
    unique_ids(FILE, &rows);
    out.push_str("static INTERCONNECTS: &[Interconnect] = &[\n");
    for row in &rows {
        let id = text(row, "id", FILE);
        let context = format!("{FILE}: {id}");
        if text(row, "place", &context) == "inside" {
            continue;
        }
        let bandwidth = required(row, "bytes_per_second_per_accelerator", "BytesPerSecond", &context);
        let name = text(row, "name", &context);
        writeln!(
            out,
            "Interconnect {{ id: {id:?}, name: {name:?}, bandwidth_per_accelerator: {bandwidth} }},"
        )
        .expect("strings grow");
    }
    out.push_str("];\n");
}

/// Every interconnect with its latency and its abilities, for `planner::network`.
fn links() {
    const FILE: &str = "interconnects.toml";
    const KEYS: [&str; 9] = [
        "id",
        "name",
        "place",
        "bytes_per_second_per_accelerator",
        "bytes_per_second_per_peer",
        "latency_seconds",
        "latency_low_seconds",
        "latency_high_seconds",
        "in_network_reduction",
    ];
    let mut out = String::from("static LINKS: &[Link] = &[\n");
    for row in &rows(FILE, "interconnect") {
        let id = text(row, "id", FILE);
        let context = format!("{FILE}: {id}");
        known_keys(row, &KEYS, &context);
        let place = match text(row, "place", &context).as_str() {
            "inside" => "Inside",
            "outside" => "Outside",
            other => panic!("{context}: unknown place {other}"),
        };
        let end = |key: &str| number(row.get(key).unwrap_or_else(|| panic!("{context}: no {key}")), &context);
        let (low, high) = (end("latency_low_seconds"), end("latency_high_seconds"));
        let (latency, _) = fact(row.get("latency_seconds").expect("latency_seconds"), "", &context);
        assert!(low <= latency && latency <= high, "{context}: the latency is outside its range");
        writeln!(
            out,
            "Link {{ id: {id:?}, name: {:?}, place: Place::{place}, bandwidth_per_accelerator: {}, \
             bandwidth_per_peer: {}, latency: {}, latency_low: Seconds({low:?}), latency_high: Seconds({high:?}), \
             in_network_reduction: {} }},",
            text(row, "name", &context),
            required(row, "bytes_per_second_per_accelerator", "BytesPerSecond", &context),
            optional(row, "bytes_per_second_per_peer", "BytesPerSecond", &context),
            required(row, "latency_seconds", "Seconds", &context),
            row.contains_key("in_network_reduction") && flag(row, "in_network_reduction", &context),
        )
        .expect("strings grow");
    }
    out.push_str("];\n");
    let folder = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&folder).join("links.rs"), out).expect("OUT_DIR is writable");
}

fn prices(out: &mut String, accelerator_ids: &BTreeSet<String>) {
    const FILE: &str = "prices.toml";
    out.push_str("static PRICES: &[Price] = &[\n");
    for row in rows(FILE, "price") {
        let accelerator = text(&row, "accelerator", FILE);
        assert!(accelerator_ids.contains(&accelerator), "{FILE}: no accelerator has the id {accelerator}");
        let context = format!("{FILE}: {accelerator}");
        known_keys(&row, &["accelerator", "provider", "priced_on", "usd_per_accelerator_hour"], &context);
        let rent = required(&row, "usd_per_accelerator_hour", "UsdPerHour", &context);
        let provider = text(&row, "provider", &context);
        let priced_on = text(&row, "priced_on", &context);
        writeln!(
            out,
            "Price {{ accelerator: {accelerator:?}, provider: {provider:?}, priced_on: {priced_on:?}, \
             usd_per_accelerator_hour: {rent} }},"
        )
        .expect("strings grow");
    }
    out.push_str("];\n");
}

fn models(out: &mut String) {
    const FILE: &str = "models.toml";
    const WHOLE: [&str; 8] = [
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "num_key_value_heads",
        "head_dim",
        "vocab_size",
        "max_position_embeddings",
    ];
    const WINDOW: [&str; 2] = ["sliding_window", "num_windowed_layers"];
    const GROUPS: [&str; 2] = ["experts", "latent_attention"];
    const FLAGS: [&str; 4] = ["learned_position_embeddings", "gated_mlp", "tie_word_embeddings", "causal"];
    let rows = rows(FILE, "model");
    unique_ids(FILE, &rows);
    out.push_str("static MODELS: &[Model] = &[\n");
    for row in &rows {
        let id = text(row, "id", FILE);
        let context = format!("{FILE}: {id}");
        known_keys(
            row,
            &[&WHOLE[..], &FLAGS[..], &WINDOW[..], &["id", "name", "parameters"], &GROUPS].concat(),
            &context,
        );
        let (_, parameters) = fact(row.get("parameters").expect("parameters"), "", &context);
        write!(
            out,
            "Model {{ id: {id:?}, name: {:?}, parameters: {parameters}, shape: ModelShape {{ ",
            text(row, "name", &context)
        )
        .expect("strings grow");
        for key in WHOLE {
            write!(out, "{key}: {}, ", whole(row, key, &context)).expect("strings grow");
        }
        for key in FLAGS {
            write!(out, "{key}: {}, ", flag(row, key, &context)).expect("strings grow");
        }
        for key in WINDOW.iter().filter(|key| row.contains_key(**key)) {
            write!(out, "{key}: {}, ", whole(row, key, &context)).expect("strings grow");
        }
        for (key, group) in GROUPS.iter().zip(["Experts", "LatentAttention"]) {
            if let Some(fields) = row.get(*key).and_then(Value::as_table) {
                let sizes: Vec<String> =
                    fields.iter().map(|(name, size)| format!("{name}: {size}")).collect();
                write!(out, "{key}: Some(crate::shape::{group} {{ {} }}), ", sizes.join(", "))
                    .expect("strings grow");
            }
        }
        out.push_str("..ModelShape::DENSE } },\n");
    }
    out.push_str("];\n");
}

fn sites(out: &mut String) {
    const FILE: &str = "sites.toml";
    let rows = rows(FILE, "site");
    let ids = unique_ids(FILE, &rows);
    for needed in ["cloud", "on-premises", "here"] {
        assert!(ids.contains(needed), "{FILE}: the site {needed} is missing");
    }
    out.push_str("static SITES: &[Site] = &[\n");
    for row in &rows {
        let id = text(row, "id", FILE);
        let context = format!("{FILE}: {id}");
        let usage = required(row, "power_usage_effectiveness", "", &context);
        let carbon = required(row, "grid_grams_co2e_per_kilowatt_hour", "", &context);
        let name = text(row, "name", &context);
        writeln!(
            out,
            "Site {{ id: {id:?}, name: {name:?}, power_usage_effectiveness: {usage}, \
             grid_grams_co2e_per_kilowatt_hour: {carbon} }},"
        )
        .expect("strings grow");
    }
    out.push_str("];\n");
}

fn section(table: &Table, name: &str, file: &str) -> Table {
    table.get(name).and_then(Value::as_table).unwrap_or_else(|| panic!("{file}: no [{name}]")).clone()
}

fn assumptions(out: &mut String) {
    const FILE: &str = "assumptions.toml";
    out.push_str(
        "/// The assumptions of the model.\npub(crate) static ASSUMPTIONS: Assumptions = Assumptions {\n",
    );
    for (key, value) in section(&read(FILE), "assumption", FILE) {
        writeln!(out, "{key}: {},", fact(&value, "", &format!("{FILE}: {key}")).1).expect("strings grow");
    }
    out.push_str("};\n");
}

/// The range that an override of a fact of this unit may have.
fn economic_range(unit: &str, context: &str) -> (f64, f64) {
    match unit {
        "share" => (0.0, 1.0),
        "PUE" => (1.0, 5.0),
        "ratio" => (0.0, 10.0),
        "count" => (0.01, 1e6),
        "years" => (0.25, 100.0),
        "1/h" | "kWh/GB" | "operators" => (0.0, 100.0),
        "hours" | "Wh/TBh" => (0.0, 1e4),
        "kW" => (0.01, 1e4),
        "GB" => (1.0, 1e15),
        "gCO2e/kWh" => (0.0, 5_000.0),
        "USD/kWh" | "USD/GB" | "USD/GB-month" | "USD/1000 requests" => (0.0, 100.0),
        "USD/accelerator-hour" => (0.0, 1e4),
        "USD/kW-month" | "USD/Gbps-month" | "USD/kW" => (0.0, 1e6),
        "USD" | "USD/year" => (0.0, 1e9),
        other => panic!("{context}: unknown unit {other}"),
    }
}

/// Writes the facts and assumptions of money and energy to a file of their own, sorted by key.
fn economics() {
    const FILE: &str = "economics.toml";
    let table = read(FILE);
    assert!(
        table.keys().all(|key| key == "fact" || key == "assumption"),
        "{FILE}: [fact] and [assumption] only"
    );
    let mut rows = std::collections::BTreeMap::new();
    for kind in ["fact", "assumption"] {
        for (key, value) in section(&table, kind, FILE) {
            let row = value.as_table().unwrap_or_else(|| panic!("{FILE}: {key} is not a table"));
            let expression = economic_fact(&key, row, kind == "assumption");
            assert!(rows.insert(key.clone(), expression).is_none(), "{FILE}: {key} occurs twice");
        }
    }
    let mut out = String::from(
        "/// Every fact and assumption of money and energy, sorted by key.\npub static ECONOMIC_FACTS: &[EconomicFact] = &[\n",
    );
    for expression in rows.values() {
        writeln!(out, "{expression},").expect("strings grow");
    }
    out.push_str("];\n");
    let folder = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    fs::write(Path::new(&folder).join("economics.rs"), out).expect("OUT_DIR is writable");
}

fn economic_fact(key: &str, row: &Table, assumption: bool) -> String {
    let context = format!("economics.toml: {key}");
    known_keys(
        row,
        &["name", "unit", "value", "low", "high", "source", "retrieved_on", "priced_on"],
        &context,
    );
    assert!(
        key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte)),
        "{context}: a key is lower case letters, digits, '-' and '.'"
    );
    let unit = text(row, "unit", &context);
    let (least, most) = economic_range(&unit, &context);
    let amount = |name: &str| {
        row.get(name).map(|value| {
            let number =
                value.as_float().unwrap_or_else(|| panic!("{context}: {name} is not a decimal number"));
            assert!((least..=most).contains(&number), "{context}: {name} is outside {least} to {most}");
            number
        })
    };
    let value = amount("value").unwrap_or_else(|| panic!("{context}: no value"));
    let range = match (amount("low"), amount("high")) {
        (Some(low), Some(high)) => {
            assert!(low <= value && value <= high, "{context}: {value} is not between {low} and {high}");
            format!("Some(({low:?}, {high:?}))")
        }
        (None, None) => "None".into(),
        _ => panic!("{context}: low and high come together"),
    };
    assert!(!assumption || range != "None", "{context}: an assumption has low and high");
    let date = text(row, "retrieved_on", &context);
    assert!(date.len() == 10 && date.starts_with("20"), "{context}: {date} is not an ISO date");
    let priced_on = row.get("priced_on").map(|_| text(row, "priced_on", &context));
    format!(
        "EconomicFact {{ key: {key:?}, name: {:?}, unit: {unit:?}, value: {value:?}, range: {range}, \
         allowed: ({least:?}, {most:?}), source: {:?}, retrieved_on: {date:?}, priced_on: {priced_on:?}, \
         assumption: {assumption} }}",
        text(row, "name", &context),
        text(row, "source", &context),
    )
}
