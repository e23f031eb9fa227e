//! One call of a kernel with what must come of it, and the random numbers it is made of.

use super::bounds::Bounded;
use shaders::KernelId;

/// Words behind the end of every buffer that no kernel may touch.
const GUARD_WORDS: usize = 4;
/// What they hold: numbers, some 14 million as floats. A NaN would pass through a kernel unchanged, and equal numbers
/// behind inputs and results could be copied from one to the other.
const INPUT_GUARD: u32 = 0x4b5a_5a5a;
const RESULT_GUARD: u32 = 0x4b6b_6b6b;
/// What an output holds before the call: a NaN, so that an element that is not written is noticed.
pub const UNTOUCHED: u32 = 0x7fc0_5a5a;

/// Random numbers by counting (SplitMix64, Steele, Lea and Flood 2014): the same seed makes the same case.
#[derive(Debug, Clone)]
pub struct Draw(u64);

impl Draw {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn word(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 32) as u32
    }

    /// In `low..=high`.
    pub fn size(&mut self, low: u32, high: u32) -> u32 {
        low + self.word() % (high - low + 1)
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.word() as usize % from.len()]
    }

    /// Even in (-scale, scale).
    pub fn float(&mut self, scale: f32) -> f32 {
        ((self.word() >> 8) as f32 / 8_388_608.0 - 1.0) * scale
    }

    pub fn floats(&mut self, count: u32, scale: f32) -> Vec<f32> {
        (0..count).map(|_| self.float(scale)).collect()
    }

    /// Rows around offsets of their own: far from 0 and from each other in one case of four, so that a largest value
    /// or a mean that is not taken off, or is taken of the wrong row, shows.
    pub fn rows(&mut self, rows: u32, columns: u32, scale: f32) -> Vec<f32> {
        let spread = self.pick(&[0.0, 1.0, 10.0, 300.0]);
        let offsets = self.floats(rows, spread);
        offsets
            .into_iter()
            .flat_map(|offset| {
                self.floats(columns, scale).into_iter().map(move |x| x + offset).collect::<Vec<_>>()
            })
            .collect()
    }
}

/// What a word must be after the call.
#[derive(Debug, Clone, Copy)]
pub enum Want {
    Bits(u32),
    Near(Bounded),
}

/// A call and its answer. Buffers hold the contents before the call.
#[derive(Debug, Clone)]
pub struct Case {
    pub uniform: Vec<u32>,
    /// `HEAD_QUADS` of the attention kernels.
    pub head_quads: Option<u32>,
    pub buffers: Vec<Vec<u32>>,
    pub wants: Vec<Vec<Want>>,
    pub workgroups: [u32; 3],
}

impl Case {
    /// A flat call of so many invocations.
    pub fn new(uniform: Vec<u32>, count: u32) -> Self {
        let groups = count.div_ceil(64);
        // As many columns as still need a second row.
        let columns = groups.div_ceil(2).clamp(1, 3);
        let workgroups = [columns, groups.div_ceil(columns), 1];
        Self { uniform, head_quads: None, buffers: vec![], wants: vec![], workgroups }
    }

    fn push(mut self, mut before: Vec<u32>, mut wants: Vec<Want>, filling: u32) -> Self {
        assert_eq!(before.len(), wants.len(), "every word of a buffer has its answer");
        // Whole quads, so that the buffer can be bound as vectors.
        let guard = before.len().next_multiple_of(4) - before.len() + GUARD_WORDS;
        before.extend(std::iter::repeat_n(filling, guard));
        wants.extend(std::iter::repeat_n(Want::Bits(filling), guard));
        self.buffers.push(before);
        self.wants.push(wants);
        self
    }

    /// A buffer that must stay as it is.
    pub fn input(self, words: Vec<u32>) -> Self {
        self.input_before(words, INPUT_GUARD)
    }

    /// The same with other words behind the end.
    pub fn input_before(self, words: Vec<u32>, filling: u32) -> Self {
        let wants = words.iter().map(|word| Want::Bits(*word)).collect();
        self.push(words, wants, filling)
    }

    pub fn input_floats(self, values: &[f32]) -> Self {
        self.input(bits(values))
    }

    /// A buffer of results.
    pub fn output(self, values: Vec<Bounded>) -> Self {
        self.output_from(0, values)
    }

    /// The same from an offset on; what lies before must stay.
    pub fn output_from(self, offset: u32, values: Vec<Bounded>) -> Self {
        let before = vec![UNTOUCHED; offset as usize + values.len()];
        let untouched = std::iter::repeat_n(Want::Bits(UNTOUCHED), offset as usize);
        let wants = untouched.chain(values.into_iter().map(Want::Near)).collect();
        self.push(before, wants, RESULT_GUARD)
    }

    /// A buffer whose words are determined, with what it holds before.
    pub fn output_bits(self, before: Vec<u32>, after: &[u32]) -> Self {
        self.push(before, after.iter().map(|word| Want::Bits(*word)).collect(), RESULT_GUARD)
    }

    /// How far buffers are from what they must be, in units of the bound: `Ok` up to 1.
    pub fn check(&self, found: &[Vec<u32>]) -> Result<f64, String> {
        let mut worst = 0.0_f64;
        for (buffer, (wants, found)) in self.wants.iter().zip(found).enumerate() {
            for (at, (want, word)) in wants.iter().zip(found).enumerate() {
                let place = || format!("buffer {buffer} word {at} of {:x?}", self.uniform);
                match *want {
                    Want::Bits(bits) if bits == *word => {}
                    Want::Bits(bits) => return Err(format!("{}: {word:#x} for {bits:#x}", place())),
                    Want::Near(Bounded { value, error }) => {
                        let off = (f64::from(f32::from_bits(*word)) - value).abs();
                        // Written so that a NaN fails.
                        let within = off <= error;
                        if !within {
                            let found = f32::from_bits(*word);
                            return Err(format!("{}: {found} for {value} within {error:e}", place()));
                        }
                        worst = worst.max(if error > 0.0 { off / error } else { 0.0 });
                    }
                }
            }
        }
        Ok(worst)
    }
}

/// The buffers of a case as its twin sees them.
#[derive(Debug)]
pub struct Memory(pub Vec<Vec<u32>>);

impl Memory {
    pub fn floats(&self, buffer: usize) -> Vec<f32> {
        floats(&self.0[buffer])
    }

    /// Lets a twin write a buffer of floats.
    pub fn write(&mut self, buffer: usize, twin: impl FnOnce(&mut [f32])) {
        let mut values = self.floats(buffer);
        twin(&mut values);
        self.0[buffer] = bits(&values);
    }
}

/// How a kernel is checked: how its cases are made, and its twin.
#[derive(Clone, Copy)]
pub struct Spec {
    pub kernel: KernelId,
    pub case: fn(&mut Draw) -> Case,
    pub twin: fn(&Case, &mut Memory),
}

pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

pub fn floats(words: &[u32]) -> Vec<f32> {
    words.iter().map(|word| f32::from_bits(*word)).collect()
}

/// As f64, which is exact.
pub fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|value| f64::from(*value)).collect()
}
