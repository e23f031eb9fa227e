//! Documents that keep up with the code: paths that they name exist, and each invariant names the tests that
//! enforce it.

use super::{assert_none, root};

/// Invariants of the design, numbered from one.
const INVARIANT_COUNT: usize = 13;
const BUILT: [&str; 3] = ["dist/", "target/", "docs/screenshot.png"];

/// Words between backticks, outside fenced blocks.
fn backticked(document: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut is_fenced = false;
    for line in document.lines() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
        } else if !is_fenced {
            words.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    words
}

/// Whether a backticked word reads as a path of the checkout: it has a slash or a file extension, and none of
/// the letters that commands, types and patterns have.
fn is_path(word: &str) -> bool {
    let is_plain = word.chars().all(|letter| letter.is_ascii_alphanumeric() || "/._-".contains(letter));
    let extensions = [".rs", ".md", ".toml", ".json", ".html", ".lock", ".js", ".wgsl", ".css"];
    let is_address = word.starts_with('/') || word.starts_with('-');
    is_plain
        && !is_address
        && (word.contains('/') || extensions.iter().any(|extension| word.ends_with(extension)))
}

fn missing_paths(document: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let paths = backticked(document).into_iter().filter(|word| is_path(word));
    paths.filter(|path| !BUILT.iter().any(|built| path.starts_with(built)) && !exists(path)).collect()
}

/// The rows `| number | invariant | enforced by |` of a document: each invariant names at least one
/// `path::test`, and the file at the path holds the test's name.
fn unenforced_invariants(document: &str, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut problems = Vec::new();
    for number in 1..=INVARIANT_COUNT {
        let start = format!("| {number} |");
        let Some(row) = document.lines().find(|line| line.starts_with(&start)) else {
            problems.push(format!("invariant {number} is not in the table"));
            continue;
        };
        let tests: Vec<String> = backticked(row).into_iter().filter(|word| word.contains("::")).collect();
        if tests.is_empty() {
            problems.push(format!("invariant {number} names no test"));
        }
        for test in tests {
            let (path, name) = test.split_once("::").expect("it has ::");
            match read(path) {
                None => problems.push(format!("invariant {number}: there is no {path}")),
                Some(text) if !text.contains(name) => {
                    problems.push(format!("invariant {number}: {path} holds no {name}"));
                }
                Some(_) => {}
            }
        }
    }
    problems
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn paths_in_the_documents_exist() {
    let mut problems = Vec::new();
    for document in ["ARCHITECTURE.md", "README.md", "CONTRIBUTING.md"] {
        let missing = missing_paths(&read(document), |path| root().join(path).exists());
        problems
            .extend(missing.into_iter().map(|path| format!("{document} names {path}, which does not exist")));
    }
    assert_none(&problems);
}

#[test]
fn every_invariant_names_the_tests_that_enforce_it() {
    let contents = |path: &str| std::fs::read_to_string(root().join(path)).ok();
    assert_none(&unenforced_invariants(&read("ARCHITECTURE.md"), contents));
}

#[test]
fn a_seeded_missing_path_is_rejected() {
    let document = "See `kernels/gone.rs` and `cargo test` and `planner::evaluate` and `/a/b/` and `here.rs`.\n\
                    ```\n`fenced/path`\n```\n";
    assert_eq!(missing_paths(document, |path| path == "here.rs"), ["kernels/gone.rs"]);
}

#[test]
fn a_seeded_unenforced_invariant_is_rejected() {
    let row = |number: usize, test: &str| format!("| {number} | text | {test} |\n");
    let contents = |path: &str| (path == "a.rs").then(|| "fn good() {}".to_owned());
    let all_but_last: String = (1..INVARIANT_COUNT).map(|number| row(number, "`a.rs::good`")).collect();
    let problems = |last: &str| unenforced_invariants(&(all_but_last.clone() + last), contents).len();
    assert_eq!(problems(&row(INVARIANT_COUNT, "`a.rs::good`")), 0);
    assert_eq!(problems(""), 1);
    assert_eq!(problems(&row(INVARIANT_COUNT, "nothing")), 1);
    assert_eq!(problems(&row(INVARIANT_COUNT, "`a.rs::gone`")), 1);
    assert_eq!(problems(&row(INVARIANT_COUNT, "`b.rs::good`")), 1);
}
