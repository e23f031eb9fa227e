//! What is wrong with a file, in words for the person who dropped it.

use std::fmt;

/// Why files could not be loaded. Nothing of them is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetError {
    /// What is wrong, naming the file, what was expected and what was found.
    pub what: String,
    /// What to do about it.
    pub next: String,
}

impl DatasetError {
    pub(super) fn new(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self { what: what.into(), next: next.into() }
    }
}

impl fmt::Display for DatasetError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.what, self.next)
    }
}

impl std::error::Error for DatasetError {}

/// 47040000 as "47,040,000".
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 1);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The name of a file as it may be shown: control characters replaced, at most 80 characters, in quotes.
pub(super) fn shown(name: &str) -> String {
    let mut text: String = name.chars().map(|c| if c.is_control() { '?' } else { c }).take(80).collect();
    if name.chars().nth(80).is_some() {
        text.push('\u{2026}');
    }
    format!("\u{201c}{text}\u{201d}")
}
