//! Quantities. A newtype per unit, so that a rate cannot be passed where a size is meant.
//!
//! All values are `f64` in SI base units (bytes, seconds, FLOP, watts, joules, USD). `Flops` is a count of
//! floating-point operations, [`FlopsPerSecond`] a rate. Only [`crate::format`] turns a quantity into text.

use serde::{Deserialize, Serialize};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Sub};

/// Seconds of one hour.
pub const SECONDS_PER_HOUR: f64 = 3_600.0;
/// Hours of one year of 365.25 days.
pub const HOURS_PER_YEAR: f64 = 8_766.0;
/// Joules of one kilowatt-hour.
pub const JOULES_PER_KILOWATT_HOUR: f64 = 3.6e6;

macro_rules! quantity {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub f64);

        impl $name {
            /// The larger of two quantities; a NaN loses.
            #[must_use]
            pub fn max(self, other: Self) -> Self {
                Self(self.0.max(other.0))
            }
            /// The smaller of two quantities; a NaN loses.
            #[must_use]
            pub fn min(self, other: Self) -> Self {
                Self(self.0.min(other.0))
            }
        }
        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }
        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                self.0 += other.0;
            }
        }
        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }
        impl Mul<f64> for $name {
            type Output = Self;
            fn mul(self, factor: f64) -> Self {
                Self(self.0 * factor)
            }
        }
        impl Div<f64> for $name {
            type Output = Self;
            fn div(self, divisor: f64) -> Self {
                Self(self.0 / divisor)
            }
        }
        impl Div for $name {
            type Output = f64;
            fn div(self, other: Self) -> f64 {
                self.0 / other.0
            }
        }
        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
                Self(items.map(|item| item.0).sum())
            }
        }
    )+};
}

quantity!(
    /// A size in bytes.
    Bytes,
    /// A duration in seconds.
    Seconds,
    /// A count of floating-point operations (a multiply and an add are two).
    Flops,
    /// Floating-point operations per second.
    FlopsPerSecond,
    /// Bytes per second.
    BytesPerSecond,
    /// Electrical power in watts.
    Watts,
    /// Energy in joules.
    Joules,
    /// Money in US dollars.
    Usd,
    /// US dollars per hour.
    UsdPerHour,
    /// US dollars per kilowatt-hour.
    UsdPerKilowattHour,
);

/// `left * right = product`, both ways, and the two divisions that follow from it.
macro_rules! product {
    ($left:ident * $right:ident = $product:ident) => {
        impl Mul<$right> for $left {
            type Output = $product;
            fn mul(self, other: $right) -> $product {
                $product(self.0 * other.0)
            }
        }
        impl Mul<$left> for $right {
            type Output = $product;
            fn mul(self, other: $left) -> $product {
                $product(self.0 * other.0)
            }
        }
        impl Div<$right> for $product {
            type Output = $left;
            fn div(self, other: $right) -> $left {
                $left(self.0 / other.0)
            }
        }
        impl Div<$left> for $product {
            type Output = $right;
            fn div(self, other: $left) -> $right {
                $right(self.0 / other.0)
            }
        }
    };
}

product!(BytesPerSecond * Seconds = Bytes);
product!(FlopsPerSecond * Seconds = Flops);
product!(Watts * Seconds = Joules);

impl Seconds {
    /// The duration in hours.
    #[must_use]
    pub fn hours(self) -> f64 {
        self.0 / SECONDS_PER_HOUR
    }
}

impl Mul<Seconds> for UsdPerHour {
    type Output = Usd;
    fn mul(self, time: Seconds) -> Usd {
        Usd(self.0 * time.hours())
    }
}

impl Mul<Joules> for UsdPerKilowattHour {
    type Output = Usd;
    fn mul(self, energy: Joules) -> Usd {
        Usd(self.0 * energy.0 / JOULES_PER_KILOWATT_HOUR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dimensions_combine() {
        assert_eq!(Bytes(80e9) / BytesPerSecond(2e12), Seconds(0.04));
        assert_eq!(Flops(1e15) / Seconds(2.0), FlopsPerSecond(5e14));
        assert_eq!(Watts(700.0) * Seconds(3_600.0), Joules(2.52e6));
        assert_eq!(UsdPerHour(3.0) * Seconds(7_200.0), Usd(6.0));
        assert_eq!(UsdPerKilowattHour(0.12) * Joules(3.6e6), Usd(0.12));
        assert_eq!([Bytes(1.0), Bytes(2.5)].into_iter().sum::<Bytes>(), Bytes(3.5));
    }
}
