//! `cargo xtask dist --verify`: two builds from clean, in two folders, must be byte-equal.

use crate::{
    dist::{self, SUMS},
    workspace::{Outcome, Workspace, read, read_bytes, remove_folder, write},
};
use std::path::PathBuf;

/// Builds two copies of the sources. Slow: everything is compiled twice.
pub fn run(workspace: &Workspace) -> Outcome<()> {
    println!("Building twice from clean; this takes several minutes");
    // Names of different length, so that a path that leaks into the output also moves everything after it.
    let first = clean_copy(workspace, "target/verify/first")?;
    let second = clean_copy(workspace, "target/verify/the-second-one")?;
    let mut all_sums = Vec::new();
    for copy in [&first, &second] {
        all_sums.push(read(&dist::build(copy)?.join(SUMS))?);
    }
    let differences = differing(&all_sums[0], &all_sums[1]);
    if !differences.is_empty() {
        return Err(format!(
            "the two builds differ in {}; they are kept in {} and {}",
            differences.join(", "),
            first.dist().display(),
            second.dist().display()
        ));
    }
    println!("Two clean builds are byte-equal ({} files)", all_sums[0].lines().count());
    dist::run(workspace)?;
    let here = read(&workspace.dist().join(SUMS))?;
    let differences = differing(&all_sums[0], &here);
    if !differences.is_empty() {
        return Err(format!("dist/ differs from the clean builds in {}", differences.join(", ")));
    }
    println!("dist/ is equal to them");
    remove_folder(&workspace.root.join("target/verify"))
}

/// Copies the sources (not what was built from them) into an empty folder.
fn clean_copy(workspace: &Workspace, folder: &str) -> Outcome<Workspace> {
    let root: PathBuf = workspace.root.join(folder);
    remove_folder(&root)?;
    for path in workspace.source_files(&["."])? {
        write(&root.join(&path), read_bytes(&workspace.root.join(&path))?)?;
    }
    Ok(workspace.copy_at(root))
}

/// Paths whose sums differ or that only one side has.
fn differing(left: &str, right: &str) -> Vec<String> {
    let only = |these: &str, those: &str| -> Vec<String> {
        let missing = these.lines().filter(|line| !those.lines().any(|other| other == *line));
        missing.map(|line| line.split("  ").last().unwrap_or(line).to_owned()).collect()
    };
    let mut paths = only(left, right);
    paths.extend(only(right, left));
    paths.sort();
    paths.dedup();
    paths
}

#[cfg(test)]
mod tests {
    use super::differing;

    #[test]
    fn differences_name_the_files() {
        assert!(differing("1  a\n2  b\n", "1  a\n2  b\n").is_empty());
        assert_eq!(differing("1  a\n2  b\n", "1  a\n3  b\n4  c\n"), ["b", "c"]);
    }
}
