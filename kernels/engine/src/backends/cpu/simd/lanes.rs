//! Four lanes of 32 bits. On wasm32 a `v128`; elsewhere an array that the compiler vectorises. Both round
//! every operation to f32 on its own, so they agree to the bit, except in
//! [`F32x4::plus_product_relaxed`], whose product may not be rounded.

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
#[path = "lanes_portable.rs"]
mod vector;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
#[path = "lanes_wasm.rs"]
mod vector;

pub(crate) use vector::{F32x4, I32x4};

impl F32x4 {
    /// The sum of the lanes, pairwise: `(x + y) + (z + w)`.
    #[inline(always)]
    pub(crate) fn total(self) -> f32 {
        let [x, y, z, w] = self.to_array();
        (x + y) + (z + w)
    }

    /// The largest lane; a NaN may be lost.
    #[inline(always)]
    pub(crate) fn largest(self) -> f32 {
        let [x, y, z, w] = self.to_array();
        x.max(y).max(z.max(w))
    }

    /// Up to four values; the missing ones are `fill`.
    #[inline(always)]
    pub(crate) fn load_partial(values: &[f32], fill: f32) -> Self {
        let mut lanes = [fill; 4];
        for (lane, value) in lanes.iter_mut().zip(values) {
            *lane = *value;
        }
        Self::load(&lanes)
    }
}

/// How a tile multiplies and adds: the one difference between the plain and the relaxed kernels.
pub(super) trait MultiplyAdd {
    /// `sum + lhs * rhs`.
    fn multiply_add(sum: F32x4, lhs: F32x4, rhs: F32x4) -> F32x4;
}

/// Two roundings, the same bits everywhere.
pub(super) struct Plain;

/// One rounding where the processor has fused multiply-add.
pub(super) struct Relaxed;

impl MultiplyAdd for Plain {
    #[inline(always)]
    fn multiply_add(sum: F32x4, lhs: F32x4, rhs: F32x4) -> F32x4 {
        sum.plus_product(lhs, rhs)
    }
}

impl MultiplyAdd for Relaxed {
    #[inline(always)]
    fn multiply_add(sum: F32x4, lhs: F32x4, rhs: F32x4) -> F32x4 {
        sum.plus_product_relaxed(lhs, rhs)
    }
}
