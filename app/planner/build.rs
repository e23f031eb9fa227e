//! Turns the catalog's TOML into Rust statics, so that no TOML parser reaches the page.
//!
//! It rejects a fact without source or date, a value that is not finite and positive, a duplicate or dangling
//! id, an unknown key, and a model whose fields do not give its published parameter count.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a build script reports a bad catalog by failing the build"
)]

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
    calibration(&mut out, &accelerator_ids);
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
    const FLAGS: [&str; 4] = ["learned_position_embeddings", "gated_mlp", "tie_word_embeddings", "causal"];
    let rows = rows(FILE, "model");
    unique_ids(FILE, &rows);
    out.push_str("static MODELS: &[Model] = &[\n");
    for row in &rows {
        let id = text(row, "id", FILE);
        let context = format!("{FILE}: {id}");
        known_keys(row, &[&WHOLE[..], &FLAGS[..], &["id", "name", "parameters"]].concat(), &context);
        let size = |key: &str| whole(row, key, &context) as f64;
        let (published, parameters) = fact(row.get("parameters").expect("parameters"), "", &context);
        let query_width = size("num_attention_heads") * size("head_dim");
        let key_value_width = size("num_key_value_heads") * size("head_dim");
        let projections = if flag(row, "gated_mlp", &context) { 3.0 } else { 2.0 };
        let layer = size("hidden_size") * (2.0 * query_width + 2.0 * key_value_width)
            + projections * size("hidden_size") * size("intermediate_size");
        let embeddings = if flag(row, "tie_word_embeddings", &context) { 1.0 } else { 2.0 };
        let computed =
            size("num_hidden_layers") * layer + embeddings * size("hidden_size") * size("vocab_size");
        assert!(
            (computed / published - 1.0).abs() < 0.03,
            "{context}: the fields give {computed:e} parameters, the source says {published:e}"
        );
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

fn calibration(out: &mut String, accelerator_ids: &BTreeSet<String>) {
    const FILE: &str = "calibration.toml";
    let table = read(FILE);
    out.push_str(
        "/// The parameters of the performance model.\npub const CALIBRATION: Calibration = Calibration {\n",
    );
    for (key, value) in section(&table, "fixed", FILE) {
        writeln!(out, "{key}: {:?},", fact(&value, "", &format!("{FILE}: {key}")).0).expect("strings grow");
    }
    for (key, value) in section(&table, "fitted", FILE) {
        writeln!(out, "{key}: {:?},", number(&value, &format!("{FILE}: {key}"))).expect("strings grow");
    }
    out.push_str("};\n/// The stated interval.\npub static INTERVAL: IntervalBasis = IntervalBasis {\n");
    for (key, value) in section(&table, "interval", FILE) {
        let expression = match &value {
            Value::Array(ids) => {
                let ids: Vec<_> = ids.iter().map(|id| id.as_str().expect("ids are text")).collect();
                for id in &ids {
                    assert!(accelerator_ids.contains(*id), "{FILE}: no accelerator has the id {id}");
                }
                format!("&{ids:?}")
            }
            Value::Integer(count) => format!("{count}"),
            value => format!("{:?}", number(value, &format!("{FILE}: {key}"))),
        };
        writeln!(out, "{key}: {expression},").expect("strings grow");
    }
    out.push_str("};\n");
}
