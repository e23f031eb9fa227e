//! A text as tokens: nine tenths to train on, the last tenth held out.
//!
//! The text is cut by position, never shuffled: neighbouring sentences share their names and words, so a shuffled
//! cut would let the held-out part be learnt by heart. The tokenizer is learnt from the training part alone.

use super::file;
use super::tokenizer::{Tokenizer, TokenizerChoice};
use crate::datasets::DatasetError;
use crate::datasets::error::{shown, thousands};
use crate::random::Stream;

/// The target of a place that does not count: the loss leaves it out.
pub const IGNORED_TARGET: u32 = u32::MAX;
/// Streams of [`Stream`] from here on place the rows of a batch; weights and orders of epochs use others.
const ROW_STREAMS: u32 = 0x4000_0000;

/// A text divided into what is trained on and what is held out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextDataset {
    /// For the page: the name of the file or corpus.
    pub name: String,
    /// Tokens to train on; at least two.
    pub train: Vec<u16>,
    /// Tokens that training never sees; at least two.
    pub held_out: Vec<u16>,
    /// Bytes of text in `train` and in `held_out`, for a loss per byte.
    pub text_bytes: [usize; 2],
    /// What turned the text into tokens.
    pub tokenizer: Tokenizer,
    /// What was decided while loading, in whole sentences for the page.
    pub notes: Vec<String>,
}

impl TextDataset {
    /// Divides `text`, makes a tokenizer from the training part and encodes both parts.
    ///
    /// # Errors
    /// The text is too short to divide.
    pub fn new(name: &str, text: &str, choice: TokenizerChoice) -> Result<Self, DatasetError> {
        let (train, _) = divide(text);
        Self::with_tokenizer(name, text, Tokenizer::train(choice, train.as_bytes())?)
    }

    /// Divides and encodes `text` with a tokenizer that exists, such as that of a checkpoint.
    ///
    /// # Errors
    /// The text is too short to divide.
    pub fn with_tokenizer(name: &str, text: &str, tokenizer: Tokenizer) -> Result<Self, DatasetError> {
        let (train, held_out) = divide(text);
        let text_bytes = [train.len(), held_out.len()];
        let train = tokenizer.encode_compact(train.as_bytes());
        let held_out = tokenizer.encode_compact(held_out.as_bytes());
        if train.len() < 2 || held_out.len() < 2 {
            return Err(DatasetError::new(
                format!("{} has {} characters, which is too short.", shown(name), text.chars().count()),
                "Drop a text of at least a few pages.",
            ));
        }
        Ok(Self { name: name.to_owned(), train, held_out, text_bytes, tokenizer, notes: Vec::new() })
    }

    /// The part of a text that is trained on, and that a tokenizer may learn from.
    #[must_use]
    pub fn training_part(text: &str) -> &str {
        divide(text).0
    }

    /// A file that a visitor dropped.
    ///
    /// # Errors
    /// In plain words, naming the file: too large, not text, too short.
    pub fn from_file(name: &str, bytes: &[u8], choice: TokenizerChoice) -> Result<Self, DatasetError> {
        let (text, notes) = file::read(name, bytes)?;
        Self::new(name, &text, choice).map(|dataset| Self { notes, ..dataset })
    }

    /// The longest sequence that a batch can be made of.
    #[must_use]
    pub fn longest_sequence(&self) -> usize {
        self.train.len().saturating_sub(1)
    }

    /// Inputs and targets of step `step`, each `batch` rows of `length` tokens, row by row; a target is the token
    /// after its input. A row begins anywhere in the training part with equal probability, and depends only on
    /// (`seed`, `step`, row).
    ///
    /// # Errors
    /// The text has no `length` + 1 tokens.
    pub fn batch(
        &self,
        seed: u32,
        step: u32,
        batch: usize,
        length: usize,
    ) -> Result<(Vec<u32>, Vec<u32>), DatasetError> {
        let places = self.train.len().saturating_sub(length) as u64;
        if places == 0 {
            return Err(DatasetError::new(
                format!(
                    "{} has {} tokens to train on; a sequence of {} needs one more than that.",
                    shown(&self.name),
                    thousands(self.train.len() as u64),
                    thousands(length as u64)
                ),
                "Choose shorter sequences or a longer text.",
            ));
        }
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        for row in 0..batch {
            let bits = Stream::new(seed, ROW_STREAMS | row as u32).bits(step);
            // 32-bit multiply-shift: at most 2^26 places, so the bias is below 2^-6 of one place's share.
            let begin = ((u64::from(bits) * places) >> 32) as usize;
            let window = self.train.get(begin..=begin + length).unwrap_or_default();
            inputs.extend(window.iter().take(length).copied().map(u32::from));
            targets.extend(window.iter().skip(1).copied().map(u32::from));
        }
        Ok((inputs, targets))
    }

    /// The held-out part in order, every token once as a target but the first: batches of the same shape as
    /// [`Self::batch`], filled up with token 0 and [`IGNORED_TARGET`]. Empty where `batch` or `length` is 0.
    #[must_use]
    pub fn held_out_batches(&self, batch: usize, length: usize) -> HeldOutBatches<'_> {
        HeldOutBatches { tokens: &self.held_out, batch, length, next: 0 }
    }
}

/// The two parts of a text: cut after nine tenths, at the last line end before that if one is near.
fn divide(text: &str) -> (&str, &str) {
    let wanted = text.len() / 10 * 9 + text.len() % 10 * 9 / 10;
    let cut = (0..=wanted).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let (before, _) = text.split_at_checked(cut).unwrap_or((text, ""));
    let near = before.rfind('\n').map(|at| at + 1).filter(|at| cut - at <= text.len() / 100);
    text.split_at_checked(near.unwrap_or(cut)).unwrap_or((text, ""))
}

/// See [`TextDataset::held_out_batches`].
#[derive(Debug, Clone)]
pub struct HeldOutBatches<'t> {
    tokens: &'t [u16],
    batch: usize,
    length: usize,
    next: usize,
}

impl Iterator for HeldOutBatches<'_> {
    type Item = (Vec<u32>, Vec<u32>);

    fn next(&mut self) -> Option<Self::Item> {
        let places = self.batch.checked_mul(self.length)?;
        let rest = self.tokens.get(self.next..).filter(|rest| rest.len() > 1 && places > 0)?;
        let count = (rest.len() - 1).min(places);
        let wide = |tokens: &[u16], filler: u32| {
            let mut row: Vec<u32> = tokens.iter().take(count).copied().map(u32::from).collect();
            row.resize(places, filler);
            row
        };
        self.next += count;
        Some((wide(rest, 0), wide(rest.get(1..)?, IGNORED_TARGET)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(sentences: usize) -> String {
        (0..sentences)
            .map(|index| format!("Pump {index} moves {} litres a minute.\n", index * 7 % 90))
            .collect()
    }

    fn dataset(choice: TokenizerChoice) -> TextDataset {
        TextDataset::new("pumps", &text(400), choice).unwrap()
    }

    #[test]
    fn a_tenth_is_held_out_and_nothing_is_lost() {
        for choice in [TokenizerChoice::Byte, TokenizerChoice::Bpe { vocab_size: 400 }] {
            let set = dataset(choice);
            let decode = |tokens: &[u16]| {
                set.tokenizer.decode(&tokens.iter().copied().map(u32::from).collect::<Vec<_>>())
            };
            let (train, held_out) = (decode(&set.train), decode(&set.held_out));
            assert_eq!([train.len(), held_out.len()], set.text_bytes);
            assert!(train.ends_with('\n'), "cut inside a line");
            let share = held_out.len() as f64 / text(400).len() as f64;
            assert!((0.1..0.111).contains(&share), "{share}");
            assert_eq!(train + &held_out, text(400));
        }
    }

    #[test]
    fn the_tokenizer_never_sees_what_is_held_out() {
        let seen = "abc ".repeat(300);
        let choice = TokenizerChoice::Bpe { vocab_size: 300 };
        let sets = ["xyz ", "uvw "]
            .map(|hidden| TextDataset::new("", &(seen.clone() + &hidden.repeat(33)), choice).unwrap());
        assert_eq!(sets[0].tokenizer, sets[1].tokenizer);
    }

    #[test]
    fn characters_are_not_cut() {
        let set = TextDataset::new("", &"\u{4e16}".repeat(99), TokenizerChoice::Byte).unwrap();
        assert!(set.text_bytes.iter().all(|bytes| bytes % 3 == 0), "{:?}", set.text_bytes);
    }

    #[test]
    fn batches_are_windows_of_the_training_part() {
        let set = dataset(TokenizerChoice::Byte);
        let (inputs, targets) = set.batch(1, 5, 4, 16).unwrap();
        assert_eq!((inputs.len(), targets.len()), (64, 64));
        for (input, target) in inputs.chunks(16).zip(targets.chunks(16)) {
            assert_eq!(input[1..], target[..15]);
            let window: Vec<u16> = input.iter().chain(target.last()).map(|token| *token as u16).collect();
            assert!(set.train.windows(17).any(|place| place == window));
        }
        assert_eq!(set.batch(1, 5, 4, 16).unwrap(), (inputs.clone(), targets));
        // A row depends on its number and not on how many rows there are.
        assert_eq!(set.batch(1, 5, 2, 16).unwrap().0, inputs[..32]);
        for other in [set.batch(2, 5, 4, 16), set.batch(1, 6, 4, 16)] {
            assert_ne!(other.unwrap().0, inputs);
        }
    }

    #[test]
    fn every_place_is_drawn_about_equally() {
        let set = TextDataset::new("", &"0123456789".repeat(2), TokenizerChoice::Byte).unwrap();
        let places = set.train.len() - 4;
        let mut counts = vec![0_u32; places];
        for step in 0..1000 {
            for input in set.batch(3, step, 14, 4).unwrap().0.chunks(4) {
                let all = (0..places).filter(|at| {
                    set.train[*at..at + 4].iter().map(|token| u32::from(*token)).eq(input.iter().copied())
                });
                all.for_each(|at| counts[at] += 1);
            }
        }
        // Windows 0 to 3 occur twice, at 0 and at 10: both places count each draw.
        let expected = |at: usize| if at % 10 < 4 { 2000.0 } else { 1000.0 };
        for (at, count) in counts.iter().enumerate() {
            let deviation = (f64::from(*count) - expected(at)) / f64::sqrt(expected(at));
            assert!(deviation.abs() < 5.0, "{counts:?}");
        }
    }

    #[test]
    fn the_edges_of_short_texts() {
        let set = TextDataset::new("", "0123456789abcdefghij", TokenizerChoice::Byte).unwrap();
        let longest = set.longest_sequence();
        assert_eq!(longest, 17);
        assert_eq!(set.batch(0, 0, 1, longest).unwrap().1.len(), longest);
        assert!(set.batch(0, 0, 1, longest + 1).unwrap_err().what.contains("18 tokens"));
        assert!(TextDataset::new("x", "short", TokenizerChoice::Byte).is_err());
        assert!(TextDataset::new("x", "", TokenizerChoice::Bpe { vocab_size: 300 }).is_err());
    }

    #[test]
    fn held_out_batches_cover_every_target_once() {
        let set = dataset(TokenizerChoice::Bpe { vocab_size: 300 });
        for (batch, length) in [(4, 16), (1, 1), (3, 1000), (1, set.held_out.len() - 1)] {
            let (mut inputs, mut targets) = (Vec::new(), Vec::new());
            for (input, target) in set.held_out_batches(batch, length) {
                assert_eq!((input.len(), target.len()), (batch * length, batch * length));
                inputs.extend(input);
                targets.extend(target);
            }
            targets.retain(|target| *target != IGNORED_TARGET);
            inputs.truncate(targets.len());
            let tokens: Vec<u32> = set.held_out.iter().copied().map(u32::from).collect();
            assert_eq!(targets, tokens[1..]);
            assert_eq!(inputs, tokens[..tokens.len() - 1]);
        }
        assert_eq!(set.held_out_batches(0, 4).count() + set.held_out_batches(4, 0).count(), 0);
    }

    #[test]
    fn a_dropped_file_keeps_its_notes() {
        let bytes = text(20).replace('\n', "\r\n").into_bytes();
        let set = TextDataset::from_file("a.txt", &bytes, TokenizerChoice::Byte).unwrap();
        assert_eq!(set.notes.len(), 1);
        assert!(!set.train.contains(&13));
        assert!(TextDataset::from_file("a.txt", b"\0\0\0", TokenizerChoice::Byte).is_err());
    }
}
