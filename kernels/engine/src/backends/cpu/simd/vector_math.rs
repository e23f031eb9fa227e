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
use std::hint::black_box;

/// 1.5 * 2^23: adding it leaves a number, rounded to an integer, in the low bits.
const ROUND: f32 = 12_582_912.0;
/// Nine bits of ln 2, and what they lack.
const LN_2_HIGH: f32 = 355.0 / 512.0;
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
    [-0.333_333_3, 0.133_332_1, -0.053_947_204, 0.021_702_967, -0.008_182_674, 0.002_147_537];
const TANH_SMALL: f32 = 0.625;

/// Numbers as vectors, loaded from memory. As constants of the loop, an x86 browser would build each of them
/// out of two 64-bit halves again and again, which takes longer than the arithmetic.
#[inline(always)]
fn loaded<const COUNT: usize>(numbers: &[f32; COUNT]) -> [F32x4; COUNT] {
    black_box(numbers).map(F32x4::splat)
}

#[inline(always)]
fn polynomial<const TERMS: usize>(x: F32x4, coefficients: [F32x4; TERMS]) -> F32x4 {
    let mut terms = coefficients.into_iter().rev();
    let highest = terms.next().unwrap_or(x);
    terms.fold(highest, |sum, term| term.plus_product(sum, x))
}

/// `e^x` with its constants: made outside a loop, applied inside.
#[derive(Clone, Copy)]
pub(crate) struct Exp {
    /// Where the result has left f32 on either side.
    bounds: [F32x4; 2],
    /// [`ROUND`], log2 e, ln 2 in two parts, one.
    reduction: [F32x4; 5],
    coefficients: [F32x4; 5],
    /// What turns an integer into the exponent of a power of two.
    bias: I32x4,
}

impl Exp {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        let [bias] = loaded(&[f32::from_bits(127)]);
        Self {
            bounds: loaded(&[89.0, -104.0]),
            reduction: loaded(&[ROUND, std::f32::consts::LOG2_E, LN_2_HIGH, LN_2_LOW, 1.0]),
            coefficients: loaded(&EXP),
            bias: bias.bits(),
        }
    }

    /// Infinity from 88.72284 on, zero below -104.
    #[inline(always)]
    pub(crate) fn of(&self, x: F32x4) -> F32x4 {
        let [round, log2_e, ln_2_high, ln_2_low, one] = self.reduction;
        // NaN passes through both bounds.
        let x = x.at_most(self.bounds[0]).at_least(self.bounds[1]);
        let shifted = round.plus_product(x, log2_e);
        let n = shifted.minus(round);
        let r = x.minus(n.times(ln_2_high)).minus(n.times(ln_2_low));
        let tail = polynomial(r, self.coefficients).times(r.times(r)).plus(r);
        // In two factors, since 2^128 and 2^-150 are no f32.
        let n = shifted.bits().minus(round.bits());
        let half = n.shifted_right::<1>();
        let power = |n: I32x4| n.plus(self.bias).shifted_left::<23>().as_floats();
        one.plus(tail).times(power(half)).times(power(n.minus(half)))
    }
}

/// The natural logarithm with its constants.
#[derive(Clone, Copy)]
pub(crate) struct Ln {
    /// The smallest normal number, 2^23, sqrt(1/2), the bits of 23.
    normal: [F32x4; 4],
    /// [`ROUND`], ln 2 in two parts, one, a half.
    assembly: [F32x4; 5],
    coefficients: [F32x4; 9],
    /// Infinity, its negative, NaN.
    edges: [F32x4; 3],
}

impl Ln {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        let root = std::f32::consts::FRAC_1_SQRT_2;
        Self {
            normal: loaded(&[f32::MIN_POSITIVE, 8_388_608.0, root, f32::from_bits(23)]),
            assembly: loaded(&[ROUND, LN_2_HIGH, LN_2_LOW, 1.0, 0.5]),
            coefficients: loaded(&LN),
            edges: loaded(&[f32::INFINITY, f32::NEG_INFINITY, f32::NAN]),
        }
    }

    /// Negative infinity for zero, NaN below it.
    #[inline(always)]
    pub(crate) fn of(&self, x: F32x4) -> F32x4 {
        let [smallest, scale, root, places] = self.normal;
        let [round, ln_2_high, ln_2_low, one, half] = self.assembly;
        let is_small = x.less(smallest);
        let bits = is_small.choose(x.times(scale), x).bits();
        // Subtracting the bits of sqrt(1/2) moves the mantissa to [sqrt(1/2), sqrt(2)).
        let n = bits.minus(root.bits()).shifted_right::<23>();
        let mantissa = bits.minus(n.shifted_left::<23>()).as_floats();
        let n = n.minus(is_small.and(places.bits()));
        // As in `exp`: the integer in the low bits of 1.5 * 2^23.
        let n = round.bits().plus(n).as_floats().minus(round);
        let f = mantissa.minus(one);
        let square = f.times(f);
        let tail = polynomial(f, self.coefficients).times(f).times(square).minus(square.times(half));
        let sum = n.times(ln_2_low).plus(tail).plus(f).plus(n.times(ln_2_high));
        // Zero, infinity, negative numbers and NaN; -0 counts as zero.
        let [infinity, negative_infinity, nan] = self.edges;
        let zero = F32x4::splat(0.0);
        let result = x.less(infinity).choose(sum, x.times(x));
        let not_positive = x.less(zero).choose(nan, negative_infinity);
        // For NaN both comparisons fail, and adding it gives NaN again.
        zero.less(x).choose(result, not_positive.plus(x))
    }
}

/// The hyperbolic tangent with its constants.
#[derive(Clone, Copy)]
pub(crate) struct Tanh {
    exp: Exp,
    coefficients: [F32x4; 6],
    /// One, two, twenty, [`TANH_SMALL`], the sign bit.
    numbers: [F32x4; 5],
}

impl Tanh {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        let numbers = loaded(&[1.0, 2.0, 20.0, TANH_SMALL, -0.0]);
        Self { exp: Exp::new(), coefficients: loaded(&TANH), numbers }
    }

    #[inline(always)]
    pub(crate) fn of(&self, x: F32x4) -> F32x4 {
        let [one, two, most, small_end, sign] = self.numbers;
        let magnitude = x.magnitude();
        let square = x.times(x);
        let small = x.plus_product(polynomial(square, self.coefficients), square.times(x));
        // 1 - 2 / (e^(2|x|) + 1), with the sign of x; past 10 the quotient no longer counts.
        let twice = magnitude.plus(magnitude).at_most(most);
        let quotient = two.over(self.exp.of(twice).plus(one));
        let chosen = magnitude.less(small_end).choose(small, one.minus(quotient));
        // The polynomial has its sign already, but loses that of -0.
        chosen.bits().or(x.bits().and(sign.bits())).as_floats()
    }
}

/// `1 / (1 + e^-x)` with its constants.
#[derive(Clone, Copy)]
pub(crate) struct Sigmoid {
    exp: Exp,
    one: F32x4,
}

impl Sigmoid {
    #[inline(always)]
    pub(crate) fn new() -> Self {
        let [one] = loaded(&[1.0]);
        Self { exp: Exp::new(), one }
    }

    /// Without cancellation on either side.
    #[inline(always)]
    pub(crate) fn of(&self, x: F32x4) -> F32x4 {
        let small = self.exp.of(x.magnitude().negated());
        let numerator = x.less(F32x4::splat(0.0)).choose(small, self.one);
        numerator.over(self.one.plus(small))
    }
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
    let exp = Exp::new();
    map(values, |x| exp.of(x));
}

/// The natural logarithm in place.
pub fn ln(values: &mut [f32]) {
    let ln = Ln::new();
    map(values, |x| ln.of(x));
}

/// The hyperbolic tangent in place.
pub fn tanh(values: &mut [f32]) {
    let tanh = Tanh::new();
    map(values, |x| tanh.of(x));
}

/// The logistic function `1 / (1 + e^-x)` in place.
pub fn sigmoid(values: &mut [f32]) {
    let sigmoid = Sigmoid::new();
    map(values, |x| sigmoid.of(x));
}

/// `1 / x` in place, correctly rounded.
pub fn reciprocal(values: &mut [f32]) {
    let one = F32x4::splat(1.0);
    map(values, |x| one.over(x));
}

/// The square root in place, correctly rounded; NaN below zero.
pub fn square_root(values: &mut [f32]) {
    map(values, F32x4::square_root);
}

#[cfg(test)]
#[path = "vector_math_tests.rs"]
mod tests;
