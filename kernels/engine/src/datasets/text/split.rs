//! Cuts text into the chunks inside which byte pairs may merge.
//!
//! A chunk is, with at most one blank before it: a run of letters, up to three digits, or a run of other
//! characters; or white space. An apostrophe between letters begins a chunk ("don" + "'t"). The idea is that of
//! GPT-2 (Radford et al. 2019): "dog", "dog." and "dog!" share a token. Left out on purpose: Unicode classes. Every
//! byte from 0x80 on counts as a letter, so that a character of several bytes is never cut by a class.

/// No chunk is longer, so that the work per byte is bounded whatever the text is.
pub(super) const LONGEST_CHUNK: usize = 64;
/// Digits of a number are taken in threes.
const LONGEST_NUMBER: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Digit,
    Space,
    Other,
}

const fn class(byte: u8) -> Class {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | 0x80.. => Class::Letter,
        b'0'..=b'9' => Class::Digit,
        b' ' | b'\t' | b'\n' | b'\r' => Class::Space,
        _ => Class::Other,
    }
}

/// The chunks of a text in order; together they are the text.
#[derive(Debug, Clone)]
pub(super) struct Chunks<'t> {
    rest: &'t [u8],
    after_letter: bool,
}

impl<'t> Chunks<'t> {
    pub(super) const fn new(text: &'t [u8]) -> Self {
        Self { rest: text, after_letter: false }
    }

    /// Bytes not yet handed out.
    pub(super) const fn remaining(&self) -> usize {
        self.rest.len()
    }

    fn chunk_length(&self, first: u8) -> usize {
        let second = self.rest.get(1).map(|byte| class(*byte));
        let lead = match (first, second) {
            (b' ', Some(next)) => next != Class::Space,
            (b'\'', Some(Class::Letter)) => self.after_letter,
            _ => false,
        };
        let lead = usize::from(lead);
        // No further than a chunk can reach: scanning a whole run for each of its chunks would be quadratic.
        let window = self.rest.get(..self.rest.len().min(LONGEST_CHUNK + 1)).unwrap_or_default();
        let run = window.get(lead..).unwrap_or_default();
        let kind = run.first().map_or(Class::Other, |byte| class(*byte));
        let longest = if kind == Class::Digit { LONGEST_NUMBER } else { LONGEST_CHUNK - lead };
        let end = run.iter().position(|byte| class(*byte) != kind).unwrap_or(run.len());
        // The last blank of several belongs to the word after it.
        let lends = kind == Class::Space && end > 1 && end < run.len() && run.get(end - 1) == Some(&b' ');
        lead + (end - usize::from(lends)).min(longest)
    }
}

impl<'t> Iterator for Chunks<'t> {
    type Item = &'t [u8];

    fn next(&mut self) -> Option<&'t [u8]> {
        let length = self.chunk_length(*self.rest.first()?);
        let (chunk, rest) = self.rest.split_at_checked(length)?;
        self.after_letter = chunk.last().is_some_and(|byte| class(*byte) == Class::Letter);
        self.rest = rest;
        Some(chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::{Chunks, LONGEST_CHUNK};
    use proptest::prelude::*;

    fn check(text: &str, expected: &[&str]) {
        let chunks: Vec<String> =
            Chunks::new(text.as_bytes()).map(|chunk| String::from_utf8_lossy(chunk).into_owned()).collect();
        assert_eq!(chunks, expected, "{text:?}");
    }

    #[test]
    fn words_numbers_marks_and_white_space() {
        check("", &[]);
        check("The pump stops.", &["The", " pump", " stops", "."]);
        check("I don't 'know'", &["I", " don", "'t", " '", "know", "'"]);
        check("in 12345 ways", &["in", " 123", "45", " ways"]);
        check("a\n\n  b  ", &["a", "\n\n ", " b", "  "]);
        check("x \n y", &["x", " \n", " y"]);
        check("caf\u{e9} \u{4e16}\u{754c}", &["caf\u{e9}", " \u{4e16}\u{754c}"]);
        check(" ", &[" "]);
    }

    #[test]
    fn a_long_run_is_cut() {
        for byte in [b'a', b' ', b'.'] {
            let text = vec![byte; 1000];
            let lengths: Vec<usize> = Chunks::new(&text).map(<[u8]>::len).collect();
            assert!(lengths.iter().all(|length| *length <= LONGEST_CHUNK), "{lengths:?}");
            assert!(lengths.len() <= 17, "{lengths:?}");
        }
    }

    proptest! {
        #[test]
        fn chunks_are_the_text(text in proptest::collection::vec(any::<u8>(), 0..400)) {
            let chunks: Vec<&[u8]> = Chunks::new(&text).collect();
            prop_assert!(chunks.iter().all(|chunk| (1..=LONGEST_CHUNK).contains(&chunk.len())));
            prop_assert_eq!(chunks.concat(), text);
        }
    }
}
