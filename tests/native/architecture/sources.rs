//! Rules on source files: kernels and their twins, length, reasons for lint exceptions, purity, XSS sinks.

use super::{SourceFile, assert_none, source_files};
use std::collections::BTreeSet;

/// Longest Rust file, in lines.
const MAX_LINES: usize = 700;
const KERNELS: &str = "kernels/shaders/wgsl/";
const TWINS: &str = "kernels/shaders/src/cpu/";

/// What the pure core must not name: clocks, randomness, input and output, global state.
const IMPURE: [&str; 10] = [
    "std::time",
    "SystemTime",
    "Instant::now",
    "std::fs",
    "std::net",
    "std::env",
    "std::thread",
    "thread_local!",
    "static mut",
    "OnceLock",
];

/// Kernels without a twin of the same name, and twins without a kernel.
fn kernels_without_twins(files: &[SourceFile]) -> Vec<String> {
    let names = |folder: &str, extension: &str| -> BTreeSet<String> {
        let inside = files.iter().filter_map(|file| file.path.strip_prefix(folder)?.strip_suffix(extension));
        inside.filter(|name| *name != "mod").map(str::to_owned).collect()
    };
    let (kernels, twins) = (names(KERNELS, ".wgsl"), names(TWINS, ".rs"));
    let lonely_kernels =
        kernels.difference(&twins).map(|name| format!("{KERNELS}{name}.wgsl has no {TWINS}{name}.rs"));
    let lonely_twins =
        twins.difference(&kernels).map(|name| format!("{TWINS}{name}.rs has no {KERNELS}{name}.wgsl"));
    let mut problems: Vec<String> = lonely_kernels.chain(lonely_twins).collect();
    if kernels.is_empty() {
        problems.push(format!("no kernel below {KERNELS}"));
    }
    problems
}

/// Kernels whose only entry point is not `main`.
fn kernels_with_other_entry_points(files: &[SourceFile]) -> Vec<String> {
    let kernels = files.iter().filter(|file| file.path.starts_with(KERNELS) && file.path.ends_with(".wgsl"));
    kernels
        .filter(|file| file.text.matches("@compute").count() != 1 || !file.text.contains("fn main("))
        .map(|file| format!("{}: one kernel file has one entry point, `main`", file.path))
        .collect()
}

fn long_files(files: &[SourceFile]) -> Vec<String> {
    files
        .iter()
        .map(|file| (file, file.text.lines().count()))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .map(|(file, lines)| format!("{} has {lines} lines; {MAX_LINES} is the most", file.path))
        .collect()
}

/// `allow` and `expect` attributes that give no reason.
fn exceptions_without_reason(files: &[SourceFile]) -> Vec<String> {
    let openings = ["#[allow(", "#![allow(", "#[expect(", "#![expect("];
    let mut problems = Vec::new();
    for file in files {
        for opening in openings {
            for (start, _) in file.text.match_indices(opening) {
                let line_start = file.text[..start].rfind('\n').map_or(0, |newline| newline + 1);
                // Text in a comment or in a string is no attribute.
                if !file.text[line_start..start].trim().is_empty() {
                    continue;
                }
                let rest = &file.text[start..];
                let attribute = &rest[..rest.find(")]").unwrap_or(rest.len())];
                if !attribute.contains("reason =") {
                    let line = file.text[..start].matches('\n').count() + 1;
                    problems.push(format!("{}:{line}: a lint exception without its reason", file.path));
                }
            }
        }
    }
    problems
}

fn script_sinks(files: &[SourceFile]) -> Vec<String> {
    let in_app = files.iter().filter(|file| file.path.starts_with("app/"));
    in_app
        .filter(|file| file.text.contains("inner_html") || file.text.contains("insert_adjacent_html"))
        .map(|file| format!("{}: build nodes instead of inner_html", file.path))
        .collect()
}

fn impure_core(files: &[SourceFile]) -> Vec<String> {
    // The command line around the core reads files, of course.
    let is_core = |file: &&SourceFile| {
        file.path.starts_with("app/planner/src/") && !file.path.starts_with("app/planner/src/bin/")
    };
    let mut problems = Vec::new();
    for file in files.iter().filter(is_core) {
        let found = IMPURE.iter().filter(|name| code_lines(&file.text).any(|line| line.contains(**name)));
        problems.extend(found.map(|name| format!("{}: the pure core names {name}", file.path)));
    }
    problems
}

/// Effects that write state of the page. The one exception holds what is being typed into a field, which is the
/// outside.
fn effects_that_write_state(files: &[SourceFile]) -> Vec<String> {
    let is_page = |file: &&SourceFile| {
        file.path.starts_with("app/ui/src/") && file.path != "app/ui/src/components/fields.rs"
    };
    let writes = [".set(", ".update(", ".commit(", ".edit(", ".notify("];
    let mut problems = Vec::new();
    for file in files.iter().filter(is_page) {
        for (start, _) in file.text.match_indices("Effect::new") {
            let body = parenthesised(&file.text[start..]);
            if let Some(write) = writes.iter().find(|write| body.contains(**write)) {
                let line = file.text[..start].matches('\n').count() + 1;
                problems
                    .push(format!("{}:{line}: an effect calls {write}...); derive it instead", file.path));
            }
        }
    }
    problems
}

/// From the first opening parenthesis to the one that closes it.
fn parenthesised(text: &str) -> &str {
    let mut depth = 0;
    let closing = text.char_indices().find(|(_, letter)| {
        depth += match letter {
            '(' => 1,
            ')' => -1,
            _ => return false,
        };
        depth == 0
    });
    &text[text.find('(').unwrap_or(0)..closing.map_or(text.len(), |(index, _)| index)]
}

/// Lines that are not comments.
fn code_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim_start().starts_with("//"))
}

#[test]
fn every_kernel_has_its_cpu_twin() {
    assert_none(&kernels_without_twins(&source_files(&[".wgsl", ".rs"])));
}

#[test]
fn every_kernel_has_one_entry_point() {
    assert_none(&kernels_with_other_entry_points(&source_files(&[".wgsl"])));
}

#[test]
fn no_rust_file_is_too_long() {
    assert_none(&long_files(&source_files(&[".rs"])));
}

#[test]
fn every_lint_exception_gives_its_reason() {
    assert_none(&exceptions_without_reason(&source_files(&[".rs"])));
}

#[test]
fn no_markup_is_built_from_text() {
    assert_none(&script_sinks(&source_files(&[".rs"])));
}

#[test]
fn the_planner_is_pure() {
    assert_none(&impure_core(&source_files(&[".rs"])));
}

#[test]
fn effects_touch_only_the_outside() {
    assert_none(&effects_that_write_state(&source_files(&[".rs"])));
}

#[test]
fn a_seeded_effect_that_writes_state_is_rejected() {
    let problems = |path: &str, text: &str| effects_that_write_state(&[SourceFile::new(path, text)]).len();
    let writing = "Effect::new(move || { if a.get() > 0 { b.set(1); } });";
    assert_eq!(problems("app/ui/src/a.rs", writing), 1);
    assert_eq!(problems("app/ui/src/a.rs", "Effect::new(move || title(a.get())); b.set(1);"), 0);
    assert_eq!(problems("kernels/engine/src/a.rs", writing), 0);
}

#[test]
fn a_seeded_kernel_without_twin_is_rejected() {
    let kernel =
        SourceFile::new("kernels/shaders/wgsl/add.wgsl", "@compute @workgroup_size(64)\nfn main() {}");
    let twin = SourceFile::new("kernels/shaders/src/cpu/add.rs", "");
    let module = SourceFile::new("kernels/shaders/src/cpu/mod.rs", "");
    assert!(kernels_without_twins(&[kernel.clone(), twin.clone(), module]).is_empty());
    assert_eq!(kernels_without_twins(std::slice::from_ref(&kernel)).len(), 1);
    assert_eq!(
        kernels_without_twins(std::slice::from_ref(&twin)).len(),
        2,
        "no kernel at all is a problem too"
    );
    let second =
        SourceFile::new("kernels/shaders/wgsl/two.wgsl", "@compute fn main() {} @compute fn other() {}");
    let renamed = SourceFile::new("kernels/shaders/wgsl/x.wgsl", "@compute fn entry() {}");
    assert_eq!(kernels_with_other_entry_points(&[kernel, second, renamed]).len(), 2);
}

#[test]
fn a_seeded_long_file_is_rejected() {
    assert_eq!(long_files(&[SourceFile::new("a.rs", &"x\n".repeat(MAX_LINES + 1))]).len(), 1);
    assert!(long_files(&[SourceFile::new("a.rs", &"x\n".repeat(MAX_LINES))]).is_empty());
}

#[test]
fn a_seeded_exception_without_reason_is_rejected() {
    let attribute = |text: &str| exceptions_without_reason(&[SourceFile::new("a.rs", text)]).len();
    assert_eq!(attribute("#[allow(clippy::float_cmp)]\nfn f() {}"), 1);
    assert_eq!(attribute("    #![expect(\n  dead_code\n)]"), 1);
    assert_eq!(attribute("#[expect(\n  dead_code,\n  reason = \"why\"\n)]"), 0);
    assert_eq!(attribute("// #[allow(x)]"), 0);
}

#[test]
fn a_seeded_script_sink_is_rejected() {
    assert_eq!(
        script_sinks(&[SourceFile::new("app/ui/src/a.rs", "view! { <p inner_html=text/> }")]).len(),
        1
    );
}

#[test]
fn a_seeded_clock_in_the_planner_is_rejected() {
    let text = "// std::time is not used\nlet now = std::time::Instant::now();";
    assert_eq!(impure_core(&[SourceFile::new("app/planner/src/cost.rs", text)]).len(), 2);
    assert!(impure_core(&[SourceFile::new("app/planner/src/bin/planner.rs", text)]).is_empty());
    assert!(impure_core(&[SourceFile::new("app/planner/src/cost.rs", "// std::time")]).is_empty());
}
