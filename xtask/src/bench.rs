//! `cargo xtask bench`: the engine natively, then in Chromium, alone or beside other engines.

use crate::{
    Options, browser, build, dist,
    workspace::{Outcome, Workspace, read, run},
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// What is compared, in the words of peerbench.
const WORKLOADS: &str = "matmul-*,matvec-4096,train-*";
/// With whom, unless `--with` says otherwise; `limits` is what the machine can do.
const PEERS: &str = "jax,limits,ort";
/// Name of the result files below peerbench's `results/`.
const RESULTS: &str = "ridgepoint";

/// `cargo xtask bench [--peers DIR [--with a,b]] [--only a,b]`.
pub fn bench(workspace: &Workspace, arguments: &[String]) -> Outcome<ExitCode> {
    let options = Options::parse(arguments, &["--peers", "--with", "--only"], &["--quick", "--native"])?;
    let peers = options.value("--peers").map(|folder| peerbench(Path::new(folder))).transpose()?;
    let mut native = workspace.cargo();
    native.args(["bench", "--package", "acceptance", "--bench", "engine"]);
    run(&mut native)?;
    if options.has("--native") {
        return Ok(ExitCode::SUCCESS);
    }
    browser::system_packages(workspace)?;
    let chromium = browser::find_chromium().ok_or("no Chromium was found")?;
    let dist = current_dist(workspace)?;
    match peers {
        Some(folder) => beside_peers(workspace, &folder, &dist, &chromium, &options)?,
        None => alone(workspace, &chromium, &options)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The folder of the comparison, in full, since its commands run inside it.
fn peerbench(folder: &Path) -> Outcome<PathBuf> {
    if !folder.join("run.mjs").is_file() {
        return Err(format!("--peers {}: there is no run.mjs of peerbench in it", folder.display()));
    }
    folder.canonicalize().map_err(|error| format!("--peers {}: {error}", folder.display()))
}

/// The built folder; it is built again where it is missing or belongs to other sources.
fn current_dist(workspace: &Workspace) -> Outcome<PathBuf> {
    let build_id = build::build_id(workspace)?;
    let is_current = read(&workspace.dist().join("bench.html")).is_ok_and(|page| page.contains(&build_id));
    if is_current { Ok(workspace.dist()) } else { dist::build(workspace) }
}

/// Our own page, pressed button by button.
fn alone(workspace: &Workspace, chromium: &Path, options: &Options) -> Outcome<()> {
    let folder = workspace.root.join("tests/e2e");
    browser::npm_packages(workspace, &folder)?;
    let names = options.value("--only").unwrap_or_default().split(',').filter(|name| !name.is_empty());
    let mut command = workspace.command("node");
    run(command.arg("bench.js").args(names).current_dir(&folder).env("CHROMIUM", chromium))
}

/// The comparison's own harness with this folder as one more contender, and its table.
fn beside_peers(
    workspace: &Workspace,
    folder: &Path,
    dist: &Path,
    chromium: &Path,
    options: &Options,
) -> Outcome<()> {
    browser::npm_packages(workspace, folder)?;
    let mut command = workspace.command("node");
    command.args(["run.mjs", "--cold", "--out", RESULTS, "--contender"]).arg(dist);
    command.args(["--peers", options.value("--with").unwrap_or(PEERS)]);
    command.args(["--only", options.value("--only").unwrap_or(WORKLOADS)]);
    if options.has("--quick") {
        command.arg("--quick");
    }
    run(command.current_dir(folder).env("PEERBENCH_CHROMIUM", chromium))?;
    println!("\n{}", read(&folder.join(format!("results/{RESULTS}.md")))?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::peerbench;
    use std::path::Path;

    #[test]
    fn a_folder_without_the_harness_is_refused_before_anything_runs() {
        let error = peerbench(Path::new("no/such/folder")).expect_err("nothing is there");
        assert!(error.contains("no/such/folder"));
    }
}
