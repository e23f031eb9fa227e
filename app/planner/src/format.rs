//! The one place where a quantity becomes text: the page, the report and the command line use it.
//!
//! Three significant figures, the unit after a space, U+2212 for a negative number, and
//! words for what is not a number ("not a number", "unbounded"), so that no `NaN` or `inf` reaches a page.

use crate::prediction::{Estimate, FactUnit};
use crate::units::{
    Bytes, BytesPerSecond, Flops, FlopsPerSecond, JOULES_PER_KILOWATT_HOUR, Joules, Seconds, Usd, UsdPerHour,
    UsdPerKilowattHour, Watts,
};

const MINUS: char = '\u{2212}';
const DECIMAL_PREFIXES: [(f64, &str); 7] =
    [(1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")];
const BINARY_PREFIXES: [(f64, &str); 6] = [
    (1_125_899_906_842_624.0, "Pi"),
    (1_099_511_627_776.0, "Ti"),
    (1_073_741_824.0, "Gi"),
    (1_048_576.0, "Mi"),
    (1_024.0, "Ki"),
    (1.0, ""),
];
const COUNT_WORDS: [(f64, &str); 5] =
    [(1e15, " quadrillion"), (1e12, " trillion"), (1e9, " billion"), (1e6, " million"), (1.0, "")];

/// Three significant figures of a finite number, trailing zeros of the fraction removed: `1.2`, `45.7`, `989`.
#[must_use]
pub fn number(value: f64) -> String {
    signed(value, |magnitude| {
        if magnitude == 0.0 {
            return "0".into();
        }
        if !(1e-4..1e15).contains(&magnitude) {
            return scientific(magnitude);
        }
        // Three figures: 0.0123 keeps them after its leading zeros. Counting instead of a logarithm gives the same
        // text natively and in WASM.
        let mut decimals = 2;
        let mut leading = magnitude;
        while leading < 1.0 {
            leading *= 10.0;
            decimals += 1;
        }
        let decimals = if magnitude >= 100.0 {
            0
        } else if magnitude >= 10.0 {
            1
        } else {
            decimals
        };
        trimmed(magnitude, decimals)
    })
}

/// `1.23e-7`: the mantissa with at most three figures.
fn scientific(magnitude: f64) -> String {
    let text = format!("{magnitude:.2e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => format!("{}e{exponent}", without_trailing_zeros(mantissa)),
        None => text,
    }
}

fn trimmed(magnitude: f64, decimals: usize) -> String {
    without_trailing_zeros(&format!("{magnitude:.decimals$}")).to_owned()
}

fn without_trailing_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// Applies `write` to the magnitude and puts the sign in front; words for what is not finite.
fn signed(value: f64, write: impl FnOnce(f64) -> String) -> String {
    if value.is_nan() {
        return "not a number".into();
    }
    let text = if value.is_infinite() { "unbounded".into() } else { write(value.abs()) };
    if value < 0.0 { format!("{MINUS}{text}") } else { text }
}

/// Picks the largest prefix that leaves at least 1, rounding first so that 999.9996 becomes the next prefix.
fn prefixed(value: f64, prefixes: &[(f64, &str)], unit: &str) -> String {
    signed(value, |magnitude| {
        let fits = |scale: f64| magnitude / scale >= 0.9995;
        let (scale, prefix) = prefixes
            .iter()
            .copied()
            .find(|&(scale, _)| fits(scale))
            .or(prefixes.last().copied())
            .unwrap_or((1.0, ""));
        let text = format!("{} {prefix}{unit}", number(magnitude / scale));
        text.trim_end().to_owned()
    })
}

/// A duration: `1.23 ms`, `45.6 s`, `12.5 min`, `3.2 h`, `4.5 days`, `2.1 years`.
#[must_use]
pub fn seconds(value: Seconds) -> String {
    const STEPS: [(f64, &str); 8] = [
        (31_557_600.0, "years"),
        (2.0 * 86_400.0, "days"),
        (3_600.0, "h"),
        (120.0, "min"),
        (1.0, "s"),
        (1e-3, "ms"),
        (1e-6, "\u{b5}s"),
        (1e-9, "ns"),
    ];
    signed(value.0, |magnitude| {
        if magnitude == 0.0 {
            return "0 s".into();
        }
        let (_, unit) =
            STEPS.iter().copied().find(|&(from, _)| magnitude >= from * 0.9995).unwrap_or((0.0, "ns"));
        let scale = match unit {
            "years" => 31_557_600.0,
            "days" => 86_400.0,
            "h" => 3_600.0,
            "min" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "ns" => 1e-9,
            _ => 1e-6,
        };
        format!("{} {unit}", number(magnitude / scale))
    })
}

/// Memory: `74.5 GiB`.
#[must_use]
pub fn bytes_binary(value: Bytes) -> String {
    prefixed(value.0, &BINARY_PREFIXES, "B")
}

/// Files and transfers: `1.5 GB`.
#[must_use]
pub fn bytes_decimal(value: Bytes) -> String {
    prefixed(value.0, &DECIMAL_PREFIXES, "B")
}

/// A bandwidth: `3.35 TB/s`.
#[must_use]
pub fn rate(value: BytesPerSecond) -> String {
    prefixed(value.0, &DECIMAL_PREFIXES, "B/s")
}

/// A count of operations: `2.5 TFLOP`.
#[must_use]
pub fn flops(value: Flops) -> String {
    prefixed(value.0, &DECIMAL_PREFIXES, "FLOP")
}

/// An arithmetic rate: `989 TFLOP/s`.
#[must_use]
pub fn flops_per_second(value: FlopsPerSecond) -> String {
    prefixed(value.0, &DECIMAL_PREFIXES, "FLOP/s")
}

/// Power: `700 W`, `45.3 kW`.
#[must_use]
pub fn watts(value: Watts) -> String {
    prefixed(value.0, &DECIMAL_PREFIXES, "W")
}

/// Money: `$0.85`, `$12.50`, `$1,234`, `$1.23 M`, `$4.5 B`.
#[must_use]
pub fn usd(value: Usd) -> String {
    signed(value.0, |magnitude| {
        let text = if magnitude == 0.0 {
            "0".into()
        } else if magnitude < 0.01 {
            number(magnitude)
        } else if magnitude < 99.995 {
            format!("{magnitude:.2}")
        } else if magnitude < 999_500.0 {
            grouped(magnitude)
        } else if magnitude < 999.5e6 {
            format!("{} M", number(magnitude / 1e6))
        } else if magnitude < 999.5e9 {
            format!("{} B", number(magnitude / 1e9))
        } else {
            format!("{} T", number(magnitude / 1e12))
        };
        format!("${text}")
    })
}

/// A price by the hour: `$2.99/h`.
#[must_use]
pub fn usd_per_hour(value: UsdPerHour) -> String {
    format!("{}/h", usd(Usd(value.0)))
}

/// A price of electricity: `$0.12/kWh`.
#[must_use]
pub fn usd_per_kilowatt_hour(value: UsdPerKilowattHour) -> String {
    format!("{}/kWh", usd(Usd(value.0)))
}

/// Energy: joules for the small, then `45.6 Wh`, `12.3 kWh`, `4.5 MWh`, `1.2 GWh`.
#[must_use]
pub fn energy(value: Joules) -> String {
    if value.0.is_finite() && value.0.abs() < 3_600.0 {
        return prefixed(value.0, &DECIMAL_PREFIXES, "J");
    }
    prefixed(value.0 / JOULES_PER_KILOWATT_HOUR * 1e3, &DECIMAL_PREFIXES, "Wh")
}

/// A count: `64`, `12,345`, `12.3 million`.
#[must_use]
pub fn count(value: f64) -> String {
    signed(value, |magnitude| {
        if magnitude < 999_500.0 && (magnitude >= 1_000.0 || magnitude.fract() == 0.0) {
            return grouped(magnitude);
        }
        if magnitude < 1_000.0 {
            return number(magnitude);
        }
        let (scale, word) =
            COUNT_WORDS.iter().copied().find(|&(scale, _)| magnitude / scale >= 0.9995).unwrap_or((1.0, ""));
        format!("{}{word}", number(magnitude / scale))
    })
}

/// A rate of tokens: `12,345 tokens/s`, `1.2 million tokens/s`.
#[must_use]
pub fn tokens_per_second(value: f64) -> String {
    format!(
        "{} tokens/s",
        count(if value.is_finite() && value.abs() >= 100.0 { value.round() } else { value })
    )
}

/// A share of one: `43.2 %`.
#[must_use]
pub fn percent(share: f64) -> String {
    format!("{} %", number(share * 100.0))
}

/// The unit in which a person types a fact: how many base units it holds, and its sign.
#[must_use]
pub const fn typed_unit(unit: FactUnit) -> (f64, &'static str) {
    match unit {
        FactUnit::FlopsPerSecond => (1e12, "TFLOP/s"),
        FactUnit::Bytes => (1e9, "GB"),
        FactUnit::BytesPerSecond => (1e9, "GB/s"),
        FactUnit::Watts => (1.0, "W"),
        FactUnit::Usd => (1.0, "USD"),
        FactUnit::UsdPerHour => (1.0, "USD/h"),
        FactUnit::UsdPerKilowattHour => (1.0, "USD/kWh"),
        FactUnit::Ratio | FactUnit::Count => (1.0, ""),
    }
}

/// A range, each end written by the formatter of its unit: `3.1 days to 5.2 days`.
#[must_use]
pub fn interval<T: Copy>(estimate: &Estimate<T>, write: impl Fn(T) -> String) -> String {
    format!("{} to {}", write(estimate.low), write(estimate.high))
}

/// The value of a fact with its unit.
#[must_use]
pub fn fact(value: f64, unit: FactUnit) -> String {
    match unit {
        FactUnit::FlopsPerSecond => flops_per_second(FlopsPerSecond(value)),
        FactUnit::Bytes => bytes_decimal(Bytes(value)),
        FactUnit::BytesPerSecond => rate(BytesPerSecond(value)),
        FactUnit::Watts => watts(Watts(value)),
        FactUnit::Usd => usd(Usd(value)),
        FactUnit::UsdPerHour => usd_per_hour(UsdPerHour(value)),
        FactUnit::UsdPerKilowattHour => usd_per_kilowatt_hour(UsdPerKilowattHour(value)),
        FactUnit::Ratio => number(value),
        FactUnit::Count => count(value),
    }
}

/// A whole number with a comma between groups of three digits.
fn grouped(magnitude: f64) -> String {
    let digits = format!("{magnitude:.0}");
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_as_a_person_writes_them() {
        assert_eq!(seconds(Seconds(0.00123)), "1.23 ms");
        assert_eq!(seconds(Seconds(4.5 * 86_400.0)), "4.5 days");
        assert_eq!(seconds(Seconds(90.0)), "90 s");
        assert_eq!(seconds(Seconds(600.0)), "10 min");
        assert_eq!(seconds(Seconds(0.99999)), "1 s");
        assert_eq!(bytes_binary(Bytes(80e9)), "74.5 GiB");
        assert_eq!(bytes_decimal(Bytes(1.5e9)), "1.5 GB");
        assert_eq!(rate(BytesPerSecond(3.35e12)), "3.35 TB/s");
        assert_eq!(flops_per_second(FlopsPerSecond(989e12)), "989 TFLOP/s");
        assert_eq!(flops_per_second(FlopsPerSecond(999.9999e12)), "1 PFLOP/s");
        assert_eq!(usd(Usd(1_230_000.0)), "$1.23 M");
        assert_eq!(usd(Usd(12.5)), "$12.50");
        assert_eq!(usd(Usd(1_234.0)), "$1,234");
        assert_eq!(energy(Joules(3.6e6)), "1 kWh");
        assert_eq!(energy(Joules(7.2e10)), "20 MWh");
        assert_eq!(energy(Joules(12.0)), "12 J");
        assert_eq!(count(12_345.0), "12,345");
        assert_eq!(count(12.3e6), "12.3 million");
        assert_eq!(percent(0.432), "43.2 %");
        assert_eq!(number(0.0123), "0.0123");
        let estimate = Estimate { value: Seconds(4.0), low: Seconds(3.0), high: Seconds(6.0) };
        assert_eq!(interval(&estimate, seconds), "3 s to 6 s");
    }

    #[test]
    fn odd_values_have_words_and_signs() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 1e308, -1e-300, 5e-324, -12_345.6] {
            for text in [
                seconds(Seconds(value)),
                bytes_binary(Bytes(value)),
                rate(BytesPerSecond(value)),
                usd(Usd(value)),
                energy(Joules(value)),
                count(value),
                percent(value),
                number(value),
            ] {
                assert!(
                    !text.contains("NaN") && !text.contains("inf") && !text.contains('-')
                        || text.contains("e-"),
                    "{text}"
                );
                assert!(!text.is_empty() && text.len() < 330, "{text}");
            }
        }
        assert_eq!(number(-3.0), "\u{2212}3");
        assert_eq!(number(f64::NAN), "not a number");
        assert_eq!(usd(Usd(f64::NEG_INFINITY)), "\u{2212}unbounded");
    }
}
