//! A text file that a visitor drops: its size, whether it is text at all, and what was repaired.

use crate::datasets::DatasetError;
use crate::datasets::error::{shown, thousands};
use std::borrow::Cow;

/// A text file may have at most 64 MiB.
pub const LARGEST_TEXT_BYTES: usize = 64 << 20;
/// More than one damaged byte in twenty is not text.
const WORST_SHARE: usize = 20;

/// The text of a file without byte order mark, with line feeds only, and what was done to it in whole sentences.
///
/// # Errors
/// In plain words: empty, too large, or not text.
pub fn read<'f>(name: &str, bytes: &'f [u8]) -> Result<(Cow<'f, str>, Vec<String>), DatasetError> {
    let name = shown(name);
    if bytes.is_empty() {
        return Err(DatasetError::new(format!("{name} is empty."), "Drop a text file."));
    }
    if bytes.len() > LARGEST_TEXT_BYTES {
        return Err(DatasetError::new(
            format!("{name} has {} MiB; at most 64 MiB can be read.", bytes.len() >> 20),
            "Drop a shorter text.",
        ));
    }
    let body = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if let Some(position) = body.iter().position(|byte| *byte == 0) {
        return Err(not_text(&name, bytes, &format!("byte {} is zero", thousands(position as u64))));
    }
    let invalid: usize = body.utf8_chunks().map(|chunk| chunk.invalid().len()).sum();
    if invalid > body.len() / WORST_SHARE {
        let share = format!(
            "{} of its {} bytes are not valid UTF-8",
            thousands(invalid as u64),
            thousands(body.len() as u64)
        );
        return Err(not_text(&name, bytes, &share));
    }
    let mut notes = Vec::new();
    let mut text = String::from_utf8_lossy(body);
    if invalid > 0 {
        notes.push(format!("{} damaged bytes of {name} were replaced.", thousands(invalid as u64)));
    }
    if text.contains('\r') {
        text = Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"));
        notes.push(format!("The line ends of {name} were changed to those of Unix."));
    }
    Ok((text, notes))
}

fn not_text(name: &str, bytes: &[u8], why: &str) -> DatasetError {
    let kind = match bytes {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => "is text in UTF-16, which is not read here",
        [0x1F, 0x8B, ..] => "is a gzip file, which is not read as text",
        [b'P', b'K', 3, 4, ..] => "is a ZIP archive (or an office document), not text",
        _ => "is not a text file",
    };
    DatasetError::new(format!("{name} {kind}: {why}."), "Save it as plain text in UTF-8 and drop it again.")
}

#[cfg(test)]
mod tests {
    use super::{LARGEST_TEXT_BYTES, read};

    fn check(bytes: &[u8], message: &str) {
        let error = read("a.bin", bytes).unwrap_err().to_string();
        assert!(error.contains(message) && error.contains("a.bin"), "{error}");
    }

    #[test]
    fn what_is_not_text_is_refused() {
        check(b"", "is empty");
        check(&vec![b'a'; LARGEST_TEXT_BYTES + 1], "has 64 MiB; at most 64 MiB");
        check(b"some text\0more", "byte 9 is zero");
        check(b"\xFF\xFEa\0b\0", "UTF-16");
        check(b"\x1F\x8B\x08\0", "gzip");
        check(b"PK\x03\x04\0", "ZIP");
        check(&[b"caf\xE9 ".as_slice(); 3].concat(), "3 of its 15 bytes are not valid UTF-8");
    }

    #[test]
    fn small_damage_is_repaired_and_told() {
        let bytes = [b"\xEF\xBB\xBF".as_slice(), &[b'a'; 30], b"\xE9\r\nb\rc"].concat();
        let (text, notes) = read("a.txt", &bytes).unwrap();
        assert_eq!(text, format!("{}\u{FFFD}\nb\nc", "a".repeat(30)));
        assert_eq!(notes.len(), 2);
        assert!(read("a.txt", b"plain\n").unwrap().1.is_empty());
    }
}
