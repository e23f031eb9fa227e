//! Licences and sources of every crate in Cargo.lock, against the lists in deny.toml (the format that
//! cargo-deny reads; only `licenses.allow` and `sources.allow-registry` are used here).

use crate::workspace::{Outcome, Workspace, output, read};
use serde_json::Value;

/// Checks the whole graph, all platforms; returns how many crates were looked at.
pub fn check(workspace: &Workspace) -> Outcome<usize> {
    let rules: toml::Table =
        read(&workspace.root.join("deny.toml"))?.parse().map_err(|error| format!("deny.toml: {error}"))?;
    let metadata = output(workspace.cargo().args(["metadata", "--locked", "--format-version", "1"]))?;
    let metadata: Value =
        serde_json::from_str(&metadata).map_err(|error| format!("cargo metadata: {error}"))?;
    let allowed = list(&rules, "licenses", "allow")?;
    let registries = list(&rules, "sources", "allow-registry")?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata shows no packages")?;
    let problems: Vec<String> =
        packages.iter().filter_map(|package| problem(package, &allowed, &registries)).collect();
    if problems.is_empty() { Ok(packages.len()) } else { Err(problems.join("\n")) }
}

fn list(rules: &toml::Table, table: &str, key: &str) -> Outcome<Vec<String>> {
    let values = rules.get(table).and_then(|table| table.get(key)).and_then(toml::Value::as_array);
    let values = values.ok_or_else(|| format!("deny.toml has no list {table}.{key}"))?;
    Ok(values.iter().filter_map(toml::Value::as_str).map(str::to_owned).collect())
}

/// What is wrong with a package, if anything.
fn problem(package: &Value, allowed: &[String], registries: &[String]) -> Option<String> {
    let name = format!("{} {}", package["name"].as_str()?, package["version"].as_str()?);
    // A package without a source lies in the workspace.
    if let Some(source) = package["source"].as_str() {
        let address = source.split_once('+').map_or(source, |(_, address)| address);
        if !registries.iter().any(|registry| registry == address) {
            return Some(format!("{name} comes from {source}, which deny.toml does not allow"));
        }
    }
    match package["license"].as_str() {
        None => Some(format!("{name} names no licence")),
        Some(licence) if satisfies(licence, allowed) => None,
        Some(licence) => Some(format!("{name} is under {licence}, which deny.toml does not allow")),
    }
}

/// Whether the allowed licences satisfy an SPDX expression; what cannot be read is not satisfied.
fn satisfies(expression: &str, allowed: &[String]) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { words: &words, position: 0, allowed };
    parser.any() == Some(true) && parser.position == words.len()
}

/// `any := all (OR all)*`, `all := term (AND term)*`, `term := ( any ) | licence [WITH exception]`.
struct Parser<'a> {
    words: &'a [&'a str],
    position: usize,
    allowed: &'a [String],
}

impl Parser<'_> {
    fn take(&mut self, word: &str) -> bool {
        let is_next = self.words.get(self.position) == Some(&word);
        self.position += usize::from(is_next);
        is_next
    }

    fn any(&mut self) -> Option<bool> {
        let mut result = self.all()?;
        while self.take("OR") {
            result |= self.all()?;
        }
        Some(result)
    }

    fn all(&mut self) -> Option<bool> {
        let mut result = self.term()?;
        while self.take("AND") {
            result &= self.term()?;
        }
        Some(result)
    }

    fn term(&mut self) -> Option<bool> {
        if self.take("(") {
            let result = self.any()?;
            return self.take(")").then_some(result);
        }
        let mut licence = (*self.words.get(self.position)?).to_owned();
        self.position += 1;
        if self.take("WITH") {
            licence = format!("{licence} WITH {}", self.words.get(self.position)?);
            self.position += 1;
        }
        Some(self.allowed.contains(&licence))
    }
}

#[cfg(test)]
mod tests {
    use super::{problem, satisfies};
    use serde_json::json;

    #[test]
    fn spdx_expressions_are_understood() {
        let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned);
        for good in [
            "MIT",
            "MIT/GPL-3.0",
            "MIT OR GPL-3.0",
            "(MIT OR GPL-3.0) AND Apache-2.0",
            "Apache-2.0 WITH LLVM-exception OR MIT",
        ] {
            assert!(satisfies(good, &allowed), "{good}");
        }
        for bad in
            ["", "GPL-3.0", "MIT AND GPL-3.0", "MIT AND", "(MIT", "MIT)", "MIT WITH X", "MIT MIT", "OR"]
        {
            assert!(!satisfies(bad, &allowed), "{bad}");
        }
    }

    #[test]
    fn strange_sources_and_missing_licences_are_problems() {
        let allowed = ["MIT".to_owned()];
        let registries = ["https://github.com/rust-lang/crates.io-index".to_owned()];
        let package = |source: serde_json::Value, licence: serde_json::Value| {
            problem(
                &json!({ "name": "x", "version": "1.0.0", "source": source, "license": licence }),
                &allowed,
                &registries,
            )
        };
        let crates_io = json!("registry+https://github.com/rust-lang/crates.io-index");
        assert_eq!(package(crates_io.clone(), json!("MIT")), None);
        assert_eq!(package(json!(null), json!("MIT")), None);
        assert!(package(crates_io.clone(), json!(null)).is_some());
        assert!(package(crates_io, json!("GPL-3.0")).is_some());
        assert!(package(json!("git+https://example.org/x"), json!("MIT")).is_some());
    }
}
