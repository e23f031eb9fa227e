//! `cargo xtask test`: every check in order, timed, each independent of the others where it can be.

use crate::{
    Options, banned, browser,
    build::build_id,
    dist, licences,
    sizes::Report,
    tools::{WASM_TARGET, add_wasm_target},
    workspace::{self, Outcome, Workspace, describe},
};
use std::{
    io::{BufRead, BufReader},
    process::{Command, ExitCode, Stdio},
    time::Instant,
};

/// What a GPU test prints once, so that nobody mistakes "no test ran" for "all passed".
const ADAPTER_MARK: &str = "GPU adapter:";
/// Crates that exist for wasm32 only.
const WASM_ONLY: [&str; 3] = ["ui", "compute-worker", "planner-worker"];

/// One check. The text it returns is a note for the summary.
struct Step {
    name: &'static str,
    about: &'static str,
    check: fn(&Workspace) -> Outcome<String>,
}

const STEPS: [Step; 10] = [
    Step { name: "fmt", about: "rustfmt", check: fmt },
    Step { name: "clippy", about: "lints of the native crates", check: clippy_native },
    Step {
        name: "clippy-wasm",
        about: "lints of the page, the worker and the engine on wasm32",
        check: clippy_wasm,
    },
    Step { name: "native", about: "cargo test", check: native },
    Step { name: "gpu", about: "kernels and engine on a Vulkan adapter", check: gpu },
    Step { name: "dist", about: "the static folder builds", check: build_dist },
    Step { name: "budgets", about: "transfer sizes", check: budgets },
    Step { name: "e2e", about: "journeys in Chromium", check: e2e },
    Step { name: "licences", about: "licences and sources of every crate", check: licences },
    Step { name: "banned", about: "patterns that must not be in sources or build", check: banned_patterns },
];

/// Runs steps and returns how many failed; the last line counts them.
fn run_steps(workspace: &Workspace, steps: &[&Step]) -> usize {
    let mut summary = Vec::new();
    let mut failures = 0;
    for (index, step) in steps.iter().enumerate() {
        println!("\n=== {}/{} {}: {}", index + 1, steps.len(), step.name, step.about);
        let start = Instant::now();
        let result = (step.check)(workspace);
        let seconds = start.elapsed().as_secs_f64();
        let (mark, note) = match &result {
            Ok(note) => ("ok", note.as_str()),
            Err(error) => {
                failures += 1;
                println!("{error}");
                ("FAILED", error.lines().next().unwrap_or_default())
            }
        };
        summary.push(format!("{mark:>6}  {:<12} {seconds:>7.1} s  {note}", step.name));
    }
    println!("\n{}", summary.join("\n"));
    println!("{} passed, {failures} failed", steps.len() - failures);
    failures
}

/// `cargo xtask test`.
pub fn run(workspace: &Workspace, options: &Options) -> Outcome<ExitCode> {
    if options.has("--list") {
        for step in &STEPS {
            println!("{:<12} {}", step.name, step.about);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let only = names(options.value("--only"))?;
    let skip = names(options.value("--skip"))?;
    let is_chosen =
        |step: &&Step| (only.is_empty() || only.contains(&step.name)) && !skip.contains(&step.name);
    let steps: Vec<&Step> = STEPS.iter().filter(is_chosen).collect();
    let failures = run_steps(workspace, &steps);
    Ok(if failures == 0 && !steps.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A comma-separated list of step names; an unknown one is an error.
fn names(list: Option<&str>) -> Outcome<Vec<&'static str>> {
    let known = |name: &str| {
        let step = STEPS.iter().find(|step| step.name == name);
        step.map(|step| step.name).ok_or_else(|| format!("there is no step `{name}`; `--list` shows them"))
    };
    list.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty()).map(known).collect()
}

/// Runs a command that has nothing to add to the summary.
fn quiet(command: &mut Command) -> Outcome<String> {
    workspace::run(command).map(|()| String::new())
}

fn fmt(workspace: &Workspace) -> Outcome<String> {
    let mut command = workspace.cargo();
    command.args(["fmt", "--all", "--check"]);
    quiet(&mut command).map_err(|error| format!("{error}: run `cargo fmt --all`"))
}

fn clippy_native(workspace: &Workspace) -> Outcome<String> {
    // `--all-targets` leaves out what plain `cargo test` leaves out, hence the second call.
    for targets in [["--all-targets"].as_slice(), &["--test", "gpu"]] {
        let mut command = workspace.cargo();
        command.args(["clippy", "--workspace", "--locked"]).args(targets);
        for krate in WASM_ONLY {
            command.args(["--exclude", krate]);
        }
        quiet(command.args(["--", "--deny", "warnings"]))?;
    }
    Ok(String::new())
}

fn clippy_wasm(workspace: &Workspace) -> Outcome<String> {
    add_wasm_target(workspace)?;
    let mut command = workspace.cargo();
    command.args(["clippy", "--locked", "--package", "engine"]);
    for krate in WASM_ONLY {
        command.args(["--package", krate]);
    }
    quiet(command.args(["--target", WASM_TARGET, "--", "--deny", "warnings"]))
}

/// The default members, that is, every native crate. The GPU tests are marked `test = false` and have a step
/// of their own, because they need an adapter.
fn native(workspace: &Workspace) -> Outcome<String> {
    quiet(workspace.cargo().args(["test", "--locked"]))
}

fn gpu(workspace: &Workspace) -> Outcome<String> {
    browser::system_packages(workspace)?;
    let mut command = workspace.cargo();
    // Without `--package`, so that features stay those of the step before and little is compiled again.
    command.args(["test", "--locked", "--test", "gpu", "--", "--nocapture"]);
    let lines = pass_through(&mut command)?;
    adapter_of(&lines).ok_or_else(|| format!("no GPU test ran: no line `{ADAPTER_MARK} <name>` was printed"))
}

fn adapter_of(lines: &[String]) -> Option<String> {
    lines.iter().find_map(|line| {
        let name = line.split_once(ADAPTER_MARK)?.1.trim();
        (!name.is_empty()).then(|| format!("{ADAPTER_MARK} {name}"))
    })
}

/// Runs a command, showing its standard output as it comes, and returns the lines.
fn pass_through(command: &mut Command) -> Outcome<Vec<String>> {
    let fail = |error: std::io::Error| format!("`cargo` did not run: {error}");
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(fail)?;
    let mut lines = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            println!("{line}");
            lines.push(line);
        }
    }
    let status = child.wait().map_err(fail)?;
    if status.success() { Ok(lines) } else { Err(format!("`{}` ended with {status}", describe(command))) }
}

fn build_dist(workspace: &Workspace) -> Outcome<String> {
    dist::build(workspace)?;
    Ok(format!("build id {}", build_id(workspace)?))
}

fn budgets(workspace: &Workspace) -> Outcome<String> {
    let report = Report::measure(&workspace.dist())?;
    report.print();
    report.check_budgets()?;
    Ok(format!("page {} and worker {} bytes gzip", report.page().gzip_bytes, report.worker().gzip_bytes))
}

fn e2e(workspace: &Workspace) -> Outcome<String> {
    browser::system_packages(workspace)?;
    if !workspace.dist().join("index.html").is_file() {
        return Err("dist/ is not built: the step `dist` has to pass first".into());
    }
    let folder = workspace.root.join("tests/e2e");
    browser::npm_packages(workspace, &folder)?;
    let chromium = browser::find_chromium().ok_or("no Chromium was found")?;
    let mut command = workspace.command("node");
    command
        .args(["node_modules/@playwright/test/cli.js", "test"])
        .current_dir(&folder)
        .env("CHROMIUM", chromium);
    quiet(&mut command)
}

fn licences(workspace: &Workspace) -> Outcome<String> {
    Ok(format!("{} crates", licences::check(workspace)?))
}

fn banned_patterns(workspace: &Workspace) -> Outcome<String> {
    Ok(format!("{} files", banned::check(workspace)?))
}

#[cfg(test)]
mod tests {
    use super::{adapter_of, names};

    #[test]
    fn step_names_are_checked() {
        assert_eq!(names(Some("fmt, e2e")).expect("known"), ["fmt", "e2e"]);
        assert!(names(None).expect("empty").is_empty());
        assert!(names(Some("ftm")).is_err());
    }

    #[test]
    fn gpu_tests_count_only_when_they_name_their_adapter() {
        let lines = ["running 0 tests".to_owned()];
        assert_eq!(adapter_of(&lines), None);
        let lines = ["running 1 test".to_owned(), "GPU adapter: llvmpipe (Vulkan)".to_owned()];
        assert_eq!(adapter_of(&lines).as_deref(), Some("GPU adapter: llvmpipe (Vulkan)"));
        assert_eq!(adapter_of(&["GPU adapter: ".to_owned()]), None);
    }
}
