//! Builds the static folder: build id, reproducible compiler flags, Trunk, and what Trunk leaves undone.

use crate::{
    digest::sha256_hex,
    html, slim, tools,
    workspace::{Outcome, Workspace, read, read_bytes, remove_folder, run, write},
};
use std::path::{Path, PathBuf};

/// What the page and the workers are made of.
const SHIPPED_SOURCES: [&str; 8] =
    ["app", "kernels", "public", "index.html", "Trunk.toml", "Cargo.toml", "Cargo.lock", ".cargo"];

/// Builds `dist/` from scratch and returns the build id.
pub fn build(workspace: &Workspace) -> Outcome<String> {
    for file in ["index.html", "Trunk.toml"] {
        if !workspace.root.join(file).is_file() {
            return Err(format!("{file} is missing from the checkout"));
        }
    }
    tools::for_build(workspace)?;
    let build_id = build_id(workspace)?;
    println!("Building dist/, build id {build_id}");
    // Nothing of an earlier build may stay behind.
    remove_folder(&workspace.dist())?;
    trunk(workspace, &build_id)?;
    finish_pages(&workspace.dist(), &build_id)?;
    Ok(build_id)
}

/// A short hash over the content of everything that is shipped. The page and its workers compare it at the
/// handshake, so that a cached worker never meets a newer page.
pub fn build_id(workspace: &Workspace) -> Outcome<String> {
    let mut text = String::new();
    for path in workspace.source_files(&SHIPPED_SOURCES)? {
        let hash = sha256_hex(&read_bytes(&workspace.root.join(&path))?);
        text.push_str(&format!("{hash}  {path}\n"));
    }
    sha256_hex(text.as_bytes()).get(..12).map(str::to_owned).ok_or_else(|| "no hash".into())
}

fn trunk(workspace: &Workspace, build_id: &str) -> Outcome<()> {
    let mut command = workspace.command("trunk");
    command.args(["build", "--release", "--offline", "--locked", "--public-url", "./"]);
    command.arg("--dist").arg(workspace.dist());
    command.env("RIDGEPOINT_BUILD_ID", build_id);
    // Flags from the person's environment would replace ours, and a build would differ from machine to machine.
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "RUSTC_WRAPPER"] {
        command.env_remove(name);
    }
    // Trunk 0.21 reads NO_COLOR as a boolean and stops at `NO_COLOR=1`.
    command.env_remove("NO_COLOR");
    command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", rust_flags(workspace)?);
    run(&mut command)
}

/// SIMD, and names of this machine's folders replaced by fixed ones, so that two machines build equal bytes.
fn rust_flags(workspace: &Workspace) -> Outcome<String> {
    // leptos: views of components are type-erased, which makes the page smaller.
    let mut flags =
        ["-C", "target-feature=+simd128", "--cfg", "erase_components"].map(str::to_owned).to_vec();
    for (from, to) in remapped_folders(workspace)? {
        let from = from.to_string_lossy().into_owned();
        if from.contains(' ') {
            // Cargo splits this variable at spaces.
            return Err(format!("the folder `{from}` has a space in its name; build in one without"));
        }
        flags.push(format!("--remap-path-prefix={from}={to}"));
    }
    Ok(flags.join(" "))
}

/// The compiler applies the last match, so that narrower folders follow wider ones.
fn remapped_folders(workspace: &Workspace) -> Outcome<Vec<(PathBuf, String)>> {
    let sysroot = PathBuf::from(tools::sysroot(workspace)?);
    let cargo_home = cargo_home()?;
    let mut folders = vec![
        (cargo_home.clone(), "/cargo".to_owned()),
        (sysroot.clone(), "/rust".to_owned()),
        (
            sysroot.join("lib/rustlib/src/rust"),
            format!("/rustc/{}", tools::rustc_field(workspace, "commit-hash")?),
        ),
        (workspace.root.clone(), "/ridgepoint".to_owned()),
        (workspace.target.clone(), "/ridgepoint/target".to_owned()),
    ];
    // A mirror of the registry has another folder name than crates.io has.
    if let Ok(entries) = std::fs::read_dir(cargo_home.join("registry/src")) {
        folders.extend(entries.flatten().map(|entry| (entry.path(), "/registry".to_owned())));
    }
    Ok(folders)
}

fn cargo_home() -> Outcome<PathBuf> {
    let from_home = || {
        let home = std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE"))?;
        Some(Path::new(&home).join(".cargo"))
    };
    std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(from_home)
        .ok_or_else(|| "neither CARGO_HOME nor HOME is set".to_owned())
}

/// Moves Trunk's inline script into a file, checks the pages' policies, and writes the page for unknown paths.
fn finish_pages(dist: &Path, build_id: &str) -> Outcome<()> {
    let index = dist.join("index.html");
    let page = slim::slim(dist, &read(&index)?)?;
    let finished = html::move_inline_module(&page)?;
    html::check_policy(&finished.page)?;
    write(&dist.join(&finished.start_name), &finished.start_script)?;
    write(&index, &finished.page)?;
    for name in
        ["accuracy.html", "bench.html", "cold.html", "engine.html", "lab.html", "parallel.html", "plan.html"]
    {
        let path = dist.join(name);
        let page =
            html::with_build_id(&read(&path)?, build_id).map_err(|error| format!("{name}: {error}"))?;
        html::check_policy(&page).map_err(|error| error.replace("index.html", name))?;
        write(&path, page)?;
    }
    write(&dist.join("404.html"), html::not_found_page(&finished.start_name))
}
