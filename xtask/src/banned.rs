//! Patterns that must not be in the sources or in the built folder.

use crate::workspace::{Outcome, Workspace, read_bytes, walk};

/// Folder names that only exist on somebody's machine.
const HOMES: [&str; 3] = ["/home/", "/root/", "/Users/"];

/// Looks through the sources, and through `dist/` if it was built; returns how many files were read.
pub fn check(workspace: &Workspace) -> Outcome<usize> {
    let mut problems = Vec::new();
    let sources = workspace.source_files(&["."])?;
    for path in &sources {
        let bytes = read_bytes(&workspace.root.join(path))?;
        if let Ok(text) = std::str::from_utf8(&bytes) {
            problems.extend(in_source(path, text).into_iter().map(|problem| format!("{path}: {problem}")));
        }
    }
    let dist = workspace.dist();
    let mut built = Vec::new();
    walk(&dist, &dist, &mut built)?;
    let root = workspace.root.to_string_lossy().into_owned();
    for path in &built {
        let bytes = read_bytes(&dist.join(path))?;
        problems.extend(
            in_build(path, &bytes, &root).into_iter().map(|problem| format!("dist/{path}: {problem}")),
        );
    }
    if problems.is_empty() { Ok(sources.len() + built.len()) } else { Err(problems.join("\n")) }
}

/// What is wrong with a source file.
fn in_source(path: &str, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let is_rust_of_the_page = path.starts_with("app/") && path.ends_with(".rs");
    for (index, line) in text.lines().enumerate() {
        let mut found = |what: &str| problems.push(format!("line {}: {what}", index + 1));
        if is_rust_of_the_page && line.contains("inner_html") {
            found("inner_html is a way in for scripts; build nodes instead");
        }
        // This file and its kind name the patterns they look for.
        if !path.starts_with("xtask/") && HOMES.iter().any(|home| names_folder(line, home)) {
            found("a path of one machine");
        }
        if is_loaded(path) && loads_from_elsewhere(line) {
            found("loads from another site");
        }
    }
    problems
}

/// What is wrong with a built file.
fn in_build(path: &str, bytes: &[u8], root: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let text = String::from_utf8_lossy(bytes);
    if text.contains(root) || HOMES.iter().any(|home| names_folder(&text, home)) {
        problems.push("holds a path of the machine that built it".to_owned());
    }
    if is_loaded(path) && text.lines().any(loads_from_elsewhere) {
        problems.push("loads from another site".to_owned());
    }
    problems
}

/// Pages, styles and scripts: what a browser acts on.
fn is_loaded(path: &str) -> bool {
    let is_shipped = !["tests/", "xtask/", "hosting/"].iter().any(|folder| path.starts_with(folder));
    is_shipped && [".html", ".css", ".js", ".mjs", ".webmanifest"].iter().any(|end| path.ends_with(end))
}

/// `/home/somebody` as a word of its own; `https://example.org/home/x` is no folder.
fn names_folder(text: &str, home: &str) -> bool {
    text.match_indices(home).any(|(start, _)| {
        let before = text.get(..start).and_then(|before| before.chars().next_back());
        let after = text.get(start + home.len()..).and_then(|rest| rest.chars().next());
        let is_start = before.is_none_or(|letter| !letter.is_alphanumeric() && !"._-/~".contains(letter));
        is_start && after.is_some_and(|letter| letter.is_ascii_alphanumeric() || letter == '.')
    })
}

/// A construct that makes a browser fetch from another host. A plain link that a person may follow does not.
fn loads_from_elsewhere(line: &str) -> bool {
    let compact: String = line.chars().filter(|letter| !letter.is_whitespace()).collect();
    let is_loading_tag = ["<link", "<script", "<img", "<iframe", "<source", "<video", "<audio"]
        .iter()
        .any(|tag| compact.contains(tag));
    let has_remote_attribute =
        ["href=\"http", "src=\"http", "href='http", "src='http", "src=\"//", "href=\"//"]
            .iter()
            .any(|text| compact.contains(text));
    let calls = ["url(http", "url(\"http", "url('http", "url(//", "@import\"http", "@importurl(http"];
    let scripts = ["fetch(\"http", "fetch('http", "import(\"http", "import('http", "from\"http", "from'http"];
    let others = ["importScripts(\"http", "newWebSocket(", "newEventSource(", "sendBeacon("];
    (is_loading_tag && has_remote_attribute)
        || calls.iter().chain(&scripts).chain(&others).any(|text| compact.contains(text))
}

#[cfg(test)]
mod tests {
    use super::{in_build, in_source};

    #[test]
    fn seeded_violations_in_sources_are_found() {
        for (path, line) in [
            ("app/ui/src/main.rs", "view! { <p inner_html=text/> }"),
            ("README.md", "see `/home/ann/ridgepoint`"),
            ("index.html", "<script src=\"https://cdn.example.org/x.js\"></script>"),
            ("index.html", "<link rel=stylesheet href='http://example.org/x.css'>"),
            ("public/a.css", "src: url(https://example.org/f.woff2)"),
            ("public/loader.js", "import init from \"https://example.org/x.js\""),
            ("public/loader.js", "navigator.sendBeacon(x)"),
        ] {
            assert_eq!(in_source(path, line).len(), 1, "{path}: {line}");
        }
    }

    #[test]
    fn ordinary_lines_pass() {
        for (path, line) in [
            ("README.md", "<https://example.org/home/page>"),
            ("index.html", "<a href=\"https://example.org/\">source</a>"),
            ("app/planner/src/lib.rs", "/// Source: https://example.org/"),
            ("public/a.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\">"),
        ] {
            assert!(in_source(path, line).is_empty(), "{path}: {line}");
        }
    }

    #[test]
    fn a_path_in_a_binary_is_found() {
        assert_eq!(in_build("a.wasm", b"\0asm /build/here/src/x.rs", "/build/here").len(), 1);
        assert_eq!(in_build("a.wasm", b"\0asm\0/root/.cargo/registry", "/build/here").len(), 1);
        assert!(in_build("a.wasm", b"\0asm\0/rustc/abc/library", "/build/here").is_empty());
    }
}
