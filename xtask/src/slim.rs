//! Takes out of the built files what no browser reads: comments of the glue scripts (Trunk's minifier does not
//! understand them) and the name section of WASM modules. Integrity values in the page follow.

use crate::{
    digest::integrity,
    workspace::{Outcome, read_bytes, write},
};
use std::path::Path;

/// Slims every script and module of `dist` and returns the page with its integrity values brought up to date.
pub fn slim(dist: &Path, page: &str) -> Outcome<String> {
    let mut page = page.to_owned();
    let entries = std::fs::read_dir(dist).map_err(|error| error.to_string())?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        let before = match path.extension().and_then(|extension| extension.to_str()) {
            Some("js" | "wasm") => read_bytes(&path)?,
            _ => continue,
        };
        let after = if path.extension().is_some_and(|extension| extension == "js") {
            without_comments(&String::from_utf8_lossy(&before)).into_bytes()
        } else {
            without_names(&before).unwrap_or_else(|| before.clone())
        };
        page = page.replace(&integrity(&before), &integrity(&after));
        write(&path, &after)?;
    }
    Ok(page)
}

/// Drops whole lines that are comments, and indentation. A line inside a template string could look like either;
/// wasm-bindgen writes none that does, and the journeys in the browser would fail if one did.
fn without_comments(script: &str) -> String {
    let mut out = String::with_capacity(script.len());
    let mut in_comment = false;
    for line in script.lines().map(str::trim) {
        if in_comment || line.starts_with("/*") {
            in_comment = !line.ends_with("*/");
        } else if !line.is_empty() && !line.starts_with("//") {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

/// The module without its custom section `name`; `None` if the bytes are no module.
fn without_names(module: &[u8]) -> Option<Vec<u8>> {
    let mut out = module.get(..8)?.to_vec();
    let mut rest = module.get(8..)?;
    while let [id, after_id @ ..] = rest {
        let (size, content) = leb128(after_id)?;
        let body = content.get(..size)?;
        let whole = rest.len() - content.len() + size;
        let is_names = *id == 0 && body.starts_with(b"\x04name");
        if !is_names {
            out.extend_from_slice(rest.get(..whole)?);
        }
        rest = rest.get(whole..)?;
    }
    Some(out)
}

/// An unsigned LEB128 number and what follows it.
fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0_usize;
    for (index, byte) in bytes.iter().enumerate().take(5) {
        value |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(index + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{without_comments, without_names};

    #[test]
    fn comments_and_indentation_go_and_code_stays() {
        let script = "/**\n * words\n */\nexport function f() {\n    // why\n    return 1; // kept\n}\n/* one line */\nf();\n";
        assert_eq!(without_comments(script), "export function f() {\nreturn 1; // kept\n}\nf();\n");
    }

    #[test]
    fn only_the_name_section_goes() {
        let head = b"\0asm\x01\0\0\0".to_vec();
        let types = [1, 2, 9, 9];
        let names = [0, 6, 4, b'n', b'a', b'm', b'e', 7];
        let other = [0, 5, 4, b'm', b'o', b'r', b'e'];
        let module = [head.as_slice(), &types, &names, &other].concat();
        assert_eq!(without_names(&module), Some([head.as_slice(), &types, &other].concat()));
        assert_eq!(without_names(b"short"), None);
        assert_eq!(without_names(&[head.as_slice(), &[1, 200]].concat()), None);
    }
}
