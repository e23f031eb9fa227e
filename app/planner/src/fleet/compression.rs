//! Bytes and arithmetic of smaller weights, and what a compiled engine saves.

use super::{FleetError, LONGEST, within};

/// Which weights are left out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pruning {
    /// None.
    None,
    /// Two of every four, anywhere among the four (Mishra et al. 2021, arXiv 2104.08378): a 2-bit index for each kept
    /// one.
    TwoOfFour,
    /// This share, anywhere, with one bit for each weight that says whether it is there.
    Bitmap(f64),
    /// This share, anywhere, with a 16-bit column for each kept one (compressed sparse rows).
    Columns(f64),
}

/// Bits of a weight of `bits` bits in groups of `group` that share a scale of `scale_bits` bits (0 for none), and what is
/// pruned.
///
/// ```text
/// whole      bits + scale_bits / group
/// 2:4        (bits + 2) / 2 + scale_bits / group        two values with their indices for four weights
/// bitmap     (1 - share) bits + 1 + scale_bits / group
/// columns    (1 - share) (bits + 16) + scale_bits / group
/// ```
///
/// # Errors
/// A number out of its range.
pub fn bits_per_weight(bits: f64, group: f64, scale_bits: f64, pruning: Pruning) -> Result<f64, FleetError> {
    within("bits", bits, 1.0, 64.0)?;
    within("group", group, 1.0, 1e9)?;
    within("scale_bits", scale_bits, 0.0, 64.0)?;
    let scale = scale_bits / group;
    Ok(scale
        + match pruning {
            Pruning::None => bits,
            Pruning::TwoOfFour => f64::midpoint(bits, 2.0),
            Pruning::Bitmap(share) => (1.0 - within("share", share, 0.0, 1.0)?) * bits + 1.0,
            Pruning::Columns(share) => (1.0 - within("share", share, 0.0, 1.0)?) * (bits + 16.0),
        })
}

/// Arithmetic that pruning saves, as a factor on the rate: 2 for 2:4 on units that skip it, 1 otherwise. Dense units
/// multiply scattered zeros like anything else.
#[must_use]
pub const fn rate_factor(pruning: Pruning, has_sparse_units: bool) -> f64 {
    match pruning {
        Pruning::TwoOfFour if has_sparse_units => 2.0,
        _ => 1.0,
    }
}

/// A step as a chain of kernels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kernels {
    /// Kernels.
    pub count: f64,
    /// Seconds between one kernel and the next, where nothing hides it.
    pub gap: f64,
    /// Bytes that pass through memory between kernels, beside weights and cache.
    pub between_bytes: f64,
    /// Seconds of arithmetic and of reading weights and cache.
    pub work: f64,
}

impl Kernels {
    /// Seconds of the step.
    ///
    /// # Errors
    /// A number out of its range.
    pub fn seconds(&self, bytes_per_second: f64) -> Result<f64, FleetError> {
        within("count", self.count, 0.0, 1e9)?;
        within("gap", self.gap, 0.0, 1.0)?;
        within("between_bytes", self.between_bytes, 0.0, 1e18)?;
        within("work", self.work, 0.0, LONGEST)?;
        within("bytes_per_second", bytes_per_second, 1.0, 1e18)?;
        Ok(self.work + self.count * self.gap + self.between_bytes / bytes_per_second)
    }

    /// The same step compiled: `fused` of its kernels are joined to their neighbours, which keeps what they hand over out
    /// of memory; a recorded graph shrinks each gap to `graph_gap`.
    ///
    /// # Errors
    /// A number out of its range.
    pub fn compiled(&self, fused: f64, graph_gap: f64) -> Result<Self, FleetError> {
        within("fused", fused, 0.0, self.count)?;
        within("graph_gap", graph_gap, 0.0, self.gap)?;
        let kept = if self.count > 0.0 { 1.0 - fused / self.count } else { 1.0 };
        Ok(Self {
            count: self.count - fused,
            gap: graph_gap,
            between_bytes: self.between_bytes * kept,
            work: self.work,
        })
    }
}
