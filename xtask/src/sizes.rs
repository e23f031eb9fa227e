//! Transfer sizes of the static folder, and the budgets that they must keep.

use crate::workspace::{Outcome, read_bytes, walk};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::Path,
};

/// Everything that the page loads before it is usable, gzip, in bytes.
const PAGE_BUDGET_BYTES: usize = 350 * 1000;
/// Everything more that is loaded until the first training step, gzip, in bytes.
const WORKER_BUDGET_BYTES: usize = 900 * 1000;
/// The worker's first file; `protocol::COMPUTE_LOADER` names it too.
const WORKER_LOADER: &str = "compute-loader.js";
/// What the first prediction loads: the planner with its published rows, gzip, in bytes.
const PLANNER_BUDGET_BYTES: usize = 450 * 1000;
/// The planner worker's first file.
const PLANNER_LOADER: &str = "planner-loader.js";
/// The worker's module for browsers with relaxed SIMD.
const RELAXED_WORKER: &str = "compute-worker_relaxed.wasm";

/// Size of one file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// As stored.
    pub bytes: usize,
    /// After gzip -9.
    pub gzip_bytes: usize,
}

/// Sizes of the folder's files, and which of them the page and the worker load.
#[derive(Debug)]
pub struct Report {
    files: BTreeMap<String, Size>,
    page: BTreeSet<String>,
    worker: BTreeSet<String>,
    planner: BTreeSet<String>,
}

impl Report {
    /// Measures a folder.
    pub fn measure(dist: &Path) -> Outcome<Self> {
        let mut paths = Vec::new();
        walk(dist, dist, &mut paths)?;
        let mut contents = BTreeMap::new();
        for path in paths {
            let bytes = read_bytes(&dist.join(&path))?;
            contents.insert(path, bytes);
        }
        Self::from_contents(&contents)
    }

    fn from_contents(contents: &BTreeMap<String, Vec<u8>>) -> Outcome<Self> {
        let page = reachable("index.html", contents);
        let mut worker = reachable(WORKER_LOADER, contents);
        // What the page has loaded already is not transferred again.
        worker.retain(|path| !page.contains(path));
        // The worker takes one of two modules; the larger counts.
        worker.retain(|path| path != "compute-worker_bg.wasm" || !contents.contains_key(RELAXED_WORKER));
        if contents.contains_key(RELAXED_WORKER) {
            worker.insert(RELAXED_WORKER.into());
        }
        let mut planner = reachable(PLANNER_LOADER, contents);
        planner.retain(|path| !page.contains(path));
        let wasm_count = |set: &BTreeSet<String>| set.iter().filter(|path| path.ends_with(".wasm")).count();
        if [&page, &worker, &planner].iter().any(|set| wasm_count(set) != 1) {
            return Err(format!(
                "expected one WASM file for the page and one for each worker; page: {page:?}; worker: {worker:?}; planner: {planner:?}"
            ));
        }
        let files = contents
            .iter()
            .map(|(path, bytes)| {
                Ok((path.clone(), Size { bytes: bytes.len(), gzip_bytes: gzip_length(bytes)? }))
            })
            .collect::<Outcome<_>>()?;
        Ok(Self { files, page, worker, planner })
    }

    fn total(&self, paths: &BTreeSet<String>) -> Size {
        paths.iter().filter_map(|path| self.files.get(path)).fold(Size::default(), |sum, size| Size {
            bytes: sum.bytes + size.bytes,
            gzip_bytes: sum.gzip_bytes + size.gzip_bytes,
        })
    }

    /// What the page loads before it is usable.
    pub fn page(&self) -> Size {
        self.total(&self.page)
    }

    /// What is loaded more until the first training step.
    pub fn worker(&self) -> Size {
        self.total(&self.worker)
    }

    /// What the first prediction loads more.
    pub fn planner(&self) -> Size {
        self.total(&self.planner)
    }

    /// An error names the budget that is broken, and by how much.
    pub fn check_budgets(&self) -> Outcome<()> {
        for (name, size, budget) in [
            ("page", self.page(), PAGE_BUDGET_BYTES),
            ("worker", self.worker(), WORKER_BUDGET_BYTES),
            ("planner", self.planner(), PLANNER_BUDGET_BYTES),
        ] {
            if size.gzip_bytes > budget {
                let over = size.gzip_bytes - budget;
                return Err(format!(
                    "the {name} takes {} bytes gzip, {over} over its budget of {budget}",
                    size.gzip_bytes
                ));
            }
        }
        Ok(())
    }

    /// sizes.json.
    pub fn to_json(&self) -> Value {
        let part = |path: &String| {
            if self.page.contains(path) {
                "page"
            } else if self.worker.contains(path) {
                "worker"
            } else if self.planner.contains(path) {
                "planner"
            } else {
                "other"
            }
        };
        let files: Vec<Value> = self
            .files
            .iter()
            .map(|(path, size)| {
                json!({ "path": path, "part": part(path), "bytes": size.bytes, "gzip_bytes": size.gzip_bytes })
            })
            .collect();
        let total = |size: Size, budget: usize| json!({ "bytes": size.bytes, "gzip_bytes": size.gzip_bytes, "gzip_budget_bytes": budget });
        json!({
            "page": total(self.page(), PAGE_BUDGET_BYTES),
            "worker": total(self.worker(), WORKER_BUDGET_BYTES),
            "planner": total(self.planner(), PLANNER_BUDGET_BYTES),
            "files": files,
        })
    }

    /// A table for the terminal.
    pub fn print(&self) {
        println!("{:>10} {:>10}  file", "bytes", "gzip -9");
        let row = |size: Size, name: &str| println!("{:>10} {:>10}  {name}", size.bytes, size.gzip_bytes);
        for (path, size) in &self.files {
            row(*size, path);
        }
        row(self.page(), &format!("= page, before it is usable (budget {PAGE_BUDGET_BYTES} gzip)"));
        row(
            self.worker(),
            &format!("= worker, until the first training step (budget {WORKER_BUDGET_BYTES} gzip)"),
        );
        row(
            self.planner(),
            &format!("= planner, until the first prediction (budget {PLANNER_BUDGET_BYTES} gzip)"),
        );
    }
}

/// The files that text files name, starting at one of them: pages, styles and scripts are searched for the
/// names of the folder's files.
fn reachable(start: &str, contents: &BTreeMap<String, Vec<u8>>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![start.to_owned()];
    while let Some(path) = open.pop() {
        let Some(bytes) = contents.get(&path) else { continue };
        if !found.insert(path.clone()) || ![".html", ".css", ".js"].iter().any(|end| path.ends_with(end)) {
            continue;
        }
        let text = String::from_utf8_lossy(bytes);
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for other in contents.keys() {
            let local =
                other.strip_prefix(folder).map_or(other.as_str(), |rest| rest.trim_start_matches('/'));
            if names(&text, local) {
                open.push(other.clone());
            }
        }
    }
    found
}

/// Whether a text names a file: the name stands between quotes or in `url()`, perhaps with `./` before it and
/// a query after it.
fn names(text: &str, file: &str) -> bool {
    text.match_indices(file).any(|(start, _)| {
        let before = text.get(..start).unwrap_or_default();
        let before = before.strip_suffix("./").unwrap_or(before);
        let after = text.get(start + file.len()..).and_then(|rest| rest.chars().next());
        before.ends_with(['"', '\'', '`', '(', '='])
            && matches!(after, Some('"' | '\'' | '`' | ')' | '?' | '#' | '$' | ' ' | '>'))
    })
}

fn gzip_length(bytes: &[u8]) -> Outcome<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).map_err(|error| error.to_string())?;
    Ok(encoder.finish().map_err(|error| error.to_string())?.len())
}

#[cfg(test)]
mod tests {
    use super::Report;
    use std::collections::BTreeMap;

    fn folder(worker_bytes: usize) -> BTreeMap<String, Vec<u8>> {
        // Bytes that gzip cannot shrink: a linear congruential sequence, high byte of each state.
        let mut state = 1_u32;
        let noise = (0..worker_bytes).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        });
        [
            ("index.html", b"<link href=\"./a.css\"><script src=\"./boot.js\">".to_vec()),
            ("a.css", b"@font-face { src: url(fonts/f.woff2) }".to_vec()),
            ("fonts/f.woff2", b"font".to_vec()),
            ("boot.js", b"init('./ui_bg.wasm')".to_vec()),
            ("ui_bg.wasm", b"page".to_vec()),
            ("compute-loader.js", b"import(`./compute-worker.js${version}`)".to_vec()),
            ("compute-worker.js", b"'compute-worker_bg.wasm'".to_vec()),
            ("compute-worker_bg.wasm", noise.collect()),
            ("planner-loader.js", b"import(`./planner-worker.js${version}`)".to_vec()),
            ("planner-worker.js", b"'planner-worker_bg.wasm'".to_vec()),
            ("planner-worker_bg.wasm", b"rows".to_vec()),
            ("hosting/nginx.conf", b"unused".to_vec()),
        ]
        .map(|(path, bytes)| (path.to_owned(), bytes))
        .into()
    }

    #[test]
    fn page_and_worker_are_what_their_files_name() {
        let report = Report::from_contents(&folder(10)).expect("a report");
        assert_eq!(report.page.len(), 5);
        assert_eq!(report.worker.len(), 3);
        assert_eq!(report.planner.len(), 3);
        report.check_budgets().expect("small");
        assert_eq!(report.to_json()["files"][0]["path"], "a.css");
    }

    #[test]
    fn a_worker_over_its_budget_is_an_error() {
        let report = Report::from_contents(&folder(1_000_000)).expect("a report");
        assert!(report.check_budgets().expect_err("too large").contains("worker"));
    }

    #[test]
    fn a_page_without_its_module_is_an_error() {
        let mut files = folder(10);
        files.remove("ui_bg.wasm");
        assert!(Report::from_contents(&files).is_err());
    }
}
