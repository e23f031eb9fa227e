//! Which crate may reach which. Direct dependencies of our crates come from `cargo metadata`, so that
//! build-time and test-time ones are told apart; what lies behind them comes from Cargo.lock, which holds every
//! platform and feature that is in use anywhere, so that the check is rather too strict than too lax.

use super::{assert_none, root};
use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
};

/// Package name to the names it needs at run time.
type Graph = BTreeMap<String, BTreeSet<String>>;

/// Our crates, and which of our crates each may name.
const LOCAL: [(&str, &[&str]); 9] = [
    ("planner", &[]),
    ("protocol", &["planner"]),
    ("ui", &["planner", "protocol"]),
    ("compute-worker", &["planner", "protocol", "engine"]),
    ("planner-worker", &["planner"]),
    ("shaders", &[]),
    ("engine", &["planner", "shaders"]),
    ("acceptance", &["planner", "protocol", "engine", "shaders"]),
    ("xtask", &[]),
];

/// Crates that a crate must not reach, however far away. A trailing `*` stands for any ending.
const UNREACHABLE: [(&str, &[&str]); 5] = [
    ("ui", &["wgpu*", "naga", "engine", "shaders", "arrow*", "parquet", "orc-rust"]),
    ("planner", &["wasm-bindgen*", "js-sys", "web-sys", "wgpu*", "rand*", "getrandom", "engine", "leptos"]),
    ("protocol", &["wasm-bindgen*", "js-sys", "web-sys", "wgpu*", "rand*", "getrandom", "engine", "leptos"]),
    ("shaders", &["wgpu*", "naga", "wasm-bindgen*", "web-sys"]),
    ("engine", &["leptos", "ui", "protocol", "rand", "arrow*"]),
];

/// Crates whose run-time dependencies are listed in full.
const EXACT: [(&str, &[&str]); 1] = [("protocol", &["planner", "serde"])];

fn graph_of_the_checkout() -> Graph {
    let mut graph = Graph::new();
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock");
    let lock: toml::Table = lock.parse().expect("TOML");
    for package in lock["package"].as_array().expect("packages") {
        let name = package["name"].as_str().expect("a name");
        // "name", or "name version" where the lock file holds several versions.
        let needs = package.get("dependencies").and_then(toml::Value::as_array).into_iter().flatten();
        let needs = needs.filter_map(|need| need.as_str()?.split(' ').next().map(str::to_owned));
        graph.entry(name.to_owned()).or_default().extend(needs);
    }
    // Of our own crates the lock file also holds what only builds and tests need.
    graph.extend(direct_dependencies());
    graph
}

/// Run-time dependencies of the workspace's crates.
fn direct_dependencies() -> Graph {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| {
            let all = package["dependencies"].as_array().expect("dependencies");
            let normal = all.iter().filter(|dependency| dependency["kind"].is_null());
            let names =
                normal.filter_map(|dependency| dependency["name"].as_str().map(str::to_owned)).collect();
            (package["name"].as_str().expect("a name").to_owned(), names)
        })
        .collect()
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

/// The way from a crate to a forbidden one, if there is any.
fn way(graph: &Graph, from: &str, forbidden: &[&str]) -> Option<String> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut open = vec![from];
    while let Some(name) = open.pop() {
        if name != from && forbidden.iter().any(|pattern| matches(pattern, name)) {
            let steps = std::iter::successors(Some(name), |step| came_from.get(step).copied());
            let mut steps: Vec<&str> = steps.collect();
            steps.reverse();
            return Some(steps.join(" -> "));
        }
        for need in graph.get(name).into_iter().flatten() {
            if need != from && !came_from.contains_key(need.as_str()) {
                came_from.insert(need, name);
                open.push(need);
            }
        }
    }
    None
}

/// Crates that name one of ours which they may not, and crates of ours that no rule covers.
fn wrong_directions(direct: &Graph) -> Vec<String> {
    let is_local = |name: &str| LOCAL.iter().any(|(local, _)| *local == name);
    let mut problems = Vec::new();
    for (name, needs) in direct {
        let Some((_, allowed)) = LOCAL.iter().find(|(local, _)| local == name) else {
            problems.push(format!("{name}: say in this test which crates it may use"));
            continue;
        };
        let wrong = needs.iter().filter(|need| is_local(need) && !allowed.contains(&need.as_str()));
        problems.extend(wrong.map(|need| format!("{name} must not use {need}")));
    }
    problems
}

fn wrong_exact_lists(direct: &Graph) -> Vec<String> {
    let differs = |(name, list): &(&str, &[&str])| {
        let expected: BTreeSet<String> = list.iter().map(|&need| need.to_owned()).collect();
        let found = direct.get(*name).cloned().unwrap_or_default();
        (found != expected).then(|| format!("{name} needs {found:?}; it may need only {expected:?}"))
    };
    EXACT.iter().filter_map(differs).collect()
}

fn forbidden_ways(graph: &Graph) -> Vec<String> {
    UNREACHABLE.iter().filter_map(|(name, forbidden)| way(graph, name, forbidden)).collect()
}

#[test]
fn dependencies_point_one_way() {
    assert_none(&wrong_directions(&direct_dependencies()));
}

#[test]
fn the_page_and_the_pure_core_reach_nothing_heavy() {
    assert_none(&forbidden_ways(&graph_of_the_checkout()));
}

#[test]
fn the_protocol_needs_the_planner_and_serde_only() {
    assert_none(&wrong_exact_lists(&direct_dependencies()));
}

fn graph(edges: &[(&str, &[&str])]) -> Graph {
    edges
        .iter()
        .map(|(name, needs)| ((*name).to_owned(), needs.iter().map(|&need| need.to_owned()).collect()))
        .collect()
}

#[test]
fn a_seeded_wrong_direction_is_rejected() {
    assert_eq!(wrong_directions(&graph(&[("planner", &["engine"])])), ["planner must not use engine"]);
    assert_eq!(wrong_directions(&graph(&[("ui", &["engine", "protocol"])])), ["ui must not use engine"]);
    assert_eq!(wrong_directions(&graph(&[("newcomer", &[])])).len(), 1);
    assert!(wrong_directions(&graph(&[("engine", &["shaders", "planner", "wgpu"])])).is_empty());
}

#[test]
fn a_seeded_way_to_a_heavy_crate_is_rejected() {
    let indirect = graph(&[("ui", &["protocol"]), ("protocol", &["helper"]), ("helper", &["wgpu-core"])]);
    assert_eq!(way(&indirect, "ui", &["wgpu*"]).as_deref(), Some("ui -> protocol -> helper -> wgpu-core"));
    assert_eq!(forbidden_ways(&indirect).len(), 2, "ui and protocol both reach it");
    // A circle, as between a crate and its macros, does not trap the search.
    assert_eq!(way(&graph(&[("a", &["b"]), ("b", &["a", "c"]), ("c", &["b"])]), "a", &["wgpu"]), None);
}

#[test]
fn a_seeded_extra_dependency_of_the_protocol_is_rejected() {
    assert_eq!(wrong_exact_lists(&graph(&[("protocol", &["planner", "serde", "js-sys"])])).len(), 1);
    assert_eq!(wrong_exact_lists(&Graph::new()).len(), 1, "a protocol that is gone is no pass");
}
