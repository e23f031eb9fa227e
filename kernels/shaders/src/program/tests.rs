//! Rules against finite differences in f64-free form, and every instruction through naga.

use super::*;

fn all() -> Program {
    use Binary::{Add, Divide, Equal, Greater, Maximum, Minimum, Multiply, Subtract};
    let mut program = Program::new();
    let (a, b) = (program.input(0), program.input(1));
    let mut sum = program.constant(0.25);
    let unaries = [
        Unary::Negate,
        Unary::Exp,
        Unary::Log,
        Unary::Sqrt,
        Unary::ReciprocalSqrt,
        Unary::Reciprocal,
        Unary::Abs,
        Unary::Sign,
        Unary::Tanh,
        Unary::Sigmoid,
        Unary::Sin,
        Unary::Cos,
        Unary::Floor,
        Unary::IsFinite,
    ];
    for function in unaries {
        let value = program.unary(function, a);
        sum = program.binary(Add, sum, value);
    }
    for function in [Subtract, Multiply, Divide, Maximum, Minimum, Greater, Equal] {
        let value = program.binary(function, a, b);
        sum = program.binary(Add, sum, value);
    }
    let chosen = program.select(b, a, sum);
    let total = program.binary(Multiply, chosen, sum);
    program.output(total);
    program
}

fn is_valid(source: &str) -> Result<(), String> {
    let module = naga::front::wgsl::parse_str(source).map_err(|error| error.emit_to_string(source))?;
    naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::empty())
        .validate(&module)
        .map(drop)
        .map_err(|error| error.emit_to_string(source))
}

#[test]
fn every_instruction_prints_as_valid_wgsl_in_both_widths() {
    let shared = Access::Shared { with: 0, offset: 5 };
    for access in [Access::Same, Access::Scalar(3), shared, Access::Periodic { divide: 1, modulo: 8 }] {
        for target in [Target::Fresh, Target::InPlace(0)] {
            let kernel =
                MapKernel { program: all(), accesses: vec![Access::Same, access], targets: vec![target] };
            for quads in [false, true] {
                assert_eq!(is_valid(&kernel.source(quads)), Ok(()));
            }
        }
    }
}

#[test]
fn rules_agree_with_central_differences() {
    let program = all();
    for input in 0..2_u8 {
        let gradient = program.gradient(input).unwrap_or_default();
        for (a, b) in [(0.7_f32, 1.3_f32), (1.9, -0.4), (0.31, 2.6)] {
            let at = |shift: f32| {
                let (x, y) = if input == 0 { (a + shift, b) } else { (a, b + shift) };
                f64::from(program.run(&[x, y])[0])
            };
            let step = 1.0 / 512.0;
            let wanted = (at(step) - at(-step)) / (2.0 * f64::from(step));
            let found = f64::from(gradient.run(&[a, b, 1.0, program.run(&[a, b])[0]])[0]);
            assert!(
                (found - wanted).abs() < 2e-3 * wanted.abs().max(1.0),
                "input {input} at {a}, {b}: {found} {wanted}"
            );
        }
    }
}

#[test]
fn an_input_that_does_not_matter_has_no_gradient() {
    let mut program = Program::new();
    let x = program.input(0);
    let sign = program.unary(Unary::Sign, x);
    program.output(sign);
    assert_eq!(program.gradient(0), None);
}

#[test]
fn fused_programs_compute_the_same() {
    let mut outer = Program::new();
    let (a, b) = (outer.input(0), outer.input(1));
    let product = outer.binary(Binary::Multiply, a, b);
    outer.output(product);
    let fused = outer.substitute(1, &all(), 2);
    let (x, y, z) = (0.8, 1.1, 0.6);
    assert_eq!(fused.run(&[z, f32::NAN, x, y])[0].to_bits(), (z * all().run(&[x, y])[0]).to_bits());
}

#[test]
fn constants_fold_and_neutral_elements_vanish() {
    let mut program = Program::new();
    let x = program.input(0);
    let two = program.constant(2.0);
    let four = program.binary(Binary::Multiply, two, two);
    let one = program.constant(1.0);
    let same = program.binary(Binary::Multiply, x, one);
    let sum = program.binary(Binary::Add, same, four);
    program.output(sum);
    assert_eq!(program.compact(|input| input).instructions().len(), 3);
    assert_eq!(program.run(&[1.5])[0].to_bits(), 5.5_f32.to_bits());
}

#[test]
fn the_output_stands_in_where_it_is_enough() {
    let mut relu = Program::new();
    let x = relu.input(0);
    let zero = relu.constant(0.0);
    let y = relu.binary(Binary::Maximum, x, zero);
    relu.output(y);
    let gradient = relu.gradient(0).unwrap_or_default();
    assert_eq!(gradient.used_inputs(), [1, 2], "upstream and output, not the input");
    for (y, wanted) in [(0.0, 0.0), (2.0, 3.0)] {
        assert_eq!(gradient.run(&[f32::NAN, 3.0, y])[0].to_bits(), f32::to_bits(wanted));
    }
}
