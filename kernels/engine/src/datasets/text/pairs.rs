//! Hash maps by token pair. A pair is 32 bits, so one multiplication spreads it; the standard hasher, made against
//! attackers, takes most of the time of training and encoding.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// Two tokens, one after the other.
pub(super) type Pair = (u16, u16);
/// A map by pair.
pub(super) type PairMap<V> = HashMap<Pair, V, BuildHasherDefault<PairHasher>>;

/// Multiplicative hashing by the golden ratio (Knuth, volume 3, 6.4).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PairHasher(u64);

impl Hasher for PairHasher {
    fn finish(&self) -> u64 {
        let product = self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        // The table looks at the lowest and at the highest bits.
        product ^ (product >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = (self.0 << 8) | u64::from(*byte));
    }

    fn write_u16(&mut self, token: u16) {
        self.0 = (self.0 << 16) | u64::from(token);
    }
}
