//! Every link that was ever shipped opens to the same state, for ever (`tests/links/README.md`).

use planner::share;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("links/v1")
}

/// 64-bit FNV-1a.
fn hash(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

/// Name and content of every file of the corpus but the manifest.
fn files() -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder()).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok().filter(|name| name != "MANIFEST")?;
            Some((name, fs::read(entry.path()).ok()?))
        })
        .collect()
}

#[test]
fn the_corpus_only_grows() {
    let manifest = fs::read_to_string(folder().join("MANIFEST")).expect("the manifest exists");
    let listed: BTreeMap<&str, &str> =
        manifest.lines().filter_map(|line| line.split_once("  ")).map(|(hash, name)| (name, hash)).collect();
    let files = files();
    for (name, expected) in &listed {
        let content =
            files.get(*name).unwrap_or_else(|| panic!("{name} was removed: links are kept for ever"));
        assert_eq!(hash(content), *expected, "{name} was changed: links keep their meaning for ever");
    }
    for (name, content) in &files {
        assert!(listed.contains_key(name.as_str()), "append to MANIFEST: {}  {name}", hash(content));
    }
    assert!(files.keys().filter(|name| name.ends_with(".json")).count() >= 12);
}

#[test]
fn every_link_opens_to_its_state() {
    for (name, content) in files().iter().filter(|(name, _)| name.ends_with(".json")) {
        let case: Value = serde_json::from_slice(content).unwrap_or_else(|error| panic!("{name}: {error}"));
        let link = case["link"].as_str().unwrap_or_else(|| panic!("{name} has no link"));
        let opened = share::decode(link).unwrap_or_else(|error| panic!("{name}: {error}"));
        let state: Value = serde_json::from_str(&share::to_json(&opened)).expect("exported files are JSON");
        assert_contains(name, &state, &case["state"]);
        let again = share::decode(&share::encode(&opened));
        assert_eq!(again.as_ref(), Ok(&opened), "{name}: written anew it means something else");
        let imported = share::from_json(&case["state"].to_string());
        assert_eq!(imported.as_ref(), Ok(&opened), "{name}: the state does not import as a file");
    }
}

/// Every field that the recorded state names has the same value; later versions may add fields.
fn assert_contains(path: &str, state: &Value, recorded: &Value) {
    match recorded {
        Value::Object(fields) => {
            for (key, value) in fields {
                assert_contains(&format!("{path}.{key}"), &state[key], value);
            }
        }
        _ => assert_eq!(state, recorded, "{path}"),
    }
}

#[test]
fn every_id_that_links_may_hold_is_kept() {
    let settings = fs::read_to_string(folder().join("settings.txt")).expect("the list of settings exists");
    assert!(settings.lines().count() > 40);
    for setting in settings.lines() {
        let link = format!("/scenario?v=1&p=default&{setting}&end");
        let opened = share::decode(&link).unwrap_or_else(|error| panic!("{setting}: {error}"));
        let (_, id) = setting.split_once('=').expect("key=value");
        let scenario = opened.scenario;
        assert!([scenario.accelerator, scenario.model, scenario.interconnect].iter().any(|kept| kept == id));
    }
}

#[test]
fn every_link_cut_anywhere_is_refused() {
    for (name, content) in files().iter().filter(|(name, _)| name.ends_with(".json")) {
        let case: Value = serde_json::from_slice(content).unwrap_or_else(|error| panic!("{name}: {error}"));
        let link = case["link"].as_str().unwrap_or_else(|| panic!("{name} has no link"));
        for end in 0..link.len() {
            let cut = link.get(..end).unwrap_or_default();
            assert!(share::decode(cut).is_err(), "{name}: {cut} opens");
        }
    }
}
