//! The corpus that is shipped is the one that its generator writes, and it is a text to learn from.

#[path = "../examples/write_corpus/corpus/mod.rs"]
mod corpus;

use engine::checkpoint::sha256;
use std::{collections::BTreeMap, fs, path::Path};

fn words(text: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for word in text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty()) {
        *counts.entry(word.to_lowercase()).or_default() += 1;
    }
    counts
}

#[test]
fn the_committed_corpus_is_what_the_generator_writes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(corpus::FILE);
    let committed = fs::read(&path).unwrap();
    assert_eq!(
        sha256(&committed),
        sha256(corpus::text().as_bytes()),
        "run `cargo run -p engine --example write_corpus` and commit {}",
        corpus::FILE
    );
}

#[test]
fn the_corpus_is_plain_text_with_a_varied_vocabulary() {
    let text = corpus::text();
    assert!((150_000..300_000).contains(&text.len()), "{} bytes", text.len());
    assert!(text.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)));
    for mark in ['{', '}', '|'] {
        assert!(!text.contains(mark), "{mark} is left over");
    }
    let slips =
        ["  ", " .", " ,", "..", ",,", "?.", "!.", " a a", " a e", " a i", " a o", " the the ", "?\","];
    for wrong in slips {
        assert!(!text.contains(wrong), "{wrong:?} in: {}", context(&text, wrong));
    }
    let vocabulary = words(&text);
    assert!(vocabulary.len() >= 1500, "{} words", vocabulary.len());
    let often = vocabulary.values().filter(|count| **count >= 3).count();
    assert!(often * 4 >= vocabulary.len() * 3, "{often} of {} words occur often", vocabulary.len());
}

fn context<'t>(text: &'t str, wrong: &str) -> &'t str {
    let at = text.find(wrong).unwrap_or(0);
    &text[at.saturating_sub(60)..(at + 60).min(text.len())]
}

#[test]
fn sentences_begin_with_capitals() {
    let good = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    for paragraph in corpus::text().split("\n\n") {
        let first = paragraph.trim_start_matches(['\n', '"']).chars().next();
        assert!(first.is_none_or(good), "{paragraph}");
        for (at, _) in paragraph.match_indices(". ") {
            let next = paragraph[at + 2..].chars().find(|c| *c != '"');
            assert!(next.is_some_and(good), "{paragraph}");
        }
    }
}
