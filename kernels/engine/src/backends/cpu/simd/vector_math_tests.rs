//! Every function against f64 over its whole range, and at the edges.

use super::{exp, ln, reciprocal, sigmoid, square_root, tanh};

type Function = fn(&mut [f32]);

/// The distance of two neighbours of f32 around `value`, at least that of subnormal numbers.
fn unit(value: f64) -> f64 {
    let exponent = value.abs().max(f64::from(f32::MIN_POSITIVE)).log2().floor();
    2f64.powi(exponent as i32 - 23)
}

/// Every `step`-th f32 from `from` up to `to`, both of one sign.
fn all(from: f32, to: f32, step: u32) -> Vec<f32> {
    let (first, last) = (from.abs().to_bits(), to.abs().to_bits());
    let sign = from.to_bits() & (1 << 31);
    let range = first.min(last)..=first.max(last);
    range.step_by(step as usize).map(|bits| f32::from_bits(bits | sign)).collect()
}

/// The largest error in units of the last place, and where.
fn worst(inputs: &[f32], function: fn(&mut [f32]), exact: fn(f64) -> f64) -> (f64, f32) {
    let mut found = inputs.to_vec();
    function(&mut found);
    inputs.iter().zip(found).fold((0.0, 0.0), |worst, (&x, y)| {
        let value = exact(f64::from(x));
        let error = (f64::from(y) - value).abs() / unit(value);
        if error > worst.0 || error.is_nan() { (error, x) } else { worst }
    })
}

fn check(name: &str, bound: f64, inputs: &[f32], function: fn(&mut [f32]), exact: fn(f64) -> f64) {
    let (error, x) = worst(inputs, function, exact);
    assert!(error <= bound, "{name}({x:e}) is off by {error:.3} units, bound {bound}");
}

#[test]
fn exp_keeps_its_bound() {
    let inputs = [all(1e-30, 88.7, 1009), all(-1e-30, -87.3, 1013)].concat();
    check("exp", 1.5, &inputs, exp, f64::exp);
    // Subnormal results are rounded twice.
    check("exp", 2.0, &all(-87.3, -110.0, 11), exp, f64::exp);
}

#[test]
fn ln_keeps_its_bound() {
    check("ln", 2.0, &all(f32::from_bits(1), f32::MAX, 2003), ln, f64::ln);
    check("ln", 2.0, &all(0.5, 2.0, 17), ln, f64::ln);
}

#[test]
fn tanh_and_sigmoid_keep_their_bounds() {
    let inputs = [all(1e-38, 100.0, 1009), all(-1e-38, -100.0, 1013)].concat();
    check("tanh", 3.0, &inputs, tanh, f64::tanh);
    check("sigmoid", 3.0, &inputs, sigmoid, |x| 1.0 / (1.0 + (-x).exp()));
}

#[test]
fn division_and_root_are_correctly_rounded() {
    let inputs = all(1e-37, 1e37, 10_007);
    check("reciprocal", 0.5, &inputs, reciprocal, |x| 1.0 / x);
    check("square_root", 0.5, &inputs, square_root, f64::sqrt);
}

#[test]
fn edges() {
    let infinity = f32::INFINITY;
    let at = |function: fn(&mut [f32]), x: f32| {
        let mut values = [x; 5];
        function(&mut values);
        assert!(values.iter().all(|value| value.to_bits() == values[0].to_bits()), "lanes differ at {x}");
        values[0]
    };
    for function in [exp, ln, tanh, sigmoid, reciprocal, square_root] {
        assert!(at(function, f32::NAN).is_nan());
        assert!(at(function, -f32::NAN).is_nan());
    }
    let cases: [(Function, f32, f32); 19] = [
        (exp, infinity, infinity),
        (exp, -infinity, 0.0),
        (exp, 88.722_84, infinity),
        (exp, 1e30, infinity),
        (exp, -1e30, 0.0),
        (exp, 0.0, 1.0),
        (exp, -0.0, 1.0),
        (ln, infinity, infinity),
        (ln, 0.0, -infinity),
        (ln, -0.0, -infinity),
        (ln, 1.0, 0.0),
        (tanh, infinity, 1.0),
        (tanh, -infinity, -1.0),
        (tanh, 0.0, 0.0),
        (tanh, -0.0, -0.0),
        (tanh, 1e-45, 1e-45),
        (sigmoid, infinity, 1.0),
        (sigmoid, -infinity, 0.0),
        (sigmoid, 0.0, 0.5),
    ];
    for (index, (function, x, wanted)) in cases.into_iter().enumerate() {
        let found = at(function, x);
        assert_eq!(found.to_bits(), wanted.to_bits(), "case {index}: {x} gives {found}, not {wanted}");
    }
    assert!(at(ln, -1.0).is_nan() && at(ln, -infinity).is_nan() && at(ln, -1e-45).is_nan());
    assert!(at(exp, 88.7) < infinity && at(exp, -103.9) > 0.0);
}

#[test]
fn the_bounds_reject_a_coarser_function() {
    let inputs = all(0.1, 80.0, 10_007);
    let coarse = |values: &mut [f32]| values.iter_mut().for_each(|x| *x = (*x * 1.000_001).exp());
    assert!(worst(&inputs, coarse, f64::exp).0 > 1.5);
}
