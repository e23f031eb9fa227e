//! Devices with a power limit and a battery.
//!
//! Dynamic power grows with `frequency x voltage^2`, and voltage nearly with frequency: `P = idle + (full - idle) f^3`.
//! Arithmetic follows the frequency of the cores; memory has a clock of its own, so that decoding, which reads weights,
//! loses less. Where a maker publishes the modes of a device, they are better than this cube.

use super::{FleetError, within};

/// A device at full power.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Device {
    /// Watts when idle.
    pub idle_watts: f64,
    /// Watts at full load.
    pub full_watts: f64,
    /// FLOP/s at full power.
    pub flops: f64,
    /// Bytes per second, whatever the power.
    pub bytes_per_second: f64,
}

/// What it does under a limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sustained {
    /// Frequency of the cores as a share of the full one, 0 to 1.
    pub frequency: f64,
    /// Tokens per second of one stream.
    pub tokens_per_second: f64,
    /// Watts that it then draws.
    pub watts: f64,
    /// Tokens per joule.
    pub tokens_per_joule: f64,
    /// Arithmetic binds, not memory.
    pub bound_by_arithmetic: bool,
}

impl Device {
    /// Decoding one stream: a token reads `bytes` and takes `flops`, under a limit in watts.
    ///
    /// # Errors
    /// A number out of its range; a limit at or below the idle power.
    pub fn decode(&self, bytes: f64, flops: f64, limit_watts: f64) -> Result<Sustained, FleetError> {
        within("idle_watts", self.idle_watts, 0.0, 1e5)?;
        within("full_watts", self.full_watts, self.idle_watts + 1e-6, 1e6)?;
        within("flops", self.flops, 1.0, 1e20)?;
        within("bytes_per_second", self.bytes_per_second, 1.0, 1e18)?;
        within("bytes", bytes, 1.0, 1e18)?;
        within("flops_per_token", flops, 0.0, 1e20)?;
        within("limit_watts", limit_watts, self.idle_watts * 1.000_001 + 1e-9, 1e6)?;
        let range = self.full_watts - self.idle_watts;
        let room = ((limit_watts - self.idle_watts) / range).min(1.0);
        let frequency = libm::cbrt(room);
        let (reading, computing) = (bytes / self.bytes_per_second, flops / (self.flops * frequency));
        let seconds = reading.max(computing);
        let watts = self.idle_watts + range * room;
        Ok(Sustained {
            frequency,
            tokens_per_second: 1.0 / seconds,
            watts,
            tokens_per_joule: 1.0 / (seconds * watts),
            bound_by_arithmetic: computing > reading,
        })
    }
}

/// Hours that a battery lasts.
///
/// # Errors
/// A number out of its range.
pub fn battery_hours(watt_hours: f64, watts: f64) -> Result<f64, FleetError> {
    within("watt_hours", watt_hours, 0.0, 1e9)?;
    within("watts", watts, 1e-6, 1e9)?;
    Ok(watt_hours / watts)
}
