//! The family of products: every variant, straight from its text, on seeded ragged shapes against f64 within
//! `8 sqrt(K) 2^-24 sum |a b|`; and mutants of the texts, which the same cases must notice.

use super::{
    kernels::{
        bounds::{Bound, Bounded, exact},
        case::{Case, Draw, bits},
        runner,
    },
    mutants::{changes, fuelled, has_barrier, is_valid},
};
use shaders::{
    product::{Cut, Form, Params, VARIANTS, Variant, source, workgroups},
    program::{Access, Binary, MapKernel, Program, Target},
};
use std::{fmt::Write as _, rc::Rc};

/// Sizes of one form, so that a text is compiled once for all of them; mutants meet more.
const SIZES: usize = 3;
const SIZES_FOR_MUTANTS: usize = 12;
/// Mutants of each text.
const MUTANTS: usize = 6;
/// Share of mutants that must die.
const LEAST_KILLED: f64 = 0.95;

/// What is asked of a product besides its sizes.
#[derive(Debug, Clone, Copy)]
struct Asked {
    transposes: [bool; 2],
    /// All sizes are multiples of four.
    in_quads: bool,
    accumulate: bool,
    epilogue: bool,
}

/// A bias and a ReLU.
fn epilogue(n: u32) -> Rc<MapKernel> {
    let mut program = Program::new();
    let (value, bias) = (program.input(0), program.input(1));
    let sum = program.binary(Binary::Add, value, bias);
    let zero = program.constant(0.0);
    let relu = program.binary(Binary::Maximum, sum, zero);
    program.output(relu);
    let accesses = vec![Access::Same, Access::Periodic { divide: 1, modulo: n }];
    Rc::new(MapKernel { program, accesses, targets: vec![Target::InPlace(0)] })
}

fn is_vector(variant: &Variant) -> bool {
    matches!(variant.cut, Cut::Rows | Cut::RowBlocks | Cut::RowGroups)
}

/// The forms of a variant: a few of all there are, other ones for the next variant.
fn asked(variant: &Variant, number: usize) -> Vec<Asked> {
    if is_vector(variant) {
        let plain = Asked { transposes: [false; 2], in_quads: true, accumulate: false, epilogue: false };
        return vec![plain; 4];
    }
    // Large tiles take long to compile; their text comes from the same lines.
    let count = if variant.rows * variant.quads > 16 { 2 } else { 4 };
    let forms = (0..count).map(|index| {
        let bits = number * 5 + index * 3;
        Asked {
            transposes: [bits & 1 == 1, bits >> 1 & 1 == 1],
            in_quads: index % 2 == 0,
            accumulate: bits % 3 == 1,
            epilogue: bits % 3 == 2,
        }
    });
    forms.collect()
}

fn sizes(variant: &Variant, asked: Asked, draw: &mut Draw) -> [u32; 3] {
    let [_, y] = variant.workgroup;
    let edge = variant.rows * y.min(16);
    let ragged = |size: u32, more: u32| if size.is_multiple_of(4) { size + more } else { size };
    let mut side = |from: &[u32], in_quads: bool| {
        let (size, more) = (draw.pick(from), draw.size(1, 3));
        if in_quads { size.next_multiple_of(4) } else { ragged(size, more) }
    };
    if is_vector(variant) {
        let m = draw.pick(&[1, 3, 4, 5, 31, 33, 65, 130]);
        // 64 invocations to a row read 256 terms a turn.
        let k: u32 = draw.pick(&[4, 12, 16, 20, 84, 260, 528]);
        return [m, 1, if variant.cut == Cut::RowBlocks { k.next_multiple_of(16) } else { k }];
    }
    // Rows of the result need no whole fours unless they lie side by side in lhs.
    let m = side(&[1, 2, 5, 7, 9, 17, edge, edge + 1], asked.in_quads && asked.transposes[0]);
    let n = side(&[2, 3, 5, 9, 14, 17, 33], asked.in_quads);
    // Long enough for several turns and for a rest.
    let k = side(&[1, 3, 5, 7, 18, 21, 35], asked.in_quads);
    [m, n, k]
}

fn case(variant: &Variant, asked: Asked, draw: &mut Draw) -> (Form, Case) {
    let [m, n, k] = sizes(variant, asked, draw);
    let after = asked.epilogue.then(|| epilogue(n));
    let form = Form::of([m, n, k], asked.transposes, asked.accumulate, after);
    let can_split = !asked.epilogue && !asked.accumulate && !is_vector(variant);
    let (batch, parts) = (draw.size(1, 2), if can_split { draw.size(1, 3) } else { 1 });
    let split_length = if parts == 1 { k } else { k.div_ceil(parts).next_multiple_of(4) };
    let params = Params { m, n, k, batch, split_length, splits: k.div_ceil(split_length) };
    let (lhs, rhs) = (draw.floats(batch * m * k, 1.0), draw.floats(batch * k * n, 1.0));
    let before = draw.floats(batch * m * n, 1.0);
    let bias = draw.floats(n, 1.0);
    let element = |index: u32| {
        let (column, row, slice) = (index % n, index / n % m, index / (m * n) % batch);
        let begin = index / (m * n * batch) * split_length;
        let terms = (begin..(begin + split_length).min(k)).map(|i| {
            let a = if form.transpose_lhs { i * m + row } else { row * k + i } + slice * m * k;
            let b = if form.transpose_rhs { column * k + i } else { i * n + column } + slice * k * n;
            f64::from(lhs[a as usize]) * f64::from(rhs[b as usize])
        });
        let terms: Vec<f64> = terms.collect();
        let magnitude = terms.iter().map(|term| term.abs()).sum();
        let mut value = exact(terms.iter().sum()).after(Bound::Sum { terms: terms.len(), magnitude });
        if asked.accumulate {
            value = value + exact(f64::from(before[index as usize]));
        }
        if asked.epilogue {
            let sum = value + exact(f64::from(bias[column as usize]));
            // ReLU moves a value and its neighbours by no more than they were apart.
            value = Bounded { value: sum.value.max(0.0), ..sum };
        }
        value
    };
    let wanted: Vec<Bounded> = (0..params.splits * batch * m * n).map(element).collect();
    let mut case = Case::new(form.uniform(&params), 0).input_floats(&lhs).input_floats(&rhs).output(wanted);
    if asked.accumulate {
        for (word, value) in case.buffers[2].iter_mut().zip(bits(&before)) {
            *word = value;
        }
    }
    if asked.epilogue {
        case = case.input_floats(&bias);
    }
    case.workgroups = workgroups(variant, &params);
    (form, case)
}

/// Texts of a variant, each with its cases.
fn texts(variant: &Variant, number: usize, seed: u64, sizes: usize) -> Vec<(String, Vec<Case>)> {
    let mut draw = Draw::new(seed * 1_000_003 + number as u64);
    let mut texts: Vec<(String, Vec<Case>)> = vec![];
    for asked in asked(variant, number) {
        for _ in 0..sizes {
            let (form, case) = case(variant, asked, &mut draw);
            let text = source(variant, &form);
            match texts.iter_mut().find(|(known, _)| *known == text) {
                Some((_, cases)) => cases.push(case),
                None => texts.push((text, vec![case])),
            }
        }
    }
    texts
}

#[test]
fn every_variant_stays_within_the_derived_bound() {
    let device = runner::device();
    let (mut checked, mut worst) = (0, 0.0_f64);
    for (number, variant) in VARIANTS.iter().enumerate() {
        for (text, cases) in texts(variant, number, 1, SIZES) {
            let found = runner::run(&device, &text, &cases)
                .unwrap_or_else(|error| panic!("{}: {error}", variant.name));
            for (case, found) in cases.iter().zip(&found) {
                match case.check(found) {
                    Ok(share) => worst = worst.max(share),
                    Err(message) => panic!("{}: {message}\n{text}", variant.name),
                }
                checked += 1;
            }
        }
    }
    println!("products: {checked} shapes over {} variants, {worst:.3} of the bound", VARIANTS.len());
    assert!(checked >= 200, "{checked} shapes");
}

/// Notices something about a text.
fn is_killed(device: &engine::backends::gpu::GpuDevice, text: &str, cases: &[Case]) -> bool {
    let found = runner::run(device, &fuelled(text), cases).expect("a valid text");
    cases.iter().zip(&found).any(|(case, found)| case.check(found).is_err())
}

#[test]
fn mutants_of_products_are_killed() {
    let device = runner::device();
    let (mut total, mut killed, mut survivors) = (0, 0, String::new());
    let small = VARIANTS.iter().enumerate().filter(|(_, variant)| variant.rows * variant.quads <= 4);
    for (number, variant) in small {
        for (text, cases) in texts(variant, number, 2, SIZES_FOR_MUTANTS).into_iter().take(3) {
            assert!(!is_killed(&device, &text, &cases), "{} as it is", variant.name);
            let mut draw = Draw::new(number as u64);
            let mut pool = changes::all(&text);
            let mut left = MUTANTS;
            while left > 0 && !pool.is_empty() {
                let change = pool.swap_remove(draw.word() as usize % pool.len());
                let mutant = change.apply(&text);
                let hangs = has_barrier(&text) && change.line.starts_with("for (");
                if hangs || shows_nothing(&change.line, &change.mutated) || !is_valid(&mutant) {
                    continue;
                }
                left -= 1;
                total += 1;
                if is_killed(&device, &mutant, &cases) {
                    killed += 1;
                } else {
                    let _ = writeln!(survivors, "{}: {}", variant.name, change.describe(&text));
                }
            }
        }
    }
    println!("{killed} of {total} mutants of products killed; alive:\n{survivors}");
    assert!(total >= 120, "{total} mutants");
    assert!(f64::from(killed) >= LEAST_KILLED * f64::from(total), "{killed} of {total} killed:\n{survivors}");
}

/// Changes that no result can show: an invocation beyond the edge that goes on reads the last row or column again and
/// stores nothing, and clamps of rows and columns whose results are not stored may clamp elsewhere.
fn shows_nothing(line: &str, mutated: &str) -> bool {
    let returns_early = line.starts_with("if (row >= params.m");
    let clamps = line.contains("min(") && (line.contains("params.m") || line.contains("params.n"));
    // The workgroup's place along an axis that has one workgroup only.
    let wraps = line.contains("65535u") || line.contains("wid.y");
    let without_nothing = |text: &str| text.replace(" + 0u", "").replace(" - 0u", "").replace("<=", "<");
    let is_same = line.contains(" + 0u <") && without_nothing(line) == without_nothing(mutated)
        || without_nothing(&line.replace("<=", "?")) == without_nothing(&mutated.replace("<=", "?"));
    // A sum that nobody reads any more.
    let adds_more = line.starts_with("if (lid.x < ") && mutated.contains("<= ") || mutated.contains("< 3u");
    returns_early || clamps || wraps || is_same || adds_more
}
