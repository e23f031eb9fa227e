//! A plain static server on 127.0.0.1, as dumb as the hosts that the folder has to work on: right MIME types,
//! no special headers, 404 for unknown paths.

use crate::workspace::Outcome;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::{Component, Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

/// Longest request head that is read, in bytes. The fragment never reaches a server, so heads are short.
const MAX_HEAD_BYTES: u64 = 16 * 1024;

/// The path that the folder is served under: begins and ends with `/`.
#[derive(Debug, Clone)]
pub struct Prefix(String);

impl Prefix {
    /// Checks the form.
    pub fn parse(text: &str) -> Outcome<Self> {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/-_.~".contains(letter);
        if text.starts_with('/') && text.ends_with('/') && text.chars().all(is_plain) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("--prefix {text}: write it as /a/b/"))
    }
}

/// Takes the port.
pub fn listen(port: u16) -> Outcome<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .map_err(|error| format!("port {port} cannot be used ({error}); choose another with --port"))
}

/// Serves a folder until the process is stopped.
pub fn serve(listener: &TcpListener, folder: &Path, prefix: &Prefix) -> Outcome<ExitCode> {
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    println!("\nRidgepoint is open at http://{address}{}   (Ctrl+C stops it)", prefix.0);
    let shared = Arc::new((folder.to_path_buf(), prefix.clone()));
    for stream in listener.incoming().flatten() {
        let shared = Arc::clone(&shared);
        std::thread::spawn(move || {
            // A visitor who closes the tab in mid-transfer is no error of the server's.
            let _ = answer(&stream, &shared.0, &shared.1);
        });
    }
    Ok(ExitCode::SUCCESS)
}

fn answer(mut stream: &TcpStream, folder: &Path, prefix: &Prefix) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut reader = BufReader::new(stream.take(MAX_HEAD_BYTES));
    let mut request_line = String::new();
    reader.read_line(&mut request_line)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let mut words = request_line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let response =
        if matches!(method, "GET" | "HEAD") { respond(target, folder, prefix) } else { not_allowed() };
    let location = response.location.map(|to| format!("Location: {to}\r\n")).unwrap_or_default();
    let head = format!(
        "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{location}Connection: close\r\n\r\n",
        response.status,
        response.mime,
        response.body.len()
    );
    stream.write_all(head.as_bytes())?;
    if method != "HEAD" {
        stream.write_all(&response.body)?;
    }
    stream.flush()
}

struct Response {
    status: &'static str,
    mime: &'static str,
    location: Option<String>,
    body: Vec<u8>,
}

fn not_allowed() -> Response {
    let body = b"only GET and HEAD\n".to_vec();
    Response { status: "405 Method Not Allowed", mime: "text/plain; charset=utf-8", location: None, body }
}

fn respond(target: &str, folder: &Path, prefix: &Prefix) -> Response {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    if format!("{path}/") == prefix.0 {
        let location = Some(prefix.0.clone());
        return Response {
            status: "301 Moved Permanently",
            mime: mime("x.html"),
            location,
            body: Vec::new(),
        };
    }
    let file = path.strip_prefix(&prefix.0).and_then(|rest| file_path(folder, rest));
    if let Some((file, body)) = file.and_then(|file| std::fs::read(&file).ok().map(|body| (file, body))) {
        let mime = mime(&file.to_string_lossy());
        return Response { status: "200 OK", mime, location: None, body };
    }
    let body = std::fs::read(folder.join("404.html")).unwrap_or_else(|_| b"not found\n".to_vec());
    Response { status: "404 Not Found", mime: mime("x.html"), location: None, body }
}

/// The file that a request path means, or nothing where it would leave the folder.
fn file_path(folder: &Path, request: &str) -> Option<PathBuf> {
    let decoded = percent_decode(request)?;
    let relative = Path::new(&decoded);
    let stays_inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
    if !stays_inside || decoded.contains('\\') {
        return None;
    }
    let path = folder.join(relative);
    Some(if decoded.is_empty() || decoded.ends_with('/') { path.join("index.html") } else { path })
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let high = char::from(rest.next()?).to_digit(16)?;
            let low = char::from(rest.next()?).to_digit(16)?;
            bytes.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn mime(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" | "conf" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::{Prefix, file_path, percent_decode, respond};
    use std::path::Path;

    #[test]
    fn a_request_cannot_leave_the_folder() {
        let folder = Path::new("/srv");
        for request in ["../secret", "a/../../secret", "%2e%2e/secret", "/etc/passwd", "..%5csecret", "%zz"] {
            assert_eq!(file_path(folder, request), None, "{request}");
        }
        assert_eq!(file_path(folder, ""), Some("/srv/index.html".into()));
        assert_eq!(file_path(folder, "a%20b.js"), Some("/srv/a b.js".into()));
    }

    #[test]
    fn percent_sequences_that_are_cut_short_are_refused() {
        assert_eq!(percent_decode("a%2"), None);
        assert_eq!(percent_decode("a%20b").as_deref(), Some("a b"));
    }

    #[test]
    fn the_prefix_decides_what_is_known() {
        let folder = std::env::temp_dir().join(format!("ridgepoint-server-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("index.html"), "home").expect("a file");
        let prefix = Prefix::parse("/a/b/").expect("a prefix");
        assert_eq!(respond("/a/b/?x=1", &folder, &prefix).status, "200 OK");
        assert_eq!(respond("/a/b", &folder, &prefix).location.as_deref(), Some("/a/b/"));
        assert_eq!(respond("/", &folder, &prefix).status, "404 Not Found");
        assert_eq!(respond("/a/b/no", &folder, &prefix).status, "404 Not Found");
        assert!(Prefix::parse("a").is_err());
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}
