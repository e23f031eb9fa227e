//! A value in f64 together with the error that an f32 kernel may make on the way to it.
//!
//! Errors are carried through every operation (first-order running error analysis, Higham, "Accuracy and Stability
//! of Numerical Algorithms", 2002, section 3.3); what one operation adds is stated by [`Bound`]. Sums add
//! `8 sqrt(K) 2^-24 sum |terms|`, or the worst case `K 2^-24 sum |terms|` where that is tighter (K < 64).

use std::ops::{Add, Div, Mul, Neg, Sub};

/// Half a unit in the last place of 1: what one correctly rounded operation may be off, relatively.
pub const HALF_ULP: f64 = 1.0 / 16_777_216.0;
/// The smallest normal f32: smaller results may be flushed to zero.
const SMALLEST_NORMAL: f64 = 1.175_494_350_822_287_5e-38;

/// What an operation may add to the error of its result: WGSL's accuracy table (section 15.7.4.1 of the
/// specification), in units in the last place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// Correctly rounded: addition, subtraction, multiplication.
    Rounded,
    /// A sum of so many terms, of magnitudes that sum to `magnitude`.
    Sum { terms: usize, magnitude: f64 },
    /// Division: 2.5 ULP.
    Division,
    /// exp(x): 3 + 2 |x| ULP.
    Exp { x: f64 },
    /// log(x): 2^-21 where x is in [0.5, 2], else 3 ULP.
    Log { x: f64 },
    /// inverseSqrt(x): 2 ULP; the twin's 1 / sqrt(x) is nearer.
    InverseSqrt,
}

impl Bound {
    /// The error that a result of this value may carry.
    pub fn error(self, value: f64) -> f64 {
        let ulps = |count: f64| 2.0 * count * HALF_ULP * value.abs() + SMALLEST_NORMAL;
        match self {
            Self::Rounded => ulps(0.5),
            Self::Sum { terms, magnitude } => {
                let terms = terms as f64;
                terms.min(8.0 * terms.sqrt()) * HALF_ULP * magnitude + terms * SMALLEST_NORMAL
            }
            Self::Division => ulps(2.5),
            Self::Exp { x } => ulps(3.0 + 2.0 * x.abs()),
            Self::Log { x } if (0.5..=2.0).contains(&x) => 2_f64.powi(-21),
            Self::Log { .. } => ulps(3.0),
            Self::InverseSqrt => ulps(2.0),
        }
    }
}

/// A value and how far an f32 kernel may be from it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounded {
    pub value: f64,
    pub error: f64,
}

/// A value without error: an input, or a constant of the formula.
pub fn exact(value: f64) -> Bounded {
    Bounded { value, error: 0.0 }
}

impl Bounded {
    /// The same with what one more operation adds.
    pub fn after(self, bound: Bound) -> Self {
        Self { error: self.error + bound.error(self.value), ..self }
    }

    pub fn exp(self) -> Self {
        let value = self.value.exp();
        let largest = self.value.abs() + self.error;
        Self { value, error: value * self.error.exp_m1() }.after(Bound::Exp { x: largest })
    }

    pub fn log(self) -> Self {
        let smallest = (self.value - self.error).max(f64::MIN_POSITIVE);
        Self { value: self.value.ln(), error: (self.value / smallest).ln() }
            .after(Bound::Log { x: self.value })
    }

    pub fn inverse_sqrt(self) -> Self {
        let value = self.value.sqrt().recip();
        let smallest = (self.value - self.error).max(f64::MIN_POSITIVE);
        Self { value, error: smallest.sqrt().recip() - value }.after(Bound::InverseSqrt)
    }
}

impl Add for Bounded {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { value: self.value + other.value, error: self.error + other.error }.after(Bound::Rounded)
    }
}

impl Sub for Bounded {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Neg for Bounded {
    type Output = Self;
    fn neg(self) -> Self {
        Self { value: -self.value, ..self }
    }
}

impl Mul for Bounded {
    type Output = Self;
    fn mul(self, other: Self) -> Self {
        let error =
            self.value.abs() * other.error + other.value.abs() * self.error + self.error * other.error;
        Self { value: self.value * other.value, error }.after(Bound::Rounded)
    }
}

impl Div for Bounded {
    type Output = Self;
    fn div(self, other: Self) -> Self {
        let value = self.value / other.value;
        let smallest = (other.value.abs() - other.error).max(f64::MIN_POSITIVE);
        Self { value, error: (self.error + value.abs() * other.error) / smallest }.after(Bound::Division)
    }
}

/// A running sum whose order of terms the kernel may choose.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sum {
    value: f64,
    error: f64,
    magnitude: f64,
    terms: usize,
}

impl Sum {
    pub fn add(&mut self, term: Bounded) {
        self.value += term.value;
        self.error += term.error;
        self.magnitude += term.value.abs();
        self.terms += 1;
    }

    pub fn total(self) -> Bounded {
        let Self { value, error, magnitude, terms } = self;
        Bounded { value, error }.after(Bound::Sum { terms, magnitude })
    }
}

/// The sum of terms.
pub fn sum(terms: impl IntoIterator<Item = Bounded>) -> Bounded {
    let mut sum = Sum::default();
    terms.into_iter().for_each(|term| sum.add(term));
    sum.total()
}
