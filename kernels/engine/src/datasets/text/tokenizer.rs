//! From text to tokens and back. Every text can be encoded, and every list of tokens can be decoded.

use super::bpe::{BYTES, Bpe, BpeEncoder, damaged};
use super::trainer::BpeTrainer;
use crate::datasets::DatasetError;

const MAGIC: [u8; 4] = *b"RPTK";
const VERSION: u8 = 1;

/// Which tokenizer to make for a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenizerChoice {
    /// One token per byte.
    Byte,
    /// Byte pairs learnt from the text.
    Bpe {
        /// Tokens wanted, 257 to 4,096; a short text may give fewer.
        vocab_size: u32,
    },
}

/// Turns text into tokens and back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tokenizer {
    /// One token per byte, 256 tokens.
    Byte,
    /// Frequent byte sequences are one token.
    Bpe(Bpe),
}

impl Tokenizer {
    /// Makes a tokenizer; byte pairs are learnt from the first 2 MiB of `text`.
    ///
    /// # Errors
    /// None in practice; see [`BpeTrainer::finish`].
    pub fn train(choice: TokenizerChoice, text: &[u8]) -> Result<Self, DatasetError> {
        match choice {
            TokenizerChoice::Byte => Ok(Self::Byte),
            TokenizerChoice::Bpe { vocab_size } => {
                let mut trainer = BpeTrainer::new(text, vocab_size);
                while trainer.advance(usize::MAX) {}
                trainer.finish().map(Self::Bpe)
            }
        }
    }

    /// Number of tokens; every token is smaller. At most 4,096.
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        match self {
            Self::Byte => BYTES,
            Self::Bpe(bpe) => bpe.vocab_size(),
        }
    }

    /// The tokens of a text.
    #[must_use]
    pub fn encode(&self, text: &[u8]) -> Vec<u32> {
        self.encode_compact(text).into_iter().map(u32::from).collect()
    }

    /// The tokens of a text, in half the memory.
    #[must_use]
    pub fn encode_compact(&self, text: &[u8]) -> Vec<u16> {
        match self {
            Self::Byte => text.iter().copied().map(u16::from).collect(),
            Self::Bpe(bpe) => {
                let mut encoder = BpeEncoder::new(bpe, text);
                while encoder.advance(usize::MAX) {}
                encoder.finish()
            }
        }
    }

    /// The bytes of tokens. A number that is no token gives the replacement character.
    #[must_use]
    pub fn decode_bytes(&self, tokens: &[u32]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(tokens.len() * 3);
        for token in tokens {
            if !self.append(*token, &mut bytes) {
                bytes.extend("\u{FFFD}".bytes());
            }
        }
        bytes
    }

    /// The text of tokens; bytes that are not UTF-8 become the replacement character.
    #[must_use]
    pub fn decode(&self, tokens: &[u32]) -> String {
        String::from_utf8_lossy(&self.decode_bytes(tokens)).into_owned()
    }

    fn append(&self, token: u32, bytes: &mut Vec<u8>) -> bool {
        match (self, u16::try_from(token), u8::try_from(token)) {
            (_, _, Ok(byte)) => bytes.push(byte),
            (Self::Bpe(bpe), Ok(token), _) => return bpe.append(token, bytes),
            _ => return false,
        }
        true
    }

    /// A token for the page: visible marks for white space, `<0x80>` for what cannot be shown, `<?>` for a number
    /// that is no token.
    #[must_use]
    pub fn token_text(&self, token: u32) -> String {
        let mut bytes = Vec::new();
        if !self.append(token, &mut bytes) {
            return "<?>".to_owned();
        }
        let mut text = String::new();
        for part in bytes.utf8_chunks() {
            for character in part.valid().chars() {
                match character {
                    ' ' => text.push('\u{2423}'),
                    '\n' => text.push('\u{21B5}'),
                    '\t' => text.push('\u{21E5}'),
                    hidden if hidden.is_control() => text += &format!("<0x{:02X}>", u32::from(hidden)),
                    shown => text.push(shown),
                }
            }
            part.invalid().iter().for_each(|byte| text += &format!("<0x{byte:02X}>"));
        }
        text
    }

    /// For a checkpoint: "RPTK", version, kind, number of merges and the merges, little-endian; at most 15,368
    /// bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let (kind, merges): (u8, &[(u16, u16)]) = match self {
            Self::Byte => (0, &[]),
            Self::Bpe(bpe) => (1, bpe.merges()),
        };
        let mut bytes = MAGIC.to_vec();
        bytes.extend([VERSION, kind]);
        bytes.extend((merges.len() as u16).to_le_bytes());
        for (left, right) in merges {
            bytes.extend(left.to_le_bytes());
            bytes.extend(right.to_le_bytes());
        }
        bytes
    }

    /// The inverse of [`Self::to_bytes`].
    ///
    /// # Errors
    /// Not a tokenizer, a newer version, or damaged.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DatasetError> {
        let Some((head, rest)) = bytes.split_first_chunk::<8>() else {
            return Err(damaged("is too short"));
        };
        let [m0, m1, m2, m3, version, kind, low, high] = *head;
        if [m0, m1, m2, m3] != MAGIC {
            return Err(damaged("does not begin with RPTK"));
        }
        if version != VERSION {
            return Err(DatasetError::new(
                format!("The tokenizer has format {version}; this build reads format {VERSION}."),
                "Reload the page to get the newest build.",
            ));
        }
        let count = usize::from(u16::from_le_bytes([low, high]));
        if rest.len() != count * 4 {
            return Err(damaged(&format!("declares {count} merges but holds {} bytes of them", rest.len())));
        }
        match kind {
            0 if count == 0 => Ok(Self::Byte),
            1 => {
                let (merges, _) = rest.as_chunks::<4>();
                let pair =
                    |[a, b, c, d]: &[u8; 4]| (u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d]));
                Bpe::from_merges(merges.iter().map(pair).collect()).map(Self::Bpe)
            }
            _ => Err(damaged(&format!("is of the unknown kind {kind}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasets::text::LARGEST_BPE_VOCAB;
    use proptest::prelude::*;

    fn bpe(text: &str, vocab_size: u32) -> Tokenizer {
        Tokenizer::train(TokenizerChoice::Bpe { vocab_size }, text.as_bytes()).unwrap()
    }

    /// The slowest way to learn byte pairs: count everything again for every merge.
    fn reference_merges(text: &[u8], count: usize) -> Vec<(u16, u16)> {
        use crate::datasets::text::split::Chunks;
        use std::collections::BTreeMap;
        let mut words: Vec<Vec<u16>> =
            Chunks::new(text).map(|chunk| chunk.iter().copied().map(u16::from).collect()).collect();
        let mut merges = Vec::new();
        while merges.len() < count {
            let mut counts: BTreeMap<(u16, u16), u64> = BTreeMap::new();
            for word in &words {
                word.windows(2).for_each(|pair| *counts.entry((pair[0], pair[1])).or_default() += 1);
            }
            let best = counts.iter().max_by_key(|(pair, count)| (**count, std::cmp::Reverse(**pair)));
            let Some((&pair, &found)) = best else { break };
            if found < 2 {
                break;
            }
            words.iter_mut().for_each(|word| replace_all(word, pair, (256 + merges.len()) as u16));
            merges.push(pair);
        }
        merges
    }

    fn replace_all(tokens: &mut Vec<u16>, pair: (u16, u16), merged: u16) {
        let mut at = 0;
        while at + 1 < tokens.len() {
            if (tokens[at], tokens[at + 1]) == pair {
                tokens.splice(at..at + 2, [merged]);
            }
            at += 1;
        }
    }

    #[test]
    fn the_first_merges_are_the_most_frequent_pairs() {
        let Tokenizer::Bpe(bpe) = bpe("low low low lower lowest newer newer", 260) else { unreachable!() };
        // "lo" and "ow" occur 5 times; the smaller pair wins. Then "low", then " low".
        assert_eq!(bpe.merges(), [(108, 111), (256, 119), (32, 257), (101, 114)]);
    }

    #[test]
    fn tokens_for_display() {
        let tokenizer = bpe("a b a b a b", 257);
        assert_eq!(tokenizer.token_text(256), "\u{2423}b");
        assert_eq!(tokenizer.token_text(10), "\u{21B5}");
        assert_eq!(tokenizer.token_text(0), "<0x00>");
        assert_eq!(tokenizer.token_text(0xC3), "<0xC3>");
        assert_eq!(tokenizer.token_text(257), "<?>");
        assert_eq!(tokenizer.decode(&[97, 70_000, 256]), "a\u{FFFD} b");
        assert_eq!(Tokenizer::Byte.decode(&[256]), "\u{FFFD}");
    }

    #[test]
    fn hostile_bytes_are_refused() {
        let head = |kind: u8, count: u16| [b"RPTK", &[1, kind][..], &count.to_le_bytes()].concat();
        let pairs = |pairs: &[(u16, u16)]| {
            let mut bytes = head(1, pairs.len() as u16);
            pairs.iter().for_each(|(a, b)| bytes.extend([a.to_le_bytes(), b.to_le_bytes()].concat()));
            bytes
        };
        let doubling: Vec<(u16, u16)> =
            std::iter::once((97, 97)).chain((256..300).map(|token| (token, token))).collect();
        let cases = [
            (vec![], "too short"),
            (b"RPTX\x01\x00\x00\x00".to_vec(), "does not begin"),
            (b"RPTK\x02\x00\x00\x00".to_vec(), "format 2"),
            (head(1, 1), "declares 1 merges"),
            (head(2, 0), "unknown kind"),
            (pairs(&[(256, 97)]), "comes later"),
            (pairs(&[(97, 98), (97, 98)]), "twice"),
            (pairs(&doubling), "has a token of 128 bytes"),
            (pairs(&vec![(97, 98); 3841]), "has 3841 merges"),
        ];
        for (bytes, message) in cases {
            let error = Tokenizer::from_bytes(&bytes).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back(
            sample in "[a-d \\.]{0,200}",
            text in proptest::collection::vec(any::<u8>(), 0..300),
            word in "\\PC{0,60}",
            vocab_size in 0..5000_u32,
        ) {
            let tokenizer = bpe(&(sample + &word), vocab_size);
            prop_assert!(tokenizer.vocab_size() <= LARGEST_BPE_VOCAB as usize);
            for tokenizer in [&tokenizer, &Tokenizer::Byte] {
                let tokens = tokenizer.encode(&text);
                prop_assert!(tokens.len() <= text.len());
                prop_assert!(tokens.iter().all(|token| (*token as usize) < tokenizer.vocab_size()));
                prop_assert_eq!(&tokenizer.decode_bytes(&tokens), &text);
                prop_assert_eq!(tokenizer.decode(&tokenizer.encode(word.as_bytes())), word.as_str());
                prop_assert_eq!(&Tokenizer::from_bytes(&tokenizer.to_bytes()).unwrap(), tokenizer);
            }
        }

        #[test]
        fn training_is_the_plain_algorithm(text in "[a-c ]{0,120}", extra in 1..40_usize) {
            let Tokenizer::Bpe(fast) = bpe(&text, 256 + extra as u32) else { unreachable!() };
            prop_assert_eq!(fast.merges(), reference_merges(text.as_bytes(), extra));
        }

        /// Applying every merge in order to the whole chunk, as the definition says.
        #[test]
        fn encoding_is_the_plain_algorithm(sample in "[a-c ]{0,200}", text in "[a-c]{0,64}") {
            let Tokenizer::Bpe(fast) = bpe(&sample, 300) else { unreachable!() };
            let mut expected: Vec<u16> = text.bytes().map(u16::from).collect();
            for (index, pair) in fast.merges().iter().enumerate() {
                replace_all(&mut expected, *pair, (256 + index) as u16);
            }
            prop_assert_eq!(Tokenizer::Bpe(fast).encode_compact(text.as_bytes()), expected);
        }

        #[test]
        fn any_bytes_and_any_tokens_are_safe(
            bytes in proptest::collection::vec(any::<u8>(), 0..64),
            tokens in proptest::collection::vec(any::<u32>(), 0..64),
        ) {
            let mut file = b"RPTK\x01\x01".to_vec();
            file.extend(&bytes);
            for tokenizer in [Tokenizer::from_bytes(&bytes), Tokenizer::from_bytes(&file)].into_iter().flatten() {
                let _ = tokenizer.decode(&tokens);
            }
            let _ = Tokenizer::Byte.decode(&tokens);
        }
    }
}
