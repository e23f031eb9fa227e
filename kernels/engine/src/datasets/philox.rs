//! Random numbers by counting: Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As
//! Easy as 1, 2, 3" (2011). A block of four words is a pure function of a counter and a key, so the n-th
//! image or weight does not depend on what was drawn before it, and the same seed gives the same bits in
//! every browser and natively.
//!
//! The normal deviates use only addition, multiplication, division and square root, which IEEE 754 rounds
//! the same way everywhere; the standard library's logarithm and cosine may differ between platforms.

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
/// The golden ratio and the square root of three minus one, added to the key after each round.
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;

/// A stream of random numbers: every seed has 2^64 independent streams of 2^66 words each.
#[derive(Debug, Clone)]
pub struct Philox {
    key: [u32; 2],
    counter: [u32; 4],
    block: [u32; 4],
    /// Words of `block` already given out.
    used: usize,
}

/// The high and the low word of a product.
const fn multiply(a: u32, b: u32) -> (u32, u32) {
    let product = (a as u64) * (b as u64);
    ((product >> 32) as u32, product as u32)
}

/// The four words at a counter: ten rounds of Philox4x32.
#[must_use]
pub const fn block(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    let ([mut c0, mut c1, mut c2, mut c3], [mut k0, mut k1]) = (counter, key);
    let mut round = 0;
    while round < ROUNDS {
        let (high0, low0) = multiply(MULTIPLIERS[0], c0);
        let (high1, low1) = multiply(MULTIPLIERS[1], c2);
        (c0, c1, c2, c3) = (high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0);
        (k0, k1) = (k0.wrapping_add(WEYL[0]), k1.wrapping_add(WEYL[1]));
        round += 1;
    }
    [c0, c1, c2, c3]
}

impl Philox {
    /// The stream `stream` of `seed`.
    #[must_use]
    pub const fn new(seed: u64, stream: u64) -> Self {
        Self {
            key: [seed as u32, (seed >> 32) as u32],
            counter: [0, 0, stream as u32, (stream >> 32) as u32],
            block: [0; 4],
            used: 4,
        }
    }

    /// The next 32 random bits.
    pub fn word(&mut self) -> u32 {
        if self.used >= self.block.len() {
            self.block = block(self.counter, self.key);
            let (low, carry) = self.counter[0].overflowing_add(1);
            self.counter[0] = low;
            self.counter[1] = self.counter[1].wrapping_add(u32::from(carry));
            self.used = 0;
        }
        let word = self.block.get(self.used).copied().unwrap_or(0);
        self.used += 1;
        word
    }

    /// Uniform in [0, 1): a multiple of 2^-24, so that every value is exact in f32.
    pub fn uniform(&mut self) -> f32 {
        (self.word() >> 8) as f32 / 16_777_216.0
    }

    /// Uniform in [low, high).
    pub fn between(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.uniform()
    }

    /// Uniform in 0..`bound`, without bias; 0 if `bound` is 0. Lemire, "Fast Random Integer Generation in an
    /// Interval" (2019).
    pub fn below(&mut self, bound: u32) -> u32 {
        let threshold = bound.wrapping_neg().checked_rem(bound).unwrap_or(0);
        loop {
            let (high, low) = multiply(self.word(), bound);
            if low >= threshold {
                return high;
            }
        }
    }

    /// Standard normal, by Box and Muller in f64.
    pub fn normal(&mut self) -> f32 {
        // In (0, 1], so that the logarithm is finite.
        let radius = (f64::from(self.word()) + 1.0) / 4_294_967_296.0;
        let turns = f64::from(self.word()) / 4_294_967_296.0;
        ((-2.0 * natural_logarithm(radius)).sqrt() * cosine_of_turns(turns)) as f32
    }

    /// Puts a slice into random order (Fisher and Yates). Slices longer than 2^32 keep their tail.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len().min(u32::MAX as usize)).rev() {
            let other = self.below(last as u32 + 1) as usize;
            items.swap(last, other);
        }
    }
}

/// ln x for a positive normal number, within 2e-16 relative of the true value.
///
/// x = m 2^e with m in [sqrt(1/2), sqrt(2)), and ln m = 2 artanh((m - 1) / (m + 1)) as its power series.
#[must_use]
pub fn natural_logarithm(x: f64) -> f64 {
    const EXPONENT: u64 = 0x7FF0_0000_0000_0000;
    let bits = x.to_bits();
    let mut exponent = ((bits & EXPONENT) >> 52) as i32 - 1023;
    let mut mantissa = f64::from_bits((bits & !EXPONENT) | (1023 << 52));
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1;
    }
    let ratio = (mantissa - 1.0) / (mantissa + 1.0);
    let square = ratio * ratio;
    // |ratio| <= 0.1716, so the term after 1 / 21 is below 1e-18.
    let series = (0..=10).rev().fold(0.0, |sum, term| sum * square + 1.0 / f64::from(2 * term + 1));
    f64::from(exponent) * std::f64::consts::LN_2 + 2.0 * ratio * series
}

/// The sine of `turns` full circles.
#[must_use]
pub fn sine_of_turns(turns: f64) -> f64 {
    cosine_of_turns(turns - 0.25)
}

/// The cosine of `turns` full circles, within 3e-16: reduced to an eighth of a circle, then the power series.
#[must_use]
pub fn cosine_of_turns(turns: f64) -> f64 {
    let turns = turns - turns.floor();
    let quarter = (4.0 * turns + 0.5).floor();
    let angle = (turns - 0.25 * quarter) * std::f64::consts::TAU;
    let square = angle * angle;
    let series = |first: u32| {
        (0..9).rev().fold(0.0, |sum, term| {
            let order = f64::from(2 * term + first);
            1.0 - sum * square / ((order + 1.0) * (order + 2.0))
        })
    };
    match quarter as u32 % 4 {
        0 => series(0),
        1 => -angle * series(1),
        2 => -series(0),
        _ => angle * series(1),
    }
}

#[cfg(test)]
mod tests {
    use super::{Philox, block, cosine_of_turns, natural_logarithm, sine_of_turns};

    /// `kat_vectors` of the Random123 distribution, philox4x32 with 10 rounds.
    #[test]
    fn known_answers() {
        let answers = [
            ([0; 4], [0; 2], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
            ([u32::MAX; 4], [u32::MAX; 2], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
            (
                [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344],
                [0xa409_3822, 0x299f_31d0],
                [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
            ),
        ];
        for (counter, key, expected) in answers {
            assert_eq!(block(counter, key), expected);
        }
    }

    #[test]
    fn a_stream_is_its_blocks_in_order() {
        let mut stream = Philox::new(7 | 9 << 32, 3 | 5 << 32);
        let words: Vec<u32> = (0..8).map(|_| stream.word()).collect();
        assert_eq!(words[..4], block([0, 0, 3, 5], [7, 9]));
        assert_eq!(words[4..], block([1, 0, 3, 5], [7, 9]));
    }

    #[test]
    fn functions_agree_with_the_standard_library() {
        for index in 1..=20_000 {
            let x = f64::from(index) / 20_000.0;
            assert!((natural_logarithm(x) - x.ln()).abs() <= 4e-16 * (1.0 + x.ln().abs()), "ln {x}");
            let turns = 4.0 * x - 2.0;
            let angle = turns * std::f64::consts::TAU;
            assert!((cosine_of_turns(turns) - angle.cos()).abs() < 3e-15, "cos {turns}");
            assert!((sine_of_turns(turns) - angle.sin()).abs() < 3e-15, "sin {turns}");
        }
        let tiny = 2f64.powi(-32);
        assert!((natural_logarithm(tiny) - tiny.ln()).abs() < 1e-14);
    }

    #[test]
    fn moments() {
        let mut stream = Philox::new(1, 0);
        let count = 200_000;
        let uniform: Vec<f64> = (0..count).map(|_| f64::from(stream.uniform())).collect();
        assert!(uniform.iter().all(|value| (0.0..1.0).contains(value)));
        let mean = uniform.iter().sum::<f64>() / f64::from(count);
        // Five standard errors: 0.2887 / sqrt(count).
        assert!((mean - 0.5).abs() < 5.0 * 0.2887 / f64::from(count).sqrt());
        let normal: Vec<f64> = (0..count).map(|_| f64::from(stream.normal())).collect();
        let mean = normal.iter().sum::<f64>() / f64::from(count);
        let variance = normal.iter().map(|value| value * value).sum::<f64>() / f64::from(count);
        let fourth = normal.iter().map(|value| value.powi(4)).sum::<f64>() / f64::from(count);
        let error = 1.0 / f64::from(count).sqrt();
        assert!(mean.abs() < 5.0 * error);
        assert!((variance - 1.0).abs() < 5.0 * 2f64.sqrt() * error);
        assert!((fourth - 3.0).abs() < 5.0 * 96f64.sqrt() * error);
    }

    #[test]
    fn below_is_in_range_and_even() {
        let mut stream = Philox::new(2, 0);
        assert_eq!(stream.below(0), 0);
        assert_eq!(stream.below(1), 0);
        let mut counts = [0u32; 6];
        for _ in 0..60_000 {
            counts[stream.below(6) as usize] += 1;
        }
        // Chi-squared with five degrees of freedom passes 20.5 once in a thousand seeds.
        let chi: f64 = counts.iter().map(|&count| (f64::from(count) - 10_000.0).powi(2) / 10_000.0).sum();
        assert!(chi < 20.5, "{counts:?}");
    }

    #[test]
    fn shuffling_keeps_every_item() {
        let mut items: Vec<u32> = (0..1000).collect();
        Philox::new(3, 0).shuffle(&mut items);
        assert!(items.iter().zip(0..).filter(|(item, index)| **item == *index).count() < 20);
        items.sort_unstable();
        assert!(items.iter().copied().eq(0..1000));
    }
}
