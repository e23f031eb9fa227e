//! The static folder: the build, and the files that describe it.

use crate::{
    build,
    digest::sha256_hex,
    hosting, sbom,
    sizes::Report,
    workspace::{Outcome, Workspace, read_bytes, walk, write},
};
use std::path::{Path, PathBuf};

/// The file of sums, in the form that `sha256sum --check` reads.
pub const SUMS: &str = "SHA256SUMS";

/// Builds `dist/` with everything that belongs into it; returns the folder.
pub fn build(workspace: &Workspace) -> Outcome<PathBuf> {
    let build_id = build::build(workspace)?;
    let dist = workspace.dist();
    write(&dist.join("sbom.cdx.json"), sbom::bill_of_materials(workspace, &build_id)?)?;
    hosting::write_files(&dist)?;
    let report = Report::measure(&dist)?;
    write(&dist.join("sizes.json"), pretty(&report.to_json())?)?;
    write(&dist.join(SUMS), sums(&dist)?)?;
    Ok(dist)
}

/// `cargo xtask dist`.
pub fn run(workspace: &Workspace) -> Outcome<()> {
    let dist = build(workspace)?;
    let report = Report::measure(&dist)?;
    report.print();
    report.check_budgets()?;
    println!("\n{} is ready: serve it as it is, at any path", dist.display());
    Ok(())
}

/// JSON as people read it, with a line end.
pub fn pretty(value: &serde_json::Value) -> Outcome<String> {
    let text = serde_json::to_string_pretty(value).map_err(|error| error.to_string())?;
    Ok(text + "\n")
}

/// SHA-256 of every file but the file of sums, sorted by path.
fn sums(dist: &Path) -> Outcome<String> {
    let mut files = Vec::new();
    walk(dist, dist, &mut files)?;
    files.sort();
    let mut text = String::new();
    for path in files.iter().filter(|path| *path != SUMS) {
        text.push_str(&format!("{}  {path}\n", sha256_hex(&read_bytes(&dist.join(path))?)));
    }
    Ok(text)
}
