//! Exponentials and their kin over slices: short polynomials without branches, which the compiler vectorises.
//!
//! Every element is computed from itself alone by the same f32 operations, so results are the same in every browser and
//! natively. Formulas: Cody and Waite 1980 (exp), Cephes (the polynomials).

/// e^x above this is infinite in f32, e^x below the other is 0 or denormal, which is flushed to 0.
const LARGEST: f32 = 88.722_83;
const SMALLEST: f32 = -87.336_54;
/// Adding this rounds to a whole number, which then stands in the low bits.
const ROUNDER: f32 = 12_582_912.0;

/// e^x of one value; error at most 2 units in the last place.
#[inline(always)]
pub(crate) fn exp_one(x: f32) -> f32 {
    // Comparisons that let NaN through.
    let bounded = if x > LARGEST { LARGEST } else { x };
    let bounded = if bounded < SMALLEST { SMALLEST } else { bounded };
    let shifted = bounded * std::f32::consts::LOG2_E + ROUNDER;
    let whole = shifted - ROUNDER;
    let rest = bounded - whole * 0.693_359_4;
    let rest = rest - whole * -2.121_944_4e-4;
    let p = 1.987_569_1e-4;
    let p = p * rest + 1.398_199_9e-3;
    let p = p * rest + 8.333_452e-3;
    let p = p * rest + 4.166_579_6e-2;
    let p = p * rest + 1.666_666_5e-1;
    let p = p * rest + 0.5;
    let value = p * (rest * rest) + rest + 1.0;
    // 2^whole in two factors, since 2^128 is no f32.
    let exponent = shifted.to_bits().wrapping_sub(ROUNDER.to_bits()).cast_signed();
    let half = exponent >> 1;
    let power = |exponent: i32| f32::from_bits((exponent.wrapping_add(127) << 23).cast_unsigned());
    let value = value * power(half) * power(exponent - half);
    let value = if x > LARGEST { f32::INFINITY } else { value };
    if x < SMALLEST { 0.0 } else { value }
}

/// Hyperbolic tangent of one value; error at most 4 units in the last place.
#[inline(always)]
pub(crate) fn tanh_one(x: f32) -> f32 {
    let square = x * x;
    let p = -5.704_988_7e-3;
    let p = p * square + 2.063_908_9e-2;
    let p = p * square - 5.373_971_6e-2;
    let p = p * square + 1.333_144_2e-1;
    let p = p * square - 3.333_327_9e-1;
    let small = p * square * x + x;
    let magnitude = f32::from_bits(x.to_bits() & 0x7fff_ffff);
    let large = 1.0 - 2.0 / (exp_one(2.0 * magnitude) + 1.0);
    let large = f32::from_bits(large.to_bits() | (x.to_bits() & 0x8000_0000));
    if magnitude < 0.625 { small } else { large }
}

/// 1 / (1 + e^-x) of one value; error at most 4 units in the last place.
#[inline(always)]
pub(crate) fn sigmoid_one(x: f32) -> f32 {
    1.0 / (1.0 + exp_one(-x))
}

/// e^x of each value.
pub fn exp(values: &mut [f32]) {
    values.iter_mut().for_each(|value| *value = exp_one(*value));
}

/// Hyperbolic tangent of each value.
pub fn tanh(values: &mut [f32]) {
    values.iter_mut().for_each(|value| *value = tanh_one(*value));
}

/// 1 / (1 + e^-x) of each value.
pub fn sigmoid(values: &mut [f32]) {
    values.iter_mut().for_each(|value| *value = sigmoid_one(*value));
}

#[cfg(test)]
mod tests {
    use super::{exp_one, sigmoid_one, tanh_one};

    /// The largest error in units in the last place of the f32 nearest to the true value.
    fn worst(own: fn(f32) -> f32, truth: fn(f64) -> f64, range: f32) -> f64 {
        let mut worst = 0.0_f64;
        for index in -200_000..=200_000_i32 {
            let x = index as f32 / 200_000.0 * range;
            let wanted = truth(f64::from(x));
            let unit = f64::from((wanted as f32).abs().max(f32::MIN_POSITIVE)) * f64::from(f32::EPSILON);
            worst = worst.max((f64::from(own(x)) - wanted).abs() / unit);
        }
        worst
    }

    #[test]
    fn errors_stay_within_a_few_units() {
        let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
        for (name, error, bound) in [
            ("exp", worst(exp_one, f64::exp, 87.0), 2.0),
            ("tanh", worst(tanh_one, f64::tanh, 12.0), 4.0),
            ("small tanh", worst(tanh_one, f64::tanh, 0.7), 4.0),
            ("sigmoid", worst(sigmoid_one, sigmoid, 80.0), 4.0),
        ] {
            assert!(error <= bound, "{name}: {error}");
        }
    }

    #[test]
    fn ends_and_strangers_are_right() {
        assert_eq!(exp_one(100.0).to_bits(), f32::INFINITY.to_bits());
        assert_eq!(exp_one(f32::NEG_INFINITY).to_bits(), 0);
        assert_eq!(exp_one(0.0).to_bits(), 1.0_f32.to_bits());
        assert!(exp_one(88.7) < f32::INFINITY && exp_one(88.7) > 3.3e38);
        assert!(exp_one(f32::NAN).is_nan() && tanh_one(f32::NAN).is_nan() && sigmoid_one(f32::NAN).is_nan());
        assert_eq!(tanh_one(50.0).to_bits(), 1.0_f32.to_bits());
        assert_eq!(tanh_one(-50.0).to_bits(), (-1.0_f32).to_bits());
        assert_eq!(tanh_one(1e-20).to_bits(), 1e-20_f32.to_bits());
    }
}
