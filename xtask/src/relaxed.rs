//! Makes the module for browsers with relaxed SIMD out of the one for every browser, by fusing multiplications with
//! additions in the functions that ask for it.
//!
//! The compiler is not told of relaxed SIMD: it has no such feature for a single function of a module, and would use
//! relaxed minima everywhere, which lose NaN. The kernels that may be fused are therefore compiled to plain
//! instructions and hold a marker, a constant that nothing else uses. In their bodies `f32x4.mul` whose result goes
//! straight into `f32x4.add` becomes `f32x4.relaxed_madd`. Everything else, and every function's number, stays.

use crate::workspace::Outcome;
use std::ops::Range;
use wasmparser::{FunctionBody, Operator, Parser, Payload};

/// Marks a function whose products may be fused: `MARKER` of `kernels/engine/src/backends/cpu/simd/tile.rs`.
const MARKER: i32 = 0x52_45_4c_58;
/// The magic number and the version.
const HEADER_BYTES: u64 = 8;
const CODE_SECTION: u8 = 10;
const V128: u8 = 0x7b;
const LOCAL_GET: u8 = 0x20;
const LOCAL_SET: u8 = 0x21;
const RELAXED_MADD: [u8; 3] = [0xfd, 0x85, 0x02];

/// `wasm` with fused products in the marked functions, and how many were fused; the same bytes if there are none.
///
/// # Errors
/// When the bytes are no module.
pub fn with_relaxed_simd(wasm: &[u8]) -> Outcome<(Vec<u8>, usize)> {
    let Some(code) = CodeSection::find(wasm)? else { return Ok((wasm.to_vec(), 0)) };
    let fused = code.fused.iter().map(|(_, count)| count).sum();
    if fused == 0 {
        return Ok((wasm.to_vec(), 0));
    }
    let mut content = leb128(code.fused.len());
    for (body, _) in &code.fused {
        content.extend(leb128(body.len()));
        content.extend_from_slice(body);
    }
    let mut out = piece(wasm, 0..code.section.start)?.to_vec();
    out.push(CODE_SECTION);
    out.extend(leb128(content.len()));
    out.extend(content);
    out.extend_from_slice(piece(wasm, code.section.end..wasm.len() as u64)?);
    Ok((out, fused))
}

/// The functions of a module.
struct CodeSection {
    /// The section with its number and its length.
    section: Range<u64>,
    /// Each body without its length, after fusing, and the number of fused products in it.
    fused: Vec<(Vec<u8>, usize)>,
}

impl CodeSection {
    fn find(wasm: &[u8]) -> Outcome<Option<Self>> {
        let mut found: Option<Self> = None;
        let mut previous_end = HEADER_BYTES;
        let mut signatures = Signatures::default();
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload.map_err(text)?;
            signatures.read(&payload)?;
            match &payload {
                Payload::CodeSectionStart { unchecked_range: range, .. } => {
                    found = Some(Self { section: previous_end..range.end, fused: vec![] });
                }
                Payload::CodeSectionEntry(body) => {
                    if let Some(found) = &mut found {
                        let parameters = signatures.parameters_of(found.fused.len())?;
                        found.fused.push(fuse(wasm, body, parameters)?);
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

/// How many parameters each function has.
#[derive(Default)]
struct Signatures {
    /// Of each type; types that are no functions have none.
    of_types: Vec<u32>,
    /// The type of each function with a body.
    types: Vec<u32>,
}

impl Signatures {
    fn read(&mut self, payload: &Payload<'_>) -> Outcome<()> {
        match payload {
            Payload::TypeSection(reader) => {
                for kind in reader.clone().into_iter_err_on_gc_types() {
                    let count = u32::try_from(kind.map_err(text)?.params().len());
                    self.of_types.push(count.map_err(|error| error.to_string())?);
                }
            }
            Payload::FunctionSection(reader) => {
                for kind in reader.clone() {
                    self.types.push(kind.map_err(text)?);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn parameters_of(&self, function: usize) -> Outcome<u32> {
        let kind = self.types.get(function).and_then(|kind| self.of_types.get(*kind as usize));
        kind.copied().ok_or_else(|| format!("function {function} has no type"))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the form that `map_err` takes")]
fn text(error: wasmparser::BinaryReaderError) -> String {
    error.to_string()
}

/// The body after fusing, and the number of fused products.
fn fuse(wasm: &[u8], body: &FunctionBody<'_>, parameters: u32) -> Outcome<(Vec<u8>, usize)> {
    let mut instructions = vec![];
    for operator in body.get_operators_reader().map_err(text)?.into_iter_with_offsets() {
        instructions.push(operator.map_err(text)?);
    }
    let whole = body.range();
    let is_marked =
        instructions.iter().any(|(operator, _)| *operator == Operator::I32Const { value: MARKER });
    let first = instructions.first().map_or(whole.end, |(_, offset)| *offset);
    if !is_marked {
        return Ok((piece(wasm, whole)?.to_vec(), 0));
    }
    let (mut out, spare) = header_with_spare_locals(body, piece(wasm, whole.start..first)?, parameters)?;
    let (mut fused, mut at) = (0, 0);
    while let Some((operator, offset)) = instructions.get(at) {
        let following = |steps: usize| instructions.get(at + steps).map(|(operator, _)| operator);
        let end = |steps: usize| instructions.get(at + steps).map_or(whole.end, |(_, offset)| *offset);
        let taken = match (operator, following(1), following(2)) {
            (Operator::F32x4Mul, Some(Operator::F32x4Add), _) => {
                out.extend(summand_last(spare));
                out.extend(RELAXED_MADD);
                2
            }
            (Operator::F32x4Mul, Some(Operator::LocalGet { .. }), Some(Operator::F32x4Add)) => {
                // The factors are on the stack and the summand follows.
                out.extend_from_slice(piece(wasm, end(1)..end(2))?);
                out.extend(RELAXED_MADD);
                3
            }
            _ => {
                out.extend_from_slice(piece(wasm, *offset..end(1))?);
                1
            }
        };
        fused += usize::from(taken > 1);
        at += taken;
    }
    Ok((out, fused))
}

/// The declarations of a body's locals with three vectors more, and the number of the first of those.
fn header_with_spare_locals(
    body: &FunctionBody<'_>,
    header: &[u8],
    parameters: u32,
) -> Outcome<(Vec<u8>, usize)> {
    let (mut locals, mut groups) = (parameters, 0);
    for group in body.get_locals_reader().map_err(text)? {
        locals += group.map_err(text)?.0;
        groups += 1;
    }
    let mut out = leb128(groups + 1);
    out.extend_from_slice(header.get(leb128(groups).len()..).unwrap_or_default());
    out.extend([3, V128]);
    Ok((out, locals as usize))
}

/// Brings summand, factor, factor on the stack into the order factor, factor, summand.
fn summand_last(spare: usize) -> Vec<u8> {
    let moves =
        [(LOCAL_SET, 1), (LOCAL_SET, 0), (LOCAL_SET, 2), (LOCAL_GET, 0), (LOCAL_GET, 1), (LOCAL_GET, 2)];
    let mut out = vec![];
    for (instruction, local) in moves {
        out.push(instruction);
        out.extend(leb128(spare + local));
    }
    out
}

fn piece(wasm: &[u8], range: Range<u64>) -> Outcome<&[u8]> {
    let outside = || "a section lies outside of the module".to_owned();
    let begin = usize::try_from(range.start).map_err(|_| outside())?;
    let end = usize::try_from(range.end).map_err(|_| outside())?;
    wasm.get(begin..end).ok_or_else(outside)
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
    use super::{RELAXED_MADD, with_relaxed_simd};
    use wasmparser::{Validator, WasmFeatures};

    /// `i32.const MARKER`, `drop`.
    const MARK: &[u8] = &[0x41, 0xd8, 0x98, 0x95, 0x92, 0x05, 0x1a];
    const MUL: &[u8] = &[0xfd, 0xe6, 0x01];
    const ADD: &[u8] = &[0xfd, 0xe4, 0x01];
    /// The parameter, which is a vector.
    const X: &[u8] = &[0x20, 0];
    const DROP_END: &[u8] = &[0x1a, 0x0b];

    fn body(locals: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        [locals, &parts.concat(), DROP_END].concat()
    }

    /// A module with functions of one vector, and a custom section after them; the length of the code section is
    /// written in two bytes, as linkers pad it.
    fn module(bodies: &[Vec<u8>]) -> Vec<u8> {
        let count = u8::try_from(bodies.len()).expect("few bodies");
        let mut code = vec![count];
        for body in bodies {
            code.push(u8::try_from(body.len()).expect("a short body"));
            code.extend_from_slice(body);
        }
        let types = [1, 5, 1, 0x60, 1, 0x7b, 0];
        let mut functions = vec![3, count + 1, count];
        functions.extend(vec![0; bodies.len()]);
        let length = u8::try_from(code.len() & 0x7f).expect("seven bits");
        let section = [10, length | 0x80, u8::try_from(code.len() >> 7).expect("short code")];
        let custom = [0, 4, 2, b'h', b'i', 7];
        [b"\0asm\x01\0\0\0".as_slice(), &types, &functions, &section, &code, &custom].concat()
    }

    fn is_valid(wasm: &[u8], relaxed: bool) -> bool {
        let mut features = WasmFeatures::default();
        features.set(WasmFeatures::RELAXED_SIMD, relaxed);
        Validator::new_with_features(features).validate_all(wasm).is_ok()
    }

    fn count(wasm: &[u8]) -> usize {
        wasm.windows(3).filter(|bytes| *bytes == RELAXED_MADD).count()
    }

    #[test]
    fn products_of_marked_functions_are_fused_in_both_orders() {
        // One local of each kind before the spare ones; x + x x, then x x + x, then x x on its own.
        let sum_first = body(&[2, 1, 0x7f, 1, 0x7b], &[MARK, X, X, X, MUL, ADD]);
        let sum_last = body(&[0], &[X, X, MUL, X, ADD, X, MUL, &MARK[..6], &[0x1a]]);
        let plain = body(&[0], &[X, X, X, MUL, ADD]);
        let before = module(&[plain.clone(), sum_first, sum_last, plain.clone()]);
        assert!(is_valid(&before, false));
        let (after, fused) = with_relaxed_simd(&before).expect("a module");
        assert_eq!((fused, count(&after)), (2, 2));
        assert!(is_valid(&after, true) && !is_valid(&after, false));
        let swap = [0x21, 4, 0x21, 3, 0x21, 5, 0x20, 3, 0x20, 4, 0x20, 5];
        let first = body(&[3, 1, 0x7f, 1, 0x7b, 3, 0x7b], &[MARK, X, X, X, &swap, &RELAXED_MADD]);
        let last = body(&[1, 3, 0x7b], &[X, X, X, &RELAXED_MADD, X, MUL, &MARK[..6], &[0x1a]]);
        let mut expected = module(&[plain.clone(), first, last, plain]);
        // The length of the section is written in one byte now: after the header, the types and the functions.
        let length = 8 + 7 + 7 + 1;
        expected[length] &= 0x7f;
        expected.remove(length + 1);
        assert_eq!(after, expected);
    }

    #[test]
    fn a_module_without_marks_is_left_alone() {
        let plain = || body(&[0], &[X, X, X, MUL, ADD]);
        let nothing_to_fuse = body(&[0], &[MARK, X, X, MUL]);
        for module in [
            module(&[plain(), plain()]),
            module(&[]),
            module(&[nothing_to_fuse]),
            b"\0asm\x01\0\0\0".to_vec(),
        ] {
            assert!(is_valid(&module, false));
            assert_eq!(with_relaxed_simd(&module), Ok((module, 0)));
        }
    }

    #[test]
    fn what_is_no_module_is_refused() {
        let whole = module(&[body(&[0], &[MARK, X])]);
        for bytes in [&b"words"[..], &whole[..whole.len() - 1], &[0xfd; 40]] {
            assert!(with_relaxed_simd(bytes).is_err());
        }
    }
}
