//! What Trunk leaves undone in the page: its inline start script is moved into a file, because the
//! Content-Security-Policy allows no inline script, and the result is checked.

use crate::digest::{csp_source, integrity, sha256_hex};
use crate::workspace::Outcome;

/// The finished page.
#[derive(Debug)]
pub struct Finished {
    /// index.html.
    pub page: String,
    /// Name of the start script's file, with the hash of its content.
    pub start_name: String,
    /// Its content.
    pub start_script: String,
}

/// Moves the one inline module script of a page into a file of its own, with its integrity.
pub fn move_inline_module(page: &str) -> Outcome<Finished> {
    let mut inline = elements(page, "script").into_iter().filter(|script| script.attribute("src").is_none());
    let script = inline.next().ok_or("index.html has no inline start script; did Trunk build the page?")?;
    if inline.next().is_some() {
        return Err("index.html has a second inline script; move it into a file below public/".into());
    }
    if script.attribute("type") != Some("module") {
        return Err("the inline script of index.html is not a module".into());
    }
    let start_script = format!("{}\n", script.body.trim());
    let hash = sha256_hex(start_script.as_bytes());
    let start_name = format!("start-{}.js", hash.get(..16).unwrap_or(&hash));
    let tag = format!(
        "<script type=\"module\" src=\"./{start_name}\" crossorigin=\"anonymous\" integrity=\"{}\"></script>",
        integrity(start_script.as_bytes())
    );
    let before = page.get(..script.start).unwrap_or_default();
    let after = page.get(script.end..).unwrap_or_default();
    Ok(Finished { page: format!("{before}{tag}{after}"), start_name, start_script })
}

/// A page that Trunk only copies, with the build id in the addresses of its scripts, which hand it on to what they load.
pub fn with_build_id(page: &str, build_id: &str) -> Outcome<String> {
    if page.contains("?v=dev") {
        Ok(page.replace("?v=dev", &format!("?v={build_id}")))
    } else {
        Err("no script has an address with `?v=dev`, where the build id goes".into())
    }
}

/// A page that its own policy would break, or that has none, is an error.
pub fn check_policy(page: &str) -> Outcome<()> {
    let policy = policy(page).ok_or("index.html has no Content-Security-Policy meta element")?;
    for needed in ["default-src 'none'", "'wasm-unsafe-eval'", "worker-src", "base-uri", "form-action"] {
        if !policy.contains(needed) {
            return Err(format!("the Content-Security-Policy of index.html lacks {needed}"));
        }
    }
    for forbidden in ["'unsafe-inline'", "'unsafe-eval'", "http:", "https:", "*"] {
        if policy.contains(forbidden) {
            return Err(format!("the Content-Security-Policy of index.html allows {forbidden}"));
        }
    }
    if elements(page, "script").iter().any(|script| script.attribute("src").is_none()) {
        return Err("index.html has an inline script, which its policy forbids".into());
    }
    if !elements(page, "style").is_empty() {
        return Err("index.html has an inline style element, which its policy forbids".into());
    }
    for tag in tags(page) {
        for (name, value) in &tag.attributes {
            if name == "style" || name.starts_with("on") {
                return Err(format!(
                    "<{}> in index.html has an inline `{name}`, which its policy forbids",
                    tag.name
                ));
            }
            if matches!(name.as_str(), "href" | "src") && value.starts_with('/') {
                return Err(format!(
                    "<{} {name}=\"{value}\"> breaks under a sub-path; make it relative",
                    tag.name
                ));
            }
            if matches!(name.as_str(), "href" | "src") && value.contains("://") && tag.name != "a" {
                return Err(format!("<{} {name}=\"{value}\"> loads from another site", tag.name));
            }
        }
    }
    Ok(())
}

/// The text of the page's Content-Security-Policy.
pub fn policy(page: &str) -> Option<String> {
    tags(page)
        .into_iter()
        .find(|tag| {
            tag.name == "meta"
                && tag
                    .attribute("http-equiv")
                    .is_some_and(|name| name.eq_ignore_ascii_case("content-security-policy"))
        })
        .and_then(|tag| {
            tag.attribute("content").map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
        })
}

/// The page for unknown paths. A copy of index.html would not do: at `/a/b/x/y` its relative URLs point
/// nowhere. This page needs no other file; its script looks for the start script in each folder above, and
/// leads home with the fragment, so that a link with a wrong path still opens what it holds.
pub fn not_found_page(start_name: &str) -> String {
    let script = format!(
        r#"
const folders = location.pathname.split("/").slice(0, -1);
const home = document.getElementById("home");
const find = async () => {{
  for (let depth = folders.length; depth > 0 && depth > folders.length - 8; depth -= 1) {{
    const folder = folders.slice(0, depth).join("/") + "/";
    const answer = await fetch(folder + "{start_name}", {{ method: "HEAD" }}).catch(() => null);
    if (answer !== null && answer.ok) {{
      home.href = folder + location.hash;
      return;
    }}
  }}
}};
find();
"#
    );
    let source = csp_source(&script);
    format!(
        r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; connect-src 'self'; script-src {source}; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Not found: Ridgepoint</title>
</head>
<body>
<main>
<h1>There is no page at this address</h1>
<p><a id="home" href="./">Open Ridgepoint</a></p>
</main>
<script type="module">{script}</script>
</body>
</html>
"#
    )
}

/// A start tag.
#[derive(Debug, Clone)]
struct Tag {
    name: String,
    attributes: Vec<(String, String)>,
    start: usize,
    end: usize,
}

impl Tag {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// An element with text in it, such as a script.
#[derive(Debug)]
struct Element {
    tag: Tag,
    body: String,
    start: usize,
    end: usize,
}

impl Element {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.tag.attribute(name)
    }
}

fn elements(page: &str, name: &str) -> Vec<Element> {
    let closing = format!("</{name}>");
    let matching = tags(page).into_iter().filter(|tag| tag.name == name);
    matching
        .map(|tag| {
            let rest = page.get(tag.end..).unwrap_or_default();
            let body = rest.split(&closing).next().unwrap_or_default().to_owned();
            let end = (tag.end + body.len() + closing.len()).min(page.len());
            Element { start: tag.start, end, body, tag }
        })
        .collect()
}

/// Start tags of our own page: comments are skipped, and the text of scripts is not looked into.
fn tags(page: &str) -> Vec<Tag> {
    let mut found = Vec::new();
    let mut position = 0;
    while let Some(offset) = page.get(position..).and_then(|rest| rest.find('<')) {
        let start = position + offset;
        let rest = page.get(start..).unwrap_or_default();
        if rest.starts_with("<!--") {
            position = start + rest.find("-->").map_or(rest.len(), |end| end + 3);
            continue;
        }
        let length = tag_length(rest);
        position = start + length;
        let inside = rest.get(1..length.saturating_sub(1)).unwrap_or_default();
        if inside.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
            let tag = parse_tag(inside, start, position);
            if tag.name == "script" {
                let text = page.get(position..).unwrap_or_default();
                position += text.find("</script").unwrap_or(text.len());
            }
            found.push(tag);
        }
    }
    found
}

/// Bytes up to and with the closing `>`, which may stand inside quotes.
fn tag_length(rest: &str) -> usize {
    let mut quote = None;
    for (index, letter) in rest.char_indices() {
        match (quote, letter) {
            (None, '>') => return index + 1,
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
    }
    rest.len()
}

fn parse_tag(inside: &str, start: usize, end: usize) -> Tag {
    let name_length =
        inside.find(|letter: char| letter.is_whitespace() || letter == '/').unwrap_or(inside.len());
    let name = inside.get(..name_length).unwrap_or_default().to_ascii_lowercase();
    let mut rest = inside.get(name_length..).unwrap_or_default();
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '/');
        if rest.is_empty() {
            break;
        }
        let stop = rest.find(|letter: char| letter.is_whitespace() || letter == '=').unwrap_or(rest.len());
        let key = rest.get(..stop.max(1)).unwrap_or(rest).to_ascii_lowercase();
        rest = rest.get(stop.max(1)..).unwrap_or_default().trim_start();
        let mut value = String::new();
        if let Some(after) = rest.strip_prefix('=') {
            let after = after.trim_start();
            let quote = after.chars().next().filter(|letter| matches!(letter, '"' | '\''));
            let body = quote.map_or(after, |_| after.get(1..).unwrap_or_default());
            let stop = match quote {
                Some(quote) => body.find(quote),
                None => body.find(char::is_whitespace),
            };
            value = body.get(..stop.unwrap_or(body.len())).unwrap_or_default().to_owned();
            rest = body
                .get(stop.map_or(body.len(), |stop| stop + quote.map_or(0, char::len_utf8))..)
                .unwrap_or_default();
        }
        attributes.push((key, value));
    }
    Tag { name, attributes, start, end }
}

#[cfg(test)]
mod tests {
    use super::{check_policy, move_inline_module, not_found_page, policy, tags, with_build_id};

    const PAGE: &str = "<!doctype html><html><head><!-- <style> -->\
        <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'self'\n 'wasm-unsafe-eval'; worker-src 'self'; base-uri 'self'; form-action 'none'\">\
        <link rel=\"stylesheet\" href=\"./a.css\"></head><body>\
        <script type=\"module\">\nimport init from './ui.js'; if (1 < 2) init('<style>');\n</script></body></html>";

    #[test]
    fn the_inline_module_becomes_a_file_with_integrity() {
        let finished = move_inline_module(PAGE).expect("one inline module");
        assert!(finished.start_script.starts_with("import init from './ui.js';"));
        assert!(finished.page.contains(&format!("src=\"./{}\"", finished.start_name)));
        assert!(finished.page.contains("integrity=\"sha384-"));
        assert!(!finished.page.contains("import init"));
        check_policy(&finished.page).expect("nothing inline is left");
    }

    #[test]
    fn what_the_policy_would_block_is_rejected() {
        check_policy(PAGE).expect_err("an inline script");
        let good = move_inline_module(PAGE).expect("one inline module").page;
        for (from, to) in [
            ("<body>", "<body style=\"color:red\">"),
            ("<body>", "<body onload='x()'>"),
            ("<body>", "<body><style>p{}</style>"),
            ("'wasm-unsafe-eval'", "'unsafe-inline' 'wasm-unsafe-eval'"),
            ("default-src 'none'", "default-src 'self'"),
            ("Content-Security-Policy", "refresh"),
            ("./a.css", "/a.css"),
            ("./a.css", "https://example.org/a.css"),
        ] {
            assert!(good.contains(from));
            assert!(check_policy(&good.replace(from, to)).is_err(), "{to}");
        }
    }

    #[test]
    fn a_page_with_two_inline_scripts_is_rejected() {
        assert!(move_inline_module(&PAGE.replace("</body>", "<script>1</script></body>")).is_err());
        assert!(move_inline_module("<p>").is_err());
    }

    #[test]
    fn copied_pages_get_the_build_id() {
        let page = with_build_id("<script src=\"./bench.js?v=dev\">", "0123").expect("a place for it");
        assert_eq!(page, "<script src=\"./bench.js?v=0123\">");
        assert!(with_build_id("<p>", "0123").is_err());
        for page in [include_str!("../../public/bench.html"), include_str!("../../public/cold.html")] {
            check_policy(&with_build_id(page, "0123").expect("a place for it")).expect("keeps its policy");
        }
    }

    #[test]
    fn attributes_are_read_in_every_quoting() {
        let found = tags("<a href='x>y' b c=d/><br>");
        let pairs: Vec<(&str, &str)> =
            found[0].attributes.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("href", "x>y"), ("b", ""), ("c", "d/")]);
        assert_eq!(found[1].name, "br");
    }

    #[test]
    fn the_page_for_unknown_paths_allows_only_its_own_script() {
        let page = not_found_page("start-1.js");
        assert!(policy(&page).expect("a policy").contains("script-src 'sha256-"));
        assert!(page.contains("start-1.js"));
    }
}
