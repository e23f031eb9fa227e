//! The visitor's own values of facts, and their text in a link.
//!
//! ```text
//! text = key '~' number { '_' key '~' number }
//! ```
//! Keys are lower case letters, digits, '-' and '.', so that every character may stand in an address unescaped. Which
//! keys a prediction reads, and in which range, it says itself: a value that it cannot use is named in its notes.

use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// The most facts that a scenario may replace.
pub const MOST_OWN_FACTS: usize = 64;

/// Values that replace the catalog's, sorted by key. A list, not a map: a few entries, in the page's smallest code.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OwnFacts(Vec<(String, f64)>);

fn is_key(key: &str) -> bool {
    (1..=64).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte))
}

impl OwnFacts {
    /// The visitor's value.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<f64> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| *value)
    }

    /// Replaces a fact, in base units; a malformed key, a value that is not finite or negative, and one fact more than
    /// [`MOST_OWN_FACTS`] change nothing.
    pub fn set(&mut self, key: &str, value: f64) {
        if !is_key(key) || !value.is_finite() || value < 0.0 {
            return;
        }
        self.remove(key);
        if self.0.len() < MOST_OWN_FACTS {
            let at = self.0.iter().position(|(known, _)| known.as_str() > key).unwrap_or(self.0.len());
            // Minus zero is zero: both must give the same link.
            self.0.insert(at, (key.to_owned(), value + 0.0));
        }
    }

    /// Goes back to the catalog's value.
    pub fn remove(&mut self, key: &str) {
        self.0.retain(|(known, _)| known != key);
    }

    /// Keys and values, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(key, value)| (key.as_str(), *value))
    }

    /// What of these can be kept.
    #[must_use]
    pub fn sanitised(self) -> Self {
        let mut kept = Self::default();
        for (key, value) in self.0 {
            kept.set(&key, value);
        }
        kept
    }

    /// The text for a link; empty where nothing is replaced.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        for (key, value) in self.iter() {
            let join = if text.is_empty() { "" } else { "_" };
            // Writing to a string cannot fail.
            let _ = write!(text, "{join}{key}~{value}");
        }
        text
    }

    /// Reads the text of a link; `None` where it is not of the form.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        let mut facts = Self::default();
        if text.is_empty() {
            return Some(facts);
        }
        for part in text.split('_') {
            let (key, number) = part.split_once('~')?;
            let is_plain =
                number.len() <= 400 && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
            let value: f64 = number.parse().ok().filter(|_| is_plain)?;
            let before = facts.0.len();
            facts.set(key, value);
            if facts.0.len() == before {
                return None;
            }
        }
        Some(facts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back_and_broken_ones_do_not() {
        let mut facts = OwnFacts::default();
        facts.set("power", 700.5);
        facts.set("peak", 9.89e14);
        facts.set("Bad key", 1.0);
        facts.set("rent", f64::NAN);
        facts.set("rent", -1.0);
        assert_eq!(facts.encode(), "peak~989000000000000_power~700.5");
        assert_eq!(OwnFacts::decode(&facts.encode()), Some(facts));
        assert_eq!(OwnFacts::decode(""), Some(OwnFacts::default()));
        for broken in
            ["peak", "peak~", "peak~x", "peak~1_peak~2", "peak~-1", "~1", "a~1__b~2", "PEAK~1", "a~inf"]
        {
            assert_eq!(OwnFacts::decode(broken), None, "{broken}");
        }
        let many: Vec<String> = (0..=MOST_OWN_FACTS).map(|at| format!("k{at}~1")).collect();
        assert_eq!(OwnFacts::decode(&many.join("_")), None);
    }
}
