//! Set-up: everything a command needs that the machine may lack, at the versions that Cargo.lock asks for.

use crate::workspace::{Outcome, Workspace, output, read, remove_folder, run};
use std::{path::Path, process::Command};

/// The bundler. 0.22 needs a newer compiler than `rust-version`.
const TRUNK_VERSION: &str = "0.21.14";
/// The target of the page and of the worker.
pub const WASM_TARGET: &str = "wasm32-unknown-unknown";

/// What a build of the page needs: the target's standard library, Trunk, wasm-bindgen, the crates' sources.
pub fn for_build(workspace: &Workspace) -> Outcome<()> {
    add_wasm_target(workspace)?;
    install(workspace, "trunk", TRUNK_VERSION)?;
    let lock = read(&workspace.root.join("Cargo.lock"))?;
    let wasm_bindgen = locked_version(&lock, "wasm-bindgen").ok_or("Cargo.lock holds no wasm-bindgen")?;
    // The command and the crate must be of exactly the same version, or the command refuses the module.
    install(workspace, "wasm-bindgen-cli", &wasm_bindgen)?;
    // Trunk runs offline, so that it cannot fetch tools of its own choice.
    let mut fetch = workspace.cargo();
    fetch.args(["fetch", "--locked", "--target", WASM_TARGET, "--target", &host_target(workspace)?]);
    run(&mut fetch)
}

/// Adds the wasm32 standard library where rustup manages the compiler and it is missing.
pub fn add_wasm_target(workspace: &Workspace) -> Outcome<()> {
    let library = Path::new(&sysroot(workspace)?).join("lib/rustlib").join(WASM_TARGET);
    if library.is_dir() {
        return Ok(());
    }
    println!("Adding the compiler target {WASM_TARGET}");
    run(workspace.command("rustup").args(["target", "add", WASM_TARGET])).map_err(|error| {
        format!("the compiler has no standard library for {WASM_TARGET}, and adding it failed: {error}")
    })
}

/// The folder of the compiler in use.
pub fn sysroot(workspace: &Workspace) -> Outcome<String> {
    Ok(output(workspace.command("rustc").args(["--print", "sysroot"]))?.trim().to_owned())
}

/// A field of `rustc --version --verbose`, such as `host` or `commit-hash`.
pub fn rustc_field(workspace: &Workspace, field: &str) -> Outcome<String> {
    let text = output(workspace.command("rustc").arg("-vV"))?;
    text.lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(": "))
        .map(str::to_owned)
        .ok_or_else(|| format!("`rustc -vV` shows no {field}"))
}

fn host_target(workspace: &Workspace) -> Outcome<String> {
    rustc_field(workspace, "host")
}

/// Installs a crate's programs below `target/tools`, unless this version is there already.
fn install(workspace: &Workspace, krate: &str, version: &str) -> Outcome<()> {
    let program = krate.strip_suffix("-cli").unwrap_or(krate);
    let path = workspace.tools.join("bin").join(format!("{program}{}", std::env::consts::EXE_SUFFIX));
    if path.is_file() && installed_version(&path).is_some_and(|installed| installed == version) {
        return Ok(());
    }
    println!("Installing {krate} {version} into target/tools (once, some minutes)");
    let attempt = |is_locked: bool| {
        let mut command = workspace.cargo();
        command.args(["install", "--force", "--root"]).arg(&workspace.tools).args(["--version", version]);
        if is_locked {
            command.arg("--locked");
        }
        // These two only carry bytes around: a quick build serves better than a fast program.
        for (key, value) in [("LTO", "off"), ("CODEGEN_UNITS", "16"), ("OPT_LEVEL", "1"), ("DEBUG", "0")] {
            command.env(format!("CARGO_PROFILE_RELEASE_{key}"), value);
        }
        run(command.arg(krate).env("CARGO_TARGET_DIR", workspace.tools.join("build")))
    };
    // A mirror may lack a version that the tool's own lock file names; the newest compatible ones then do.
    let result = attempt(true).or_else(|error| {
        println!("{error}\nTrying once more with the newest compatible dependencies");
        attempt(false)
    });
    remove_folder(&workspace.tools.join("build"))?;
    result
}

fn installed_version(path: &Path) -> Option<String> {
    let text = output(Command::new(path).arg("--version")).ok()?;
    text.split_whitespace().nth(1).map(str::to_owned)
}

/// The version of a package in a lock file.
fn locked_version(lock: &str, name: &str) -> Option<String> {
    let lock: toml::Table = lock.parse().ok()?;
    let packages = lock.get("package")?.as_array()?;
    let package =
        packages.iter().find(|package| package.get("name").and_then(toml::Value::as_str) == Some(name));
    package?.get("version")?.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::locked_version;

    #[test]
    fn the_version_comes_from_the_package_of_exactly_that_name() {
        let lock = "[[package]]\nname = \"wasm-bindgen-shared\"\nversion = \"1.0.0\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen").as_deref(), Some("0.2.130"));
        assert_eq!(locked_version(lock, "wasm"), None);
    }
}
