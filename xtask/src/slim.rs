//! Takes out of the built files what no browser needs: comments of scripts and styles (Trunk's own minifier does not
//! understand the glue scripts, and what it makes of styles differs from build to build), the name section of WASM
//! modules, and the long names under which a module imports its glue (each with a random-looking hash, which no
//! compression shortens). Integrity values in the page follow.

use crate::{
    digest::integrity,
    relaxed::with_relaxed_simd,
    workspace::{Outcome, read, read_bytes, write},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// Slims every script, style and module of `dist` and returns the page with its integrity values brought up to date.
pub fn slim(dist: &Path, page: &str) -> Outcome<String> {
    let mut page = page.to_owned();
    let entries = std::fs::read_dir(dist).map_err(|error| error.to_string())?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut replace = |path: &Path, before: &[u8], after: &[u8]| {
        page = page.replace(&integrity(before), &integrity(after));
        write(path, after)
    };
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_glue =
            name.strip_suffix(".js").is_some_and(|stem| dist.join(format!("{stem}_bg.wasm")).is_file());
        if name.ends_with(".css") || (name.ends_with(".js") && !is_glue) {
            let text = read(&path)?;
            replace(&path, text.as_bytes(), without_comments(&text).as_bytes())?;
        }
        let Some(stem) = name.strip_suffix("_bg.wasm") else { continue };
        let script_path = dist.join(format!("{stem}.js"));
        let (module, script) = (read_bytes(&path)?, read_bytes(&script_path)?);
        let slim_script = without_comments(&String::from_utf8_lossy(&script));
        let refused = || format!("{} is not a module that this understands", path.display());
        let slim_module = without_names(&module).ok_or_else(refused)?;
        let names = short_names(&slim_module, &slim_script).ok_or_else(refused)?;
        let slim_module = with_imports_renamed(&slim_module, &names).ok_or_else(refused)?;
        replace(&path, &module, &slim_module)?;
        let (relaxed, fused) = with_relaxed_simd(&slim_module)?;
        if fused > 0 {
            write(&dist.join(format!("{stem}_relaxed.wasm")), &relaxed)?;
        }
        replace(&script_path, &script, with_words_renamed(&slim_script, &names).as_bytes())?;
    }
    Ok(page)
}

/// Long name to short name.
type Names = BTreeMap<String, String>;

/// A short name for each imported function of the glue; names that the script does not hold are left alone.
fn short_names(module: &[u8], script: &str) -> Option<Names> {
    let words: BTreeSet<&str> = words(script).collect();
    let mut names = Names::new();
    for (_, name) in imports(module)?.0 {
        if name.starts_with("__wb") && words.contains(name.as_str()) {
            let short = format!("i{}", names.len());
            if words.contains(short.as_str()) {
                return None;
            }
            names.insert(name, short);
        }
    }
    Some(names)
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '$'
}

/// Words and what stands between them, in order.
fn words(script: &str) -> impl Iterator<Item = &str> {
    script.split_inclusive(|letter| !is_word(letter)).flat_map(|part| {
        let end = part.trim_end_matches(|letter| !is_word(letter)).len();
        let (word, rest) = part.split_at(end);
        [word, rest]
    })
}

fn with_words_renamed(script: &str, names: &Names) -> String {
    words(script).map(|word| names.get(word).map_or(word, String::as_str)).collect()
}

/// (module, name) of every import, the range of the whole section, and each import's bytes after its names.
type Imports<'a> = (Vec<(String, String)>, std::ops::Range<usize>, Vec<&'a [u8]>);

fn imports(module: &[u8]) -> Option<Imports<'_>> {
    let mut at = 8;
    loop {
        let (size, content) = leb128(module.get(at + 1..)?)?;
        let begin = module.len() - content.len();
        if *module.get(at)? != 2 {
            at = begin + size;
            continue;
        }
        let (count, mut rest) = leb128(content.get(..size)?)?;
        let (mut names, mut descriptions) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for _ in 0..count {
            let (from, after) = text(rest)?;
            let (name, after) = text(after)?;
            // Functions only: that is all that wasm-bindgen imports here.
            let (0, (_, end)) = (*after.first()?, leb128(after.get(1..)?)?) else { return None };
            names.push((from, name));
            descriptions.push(after.get(..after.len() - end.len())?);
            rest = end;
        }
        return Some((names, at..begin + size, descriptions));
    }
}

fn with_imports_renamed(module: &[u8], names: &Names) -> Option<Vec<u8>> {
    let (imported, section, descriptions) = imports(module)?;
    let mut content = leb128_bytes(imported.len());
    for ((from, name), description) in imported.iter().zip(descriptions) {
        for word in [from, names.get(name).unwrap_or(name)] {
            content.extend(leb128_bytes(word.len()));
            content.extend_from_slice(word.as_bytes());
        }
        content.extend_from_slice(description);
    }
    let mut out = module.get(..section.start)?.to_vec();
    out.push(2);
    out.extend(leb128_bytes(content.len()));
    out.extend(content);
    out.extend_from_slice(module.get(section.end..)?);
    Some(out)
}

/// A length-prefixed text and what follows it.
fn text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (length, rest) = leb128(bytes)?;
    Some((String::from_utf8(rest.get(..length)?.to_vec()).ok()?, rest.get(length..)?))
}

fn leb128_bytes(mut value: usize) -> Vec<u8> {
    let mut bytes = vec![];
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
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
    use super::{
        imports, short_names, with_imports_renamed, with_words_renamed, without_comments, without_names,
    };

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

    #[test]
    fn imports_get_short_names_on_both_sides() {
        let head = b"\0asm\x01\0\0\0".to_vec();
        let section = b"\x02\x19\x02\x01m\x08__wbg_ab\0\x05\x01m\x05other\0\x81\x01".to_vec();
        let module = [head.as_slice(), &section, &[3, 1, 7]].concat();
        let script = "const x = { __wbg_ab: f, other, __wbg_abc: 1 };\n";
        let names = short_names(&module, script).expect("a module");
        assert_eq!(with_words_renamed(script, &names), "const x = { i0: f, other, __wbg_abc: 1 };\n");
        let renamed = with_imports_renamed(&module, &names).expect("a module");
        let (found, _, descriptions) = imports(&renamed).expect("a module");
        assert_eq!(found, [("m".to_owned(), "i0".to_owned()), ("m".to_owned(), "other".to_owned())]);
        assert_eq!(descriptions, [&[0_u8, 5][..], &[0, 0x81, 1]]);
        assert!(renamed.ends_with(&[3, 1, 7]));
    }
}
