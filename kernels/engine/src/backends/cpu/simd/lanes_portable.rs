//! The lanes as an array that the compiler vectorises.

use std::array;

/// Four f32.
#[derive(Clone, Copy)]
pub(crate) struct F32x4([f32; 4]);

impl F32x4 {
    #[inline(always)]
    fn zip(self, other: Self, operation: impl Fn(f32, f32) -> f32) -> Self {
        Self(array::from_fn(|lane| operation(self.0[lane], other.0[lane])))
    }

    #[inline(always)]
    pub(crate) fn load(values: &[f32; 4]) -> Self {
        Self(*values)
    }

    #[inline(always)]
    pub(crate) fn splat(value: f32) -> Self {
        Self([value; 4])
    }

    /// `self + lhs * rhs`, rounded twice.
    #[inline(always)]
    pub(crate) fn plus_product(self, lhs: Self, rhs: Self) -> Self {
        let ([a, b, c, d], [e, f, g, h], [i, j, k, l]) = (self.0, lhs.0, rhs.0);
        Self([a + e * i, b + f * j, c + g * k, d + h * l])
    }

    /// `self + lhs * rhs`, rounded once, as a browser on a processor with fused multiply-add does it.
    #[inline(always)]
    pub(crate) fn plus_product_relaxed(self, lhs: Self, rhs: Self) -> Self {
        Self(array::from_fn(|lane| lhs.0[lane].mul_add(rhs.0[lane], self.0[lane])))
    }

    #[inline(always)]
    pub(crate) fn plus(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }

    #[inline(always)]
    pub(crate) fn minus(self, other: Self) -> Self {
        self.zip(other, |a, b| a - b)
    }

    #[inline(always)]
    pub(crate) fn times(self, other: Self) -> Self {
        self.zip(other, |a, b| a * b)
    }

    #[inline(always)]
    pub(crate) fn over(self, other: Self) -> Self {
        self.zip(other, |a, b| a / b)
    }

    #[inline(always)]
    pub(crate) fn square_root(self) -> Self {
        Self(self.0.map(f32::sqrt))
    }

    #[inline(always)]
    pub(crate) fn magnitude(self) -> Self {
        Self(self.0.map(f32::abs))
    }

    #[inline(always)]
    pub(crate) fn negated(self) -> Self {
        Self(self.0.map(|value| -value))
    }

    /// `other < self ? other : self`, so that a NaN in `self` stays.
    #[inline(always)]
    pub(crate) fn at_most(self, other: Self) -> Self {
        self.zip(other, |a, b| if b < a { b } else { a })
    }

    /// `self < other ? other : self`, so that a NaN in `self` stays.
    #[inline(always)]
    pub(crate) fn at_least(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { b } else { a })
    }

    /// All bits set where `self < other`.
    #[inline(always)]
    pub(crate) fn less(self, other: Self) -> I32x4 {
        I32x4(array::from_fn(|lane| if self.0[lane] < other.0[lane] { u32::MAX } else { 0 }))
    }

    #[inline(always)]
    pub(crate) fn bits(self) -> I32x4 {
        I32x4(self.0.map(f32::to_bits))
    }

    /// Rows and columns of four vectors swapped.
    #[inline(always)]
    pub(crate) fn transposed(rows: [Self; 4]) -> [Self; 4] {
        array::from_fn(|column| Self(array::from_fn(|row| rows[row].0[column])))
    }

    #[inline(always)]
    pub(crate) fn to_array(self) -> [f32; 4] {
        self.0
    }
}

/// Four i32, or eight i16 in pairs.
#[derive(Clone, Copy)]
pub(crate) struct I32x4([u32; 4]);

/// The two i16 of a word, sign-extended.
#[inline(always)]
fn halves(word: u32) -> (i32, i32) {
    let word = word.cast_signed();
    ((word << 16) >> 16, word >> 16)
}

/// The low two i8 of a word as two i16.
#[inline(always)]
fn widen_low(word: u32) -> u32 {
    let word = word.cast_signed();
    let (low, high) = ((word << 24) >> 24, (word << 16) >> 24);
    (low.cast_unsigned() & 0xFFFF) | (high.cast_unsigned() << 16)
}

impl I32x4 {
    #[inline(always)]
    fn zip(self, other: Self, operation: impl Fn(u32, u32) -> u32) -> Self {
        Self(array::from_fn(|lane| operation(self.0[lane], other.0[lane])))
    }

    #[inline(always)]
    pub(crate) fn load(words: &[u32; 4]) -> Self {
        Self(*words)
    }

    #[inline(always)]
    pub(crate) fn load_signed(values: &[i32; 4]) -> Self {
        Self(values.map(i32::cast_unsigned))
    }

    /// The sum of four i32, wrapping.
    #[inline(always)]
    pub(crate) fn plus(self, other: Self) -> Self {
        self.zip(other, u32::wrapping_add)
    }

    /// The difference of four i32, wrapping.
    #[inline(always)]
    pub(crate) fn minus(self, other: Self) -> Self {
        self.zip(other, u32::wrapping_sub)
    }

    /// Shifted left by `BITS` places.
    #[inline(always)]
    pub(crate) fn shifted_left<const BITS: u32>(self) -> Self {
        Self(self.0.map(|word| word << BITS))
    }

    /// Shifted right by `BITS` places, keeping the sign.
    #[inline(always)]
    pub(crate) fn shifted_right<const BITS: u32>(self) -> Self {
        Self(self.0.map(|word| (word.cast_signed() >> BITS).cast_unsigned()))
    }

    #[inline(always)]
    pub(crate) fn and(self, other: Self) -> Self {
        self.zip(other, |a, b| a & b)
    }

    #[inline(always)]
    pub(crate) fn or(self, other: Self) -> Self {
        self.zip(other, |a, b| a | b)
    }

    /// Bit by bit: `yes` where `self` is one, `no` where it is zero.
    #[inline(always)]
    pub(crate) fn choose(self, yes: F32x4, no: F32x4) -> F32x4 {
        let (yes, no) = (yes.bits(), no.bits());
        Self(array::from_fn(|lane| (yes.0[lane] & self.0[lane]) | (no.0[lane] & !self.0[lane]))).as_floats()
    }

    /// The same bits as f32.
    #[inline(always)]
    pub(crate) fn as_floats(self) -> F32x4 {
        F32x4(self.0.map(f32::from_bits))
    }

    #[inline(always)]
    pub(crate) fn splat(word: u32) -> Self {
        Self([word; 4])
    }

    /// Adds to each lane the products of its two pairs of i16.
    #[inline(always)]
    pub(crate) fn plus_dot(self, lhs: Self, rhs: Self) -> Self {
        let mut sums = self.0;
        for ((sum, a), b) in sums.iter_mut().zip(lhs.0).zip(rhs.0) {
            let ((a0, a1), (b0, b1)) = (halves(a), halves(b));
            let dot = a0.wrapping_mul(b0).wrapping_add(a1.wrapping_mul(b1));
            *sum = sum.wrapping_add(dot.cast_unsigned());
        }
        Self(sums)
    }

    /// Sixteen i8, sign-extended: the first eight and the last eight.
    #[inline(always)]
    pub(crate) fn widen(self) -> (Self, Self) {
        let [a, b, c, d] = self.0;
        let pair = |first: u32, second: u32| {
            Self([widen_low(first), widen_low(first >> 16), widen_low(second), widen_low(second >> 16)])
        };
        (pair(a, b), pair(c, d))
    }

    #[inline(always)]
    pub(crate) fn to_array(self) -> [i32; 4] {
        self.0.map(u32::cast_signed)
    }

    #[inline(always)]
    pub(crate) fn to_words(self) -> [u32; 4] {
        self.0
    }
}
