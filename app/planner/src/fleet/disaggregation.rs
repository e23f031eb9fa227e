//! Prefill and decode on machines of their own (DistServe, Zhong et al. 2024, arXiv 2401.09670; Splitwise, Patel et al.
//! 2023, arXiv 2311.18677).
//!
//! ```text
//! apart     rate = min(prefill machines / prefill,  decode machines x batch / (output tokens x decode step))
//! together  rate = machines / (prefill + output tokens x decode step / batch)
//! ```
//! Together, throughput is never below the best split: the gain of disaggregation is that prefills no longer stretch the
//! time between tokens, so that a larger batch keeps the objective. The cache of a request crosses the network once.

use super::{FleetError, LONGEST, within};

/// One request on one machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Request {
    /// Prefill of one request, seconds.
    pub prefill: f64,
    /// Tokens of an answer.
    pub output_tokens: f64,
    /// A decode step of a whole batch, seconds.
    pub decode_step: f64,
    /// Requests of a batch.
    pub batch: f64,
    /// Bytes of one request's cache.
    pub cache_bytes: f64,
}

/// Machines of each kind, and what they do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Split {
    /// Machines for prefill.
    pub prefill_machines: u32,
    /// Machines for decode.
    pub decode_machines: u32,
    /// Requests per second.
    pub rate: f64,
    /// The same with every machine doing both.
    pub rate_together: f64,
    /// Seconds until a request's cache is where it is decoded.
    pub transfer: f64,
    /// Time between tokens apart, seconds.
    pub per_token: f64,
    /// Time between tokens together at the same rate, other prefills included, seconds.
    pub per_token_together: f64,
}

/// The best split of a fleet.
///
/// # Errors
/// A number out of its range.
pub fn best_split(request: &Request, machines: u32, network: f64) -> Result<Split, FleetError> {
    within("machines", f64::from(machines), 2.0, 100_000.0)?;
    within("prefill", request.prefill, 1e-9, LONGEST)?;
    within("output_tokens", request.output_tokens, 1.0, 1e9)?;
    within("decode_step", request.decode_step, 1e-9, LONGEST)?;
    within("batch", request.batch, 1.0, 1e6)?;
    within("cache_bytes", request.cache_bytes, 0.0, 1e18)?;
    within("network", network, 1.0, 1e18)?;
    let decode = request.output_tokens * request.decode_step / request.batch;
    let rate_of = |prefill_machines: u32| {
        let prefills = f64::from(prefill_machines) / request.prefill;
        prefills.min(f64::from(machines - prefill_machines) / decode)
    };
    // Both sides are linear: the best lies beside their crossing.
    let crossing = f64::from(machines) * request.prefill / (request.prefill + decode);
    let below = (crossing.floor() as u32).clamp(1, machines - 1);
    let above = (below + 1).min(machines - 1);
    let chosen = if rate_of(above) > rate_of(below) { above } else { below };
    let rate = rate_of(chosen);
    // Together each machine prefills its share of the rate between its decode steps.
    let busy = (rate / f64::from(machines) * request.prefill).min(0.99);
    Ok(Split {
        prefill_machines: chosen,
        decode_machines: machines - chosen,
        rate,
        rate_together: f64::from(machines) / (request.prefill + decode),
        transfer: request.cache_bytes / network,
        per_token: request.decode_step,
        per_token_together: request.decode_step / (1.0 - busy),
    })
}
