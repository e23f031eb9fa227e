//! The lanes as a `v128`.

use core::arch::wasm32::{
    f32x4, f32x4_abs, f32x4_add, f32x4_div, f32x4_extract_lane, f32x4_lt, f32x4_mul, f32x4_neg, f32x4_pmax,
    f32x4_pmin, f32x4_splat, f32x4_sqrt, f32x4_sub, i16x8_extend_high_i8x16, i16x8_extend_low_i8x16, i32x4,
    i32x4_add, i32x4_dot_i16x8, i32x4_extract_lane, i32x4_shl, i32x4_shr, i32x4_shuffle, i32x4_splat,
    i32x4_sub, u32x4, u32x4_extract_lane, v128, v128_and, v128_bitselect, v128_or,
};

/// Four f32.
#[derive(Clone, Copy)]
pub(crate) struct F32x4(v128);

impl F32x4 {
    #[inline(always)]
    pub(crate) fn load(values: &[f32; 4]) -> Self {
        let [a, b, c, d] = *values;
        Self(f32x4(a, b, c, d))
    }

    #[inline(always)]
    pub(crate) fn splat(value: f32) -> Self {
        Self(f32x4_splat(value))
    }

    /// `self + lhs * rhs`, rounded twice.
    #[inline(always)]
    pub(crate) fn plus_product(self, lhs: Self, rhs: Self) -> Self {
        Self(f32x4_add(self.0, f32x4_mul(lhs.0, rhs.0)))
    }

    /// `self + lhs * rhs`, rounded twice, or once after the step of the build that fuses products.
    #[inline(always)]
    pub(crate) fn plus_product_relaxed(self, lhs: Self, rhs: Self) -> Self {
        self.plus_product(lhs, rhs)
    }

    #[inline(always)]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self(f32x4_add(self.0, other.0))
    }

    #[inline(always)]
    pub(crate) fn minus(self, other: Self) -> Self {
        Self(f32x4_sub(self.0, other.0))
    }

    #[inline(always)]
    pub(crate) fn times(self, other: Self) -> Self {
        Self(f32x4_mul(self.0, other.0))
    }

    #[inline(always)]
    pub(crate) fn over(self, other: Self) -> Self {
        Self(f32x4_div(self.0, other.0))
    }

    #[inline(always)]
    pub(crate) fn square_root(self) -> Self {
        Self(f32x4_sqrt(self.0))
    }

    #[inline(always)]
    pub(crate) fn magnitude(self) -> Self {
        Self(f32x4_abs(self.0))
    }

    #[inline(always)]
    pub(crate) fn negated(self) -> Self {
        Self(f32x4_neg(self.0))
    }

    /// `other < self ? other : self`, so that a NaN in `self` stays.
    #[inline(always)]
    pub(crate) fn at_most(self, other: Self) -> Self {
        Self(f32x4_pmin(self.0, other.0))
    }

    /// `self < other ? other : self`, so that a NaN in `self` stays.
    #[inline(always)]
    pub(crate) fn at_least(self, other: Self) -> Self {
        Self(f32x4_pmax(self.0, other.0))
    }

    /// All bits set where `self < other`.
    #[inline(always)]
    pub(crate) fn less(self, other: Self) -> I32x4 {
        I32x4(f32x4_lt(self.0, other.0))
    }

    #[inline(always)]
    pub(crate) fn bits(self) -> I32x4 {
        I32x4(self.0)
    }

    /// Rows and columns of four vectors swapped.
    #[inline(always)]
    pub(crate) fn transposed([a, b, c, d]: [Self; 4]) -> [Self; 4] {
        let (ab_low, ab_high) =
            (i32x4_shuffle::<0, 4, 1, 5>(a.0, b.0), i32x4_shuffle::<2, 6, 3, 7>(a.0, b.0));
        let (cd_low, cd_high) =
            (i32x4_shuffle::<0, 4, 1, 5>(c.0, d.0), i32x4_shuffle::<2, 6, 3, 7>(c.0, d.0));
        [
            Self(i32x4_shuffle::<0, 1, 4, 5>(ab_low, cd_low)),
            Self(i32x4_shuffle::<2, 3, 6, 7>(ab_low, cd_low)),
            Self(i32x4_shuffle::<0, 1, 4, 5>(ab_high, cd_high)),
            Self(i32x4_shuffle::<2, 3, 6, 7>(ab_high, cd_high)),
        ]
    }

    #[inline(always)]
    pub(crate) fn to_array(self) -> [f32; 4] {
        let v = self.0;
        [
            f32x4_extract_lane::<0>(v),
            f32x4_extract_lane::<1>(v),
            f32x4_extract_lane::<2>(v),
            f32x4_extract_lane::<3>(v),
        ]
    }
}

/// Four i32, or eight i16 in pairs.
#[derive(Clone, Copy)]
pub(crate) struct I32x4(v128);

impl I32x4 {
    #[inline(always)]
    pub(crate) fn load(words: &[u32; 4]) -> Self {
        let [a, b, c, d] = *words;
        Self(u32x4(a, b, c, d))
    }

    #[inline(always)]
    pub(crate) fn load_signed(values: &[i32; 4]) -> Self {
        let [a, b, c, d] = *values;
        Self(i32x4(a, b, c, d))
    }

    /// The sum of four i32, wrapping.
    #[inline(always)]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self(i32x4_add(self.0, other.0))
    }

    /// The difference of four i32, wrapping.
    #[inline(always)]
    pub(crate) fn minus(self, other: Self) -> Self {
        Self(i32x4_sub(self.0, other.0))
    }

    /// Shifted left by `BITS` places.
    #[inline(always)]
    pub(crate) fn shifted_left<const BITS: u32>(self) -> Self {
        Self(i32x4_shl(self.0, BITS))
    }

    /// Shifted right by `BITS` places, keeping the sign.
    #[inline(always)]
    pub(crate) fn shifted_right<const BITS: u32>(self) -> Self {
        Self(i32x4_shr(self.0, BITS))
    }

    #[inline(always)]
    pub(crate) fn and(self, other: Self) -> Self {
        Self(v128_and(self.0, other.0))
    }

    #[inline(always)]
    pub(crate) fn or(self, other: Self) -> Self {
        Self(v128_or(self.0, other.0))
    }

    /// Bit by bit: `yes` where `self` is one, `no` where it is zero.
    #[inline(always)]
    pub(crate) fn choose(self, yes: F32x4, no: F32x4) -> F32x4 {
        F32x4(v128_bitselect(yes.0, no.0, self.0))
    }

    /// The same bits as f32.
    #[inline(always)]
    pub(crate) fn as_floats(self) -> F32x4 {
        F32x4(self.0)
    }

    #[inline(always)]
    pub(crate) fn splat(word: u32) -> Self {
        Self(i32x4_splat(word.cast_signed()))
    }

    /// Adds to each lane the products of its two pairs of i16.
    #[inline(always)]
    pub(crate) fn plus_dot(self, lhs: Self, rhs: Self) -> Self {
        Self(i32x4_add(self.0, i32x4_dot_i16x8(lhs.0, rhs.0)))
    }

    /// Sixteen i8, sign-extended: the first eight and the last eight.
    #[inline(always)]
    pub(crate) fn widen(self) -> (Self, Self) {
        (Self(i16x8_extend_low_i8x16(self.0)), Self(i16x8_extend_high_i8x16(self.0)))
    }

    #[inline(always)]
    pub(crate) fn to_array(self) -> [i32; 4] {
        let v = self.0;
        [
            i32x4_extract_lane::<0>(v),
            i32x4_extract_lane::<1>(v),
            i32x4_extract_lane::<2>(v),
            i32x4_extract_lane::<3>(v),
        ]
    }

    #[inline(always)]
    pub(crate) fn to_words(self) -> [u32; 4] {
        let v = self.0;
        [
            u32x4_extract_lane::<0>(v),
            u32x4_extract_lane::<1>(v),
            u32x4_extract_lane::<2>(v),
            u32x4_extract_lane::<3>(v),
        ]
    }
}
