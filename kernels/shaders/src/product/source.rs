//! The family's WGSL.

use super::{Cut, Form, Variant};
use crate::program::Access;
use std::fmt::Write as _;

/// Terms of a sum that are staged at a time in workgroup memory.
const STAGED: u32 = 16;

/// The text of a variant for a form.
#[must_use]
pub fn source(variant: &Variant, form: &Form) -> String {
    let mut text = header(variant, form);
    match variant.cut {
        Cut::Registers => registers(&mut text, variant, form),
        Cut::Shared => shared(&mut text, variant, form),
        Cut::Rows => rows(&mut text, variant),
        Cut::RowBlocks => row_blocks(&mut text, variant),
        Cut::RowGroups => row_groups(&mut text, variant),
    }
    text
}

/// Scalar operands are read as such where rows are not whole fours, and always where they are staged.
fn in_quads(variant: &Variant, form: &Form) -> [bool; 3] {
    match variant.cut {
        Cut::Registers => {
            let lhs = form.lhs_in_quads && (!form.transpose_lhs || variant.rows.is_multiple_of(4));
            [lhs, form.rhs_in_quads, form.product_in_quads]
        }
        Cut::Shared => [false, false, form.product_in_quads],
        Cut::Rows | Cut::RowBlocks | Cut::RowGroups => [true, true, false],
    }
}

fn header(variant: &Variant, form: &Form) -> String {
    let mut text =
        String::from("struct Params { m: u32, n: u32, k: u32, batch: u32, split_length: u32, splits: u32,");
    let accesses = form.epilogue.as_ref().map(|epilogue| epilogue.accesses.as_slice()).unwrap_or_default();
    for (input, access) in accesses.iter().enumerate() {
        if matches!(access, Access::Scalar(_) | Access::Periodic { .. }) {
            let _ = write!(text, " d{input}: u32, m{input}: u32,");
        }
    }
    text.push_str(" }\n");
    let several = if variant.cut == Cut::RowBlocks { "mat4x4<f32>" } else { "vec4<f32>" };
    let kinds = in_quads(variant, form).map(|quads| if quads { several } else { "f32" });
    for (binding, (name, kind)) in ["lhs", "rhs", "product"].iter().zip(kinds).enumerate() {
        let _ =
            writeln!(text, "@group(0) @binding({binding}) var<storage, read_write> {name}: array<{kind}>;");
    }
    let mut binding = 3;
    if let Some(epilogue) = &form.epilogue {
        binding = epilogue.declare_extra(&mut text, binding, form.product_in_quads);
        let element = if form.product_in_quads { "vec4<f32>" } else { "f32" };
        let _ = writeln!(text, "fn epilogue(value: {element}, i: u32) -> {element} {{");
        text.push_str(&epilogue.epilogue_body(form.product_in_quads));
        text.push_str("}\n");
    }
    let _ = writeln!(text, "@group(0) @binding({binding}) var<uniform> params: Params;");
    text
}

fn entry(text: &mut String, variant: &Variant) {
    let [x, y] = variant.workgroup;
    let _ = writeln!(
        text,
        "@compute @workgroup_size({x}, {y})\nfn main(@builtin(global_invocation_id) gid: vec3<u32>, \
         @builtin(local_invocation_id) lid: vec3<u32>, @builtin(workgroup_id) wid: vec3<u32>) {{"
    );
}

/// Begin of the slice and bounds of the part that this invocation sums.
fn slices(text: &mut String) {
    text.push_str(
        "let split = gid.z / params.batch;\nlet slice = gid.z % params.batch;\n\
         let lhs_base = slice * params.m * params.k;\nlet rhs_base = slice * params.k * params.n;\n\
         let k_begin = split * params.split_length;\n\
         let k_end = min(k_begin + params.split_length, params.k);\n",
    );
}

fn registers(text: &mut String, variant: &Variant, form: &Form) {
    let (rows, quads) = (variant.rows, variant.quads);
    entry(text, variant);
    let _ = writeln!(text, "let row = gid.y * {rows}u;\nlet column = gid.x * {}u;", quads * 4);
    text.push_str("if (row >= params.m || column >= params.n) { return; }\n");
    slices(text);
    let [lhs_quads, rhs_quads, _] = in_quads(variant, form);
    for r in 0..rows {
        let _ = writeln!(text, "let row{r} = min(row + {r}u, params.m - 1u);");
    }
    for c in 0..quads * 4 {
        let _ = writeln!(text, "let column{c} = min(column + {c}u, params.n - 1u);");
    }
    for r in 0..rows {
        for q in 0..quads {
            let _ = writeln!(text, "var c{r}_{q} = vec4<f32>();");
        }
    }
    row_bases(text, variant, form, lhs_quads, rhs_quads);
    // Four terms a turn; what is left over goes one by one.
    text.push_str("var k = k_begin;\nlet whole = k_begin + (k_end - k_begin) / 4u * 4u;\n");
    text.push_str("for (; k < whole; k += 4u) {\n");
    load_lhs(text, variant, form, lhs_quads, 4);
    load_rhs(text, variant, form, rhs_quads, 4);
    multiply(text, variant, 4);
    text.push_str("}\n");
    let lhs_rest = lhs_quads && form.transpose_lhs;
    let rhs_rest = rhs_quads && !form.transpose_rhs;
    // Vectors along k exist only where k is a multiple of 4, and then nothing is left over.
    if (lhs_rest || !lhs_quads) && (rhs_rest || !rhs_quads) {
        text.push_str("for (; k < k_end; k++) {\n");
        load_lhs(text, variant, form, lhs_quads, 1);
        load_rhs(text, variant, form, rhs_quads, 1);
        multiply(text, variant, 1);
        text.push_str("}\n");
    }
    store(text, variant, form);
    text.push_str("}\n");
}

/// Where rows begin that do not move with k.
fn row_bases(text: &mut String, variant: &Variant, form: &Form, lhs_quads: bool, rhs_quads: bool) {
    if !form.transpose_lhs {
        let divide = if lhs_quads { " / 4u" } else { "" };
        for r in 0..variant.rows {
            let _ = writeln!(text, "let a_base{r} = (lhs_base + row{r} * params.k){divide};");
        }
    } else if lhs_quads {
        for q in 0..variant.rows / 4 {
            let _ = writeln!(text, "let a_quad{q} = min(row / 4u + {q}u, params.m / 4u - 1u);");
        }
    }
    if form.transpose_rhs {
        let divide = if rhs_quads { " / 4u" } else { "" };
        for c in 0..variant.quads * 4 {
            let _ = writeln!(text, "let b_base{c} = (rhs_base + column{c} * params.k){divide};");
        }
    } else if rhs_quads {
        for q in 0..variant.quads {
            let _ = writeln!(text, "let b_quad{q} = min(column / 4u + {q}u, params.n / 4u - 1u);");
        }
    }
}

/// Values `a{row}_{term}` of `terms` terms.
fn load_lhs(text: &mut String, variant: &Variant, form: &Form, in_quads: bool, terms: u32) {
    match (form.transpose_lhs, in_quads) {
        (false, true) => {
            text.push_str("let ka = k / 4u;\n");
            for r in 0..variant.rows {
                let _ = writeln!(text, "let a{r} = lhs[a_base{r} + ka];");
                for t in 0..terms {
                    let _ = writeln!(text, "let a{r}_{t} = a{r}[{t}];");
                }
            }
        }
        (false, false) => {
            for r in 0..variant.rows {
                for t in 0..terms {
                    let _ = writeln!(text, "let a{r}_{t} = lhs[a_base{r} + k + {t}u];");
                }
            }
        }
        (true, true) => {
            for t in 0..terms {
                let _ = writeln!(text, "let at{t} = (lhs_base + (k + {t}u) * params.m) / 4u;");
                for q in 0..variant.rows / 4 {
                    let _ = writeln!(text, "let av{t}_{q} = lhs[at{t} + a_quad{q}];");
                }
                for r in 0..variant.rows {
                    let _ = writeln!(text, "let a{r}_{t} = av{t}_{}[{}];", r / 4, r % 4);
                }
            }
        }
        (true, false) => {
            for t in 0..terms {
                let _ = writeln!(text, "let at{t} = lhs_base + (k + {t}u) * params.m;");
                for r in 0..variant.rows {
                    let _ = writeln!(text, "let a{r}_{t} = lhs[at{t} + row{r}];");
                }
            }
        }
    }
}

/// Vectors `b{term}_{quad}` of `terms` terms.
fn load_rhs(text: &mut String, variant: &Variant, form: &Form, in_quads: bool, terms: u32) {
    let columns = variant.quads * 4;
    match (form.transpose_rhs, in_quads) {
        (false, true) => {
            for t in 0..terms {
                let _ = writeln!(text, "let bt{t} = (rhs_base + (k + {t}u) * params.n) / 4u;");
                for q in 0..variant.quads {
                    let _ = writeln!(text, "let b{t}_{q} = rhs[bt{t} + b_quad{q}];");
                }
            }
        }
        (false, false) => {
            for t in 0..terms {
                let _ = writeln!(text, "let bt{t} = rhs_base + (k + {t}u) * params.n;");
                gather(text, variant, t, |c| format!("rhs[bt{t} + column{c}]"));
            }
        }
        (true, true) => {
            text.push_str("let kb = k / 4u;\n");
            for c in 0..columns {
                let _ = writeln!(text, "let bc{c} = rhs[b_base{c} + kb];");
            }
            for t in 0..terms {
                gather(text, variant, t, |c| format!("bc{c}[{t}]"));
            }
        }
        (true, false) => {
            for t in 0..terms {
                gather(text, variant, t, |c| format!("rhs[b_base{c} + k + {t}u]"));
            }
        }
    }
}

fn gather(text: &mut String, variant: &Variant, term: u32, value: impl Fn(u32) -> String) {
    for q in 0..variant.quads {
        let [x, y, z, w] = std::array::from_fn(|lane| value(q * 4 + lane as u32));
        let _ = writeln!(text, "let b{term}_{q} = vec4<f32>({x}, {y}, {z}, {w});");
    }
}

fn multiply(text: &mut String, variant: &Variant, terms: u32) {
    for t in 0..terms {
        for r in 0..variant.rows {
            for q in 0..variant.quads {
                let _ = writeln!(text, "c{r}_{q} += a{r}_{t} * b{t}_{q};");
            }
        }
    }
}

/// Writes the tile, each element guarded, through the epilogue.
fn store(text: &mut String, variant: &Variant, form: &Form) {
    text.push_str("let base = gid.z * params.m * params.n;\n");
    for r in 0..variant.rows {
        let _ =
            writeln!(text, "if (row + {r}u < params.m) {{ let at = base + (row + {r}u) * params.n + column;");
        for q in 0..variant.quads {
            if form.product_in_quads {
                let value = finished(form, &format!("c{r}_{q}"), &format!("at / 4u + {q}u"));
                let _ = writeln!(
                    text,
                    "if (column + {}u < params.n) {{ product[at / 4u + {q}u] = {value}; }}",
                    q * 4
                );
                continue;
            }
            for lane in 0..4 {
                let c = q * 4 + lane;
                let value = finished(form, &format!("c{r}_{q}[{lane}]"), &format!("at + {c}u"));
                let _ = writeln!(text, "if (column + {c}u < params.n) {{ product[at + {c}u] = {value}; }}");
            }
        }
        text.push_str("}\n");
    }
}

fn finished(form: &Form, value: &str, at: &str) -> String {
    let sum = if form.accumulate { format!("product[{at}] + {value}") } else { value.to_owned() };
    if form.epilogue.is_some() { format!("epilogue({sum}, {at})") } else { sum }
}

fn shared(text: &mut String, variant: &Variant, form: &Form) {
    let (rows, quads, [x, y]) = (variant.rows, variant.quads, variant.workgroup);
    let (tile_m, tile_n, count) = (y * rows, x * quads * 4, x * y);
    let _ = writeln!(text, "var<workgroup> a_tile: array<f32, {}>;", tile_m * STAGED);
    let _ = writeln!(text, "var<workgroup> b_tile: array<f32, {}>;", tile_n * STAGED);
    entry(text, variant);
    slices(text);
    let _ = writeln!(text, "let row = gid.y * {rows}u;\nlet column = gid.x * {}u;", quads * 4);
    let _ = writeln!(text, "let first_row = wid.y * {tile_m}u;\nlet first_column = wid.x * {tile_n}u;");
    let _ = writeln!(text, "let local = lid.y * {x}u + lid.x;");
    for r in 0..rows {
        for q in 0..quads {
            let _ = writeln!(text, "var c{r}_{q} = vec4<f32>();");
        }
    }
    let _ = writeln!(text, "for (var k0 = k_begin; k0 < k_end; k0 += {STAGED}u) {{");
    stage(text, ("a", "lhs", tile_m, "m", "row"), form.transpose_lhs, count);
    stage(text, ("b", "rhs", tile_n, "n", "column"), !form.transpose_rhs, count);
    text.push_str("workgroupBarrier();\n");
    let _ = writeln!(text, "for (var t = 0u; t < {STAGED}u; t++) {{");
    for q in 0..quads {
        let at = |lane: u32| format!("b_tile[t * {tile_n}u + lid.x * {}u + {}u]", quads * 4, q * 4 + lane);
        let _ = writeln!(text, "let b0_{q} = vec4<f32>({}, {}, {}, {});", at(0), at(1), at(2), at(3));
    }
    for r in 0..rows {
        let _ = writeln!(text, "let a{r}_0 = a_tile[t * {tile_m}u + lid.y * {rows}u + {r}u];");
    }
    multiply(text, variant, 1);
    text.push_str("}\nworkgroupBarrier();\n}\n");
    text.push_str("if (row >= params.m || column >= params.n) { return; }\n");
    store(text, variant, form);
    text.push_str("}\n");
}

/// Fills a tile `[term][index]` from memory; what is outside becomes 0. `along` says that neighbours in memory differ
/// in the index, not in the term.
fn stage(
    text: &mut String,
    (tile, operand, size, bound, first): (&str, &str, u32, &str, &str),
    along: bool,
    count: u32,
) {
    let total = size * STAGED;
    let _ = writeln!(text, "for (var i = local; i < {total}u; i += {count}u) {{");
    if along {
        let _ = writeln!(text, "let t = i / {size}u; let index = i % {size}u;");
        let _ =
            writeln!(text, "let at = {operand}_base + (k0 + t) * params.{bound} + first_{first} + index;");
    } else {
        let _ = writeln!(text, "let t = i % {STAGED}u; let index = i / {STAGED}u;");
        let _ = writeln!(text, "let at = {operand}_base + (first_{first} + index) * params.k + k0 + t;");
    }
    let _ = writeln!(text, "let inside = k0 + t < k_end && first_{first} + index < params.{bound};");
    let _ = writeln!(
        text,
        "var value = 0.0;\nif (inside) {{ value = {operand}[at]; }}\n{tile}_tile[t * {size}u + index] = value;\n}}"
    );
}

/// Each row has sums of its own; with one row four, so that additions do not wait for each other.
fn rows(text: &mut String, variant: &Variant) {
    entry(text, variant);
    let rows = variant.rows;
    let chains = 4_u32.div_ceil(rows);
    let _ = writeln!(
        text,
        "let row = ((wid.y * 65535u + wid.x) * {}u + lid.x) * {rows}u;\nif (row >= params.m) {{ return; }}\n\
         let quads = params.k / 4u;\nlet b = wid.z * quads;",
        variant.workgroup[0]
    );
    for r in 0..rows {
        let _ = writeln!(text, "let a{r} = (wid.z * params.m + min(row + {r}u, params.m - 1u)) * quads;");
        for c in 0..chains {
            let _ = writeln!(text, "var s{r}_{c} = vec4<f32>();");
        }
    }
    let _ = writeln!(text, "var i = 0u;\nlet whole = quads / 4u * 4u;\nfor (; i < whole; i += 4u) {{");
    for t in 0..4 {
        let _ = writeln!(text, "let b{t} = rhs[b + i + {t}u];");
        for r in 0..rows {
            let _ = writeln!(text, "s{r}_{} += lhs[a{r} + i + {t}u] * b{t};", t % chains);
        }
    }
    text.push_str("}\nfor (; i < quads; i++) {\nlet b0 = rhs[b + i];\n");
    for r in 0..rows {
        let _ = writeln!(text, "s{r}_0 += lhs[a{r} + i] * b0;");
    }
    text.push_str("}\n");
    for r in 0..rows {
        let sums: Vec<String> = (0..chains).map(|c| format!("s{r}_{c}")).collect();
        let _ = writeln!(
            text,
            "if (row + {r}u < params.m) {{ let s = {};\n\
             product[wid.z * params.m + row + {r}u] = (s.x + s.y) + (s.z + s.w); }}",
            sums.join(" + ")
        );
    }
    text.push_str("}\n");
}

/// As [`rows`], sixteen terms at a read.
fn row_blocks(text: &mut String, variant: &Variant) {
    entry(text, variant);
    let rows = variant.rows;
    let _ = writeln!(
        text,
        "let row = ((wid.y * 65535u + wid.x) * {}u + lid.x) * {rows}u;\nif (row >= params.m) {{ return; }}\n\
         let blocks = params.k / 16u;\nlet b = wid.z * blocks;",
        variant.workgroup[0]
    );
    for r in 0..rows {
        let _ = writeln!(
            text,
            "let a{r} = (wid.z * params.m + min(row + {r}u, params.m - 1u)) * blocks;\nvar s{r} = vec4<f32>();"
        );
    }
    text.push_str("for (var i = 0u; i < blocks; i++) {\nlet v = rhs[b + i];\n");
    for r in 0..rows {
        let _ = writeln!(text, "let m{r} = lhs[a{r} + i];");
        for t in 0..4 {
            let _ = writeln!(text, "s{r} += m{r}[{t}] * v[{t}];");
        }
    }
    text.push_str("}\n");
    for r in 0..rows {
        let _ = writeln!(
            text,
            "if (row + {r}u < params.m) {{\n\
             product[wid.z * params.m + row + {r}u] = (s{r}.x + s{r}.y) + (s{r}.z + s{r}.w); }}"
        );
    }
    text.push_str("}\n");
}

fn row_groups(text: &mut String, variant: &Variant) {
    let size = variant.workgroup[0];
    let _ = writeln!(text, "var<workgroup> sums: array<f32, {size}>;");
    entry(text, variant);
    let _ = writeln!(
        text,
        "let row = wid.y * 65535u + wid.x;\nlet seen = min(row, params.m - 1u);\nlet quads = params.k / 4u;\n\
         let a = (wid.z * params.m + seen) * quads;\nlet b = wid.z * quads;\nvar s = vec4<f32>();\n\
         for (var i = lid.x; i < quads; i += {size}u) {{ s += lhs[a + i] * rhs[b + i]; }}\n\
         sums[lid.x] = (s.x + s.y) + (s.z + s.w);\nworkgroupBarrier();"
    );
    let mut half = size / 2;
    while half > 0 {
        let _ = writeln!(
            text,
            "if (lid.x < {half}u) {{ sums[lid.x] += sums[lid.x + {half}u]; }}\nworkgroupBarrier();"
        );
        half /= 2;
    }
    text.push_str("if (lid.x == 0u && row < params.m) { product[wid.z * params.m + row] = sums[0]; }\n}\n");
}
