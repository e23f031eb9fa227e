//! Ready-made header files for common hosts. The folder works without any of them; they add what a page
//! cannot say of itself (`frame-ancestors`) and what makes a second visit quicker (caching of hashed names).

use crate::{
    html,
    workspace::{Outcome, read, walk, write},
};
use std::path::Path;

const PERMISSIONS: &str = "camera=(), microphone=(), geolocation=(), usb=(), serial=(), payment=()";
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// Writes `_headers` and the snippets below `hosting/`.
pub fn write_files(dist: &Path) -> Outcome<()> {
    let policy = html::policy(&read(&dist.join("index.html"))?).ok_or("index.html lost its policy")?;
    let policy = format!("{policy}; frame-ancestors 'self'");
    let mut files = Vec::new();
    walk(dist, dist, &mut files)?;
    files.sort();
    let hashed: Vec<&str> = files.iter().map(String::as_str).filter(|path| has_hash(path)).collect();
    write(&dist.join("_headers"), headers(&policy, &hashed))?;
    write(&dist.join("hosting/nginx.conf"), nginx(&policy))?;
    write(&dist.join("hosting/Caddyfile"), caddy(&policy))
}

/// Headers of every answer.
fn common(policy: &str) -> [(&'static str, String); 4] {
    [
        ("Content-Security-Policy", policy.to_owned()),
        ("X-Content-Type-Options", "nosniff".to_owned()),
        ("Referrer-Policy", "no-referrer".to_owned()),
        ("Permissions-Policy", PERMISSIONS.to_owned()),
    ]
}

/// Whether a file's name carries the hash of its content: up to 16 hex digits (Trunk drops leading zeros) after a
/// hyphen.
fn has_hash(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split(['-', '_', '.'])
        .skip(1)
        .any(|part| (12..=16).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Netlify and Cloudflare Pages, for a site at the root.
fn headers(policy: &str, hashed: &[&str]) -> String {
    let mut text = String::from("/*\n");
    for (name, value) in common(policy) {
        text.push_str(&format!("  {name}: {value}\n"));
    }
    for path in hashed {
        text.push_str(&format!("/{path}\n  Cache-Control: {IMMUTABLE}\n"));
    }
    text
}

fn nginx(policy: &str) -> String {
    let mut text = String::from(
        "# Put the folder at /srv/ridgepoint and include this file in a `server` block.\n\
         # For a sub-path: `location /a/b/ { alias /srv/ridgepoint/; ... }` with `error_page 404 /a/b/404.html`.\n\
         root /srv/ridgepoint;\nindex index.html;\nerror_page 404 /404.html;\n\
         types { application/wasm wasm; }\n\
         gzip on;\ngzip_comp_level 9;\n\
         gzip_types application/wasm text/javascript application/javascript text/css application/json image/svg+xml;\n",
    );
    for (name, value) in common(policy) {
        text.push_str(&format!("add_header {name} \"{value}\" always;\n"));
    }
    text.push_str("location / {\n  try_files $uri $uri/ =404;\n}\n");
    text.push_str("location ~ \"[-_][0-9a-f]{12,16}[._]\" {\n");
    for (name, value) in common(policy) {
        // nginx drops inherited headers where a block adds one of its own.
        text.push_str(&format!("  add_header {name} \"{value}\" always;\n"));
    }
    text.push_str(&format!("  add_header Cache-Control \"{IMMUTABLE}\";\n}}\n"));
    text
}

fn caddy(policy: &str) -> String {
    let mut text = String::from(
        "# `caddy run` beside a folder `ridgepoint` that holds this distribution.\n\
         # For a sub-path, wrap the body in `handle_path /a/b/* { ... }`.\n\
         localhost {\n\troot * ridgepoint\n\tencode zstd gzip\n\theader {\n",
    );
    for (name, value) in common(policy) {
        text.push_str(&format!("\t\t{name} \"{value}\"\n"));
    }
    text.push_str("\t}\n\t@hashed path_regexp [-_][0-9a-f]{12,16}[._]\n");
    text.push_str(&format!("\theader @hashed Cache-Control \"{IMMUTABLE}\"\n"));
    text.push_str("\tfile_server\n\thandle_errors 404 {\n\t\trewrite * /404.html\n\t\tfile_server\n\t}\n}\n");
    text
}

#[cfg(test)]
mod tests {
    use super::{has_hash, headers};

    #[test]
    fn only_names_with_a_content_hash_are_cached_for_ever() {
        assert!(has_hash("ui-0123456789abcdef.js"));
        assert!(has_hash("snippets/ui-0123456789abcdef_bg.wasm"));
        assert!(has_hash("lab-123456789abcdef.css"));
        for path in ["index.html", "compute-loader.js", "compute-worker_bg.wasm", "0123456789abcdef.js"] {
            assert!(!has_hash(path), "{path}");
        }
        let text = headers("default-src 'none'", &["ui-0123456789abcdef.js"]);
        assert!(text.starts_with("/*\n  Content-Security-Policy: default-src 'none'\n"));
        assert!(
            text.ends_with("/ui-0123456789abcdef.js\n  Cache-Control: public, max-age=31536000, immutable\n")
        );
    }
}
