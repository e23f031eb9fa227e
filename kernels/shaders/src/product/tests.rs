//! Every variant and form is valid WGSL, and the twin agrees with f64.

use super::*;
use crate::program::{Binary, Program, Target};

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

use crate::program::Access;

fn forms() -> Vec<([u32; 3], Form)> {
    let mut forms = vec![];
    for sizes in [[8, 8, 8], [5, 8, 8], [8, 6, 8], [8, 8, 7], [3, 5, 7], [12, 1, 16]] {
        for bits in 0..16_u32 {
            let bit = |number: u32| bits >> number & 1 == 1;
            let after = bit(3).then(|| epilogue(sizes[1]));
            forms.push((sizes, Form::of(sizes, [bit(0), bit(1)], bit(2) && !bit(3), after)));
        }
    }
    forms
}

#[test]
fn every_variant_of_every_form_is_valid() {
    for variant in &VARIANTS {
        for (_, form) in forms() {
            let text = source(variant, &form);
            let module = naga::front::wgsl::parse_str(&text)
                .unwrap_or_else(|error| panic!("{variant:?} {form:?}: {}", error.emit_to_string(&text)));
            let valid = naga::valid::Validator::new(
                naga::valid::ValidationFlags::all(),
                naga::valid::Capabilities::empty(),
            )
            .validate(&module);
            assert!(valid.is_ok(), "{variant:?} {form:?}: {valid:?}");
        }
    }
}

#[test]
fn the_twin_agrees_with_f64() {
    for (sizes, form) in forms() {
        let [m, n, k] = sizes;
        let value = |index: u32, seed: u32| ((index * 37 + seed) % 19) as f32 / 19.0 - 0.5;
        let params = Params { m, n, k, batch: 2, split_length: 4, splits: k.div_ceil(4) };
        let params = if form.epilogue.is_some() || form.accumulate {
            Params { split_length: k, splits: 1, ..params }
        } else {
            params
        };
        let lhs: Vec<f32> = (0..2 * m * k).map(|index| value(index, 3)).collect();
        let rhs: Vec<f32> = (0..2 * k * n).map(|index| value(index, 5)).collect();
        let bias: Vec<f32> = (0..n).map(|index| value(index, 7)).collect();
        let mut out = vec![0.25; (params.splits * 2 * m * n) as usize];
        twin(&params, &form, &lhs, &rhs, &mut out, &[&bias]);
        for slice in 0..2 {
            for (row, column) in (0..m).flat_map(|row| (0..n).map(move |column| (row, column))) {
                let term = |i: u32| {
                    let a = if form.transpose_lhs { i * m + row } else { row * k + i } + slice * m * k;
                    let b = if form.transpose_rhs { column * k + i } else { i * n + column } + slice * k * n;
                    f64::from(lhs[a as usize]) * f64::from(rhs[b as usize])
                };
                let mut wanted: f64 = (0..k).map(term).sum();
                if form.accumulate {
                    wanted += 0.25;
                }
                if form.epilogue.is_some() {
                    wanted = (wanted + f64::from(bias[column as usize])).max(0.0);
                }
                let found: f64 = (0..params.splits)
                    .map(|split| f64::from(out[(((split * 2 + slice) * m + row) * n + column) as usize]))
                    .sum();
                assert!((found - wanted).abs() < 1e-5, "{sizes:?} {form:?}: {found} {wanted}");
            }
        }
    }
}
