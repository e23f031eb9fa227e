//! Four lanes of 32 bits. On wasm32 a `v128`; elsewhere an array that the compiler vectorises. Both round
//! every operation to f32 on its own, so they agree to the bit.

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod vector {
    use core::arch::wasm32::{
        f32x4, f32x4_add, f32x4_extract_lane, f32x4_mul, f32x4_relaxed_madd, f32x4_splat,
        i16x8_extend_high_i8x16, i16x8_extend_low_i8x16, i32x4, i32x4_add, i32x4_dot_i16x8,
        i32x4_extract_lane, i32x4_splat, u32x4, u32x4_extract_lane, v128,
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

        /// `self + lhs * rhs`, rounded once where the processor can.
        #[target_feature(enable = "relaxed-simd")]
        #[inline]
        pub(crate) fn plus_product_fused(self, lhs: Self, rhs: Self) -> Self {
            Self(f32x4_relaxed_madd(lhs.0, rhs.0, self.0))
        }

        #[inline(always)]
        pub(crate) fn plus(self, other: Self) -> Self {
            Self(f32x4_add(self.0, other.0))
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
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod vector {
    /// Four f32.
    #[derive(Clone, Copy)]
    pub(crate) struct F32x4([f32; 4]);

    impl F32x4 {
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

        #[inline(always)]
        pub(crate) fn plus(self, other: Self) -> Self {
            let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
            Self([a + e, b + f, c + g, d + h])
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
            let ([a, b, c, d], [e, f, g, h]) = (self.0, other.0);
            Self([a.wrapping_add(e), b.wrapping_add(f), c.wrapping_add(g), d.wrapping_add(h)])
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
}

pub(crate) use vector::{F32x4, I32x4};
