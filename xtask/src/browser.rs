//! Set-up of the tests: a Chromium, a Vulkan driver for native GPU tests, and the npm packages.

use crate::{
    digest::sha256_hex,
    workspace::{Outcome, Workspace, output, read_bytes, run, write},
};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// Installs what is missing, where that is possible without asking.
pub fn system_packages(workspace: &Workspace) -> Outcome<()> {
    let mut missing = Vec::new();
    if find_chromium().is_none() {
        missing.push("chromium");
    }
    if cfg!(target_os = "linux") && !has_vulkan_driver() {
        // Holds lavapipe, which runs the GPU tests on a machine without a GPU.
        missing.push("mesa-vulkan-drivers");
    }
    if missing.is_empty() {
        return Ok(());
    }
    let list = missing.join(" ");
    let by_hand = format!("missing on this machine: {list}\nInstall with: sudo apt-get install {list}");
    if !is_on_path("apt-get") {
        return Err(by_hand);
    }
    let is_root = output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    let has_sudo =
        Command::new("sudo").args(["-n", "true"]).output().is_ok_and(|result| result.status.success());
    if !is_root && !has_sudo {
        return Err(by_hand);
    }
    println!("Installing {list} with apt-get");
    let apt = |arguments: &[&str]| {
        let mut command = workspace.command(if is_root { "apt-get" } else { "sudo" });
        if !is_root {
            command.args(["-n", "apt-get"]);
        }
        run(command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    apt(&["update"])?;
    let mut install = vec!["install", "--yes", "--no-install-recommends"];
    install.extend(missing);
    apt(&install).map_err(|error| format!("{error}\n{by_hand}"))
}

/// The browser that the tests drive: `$CHROMIUM`, or one on the PATH.
pub fn find_chromium() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("CHROMIUM") {
        return Some(PathBuf::from(path));
    }
    NAMES.iter().find_map(|name| on_path(name))
}

fn is_on_path(name: &str) -> bool {
    on_path(name).is_some()
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn has_vulkan_driver() -> bool {
    ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"].iter().any(|folder| {
        std::fs::read_dir(folder).is_ok_and(|entries| {
            entries
                .flatten()
                .any(|entry| entry.path().extension().is_some_and(|extension| extension == "json"))
        })
    })
}

/// `npm ci` in a folder, unless what is installed came from this very lock file.
pub fn npm_packages(workspace: &Workspace, folder: &Path) -> Outcome<()> {
    let lock = sha256_hex(&read_bytes(&folder.join("package-lock.json"))?);
    let mark = folder.join("node_modules/.ridgepoint-lock");
    if std::fs::read_to_string(&mark).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    println!("Installing the npm packages of the browser tests");
    let mut command = workspace.command("npm");
    command.args(["ci", "--no-audit", "--no-fund"]).current_dir(folder);
    // The tests drive the system's browser.
    run(command.env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1"))?;
    write(&mark, lock)
}
