//! Changes that no result can show, with the reason.

use super::changes::Change;

/// A change of a line, by its text before and after.
#[derive(Debug)]
pub struct Allowance {
    pub kernel: &'static str,
    pub line: &'static str,
    pub mutated: &'static str,
    pub reason: &'static str,
}

impl Allowance {
    pub fn covers(&self, change: &Change) -> bool {
        change.line == self.line && change.mutated == self.mutated
    }
}

pub const ALLOWED: &[Allowance] = &[
    Allowance {
        kernel: "attention",
        line: "var sum = 0.0;",
        mutated: "var sum = 1.0;",
        reason: "the first update multiplies the sum by exp(-3e38), which is 0",
    },
    Allowance {
        kernel: "attention",
        line: "for (var key = 0u; key < end; key += 4u) {",
        mutated: "for (var key = 0u; key <= end; key += 4u) {",
        reason: "keys past the end weigh nothing",
    },
    Allowance {
        kernel: "attention",
        line: "sums[d] = vec4<f32>();",
        mutated: " ",
        reason: "WGSL sets variables to zero",
    },
    Allowance {
        kernel: "attention_grad_query",
        line: "sums[d] = vec4<f32>();",
        mutated: " ",
        reason: "WGSL sets variables to zero",
    },
    Allowance {
        kernel: "attention_grad_key_value",
        line: "k_sums[d] = vec4<f32>();",
        mutated: " ",
        reason: "WGSL sets variables to zero",
    },
    Allowance {
        kernel: "attention_grad_key_value",
        line: "v_sums[d] = vec4<f32>();",
        mutated: " ",
        reason: "WGSL sets variables to zero",
    },
    Allowance {
        kernel: "cross_entropy",
        line: "for (var c = 1u; c < params.classes; c++) {",
        mutated: "for (var c = 0u; c < params.classes; c++) {",
        reason: "the first value compared with itself changes nothing",
    },
    Allowance {
        kernel: "cross_entropy_grad",
        line: "for (var c = 1u; c < params.classes; c++) {",
        mutated: "for (var c = 0u; c < params.classes; c++) {",
        reason: "the first value compared with itself changes nothing",
    },
    Allowance {
        kernel: "dropout",
        line: "if (index >= params.count) { return; }",
        mutated: "if (index > params.count) { return; }",
        reason: "the values of invocation `count` are past the end: none is written",
    },
    Allowance {
        kernel: "first_non_finite",
        line: "if (index >= params.count) { return; }",
        mutated: "if (index > params.count) { return; }",
        reason: "the values of invocation `count` are past the end: its loop is empty",
    },
    Allowance {
        kernel: "first_non_finite",
        line: "let end = min(index * 16u + 16u, params.values);",
        mutated: "let end = min(index * 16u - 16u, params.values);",
        reason: "invocation 0 wraps and reads everything; the others read nothing",
    },
    Allowance {
        kernel: "first_non_finite",
        line: "for (var i = index * 16u; i < end; i++) {",
        mutated: "for (var i = index * 15u; i < end; i++) {",
        reason: "reading values of invocations before does not change the first",
    },
    Allowance {
        kernel: "first_non_finite",
        line: "for (var i = index * 16u; i < end; i++) {",
        mutated: "for (var i = index; i < end; i++) {",
        reason: "reading values of invocations before does not change the first",
    },
    Allowance {
        kernel: "first_non_finite",
        line: "for (var i = index * 16u; i < end; i++) {",
        mutated: "for (var i = index / 16u; i < end; i++) {",
        reason: "reading values of invocations before does not change the first",
    },
    Allowance {
        kernel: "im2col_int8",
        line: "if (y >= params.padding && x >= params.padding && y - params.padding < params.height && x - params.padding < params.width) {",
        mutated: "if (y >= params.padding && y >= params.padding && y - params.padding < params.height && x - params.padding < params.width) {",
        reason: "a place before the image wraps to a huge number, which is past the image too",
    },
    Allowance {
        kernel: "im2col_int8",
        line: "if (y >= params.padding && x >= params.padding && y - params.padding < params.height && x - params.padding < params.width) {",
        mutated: "if (x >= params.padding && x >= params.padding && y - params.padding < params.height && x - params.padding < params.width) {",
        reason: "a place before the image wraps to a huge number, which is past the image too",
    },
    Allowance {
        kernel: "log_softmax",
        line: "for (var c = 1u; c < params.columns; c++) {",
        mutated: "for (var c = 0u; c < params.columns; c++) {",
        reason: "the first value compared with itself changes nothing",
    },
    Allowance {
        kernel: "max_pool",
        line: "best = select(best, value, value > best);",
        mutated: "best = select(best, value, value >= best);",
        reason: "an equal value changes nothing",
    },
    Allowance {
        kernel: "reduce_max",
        line: "let larger = bitcast<f32>(bits) > bitcast<f32>(best);",
        mutated: "let larger = bitcast<f32>(bits) >= bitcast<f32>(best);",
        reason: "an equal value changes nothing",
    },
    Allowance {
        kernel: "softmax",
        line: "for (var c = 1u; c < params.columns; c++) {",
        mutated: "for (var c = 0u; c < params.columns; c++) {",
        reason: "the first value compared with itself changes nothing",
    },
    Allowance {
        kernel: "top_match",
        line: "for (var c = 1u; c < params.classes; c++) {",
        mutated: "for (var c = 0u; c < params.classes; c++) {",
        reason: "the first value compared with itself changes nothing",
    },
];

/// Why a change need not be noticed.
pub fn reason(kernel: &str, change: &Change) -> Option<&'static str> {
    let found = ALLOWED.iter().find(|allowance| allowance.kernel == kernel && allowance.covers(change));
    found.map(|allowance| allowance.reason)
}
