//! A module for browsers without relaxed SIMD: the same, but functions that hold such instructions stop at once.
//!
//! WebAssembly validates a module as a whole: one instruction that a browser does not know, and nothing of it runs.
//! The engine keeps relaxed instructions in functions of their own, which it calls only where it was told that they
//! exist, so replacing their bodies changes nothing else.

use crate::workspace::Outcome;
use wasm_encoder::{CodeSection, Function, Instruction, Module, RawSection};
use wasmparser::{FunctionBody, Operator, Parser, Payload};

/// The module without relaxed SIMD, and how many functions were emptied.
pub fn without_relaxed_simd(wasm: &[u8]) -> Outcome<(Vec<u8>, usize)> {
    let mut module = Module::new();
    let mut code = CodeSection::new();
    let mut emptied = 0;
    let mut bodies = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(|error| error.to_string())?;
        match &payload {
            Payload::CodeSectionStart { count, .. } => bodies = *count,
            Payload::CodeSectionEntry(body) => {
                if is_relaxed(body)? {
                    let mut stub = Function::new([]);
                    stub.instruction(&Instruction::Unreachable);
                    stub.instruction(&Instruction::End);
                    code.function(&stub);
                    emptied += 1;
                } else {
                    code.raw(body.as_bytes());
                }
                bodies -= 1;
                if bodies == 0 {
                    module.section(&code);
                }
            }
            other => {
                if let Some((id, range)) = other.as_section() {
                    let range = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
                    let data = range
                        .and_then(|(start, end)| wasm.get(start..end))
                        .ok_or("a section past the end of the module")?;
                    module.section(&RawSection { id, data });
                }
            }
        }
    }
    Ok((module.finish(), emptied))
}

fn is_relaxed(body: &FunctionBody<'_>) -> Outcome<bool> {
    let mut operators = body.get_operators_reader().map_err(|error| error.to_string())?;
    while !operators.eof() {
        let operator = operators.read().map_err(|error| error.to_string())?;
        // The names of all of them begin so; new ones will too.
        if matches!(operator, Operator::F32x4RelaxedMadd | Operator::F32x4RelaxedNmadd)
            || format!("{operator:?}").contains("Relaxed")
        {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::without_relaxed_simd;
    use wasm_encoder::{
        CodeSection, ExportKind, ExportSection, Function, FunctionSection, Instruction, Module, TypeSection,
        ValType,
    };

    /// Two functions of three vectors; the second multiplies and adds, relaxed or not.
    fn module(relaxed: bool) -> Vec<u8> {
        let mut types = TypeSection::new();
        types.ty().function([ValType::V128; 3], [ValType::V128]);
        let mut functions = FunctionSection::new();
        functions.function(0).function(0);
        let mut exports = ExportSection::new();
        exports.export("plain", ExportKind::Func, 0).export("fused", ExportKind::Func, 1);
        let mut code = CodeSection::new();
        for fused in [false, relaxed] {
            let mut body = Function::new([]);
            for local in 0..3 {
                body.instruction(&Instruction::LocalGet(local));
            }
            if fused {
                body.instruction(&Instruction::F32x4RelaxedMadd);
            } else {
                body.instruction(&Instruction::F32x4Mul).instruction(&Instruction::F32x4Add);
            }
            body.instruction(&Instruction::End);
            code.function(&body);
        }
        let mut module = Module::new();
        module.section(&types).section(&functions).section(&exports).section(&code);
        module.finish()
    }

    fn is_valid(wasm: &[u8], relaxed: bool) -> bool {
        let mut features = wasmparser::WasmFeatures::default();
        features.set(wasmparser::WasmFeatures::RELAXED_SIMD, relaxed);
        wasmparser::Validator::new_with_features(features).validate_all(wasm).is_ok()
    }

    #[test]
    fn relaxed_functions_are_emptied_and_the_rest_stays() {
        let before = module(true);
        assert!(is_valid(&before, true) && !is_valid(&before, false));
        let (after, emptied) = without_relaxed_simd(&before).unwrap_or_default();
        assert_eq!(emptied, 1);
        assert!(is_valid(&after, false), "a browser without relaxed SIMD takes the module");
    }

    #[test]
    fn a_module_without_relaxed_simd_stays_as_it_is() {
        let before = module(false);
        assert_eq!(without_relaxed_simd(&before), Ok((before, 0)));
    }

    #[test]
    fn what_is_no_module_is_refused() {
        assert!(without_relaxed_simd(b"not a module").is_err());
    }
}
