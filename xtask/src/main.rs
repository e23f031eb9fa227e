//! What a person types: `cargo xtask serve | test | bench | dist`. Each command does its own set-up.

#![expect(clippy::print_stdout, reason = "a command-line tool talks to its user")]

mod banned;
mod bench;
mod browser;
mod build;
mod digest;
mod dist;
mod hosting;
mod html;
mod licences;
mod relaxed;
mod sbom;
mod server;
mod sizes;
mod slim;
mod test;
mod tools;
mod verify;
mod workspace;

use std::process::ExitCode;
use workspace::{Outcome, Workspace};

const HELP: &str = "\
cargo xtask <command>

  serve [--port 8080] [--prefix /a/b/]   build the page and serve it on 127.0.0.1
  test  [--only a,b] [--skip a,b]        every check; `--list` names the steps
  bench [--native] [--only a,b]          the engine natively, then every workload in Chromium
        [--peers DIR [--with a,b] [--quick]]
                                         beside other engines, with a checkout of peerbench in DIR
  dist  [--verify]                       write dist/ with sizes, sums, SBOM and header files;
                                         --verify builds twice from clean and compares (slow)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(code) => code,
        Err(message) => {
            println!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Outcome<ExitCode> {
    let workspace = Workspace::find()?;
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", arguments),
    };
    match command {
        "serve" => {
            let options = Options::parse(rest, &["--port", "--prefix"], &[])?;
            let port = options.value("--port").unwrap_or("8080");
            let port: u16 = port.parse().map_err(|_| format!("--port {port}: not a port number"))?;
            let prefix = server::Prefix::parse(options.value("--prefix").unwrap_or("/"))?;
            // Taken before the build, so that a port in use is said at once and not minutes later.
            let listener = server::listen(port)?;
            let dist = dist::build(&workspace)?;
            server::serve(&listener, &dist, &prefix)
        }
        "dist" => {
            let options = Options::parse(rest, &[], &["--verify"])?;
            if options.has("--verify") {
                verify::run(&workspace)?
            } else {
                dist::run(&workspace)?
            };
            Ok(ExitCode::SUCCESS)
        }
        "test" => {
            let options = Options::parse(rest, &["--only", "--skip"], &["--list"])?;
            test::run(&workspace, &options)
        }
        "bench" => bench::bench(&workspace, rest),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        other => Err(format!("there is no command `{other}`\n\n{HELP}")),
    }
}

/// `--name value` pairs and `--flag`s; anything else is an error that names it.
pub struct Options {
    values: Vec<(String, String)>,
    flags: Vec<String>,
}

impl Options {
    fn parse(arguments: &[String], with_value: &[&str], flags: &[&str]) -> Outcome<Self> {
        let mut options = Self { values: Vec::new(), flags: Vec::new() };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let (name, inline) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (argument.as_str(), None),
            };
            if with_value.contains(&name) {
                let value = inline
                    .or_else(|| rest.next().cloned())
                    .ok_or_else(|| format!("{name} needs a value after it"))?;
                options.values.push((name.to_owned(), value));
            } else if flags.contains(&argument.as_str()) {
                options.flags.push(argument.clone());
            } else {
                return Err(format!("unknown option `{argument}`\n\n{HELP}"));
            }
        }
        Ok(options)
    }

    /// The value of an option, if it was given.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Whether a flag was given.
    pub fn has(&self, name: &str) -> bool {
        self.flags.iter().any(|flag| flag == name)
    }
}

#[cfg(test)]
mod tests {
    use super::Options;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn options_take_values_after_a_space_or_an_equals_sign() {
        let options =
            Options::parse(&words("--port 9 --prefix=/a/ --list"), &["--port", "--prefix"], &["--list"])
                .expect("known options");
        assert_eq!(options.value("--port"), Some("9"));
        assert_eq!(options.value("--prefix"), Some("/a/"));
        assert!(options.has("--list"));
    }

    #[test]
    fn an_unknown_option_and_a_missing_value_are_errors() {
        assert!(Options::parse(&words("--prot 9"), &["--port"], &[]).is_err());
        assert!(Options::parse(&words("--port"), &["--port"], &[]).is_err());
    }
}
