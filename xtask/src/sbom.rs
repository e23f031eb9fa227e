//! A CycloneDX 1.5 bill of materials of what is shipped: the crates that are compiled into the page and the
//! workers, with versions, licences and checksums. No clock and no random serial number, so that equal sources
//! give equal files.

use crate::{
    dist::pretty,
    tools::WASM_TARGET,
    workspace::{Outcome, Workspace, output, read},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The bill as JSON text.
pub fn bill_of_materials(workspace: &Workspace, build_id: &str) -> Outcome<String> {
    let mut tree = workspace.cargo();
    // `no-proc-macro` and `normal`: what runs at build time only is not shipped. `--depth 0`-like lists would
    // lose the licence, hence one line per package and no indentation.
    tree.args([
        "tree",
        "--locked",
        "--package",
        "ui",
        "--package",
        "compute-worker",
        "--package",
        "planner-worker",
    ]);
    tree.args(["--target", WASM_TARGET, "--edges", "normal,no-proc-macro", "--prefix", "none"]);
    tree.args(["--no-dedupe", "--format", "{p}|{l}"]);
    let packages = packages(&output(&mut tree)?)?;
    let checksums = checksums(&read(&workspace.root.join("Cargo.lock"))?)?;
    let components: Vec<Value> = packages
        .iter()
        .map(|((name, version), licence)| component(name, version, licence, &checksums))
        .collect();
    pretty(&json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "ridgepoint",
                "name": "ridgepoint",
                "version": format!("{}+{build_id}", env!("CARGO_PKG_VERSION")),
                "licenses": [{ "expression": "MIT OR Apache-2.0" }],
            },
        },
        "components": components,
    }))
}

/// Name and version to licence, from `cargo tree` lines such as `serde v1.0.1|MIT OR Apache-2.0`.
fn packages(tree: &str) -> Outcome<BTreeMap<(String, String), String>> {
    let mut packages = BTreeMap::new();
    for line in tree.lines().filter(|line| !line.trim().is_empty()) {
        let unread = || format!("cannot read this line of `cargo tree`: {line}");
        let (package, licence) = line.rsplit_once('|').ok_or_else(unread)?;
        let mut words = package.split(' ');
        let (name, version) = (words.next().ok_or_else(unread)?, words.next().ok_or_else(unread)?);
        let version = version.strip_prefix('v').ok_or_else(unread)?;
        packages.insert((name.to_owned(), version.to_owned()), licence.trim().to_owned());
    }
    Ok(packages)
}

/// Name and version to the registry's SHA-256, for packages from a registry.
fn checksums(lock: &str) -> Outcome<BTreeMap<(String, String), String>> {
    let lock: toml::Table = lock.parse().map_err(|error| format!("Cargo.lock: {error}"))?;
    let packages = lock.get("package").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let text = |package: &toml::Value, key: &str| package.get(key)?.as_str().map(str::to_owned);
    let entry = |package: &toml::Value| {
        Some(((text(package, "name")?, text(package, "version")?), text(package, "checksum")?))
    };
    Ok(packages.iter().filter_map(entry).collect())
}

fn component(
    name: &str,
    version: &str,
    licence: &str,
    checksums: &BTreeMap<(String, String), String>,
) -> Value {
    let key = (name.to_owned(), version.to_owned());
    // Some crates write the old `MIT/Apache-2.0`; an SPDX expression needs OR.
    let expression = licence.replace('/', " OR ");
    let mut component = json!({
        "type": "library",
        "bom-ref": format!("{name}@{version}"),
        "name": name,
        "version": version,
        "licenses": [{ "expression": expression }],
    });
    if let (Some(checksum), Some(fields)) = (checksums.get(&key), component.as_object_mut()) {
        fields.insert("purl".into(), json!(format!("pkg:cargo/{name}@{version}")));
        fields.insert("hashes".into(), json!([{ "alg": "SHA-256", "content": checksum }]));
    }
    component
}

#[cfg(test)]
mod tests {
    use super::{component, packages};
    use std::collections::BTreeMap;

    #[test]
    fn tree_lines_become_components() {
        let tree = "ui v0.1.0 (/somewhere/ui)|MIT OR Apache-2.0\nfnv v1.0.7|Apache-2.0 / MIT\nfnv v1.0.7|Apache-2.0 / MIT\n\n";
        let packages = packages(tree).expect("readable lines");
        assert_eq!(packages.len(), 2);
        let key = ("fnv".to_owned(), "1.0.7".to_owned());
        let checksums = BTreeMap::from([(key.clone(), "ab".to_owned())]);
        let from_registry = component("fnv", "1.0.7", &packages[&key], &checksums);
        assert_eq!(from_registry["purl"], "pkg:cargo/fnv@1.0.7");
        assert_eq!(from_registry["hashes"][0]["content"], "ab");
        let own = component("ui", "0.1.0", "MIT", &checksums);
        assert!(own.get("purl").is_none());
    }

    #[test]
    fn an_unreadable_line_is_an_error() {
        assert!(packages("fnv").is_err());
        assert!(packages("fnv 1|MIT").is_err());
    }
}
