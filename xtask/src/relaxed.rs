//! Makes the module for browsers without relaxed SIMD out of the one for browsers with it.
//!
//! One instruction that a browser does not know makes it refuse the whole module. The fast kernels keep their relaxed
//! instructions in functions of their own, which run only where a flag says so; here their bodies become `unreachable`.
//! Everything else, and every function's number, stays.

use crate::workspace::Outcome;
use std::ops::Range;
use wasmparser::{FunctionBody, Parser, Payload};

/// No local variables, `unreachable`, `end`.
const UNREACHABLE_BODY: [u8; 3] = [0x00, 0x00, 0x0b];
/// The magic number and the version.
const HEADER_BYTES: u64 = 8;
const CODE_SECTION: u8 = 10;
/// The byte that begins a vector instruction, and the first number after it that is a relaxed one.
const VECTOR_PREFIX: u8 = 0xfd;
const FIRST_RELAXED: u32 = 0x100;

/// `wasm` with the body of every function that holds a relaxed SIMD instruction replaced by `unreachable`; the same
/// bytes if there is none.
///
/// # Errors
/// When the bytes are no module.
pub fn without_relaxed_simd(wasm: &[u8]) -> Outcome<Vec<u8>> {
    let Some(code) = CodeSection::find(wasm)? else { return Ok(wasm.to_vec()) };
    if !code.bodies.iter().any(|(_, relaxed)| *relaxed) {
        return Ok(wasm.to_vec());
    }
    let mut content = leb128(code.bodies.len());
    for (range, relaxed) in &code.bodies {
        let body = if *relaxed { UNREACHABLE_BODY.as_slice() } else { piece(wasm, range.clone())? };
        content.extend(leb128(body.len()));
        content.extend_from_slice(body);
    }
    let mut out = piece(wasm, 0..code.section.start)?.to_vec();
    out.push(CODE_SECTION);
    out.extend(leb128(content.len()));
    out.extend(content);
    out.extend_from_slice(piece(wasm, code.section.end..wasm.len() as u64)?);
    Ok(out)
}

/// Where the functions of a module are.
struct CodeSection {
    /// The section with its number and its length.
    section: Range<u64>,
    /// Each body without its length, and whether it holds a relaxed instruction.
    bodies: Vec<(Range<u64>, bool)>,
}

impl CodeSection {
    fn find(wasm: &[u8]) -> Outcome<Option<Self>> {
        let mut found: Option<Self> = None;
        let mut previous_end = HEADER_BYTES;
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload.map_err(|error| error.to_string())?;
            match &payload {
                Payload::CodeSectionStart { unchecked_range: range, .. } => {
                    found = Some(Self { section: previous_end..range.end, bodies: vec![] });
                }
                Payload::CodeSectionEntry(body) => {
                    if let Some(found) = &mut found {
                        found.bodies.push((body.range(), is_relaxed(wasm, body)?));
                    }
                }
                _ => {}
            }
            if let Some((_, range)) = payload.as_section() {
                previous_end = range.end;
            }
        }
        Ok(found)
    }
}

fn is_relaxed(wasm: &[u8], body: &FunctionBody<'_>) -> Outcome<bool> {
    let text = |error: wasmparser::BinaryReaderError| error.to_string();
    for operator in body.get_operators_reader().map_err(text)?.into_iter_with_offsets() {
        let (_, offset) = operator.map_err(text)?;
        let instruction = piece(wasm, offset..wasm.len() as u64)?;
        if let [VECTOR_PREFIX, rest @ ..] = instruction
            && number(rest) >= FIRST_RELAXED
        {
            return Ok(true);
        }
    }
    Ok(false)
}

fn piece(wasm: &[u8], range: Range<u64>) -> Outcome<&[u8]> {
    let outside = || "a section lies outside of the module".to_owned();
    let begin = usize::try_from(range.start).map_err(|_| outside())?;
    let end = usize::try_from(range.end).map_err(|_| outside())?;
    wasm.get(begin..end).ok_or_else(outside)
}

/// The unsigned LEB128 number, of at most five bytes, that `bytes` begin with.
fn number(bytes: &[u8]) -> u32 {
    let mut value = 0;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        value |= u32::from(byte & 0x7f).unbounded_shl(7 * u32::try_from(index).unwrap_or_default());
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}

fn leb128(mut value: usize) -> Vec<u8> {
    let mut bytes = vec![];
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::without_relaxed_simd;
    use wasmparser::{Validator, WasmFeatures};

    /// `local.get 0` three times, `f32x4.relaxed_madd`, `drop`.
    const RELAXED: &[u8] = &[0, 0x20, 0, 0x20, 0, 0x20, 0, 0xfd, 0x85, 0x02, 0x1a, 0x0b];
    /// `f32x4.add`, and constants that look like the instruction above.
    const PLAIN: &[u8] = &[
        0, 0x20, 0, 0xfd, 12, 0xfd, 0x85, 2, 0xfd, 0x85, 2, 0xfd, 0x85, 2, 0xfd, 0x85, 2, 0xfd, 0x85, 2,
        0xfd, 0xfd, 0xe4, 0x01, 0x1a, 0x0b,
    ];

    /// A module with functions of one vector, and a custom section after them; the length of the code section is
    /// written in two bytes, as linkers pad it.
    fn module(bodies: &[&[u8]]) -> Vec<u8> {
        let count = u8::try_from(bodies.len()).expect("few bodies");
        let mut code = vec![count];
        for body in bodies {
            code.push(u8::try_from(body.len()).expect("a short body"));
            code.extend_from_slice(body);
        }
        let types = [1, 5, 1, 0x60, 1, 0x7b, 0];
        let mut functions = vec![3, count + 1, count];
        functions.extend(vec![0; bodies.len()]);
        let section = [10, u8::try_from(code.len()).expect("short code") | 0x80, 0];
        let custom = [0, 4, 2, b'h', b'i', 7];
        [b"\0asm\x01\0\0\0".as_slice(), &types, &functions, &section, &code, &custom].concat()
    }

    fn is_valid(wasm: &[u8], relaxed: bool) -> bool {
        let mut features = WasmFeatures::default();
        features.set(WasmFeatures::RELAXED_SIMD, relaxed);
        Validator::new_with_features(features).validate_all(wasm).is_ok()
    }

    #[test]
    fn only_bodies_with_relaxed_instructions_go() {
        let before = module(&[PLAIN, RELAXED, PLAIN, RELAXED]);
        assert!(is_valid(&before, true) && !is_valid(&before, false));
        let after = without_relaxed_simd(&before).expect("a module");
        assert!(is_valid(&after, false));
        let unreachable: &[u8] = &[0, 0, 0x0b];
        let mut expected = module(&[PLAIN, unreachable, PLAIN, unreachable]);
        // The length is written in one byte now.
        let at = expected.windows(2).position(|bytes| bytes[0] == 10 && bytes[1] >= 0x80).expect("a section");
        expected[at + 1] &= 0x7f;
        expected.remove(at + 2);
        assert_eq!(after, expected);
    }

    #[test]
    fn a_module_without_them_is_left_alone() {
        for module in [module(&[PLAIN, PLAIN]), module(&[]), b"\0asm\x01\0\0\0".to_vec()] {
            assert!(is_valid(&module, false));
            assert_eq!(without_relaxed_simd(&module), Ok(module));
        }
    }

    #[test]
    fn what_is_no_module_is_refused() {
        let whole = module(&[RELAXED]);
        for bytes in [&b"words"[..], &whole[..whole.len() - 1], &[0xfd; 40]] {
            assert!(without_relaxed_simd(bytes).is_err());
        }
    }
}
