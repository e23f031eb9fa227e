//! Where things are, how commands are run, and which files are the sources.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
};

/// The error is the message that the person reads.
pub type Outcome<T> = Result<T, String>;

/// The checkout.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// Folder of the workspace's Cargo.toml.
    pub root: PathBuf,
    /// Where Trunk and wasm-bindgen are installed.
    pub tools: PathBuf,
    /// Cargo's target folder.
    pub target: PathBuf,
}

impl Workspace {
    /// The checkout that this program belongs to.
    pub fn find() -> Outcome<Self> {
        // `cargo run` sets the variable; without it, the current folder has to be the checkout.
        let root = match std::env::var_os("CARGO_MANIFEST_DIR") {
            Some(xtask) => PathBuf::from(xtask).parent().map(Path::to_path_buf),
            None => std::env::current_dir().ok(),
        }
        .filter(|root| root.join("Cargo.lock").is_file())
        .ok_or("run this as `cargo xtask ...` inside the checkout")?;
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => root.join(folder),
            None => root.join("target"),
        };
        let tools = root.join("target/tools");
        Ok(Self { root, tools, target })
    }

    /// Another copy of the sources, built with the same tools into a target folder of its own.
    pub fn copy_at(&self, root: PathBuf) -> Self {
        Self { target: root.join("target"), tools: self.tools.clone(), root }
    }

    /// The static folder.
    pub fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    /// `cargo` in the workspace, without the variables that the enclosing `cargo run` left behind and that
    /// would make a child rebuild or differ.
    pub fn cargo(&self) -> Command {
        self.command("cargo")
    }

    /// A program in the workspace, with the project's own tools first on the PATH.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root).env("PATH", self.path());
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_")
                || text.starts_with("CARGO_MANIFEST_")
                || text == "CARGO_BIN_NAME"
            {
                command.env_remove(&name);
            }
        }
        // A relative CARGO_TARGET_DIR would mean another folder for a copy; always say it in full.
        command.env("CARGO_TARGET_DIR", &self.target);
        command
    }

    fn path(&self) -> std::ffi::OsString {
        let mut folders = vec![self.tools.join("bin")];
        if let Some(path) = std::env::var_os("PATH") {
            folders.extend(std::env::split_paths(&path));
        }
        std::env::join_paths(folders).unwrap_or_default()
    }

    /// Files under the given paths, relative to the root with `/`, sorted: what git tracks and what it
    /// does not ignore. Without git (a source archive, a copy): every file outside build folders.
    pub fn source_files(&self, under: &[&str]) -> Outcome<Vec<String>> {
        let mut files = if self.root.join(".git").exists() {
            self.git_files(under)?
        } else {
            let mut files = Vec::new();
            for start in under {
                walk(&self.root, &self.root.join(start), &mut files)?;
            }
            files
        };
        files.sort();
        files.dedup();
        Ok(files)
    }

    fn git_files(&self, under: &[&str]) -> Outcome<Vec<String>> {
        let mut command = self.command("git");
        command.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--"]).args(under);
        let listing = output(&mut command)?;
        // A file that is tracked but was deleted is still listed.
        let present = |path: &&str| !path.is_empty() && self.root.join(path).is_file();
        Ok(listing.split('\0').filter(present).map(str::to_owned).collect())
    }
}

/// Adds the files below `path` (a file or a folder), relative to `root`, outside build folders.
pub fn walk(root: &Path, path: &Path, files: &mut Vec<String>) -> Outcome<()> {
    if path.is_file() {
        let relative = path.strip_prefix(root).map_err(|_| format!("{} is outside", path.display()))?;
        let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        files.push(parts.join("/"));
        return Ok(());
    }
    let entries = match std::fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("cannot read {}: {error}", path.display())),
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !matches!(name.as_ref(), ".git" | "target" | "dist" | "node_modules") {
            walk(root, &entry.path(), files)?;
        }
    }
    Ok(())
}

/// Runs a command with its output on the terminal; an error names the command.
pub fn run(command: &mut Command) -> Outcome<()> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{}` ended with {status}", describe(command))),
        Err(error) => Err(start_error(command, &error)),
    }
}

/// Runs a command and returns its standard output.
pub fn output(command: &mut Command) -> Outcome<String> {
    let result = command.output().map_err(|error| start_error(command, &error))?;
    if result.status.success() {
        return Ok(String::from_utf8_lossy(&result.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&result.stderr);
    Err(format!("`{}` ended with {}\n{}", describe(command), result.status, said.trim_end()))
}

fn start_error(command: &Command, error: &std::io::Error) -> String {
    let program = command.get_program().to_string_lossy();
    if error.kind() == ErrorKind::NotFound {
        format!("`{program}` is not installed (README.md lists what is needed)")
    } else {
        format!("`{}` did not start: {error}", describe(command))
    }
}

/// The command as it would be typed.
pub fn describe(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

/// Reads a text file; an error names it.
pub fn read(path: &Path) -> Outcome<String> {
    std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// Reads a file; an error names it.
pub fn read_bytes(path: &Path) -> Outcome<Vec<u8>> {
    std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

/// Writes a file, making its folder; an error names it.
pub fn write(path: &Path, contents: impl AsRef<[u8]>) -> Outcome<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    }
    std::fs::write(path, contents).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Removes a folder that may not be there.
pub fn remove_folder(path: &Path) -> Outcome<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(format!("cannot remove {}: {error}", path.display()))
        }
        _ => Ok(()),
    }
}
