//! The visitor's own values of facts, and their text in a link.
//!
//! ```text
//! text = key '~' number { '_' key '~' number }
//! ```
//! Keys are lower case letters, digits, '-' and '.', so every character of the text may stand in a URL unescaped.
//! Numbers are the shortest decimal that reads back to the same bits. Left out on purpose: aliases; a key is for ever.

use super::error::EconomicsError;
use super::facts::fact;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The most overrides that a link may hold.
pub const MAX_OVERRIDES: usize = 256;
/// The most characters of their text.
pub const MAX_OVERRIDES_CHARACTERS: usize = 16_384;

/// Values that replace the catalog's, by key.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Overrides {
    values: BTreeMap<&'static str, f64>,
}

impl Overrides {
    /// Replaces a fact by a value in the fact's unit.
    ///
    /// # Errors
    /// No fact has the key, or the value is not in the fact's allowed range; nothing is changed then.
    pub fn set(&mut self, key: &str, value: f64) -> Result<(), EconomicsError> {
        let fact = fact(key)?;
        let (low, high) = fact.allowed;
        if !(low..=high).contains(&value) {
            return Err(EconomicsError::OutOfRange { field: key.to_owned(), value, low, high });
        }
        // Minus zero is zero: both must give the same link.
        self.values.insert(fact.key, value + 0.0);
        Ok(())
    }

    /// Goes back to the catalog's value.
    pub fn remove(&mut self, key: &str) {
        self.values.remove(key);
    }

    /// The visitor's value.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<f64> {
        self.values.get(key).copied()
    }

    /// Keys and values, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, f64)> + '_ {
        self.values.iter().map(|(key, value)| (*key, *value))
    }

    /// Nothing is overridden.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The text for a link; empty when nothing is overridden.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        for (key, value) in self.iter() {
            let join = if text.is_empty() { "" } else { "_" };
            // Writing to a string cannot fail.
            let _ = write!(text, "{join}{key}~{value:?}");
        }
        text
    }

    /// Reads a link's text.
    ///
    /// # Errors
    /// The text is too long, not of the form, or holds a key or value that [`Self::set`] refuses.
    pub fn decode(text: &str) -> Result<Self, EconomicsError> {
        let bad = |part: &str| EconomicsError::BadOverrides { part: part.chars().take(64).collect() };
        let mut overrides = Self::default();
        if text.is_empty() {
            return Ok(overrides);
        }
        if text.len() > MAX_OVERRIDES_CHARACTERS {
            return Err(bad(text));
        }
        for (index, part) in text.split('_').enumerate() {
            let (key, number) = part.split_once('~').ok_or_else(|| bad(part))?;
            let plain = number.bytes().all(|byte| byte.is_ascii_digit() || b"-+.e".contains(&byte));
            let value: f64 = number.parse().map_err(|_| bad(part))?;
            if !plain || index >= MAX_OVERRIDES || overrides.get(key).is_some() {
                return Err(bad(part));
            }
            overrides.set(key, value)?;
        }
        Ok(overrides)
    }
}
