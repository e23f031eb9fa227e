//! Elementary functions on four lanes and on slices, by the same operations in WASM and natively, so that
//! the bits agree.
//!
//! `exp` reduces to `2^n e^r` with `|r| <= ln 2 / 2`, Cody and Waite's way (ln 2 in two parts, the first
//! short enough that `n` times it is exact); `ln` reduces to a mantissa around one; `tanh` and `sigmoid`
//! come from `exp`, with a polynomial where `tanh` would cancel. The coefficients are least-squares fits
//! pushed to equal errors, made for this file. Errors against the exact value, in units in the last place,
//! are tested: `exp` 1.5, `ln` 2, `sigmoid` 3, `tanh` 3, `reciprocal` and `square_root` 0.5; subnormal
//! results of `exp` and `sigmoid` are correct to two of their steps.
//!
//! NaN stays NaN. Left out on purpose: directed rounding, floating-point flags, and which NaN it is.

use super::lanes::{F32x4, I32x4};

/// 1.5 * 2^23: adding it leaves a number, rounded to an integer, in the low bits.
const ROUND: f32 = 12_582_912.0;
/// Nine bits of ln 2, and what they lack.
const LN_2_HIGH: f32 = 0.693_359_375;
const LN_2_LOW: f32 = -2.121_944_4e-4;
/// `e^r = 1 + r + r^2 q(r)`.
const EXP: [f32; 5] = [0.5, 0.166_665_18, 0.041_666_204, 0.008_368_954, 0.001_395_06];
/// `ln(1 + f) = f - f^2 / 2 + f^3 p(f)`.
const LN: [f32; 9] = [
    0.333_333_1,
    -0.249_999_87,
    0.200_022_27,
    -0.166_692_5,
    0.142_186_58,
    -0.123_843_48,
    0.118_729_76,
    -0.117_898_08,
    0.069_153_68,
];
/// `tanh x = x + x^3 t(x^2)` below [`TANH_SMALL`].
const TANH: [f32; 6] =
    [-0.333_333_3, 0.133_332_1, -0.053_947_204, 0.021_702_967, -0.008_182_674, 0.002_147_536_9];
const TANH_SMALL: f32 = 0.625;

#[inline(always)]
fn polynomial<const TERMS: usize>(x: F32x4, coefficients: [f32; TERMS]) -> F32x4 {
    let mut terms = coefficients.iter().rev().map(|value| F32x4::splat(*value));
    let highest = terms.next().unwrap_or(x);
    terms.fold(highest, |sum, term| term.plus_product(sum, x))
}

/// `2^n` for integers in [-126, 127].
#[inline(always)]
fn power_of_two(n: I32x4) -> F32x4 {
    n.plus(I32x4::splat(127)).shifted_left::<23>().as_floats()
}

/// `e^x`; infinity from 88.72284 on, zero below -104.
#[inline(always)]
pub(crate) fn exp_lanes(x: F32x4) -> F32x4 {
    // The bounds are where the result has left f32 on either side; NaN passes through both.
    let x = x.at_most(F32x4::splat(89.0)).at_least(F32x4::splat(-104.0));
    let shifted = F32x4::splat(ROUND).plus_product(x, F32x4::splat(std::f32::consts::LOG2_E));
    let n = shifted.minus(F32x4::splat(ROUND));
    let r = x.minus(n.times(F32x4::splat(LN_2_HIGH))).minus(n.times(F32x4::splat(LN_2_LOW)));
    let tail = polynomial(r, EXP).times(r.times(r)).plus(r);
    let mantissa = F32x4::splat(1.0).plus(tail);
    // In two factors, since 2^128 and 2^-150 are no f32.
    let n = shifted.bits().minus(F32x4::splat(ROUND).bits());
    let half = n.shifted_right::<1>();
    mantissa.times(power_of_two(half)).times(power_of_two(n.minus(half)))
}

/// The natural logarithm; -infinity for zero, NaN below it.
#[inline(always)]
pub(crate) fn ln_lanes(x: F32x4) -> F32x4 {
    const SUBNORMAL_SCALE: f32 = 8_388_608.0;
    let is_small = x.less(F32x4::splat(f32::MIN_POSITIVE));
    let scaled = is_small.choose(x.times(F32x4::splat(SUBNORMAL_SCALE)), x);
    let bits = scaled.bits();
    // Subtracting the bits of sqrt(1/2) moves the mantissa to [sqrt(1/2), sqrt(2)).
    let root = F32x4::splat(std::f32::consts::FRAC_1_SQRT_2).bits();
    let n = bits.minus(root).shifted_right::<23>();
    let mantissa = bits.minus(n.shifted_left::<23>()).as_floats();
    let n = n.minus(is_small.and(I32x4::splat(23)));
    // As in `exp`: the integer in the low bits of 1.5 * 2^23.
    let n = F32x4::splat(ROUND).bits().plus(n).as_floats().minus(F32x4::splat(ROUND));
    let f = mantissa.minus(F32x4::splat(1.0));
    let square = f.times(f);
    let tail = polynomial(f, LN).times(f).times(square).minus(square.times(F32x4::splat(0.5)));
    let sum = n.times(F32x4::splat(LN_2_LOW)).plus(tail).plus(f).plus(n.times(F32x4::splat(LN_2_HIGH)));
    // Zero, infinity, negative numbers and NaN; -0 counts as zero.
    let zero = F32x4::splat(0.0);
    let is_positive = zero.less(x);
    let is_finite = x.less(F32x4::splat(f32::INFINITY));
    let of_infinity_or_nan = x.times(x);
    let result = is_finite.choose(sum, of_infinity_or_nan);
    let is_negative = x.less(zero);
    let not_positive = is_negative.choose(F32x4::splat(f32::NAN), F32x4::splat(f32::NEG_INFINITY));
    // For NaN both comparisons fail, and `x + (-inf)` is NaN again.
    is_positive.choose(result, not_positive.plus(x))
}

/// The hyperbolic tangent.
#[inline(always)]
pub(crate) fn tanh_lanes(x: F32x4) -> F32x4 {
    let one = F32x4::splat(1.0);
    let magnitude = x.magnitude();
    let square = x.times(x);
    let small = x.plus_product(polynomial(square, TANH), square.times(x));
    // 1 - 2 / (e^(2|x|) + 1), with the sign of x; past 10 the quotient no longer counts.
    let twice = magnitude.plus(magnitude).at_most(F32x4::splat(20.0));
    let quotient = F32x4::splat(2.0).over(exp_lanes(twice).plus(one));
    let sign = x.bits().and(I32x4::splat(1 << 31));
    let chosen = magnitude.less(F32x4::splat(TANH_SMALL)).choose(small, one.minus(quotient));
    // The polynomial has its sign already, but loses that of -0.
    chosen.bits().or(sign).as_floats()
}

/// `1 / (1 + e^-x)`, without cancellation on either side.
#[inline(always)]
pub(crate) fn sigmoid_lanes(x: F32x4) -> F32x4 {
    let one = F32x4::splat(1.0);
    let small = exp_lanes(x.magnitude().negated());
    let numerator = x.less(F32x4::splat(0.0)).choose(small, one);
    numerator.over(one.plus(small))
}

/// Applies `function` to every element.
#[inline(always)]
pub(crate) fn map(values: &mut [f32], function: impl Fn(F32x4) -> F32x4) {
    let (whole, rest) = values.as_chunks_mut::<4>();
    for four in whole {
        *four = function(F32x4::load(four)).to_array();
    }
    if !rest.is_empty() {
        let result = function(F32x4::load_partial(rest, 1.0)).to_array();
        for (value, result) in rest.iter_mut().zip(result) {
            *value = result;
        }
    }
}

/// `e^x` in place.
pub fn exp(values: &mut [f32]) {
    map(values, exp_lanes);
}

/// The natural logarithm in place.
pub fn ln(values: &mut [f32]) {
    map(values, ln_lanes);
}

/// The hyperbolic tangent in place.
pub fn tanh(values: &mut [f32]) {
    map(values, tanh_lanes);
}

/// The logistic function `1 / (1 + e^-x)` in place.
pub fn sigmoid(values: &mut [f32]) {
    map(values, sigmoid_lanes);
}

/// `1 / x` in place, correctly rounded.
pub fn reciprocal(values: &mut [f32]) {
    map(values, |x| F32x4::splat(1.0).over(x));
}

/// The square root in place, correctly rounded; NaN below zero.
pub fn square_root(values: &mut [f32]) {
    map(values, F32x4::square_root);
}

#[cfg(test)]
#[path = "vector_math_tests.rs"]
mod tests;
