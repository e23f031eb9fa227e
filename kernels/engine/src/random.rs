//! Seeded, counter-based randomness: a value depends on (seed, stream, index) and on nothing else.

use crate::datasets::philox;

/// A stream of random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream {
    seed: u32,
    stream: u32,
}

impl Stream {
    /// The stream `stream` of `seed`; streams are independent.
    #[must_use]
    pub const fn new(seed: u32, stream: u32) -> Self {
        Self { seed, stream }
    }

    /// The number at `index`, all 32 bits.
    #[must_use]
    pub fn bits(&self, index: u32) -> u32 {
        let [first, ..] = philox::block([index, 0, 0, self.stream], [self.seed, 0x5249_4447]);
        first
    }

    /// Uniform in [0, 1), from the upper 24 bits.
    #[must_use]
    pub fn uniform(&self, index: u32) -> f32 {
        (self.bits(index) >> 8) as f32 / 16_777_216.0
    }

    /// Glorot and He style initial weights: uniform in plus or minus `limit`.
    #[must_use]
    pub fn weights(&self, count: usize, limit: f32) -> Vec<f32> {
        (0..count).map(|index| (self.uniform(index as u32) * 2.0 - 1.0) * limit).collect()
    }

    /// The numbers 0 to `count` - 1 in random order (Fisher and Yates).
    #[must_use]
    pub fn permutation(&self, count: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..count as u32).collect();
        for last in (1..count).rev() {
            // 32-bit multiply-shift: the bias of at most count / 2^32 does not matter here.
            let pick = (u64::from(self.bits(last as u32)) * (last as u64 + 1)) >> 32;
            order.swap(last, pick as usize);
        }
        order
    }
}
