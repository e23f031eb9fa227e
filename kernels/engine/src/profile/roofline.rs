//! The roofline (Williams et al. 2009): no call is faster than `min(peak_flops, intensity * memory_bandwidth)`.

use super::CallProfile;
use crate::probe::Rates;

/// Which roof is over a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Roof {
    /// It has more operations a byte than the ridge point.
    Compute,
    /// It has fewer.
    Memory,
}

/// Measured rates of a machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Roofs {
    /// Operations per second at most.
    pub peak_flops_per_second: f64,
    /// Bytes read and written per second at most.
    pub bytes_per_second: f64,
}

/// Where a call is below its roof.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    /// Operations a byte.
    pub arithmetic_intensity: f64,
    /// The roof above it.
    pub roof: Roof,
    /// Share of that roof's rate which it reaches. Above 1 where data came from a cache that is faster than the
    /// memory that was measured.
    pub share_of_roof: f64,
}

impl Roofs {
    /// From a probe, with the bandwidth at a working set of `bytes`.
    #[must_use]
    pub fn of(rates: &Rates, bytes: f64) -> Self {
        let fits = rates.bandwidth.iter().find(|point| point.working_set_bytes >= bytes);
        let point = fits.or(rates.bandwidth.last());
        Self {
            peak_flops_per_second: rates.peak_f32_flops_per_second,
            bytes_per_second: point.map_or(0.0, |point| point.bytes_per_second),
        }
    }

    /// Operations a byte at which both roofs meet.
    #[must_use]
    pub fn ridge_point(&self) -> f64 {
        self.peak_flops_per_second / self.bytes_per_second
    }

    /// Where a measured call stands; `None` where no time was measured.
    #[must_use]
    pub fn position(&self, call: &CallProfile) -> Option<Position> {
        if call.seconds <= 0.0 || call.bytes <= 0.0 {
            return None;
        }
        let arithmetic_intensity = call.flops / call.bytes;
        let roof = if arithmetic_intensity >= self.ridge_point() { Roof::Compute } else { Roof::Memory };
        let share_of_roof = match roof {
            Roof::Compute => call.flops_per_second() / self.peak_flops_per_second,
            Roof::Memory => call.bytes_per_second() / self.bytes_per_second,
        };
        Some(Position { arithmetic_intensity, roof, share_of_roof })
    }
}
