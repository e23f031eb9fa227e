//! The rules that hold the workspace together, each as a checker over plain values, applied to the checkout,
//! and shown to reject a seeded violation.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "architecture/dependencies.rs"]
mod dependencies;
#[path = "architecture/documents.rs"]
mod documents;
#[path = "architecture/sources.rs"]
mod sources;

use std::path::{Path, PathBuf};

/// Folder of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the workspace").to_path_buf()
}

/// A file of the checkout, with its path relative to the workspace.
#[derive(Debug, Clone)]
struct SourceFile {
    path: String,
    text: String,
}

impl SourceFile {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }
}

/// Text files of the checkout with one of the extensions, outside build folders, sorted by path.
fn source_files(extensions: &[&str]) -> Vec<SourceFile> {
    fn walk(root: &Path, folder: &Path, extensions: &[&str], files: &mut Vec<SourceFile>) {
        for entry in std::fs::read_dir(folder).expect("a readable folder").flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                if !name.starts_with('.') && !["target", "dist", "node_modules"].contains(&name.as_str()) {
                    walk(root, &path, extensions, files);
                }
            } else if extensions.iter().any(|extension| name.ends_with(extension)) {
                let relative = path.strip_prefix(root).expect("below the root");
                let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
                let text = std::fs::read_to_string(&path).expect("a text file");
                files.push(SourceFile { path: parts.join("/"), text });
            }
        }
    }
    let mut files = Vec::new();
    walk(&root(), &root(), extensions, &mut files);
    files.sort_by(|left, right| left.path.cmp(&right.path));
    assert!(!files.is_empty(), "no file ends with any of {extensions:?}");
    files
}

/// Fails with all problems at once.
#[track_caller]
fn assert_none(problems: &[String]) {
    assert!(problems.is_empty(), "{} problem(s):\n{}", problems.len(), problems.join("\n"));
}
