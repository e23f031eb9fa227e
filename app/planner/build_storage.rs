//! Turns `storage.toml`, `formats.toml` and `reliability.toml` into the statics of `planner::storage` and
//! `planner::reliability`.
//!
//! A figure is a fact `{ value, source, retrieved_on }` or, where no source states it, an assumption that adds
//! `low` and `high`. Zero is allowed: a store that does not charge requests has no figure at all.

use super::{flag, known_keys, read, rows, section, text, unique_ids};
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};
use toml::{Table, Value};

const STORE_FIGURES: [&str; 15] = [
    "usd_per_thousand_writes",
    "usd_per_thousand_reads",
    "usd_per_gb_retrieved",
    "first_byte_seconds",
    "stream_bytes_per_second",
    "client_read_bytes_per_second",
    "client_write_bytes_per_second",
    "aggregate_read_bytes_per_second",
    "aggregate_write_bytes_per_second",
    "read_bytes_per_second_per_tib",
    "write_bytes_per_second_per_tib",
    "reads_per_second_per_partition",
    "writes_per_second_per_partition",
    "minimum_days",
    "minimum_bytes",
];

/// Writes `storage.rs` and `reliability.rs` into OUT_DIR.
pub fn storage() {
    let folder = env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let mut out = String::new();
    stores(&mut out);
    formats(&mut out);
    fs::write(Path::new(&folder).join("storage.rs"), out).expect("OUT_DIR is writable");
    let mut out = String::new();
    reliability(&mut out);
    fs::write(Path::new(&folder).join("reliability.rs"), out).expect("OUT_DIR is writable");
}

fn finite(value: &Value, context: &str) -> f64 {
    let number = match value {
        Value::Float(number) => *number,
        Value::Integer(number) => *number as f64,
        _ => panic!("{context}: not a number"),
    };
    assert!(number.is_finite() && (0.0..1e20).contains(&number), "{context}: {number} is absurd");
    number
}

fn figure(value: &Value, context: &str) -> String {
    let table =
        value.as_table().unwrap_or_else(|| panic!("{context}: not {{ value, source, retrieved_on }}"));
    known_keys(table, &["value", "low", "high", "source", "retrieved_on", "above_gb"], context);
    let number = |key: &str| table.get(key).map(|value| finite(value, &format!("{context}.{key}")));
    let value = number("value").unwrap_or_else(|| panic!("{context}: no value"));
    let (low, high, assumed) = match (number("low"), number("high")) {
        (None, None) => (value, value, false),
        (Some(low), Some(high)) => (low, high, true),
        _ => panic!("{context}: an assumption has both low and high"),
    };
    assert!(low <= value && value <= high, "{context}: {value} is not between {low} and {high}");
    let source = text(table, "source", context);
    let date = text(table, "retrieved_on", context);
    let parts: Vec<_> = date.split('-').map(str::len).collect();
    assert!(parts == [4, 2, 2] && date.starts_with("20"), "{context}: {date} is not an ISO date");
    format!(
        "Figure {{ value: {value:?}_f64, low: {low:?}_f64, high: {high:?}_f64, assumed: {assumed}, \
         source: {source:?}, retrieved_on: {date:?} }}"
    )
}

fn required(row: &Table, key: &str, context: &str) -> String {
    let context = format!("{context}.{key}");
    figure(row.get(key).unwrap_or_else(|| panic!("{context} is missing")), &context)
}

fn optional(row: &Table, key: &str, context: &str) -> String {
    row.get(key)
        .map_or("None".into(), |value| format!("Some({})", figure(value, &format!("{context}.{key}"))))
}

/// A price by volume: `[{ above_gb, value, .. }, ..]`, rising from zero.
fn price_steps(row: &Table, key: &str, context: &str) -> String {
    let Some(steps) = row.get(key).and_then(Value::as_array) else { return "Cow::Borrowed(&[])".into() };
    let mut out = String::from("Cow::Borrowed(&[");
    let mut previous = -1.0;
    for step in steps {
        let above = step.get("above_gb").unwrap_or_else(|| panic!("{context}.{key}: no above_gb"));
        let above = finite(above, context);
        assert!(above > previous, "{context}.{key}: above_gb must rise");
        assert!(previous >= 0.0 || above == 0.0, "{context}.{key}: the first above_gb is 0");
        previous = above;
        let usd = figure(step, &format!("{context}.{key}"));
        write!(out, "PriceStep {{ above_gb: {above:?}, usd: {usd} }}, ").expect("strings grow");
    }
    out + "])"
}

fn stores(out: &mut String) {
    const FILE: &str = "storage.toml";
    let rows = rows(FILE, "store");
    unique_ids(FILE, &rows);
    out.push_str("/// Every store of the catalog.\npub static STORES: &[Store] = &[\n");
    for row in &rows {
        let id = text(row, "id", FILE);
        let context = format!("{FILE}: {id}");
        let others = ["id", "name", "provider", "kind", "usd_per_gb_month", "usd_per_gb_egress"];
        known_keys(row, &[&STORE_FIGURES[..], &others[..]].concat(), &context);
        let kind = match text(row, "kind", &context).as_str() {
            "object" => "Object",
            "parallel" => "Parallel",
            "local" => "Local",
            other => panic!("{context}: unknown kind {other}"),
        };
        let name = text(row, "name", &context);
        let provider = text(row, "provider", &context);
        write!(
            out,
            "Store {{ id: {id:?}, name: {name:?}, provider: {provider:?}, kind: StoreKind::{kind}, \
             usd_per_gb_month: {}, usd_per_gb_egress: {}, ",
            price_steps(row, "usd_per_gb_month", &context),
            price_steps(row, "usd_per_gb_egress", &context),
        )
        .expect("strings grow");
        assert!(row.contains_key("usd_per_gb_month"), "{context}: usd_per_gb_month is missing");
        for key in STORE_FIGURES {
            let needed = ["first_byte_seconds", "client_read_bytes_per_second"].contains(&key);
            let needed = needed || key == "client_write_bytes_per_second";
            let value = if needed { required(row, key, &context) } else { optional(row, key, &context) };
            write!(out, "{key}: {value}, ").expect("strings grow");
        }
        out.push_str("},\n");
    }
    out.push_str("];\n");
}

fn named_rows(table: &Table, name: &str, file: &str) -> Vec<Table> {
    let rows = table.get(name).and_then(Value::as_array).unwrap_or_else(|| panic!("{file}: no [[{name}]]"));
    let rows: Vec<_> = rows
        .iter()
        .map(|row| row.as_table().unwrap_or_else(|| panic!("{file}: not a table")).clone())
        .collect();
    unique_ids(file, &rows);
    rows
}

/// `[[format]]`, `[[codec]]` and `[assumption]` of `formats.toml`.
fn formats(out: &mut String) {
    const FILE: &str = "formats.toml";
    const FORMAT: [&str; 3] =
        ["encoded_bytes_per_raw_byte", "residual_redundancy", "decode_bytes_per_second"];
    let table = read(FILE);
    known_keys(&table, &["format", "codec", "assumption"], FILE);
    out.push_str("/// Every data format of the catalog.\npub static FORMATS: &[Format] = &[\n");
    for row in named_rows(&table, "format", FILE) {
        let id = text(&row, "id", FILE);
        let context = format!("{FILE}: {id}");
        known_keys(&row, &[&FORMAT[..], &["id", "name", "columnar", "statistics"]].concat(), &context);
        let name = text(&row, "name", &context);
        let (columnar, statistics) = (flag(&row, "columnar", &context), flag(&row, "statistics", &context));
        write!(out, "Format {{ id: {id:?}, name: {name:?}, columnar: {columnar}, statistics: {statistics}, ")
            .expect("strings grow");
        for key in FORMAT {
            write!(out, "{key}: {}, ", required(&row, key, &context)).expect("strings grow");
        }
        out.push_str("},\n");
    }
    out.push_str("];\n/// Every compression of the catalog.\npub static CODECS: &[Codec] = &[\n");
    for row in named_rows(&table, "codec", FILE) {
        let id = text(&row, "id", FILE);
        let context = format!("{FILE}: {id}");
        let keys = ["ratio", "compress_bytes_per_second", "decompress_bytes_per_second"];
        known_keys(&row, &[&keys[..], &["id", "name"]].concat(), &context);
        writeln!(
            out,
            "Codec {{ id: {id:?}, name: {:?}, ratio: {}, compress_bytes_per_second: {}, \
             decompress_bytes_per_second: {} }},",
            text(&row, "name", &context),
            required(&row, keys[0], &context),
            optional(&row, keys[1], &context),
            optional(&row, keys[2], &context),
        )
        .expect("strings grow");
    }
    out.push_str(
        "];\n/// What a pipeline assumes.\npub static PIPELINE: PipelineFigures = PipelineFigures {\n",
    );
    for (key, value) in section(&table, "assumption", FILE) {
        writeln!(out, "{key}: {},", figure(&value, &format!("{FILE}: {key}"))).expect("strings grow");
    }
    out.push_str("};\n");
}

/// `[[profile]]` and `[assumption]` of `reliability.toml`.
fn reliability(out: &mut String) {
    const FILE: &str = "reliability.toml";
    const RATES: [&str; 4] = [
        "accelerator_failures_per_hour",
        "host_failures_per_hour",
        "network_failures_per_hour",
        "software_failures_per_hour",
    ];
    let table = read(FILE);
    known_keys(&table, &["profile", "assumption"], FILE);
    out.push_str("/// Published failure rates.\npub static PROFILES: &[RateProfile] = &[\n");
    for row in named_rows(&table, "profile", FILE) {
        let id = text(&row, "id", FILE);
        let context = format!("{FILE}: {id}");
        known_keys(&row, &[&RATES[..], &["id", "name"]].concat(), &context);
        write!(out, "RateProfile {{ id: {id:?}, name: {:?}, ", text(&row, "name", &context))
            .expect("strings grow");
        for key in RATES {
            write!(out, "{key}: {}, ", required(&row, key, &context)).expect("strings grow");
        }
        out.push_str("},\n");
    }
    out.push_str(
        "];\n/// What no source states.\npub static ASSUMED: ReliabilityFigures = ReliabilityFigures {\n",
    );
    for (key, value) in section(&table, "assumption", FILE) {
        writeln!(out, "{key}: {},", figure(&value, &format!("{FILE}: {key}"))).expect("strings grow");
    }
    out.push_str("};\n");
}
