//! The inner loops of [`super::matmul`] with the multiply-add of relaxed SIMD. Functions that hold such instructions
//! are never inlined into others: the build for browsers without them replaces their bodies.

#[cfg(target_arch = "wasm32")]
mod intrinsics {
    use super::super::lanes::F32x4;

    /// `sums[row][column] = sum over steps of rows[row][step] * panel[step][column]`.
    #[target_feature(enable = "relaxed-simd")]
    #[inline(never)]
    pub(crate) fn rows_times<const ROWS: usize, const VECTORS: usize>(
        rows: [&[f32]; ROWS],
        panel: &[[[f32; 4]; VECTORS]],
    ) -> [[F32x4; VECTORS]; ROWS] {
        let mut sums = [[F32x4::splat(0.0); VECTORS]; ROWS];
        let steps = panel.len();
        // Equal lengths let the compiler drop the bounds checks of the loop.
        if rows.iter().any(|row| row.len() != steps) {
            return sums;
        }
        for step in 0..steps {
            let right = panel[step].map(|vector| F32x4::load(&vector));
            for (sums, row) in sums.iter_mut().zip(rows) {
                let left = F32x4::splat(row[step]);
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = sum.plus_product_fused(left, right);
                }
            }
        }
        sums
    }

    /// The same for a packed tile, whose rows lie side by side.
    #[target_feature(enable = "relaxed-simd")]
    #[inline(never)]
    pub(crate) fn tile_times<const ROWS: usize, const VECTORS: usize>(
        tile: &[[f32; ROWS]],
        panel: &[[[f32; 4]; VECTORS]],
    ) -> [[F32x4; VECTORS]; ROWS] {
        let mut sums = [[F32x4::splat(0.0); VECTORS]; ROWS];
        for (left, right) in tile.iter().zip(panel) {
            let right = right.map(|vector| F32x4::load(&vector));
            for (sums, left) in sums.iter_mut().zip(left) {
                let left = F32x4::splat(*left);
                for (sum, right) in sums.iter_mut().zip(right) {
                    *sum = sum.plus_product_fused(left, right);
                }
            }
        }
        sums
    }
}

#[cfg(target_arch = "wasm32")]
pub(super) use intrinsics::{rows_times, tile_times};

#[cfg(not(target_arch = "wasm32"))]
pub(super) use super::matmul::{rows_times, tile_times};
