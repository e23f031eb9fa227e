//! Waiting for one of several replicas.
//!
//! Erlang C (Erlang 1917): Poisson arrivals at `rate`, `servers` that each serve `1 / service` requests per second with
//! exponential times, one queue. Real answers vary less than exponential ones, so that waits here are on the safe side
//! by up to a factor of two (Pollaczek and Khinchine: the wait grows with `1 + cv^2`, where `cv` is the spread of the
//! service times over their mean); bursts of arrivals are not covered.

use super::{FleetError, LONGEST, within};

/// What a load does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Waiting {
    /// Share of the time that a server is busy, 0 to 1.
    pub utilisation: f64,
    /// Probability that a request waits.
    pub waits: f64,
    /// Mean wait, seconds.
    pub mean: f64,
}

/// Waiting at a load.
///
/// # Errors
/// A number out of its range, among them a load that the servers cannot carry: `rate x service / servers` must be
/// below 1.
pub fn waiting(rate: f64, service: f64, servers: u32) -> Result<Waiting, FleetError> {
    within("servers", f64::from(servers), 1.0, 100_000.0)?;
    within("service", service, 1e-9, LONGEST)?;
    let count = f64::from(servers);
    within("rate", rate, 0.0, count / service * (1.0 - 1e-9))?;
    let load = rate * service;
    // Erlang B by its recurrence, which neither overflows nor cancels; then C from B.
    let mut blocked = 1.0;
    for k in 1..=servers {
        blocked = load * blocked / (f64::from(k) + load * blocked);
    }
    let utilisation = load / count;
    let waits = blocked / (1.0 - utilisation * (1.0 - blocked));
    Ok(Waiting { utilisation, waits, mean: waits * service / (count - load) })
}

impl Waiting {
    /// Wait that a share of the requests (0.99, say) does not exceed, seconds:
    /// `P(wait > t) = waits exp(-t / (mean / waits))`.
    ///
    /// # Errors
    /// `share` out of 0 to 0.999999.
    pub fn percentile(&self, share: f64) -> Result<f64, FleetError> {
        within("share", share, 0.0, 0.999_999)?;
        let beyond = 1.0 - share;
        if beyond >= self.waits || self.waits <= 0.0 {
            return Ok(0.0);
        }
        Ok(self.mean / self.waits * libm::log(self.waits / beyond))
    }
}

/// Largest rate at which `share` of the requests wait at most `objective` seconds. Bisection to a millionth.
///
/// # Errors
/// A number out of its range.
pub fn largest_rate(service: f64, servers: u32, objective: f64, share: f64) -> Result<f64, FleetError> {
    within("objective", objective, 0.0, LONGEST)?;
    let (mut low, mut high) = (0.0, f64::from(servers) / service * (1.0 - 1e-9));
    waiting(low, service, servers)?.percentile(share)?;
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        let holds = waiting(middle, service, servers)?.percentile(share)? <= objective;
        if holds { low = middle } else { high = middle }
    }
    Ok(low)
}
