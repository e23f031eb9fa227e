//! Percent encoding and base64url: what a fragment can carry.

/// Characters that stand for themselves in a fragment's value: RFC 3986 unreserved ones.
const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Percent-encodes everything but RFC 3986's unreserved characters.
pub(super) fn percent_encode(text: &str) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| char::from(DIGITS.get(usize::from(value)).copied().unwrap_or(b'0'));
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_plain(byte) {
            out.push(char::from(byte));
        } else {
            out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    out
}

/// Undoes percent encoding; `+` is a space, as form encoders write it. `None` for a broken escape or bad UTF-8.
pub(super) fn percent_decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(out).ok()
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Base64url without padding (RFC 4648, section 5).
pub(super) fn base64url_encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let joined = group.iter().fold(0_u32, |joined, byte| joined << 8 | u32::from(*byte));
        let joined = joined << (8 * (3 - group.len()));
        for position in 0..=group.len() {
            let index = (joined >> (18 - 6 * position)) & 63;
            out.push(char::from(ALPHABET.get(index as usize).copied().unwrap_or(b'A')));
        }
    }
    out
}

/// Undoes [`base64url_encode`]; `None` for a foreign character, an impossible length, or stray bits.
pub(super) fn base64url_decode(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for group in text.as_bytes().chunks(4) {
        if group.len() == 1 {
            return None;
        }
        let mut joined = 0_u32;
        for character in group {
            let index = ALPHABET.iter().position(|known| known == character)?;
            joined = joined << 6 | u32::try_from(index).ok()?;
        }
        joined <<= 6 * (4 - group.len());
        let [_, first, second, third] = joined.to_be_bytes();
        let bytes = [first, second, third];
        let (kept, stray) = bytes.split_at(group.len() - 1);
        if stray.iter().any(|byte| *byte != 0) {
            return None;
        }
        out.extend_from_slice(kept);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_back() {
        for text in ["", "a", "Größe 1 & 2 = 100 %+", "日本語", "😀\u{10ffff}"] {
            assert_eq!(percent_decode(&percent_encode(text)).as_deref(), Some(text));
            assert_eq!(
                base64url_decode(&base64url_encode(text.as_bytes())).as_deref(),
                Some(text.as_bytes())
            );
        }
        assert_eq!(base64url_encode(b"foobar"), "Zm9vYmFy");
        assert_eq!(base64url_encode(b"foob"), "Zm9vYg");
    }

    #[test]
    fn broken_texts_do_not() {
        for text in ["%", "%4", "%zz", "%ff", "%c3%28"] {
            assert_eq!(percent_decode(text), None, "{text}");
        }
        for text in ["A", "Zm9vY", "Zm9*", "Zh", "Zm9vYh=="] {
            assert_eq!(base64url_decode(text), None, "{text}");
        }
    }
}
