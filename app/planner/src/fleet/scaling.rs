//! Replicas that follow the load, and functions that are paid while they run.

use super::{FleetError, LONGEST, within};

/// Hours of a day.
const HOURS: usize = 24;

/// A replica and how it is kept ready.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Replica {
    /// Requests per second at its objective.
    pub rate: f64,
    /// Share of that rate that is planned for, 0 to 1: the rest absorbs bursts.
    pub planned_share: f64,
    /// Seconds from the decision to the first answer: machine, image, weights, warm-up.
    pub cold_start: f64,
}

/// Replicas over a day.
#[derive(Debug, Clone, PartialEq)]
pub struct Day {
    /// Replicas in each hour.
    pub replicas: Vec<u32>,
    /// Replica-hours of the day.
    pub replica_hours: f64,
    /// The same with the peak's replicas all day.
    pub fixed_hours: f64,
}

/// Seconds from an image and weights on a store to the first answer.
///
/// # Errors
/// A number out of its range.
pub fn cold_start(
    machine: f64,
    image_bytes: f64,
    weight_bytes: f64,
    bytes_per_second: f64,
    warm_up: f64,
) -> Result<f64, FleetError> {
    within("machine", machine, 0.0, LONGEST)?;
    within("image_bytes", image_bytes, 0.0, 1e18)?;
    within("weight_bytes", weight_bytes, 0.0, 1e18)?;
    within("bytes_per_second", bytes_per_second, 1.0, 1e18)?;
    within("warm_up", warm_up, 0.0, LONGEST)?;
    Ok(machine + (image_bytes + weight_bytes) / bytes_per_second + warm_up)
}

/// A smooth day: `mean` requests per second, the peak `swing` times the mean above it, at hour 15.
///
/// # Errors
/// A number out of its range.
pub fn sinusoid(mean: f64, swing: f64) -> Result<[f64; HOURS], FleetError> {
    within("mean", mean, 0.0, 1e12)?;
    within("swing", swing, 0.0, 1.0)?;
    let mut day = [0.0; HOURS];
    for (hour, rate) in day.iter_mut().enumerate() {
        let angle = (hour as f64 - 15.0) / HOURS as f64 * std::f64::consts::TAU;
        *rate = mean * (1.0 + swing * libm::cos(angle));
    }
    Ok(day)
}

/// Replicas that are ready when they are needed: an hour's count covers the load until a replica that is asked for at
/// its end would answer, with the load taken as a line between hours.
///
/// # Errors
/// A number out of its range; a cold start above an hour cannot follow an hourly load.
pub fn follow(day: &[f64; HOURS], replica: &Replica) -> Result<Day, FleetError> {
    within("rate", replica.rate, 1e-9, 1e12)?;
    within("planned_share", replica.planned_share, 0.01, 1.0)?;
    within("cold_start", replica.cold_start, 0.0, 3_600.0)?;
    let ahead = replica.cold_start / 3_600.0;
    let mut replicas = Vec::with_capacity(HOURS);
    for (hour, rate) in day.iter().enumerate() {
        let rate = within("load", *rate, 0.0, 1e12)?;
        let next = within("load", *day.get((hour + 1) % HOURS).unwrap_or(&rate), 0.0, 1e12)?;
        let covered = rate.max(rate + (next - rate) * ahead);
        let count = (covered / (replica.rate * replica.planned_share)).ceil().clamp(1.0, 1e9);
        replicas.push(count as u32);
    }
    let most = replicas.iter().copied().max().unwrap_or(1);
    Ok(Day {
        replica_hours: replicas.iter().map(|count| f64::from(*count)).sum(),
        fixed_hours: f64::from(most) * HOURS as f64,
        replicas,
    })
}

/// A function that is paid while it runs, and a machine that is paid by the hour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Offers {
    /// USD per second of a running function.
    pub function_usd_per_second: f64,
    /// USD per call.
    pub usd_per_call: f64,
    /// Seconds of a warm call.
    pub call: f64,
    /// Seconds that a cold call takes more, and is paid for.
    pub cold_start: f64,
    /// Seconds that an idle function stays warm, unpaid.
    pub keep_alive: f64,
    /// USD per hour of a machine.
    pub machine_usd_per_hour: f64,
    /// Requests per second of a machine.
    pub machine_rate: f64,
}

impl Offers {
    fn check(&self) -> Result<(), FleetError> {
        within("function_usd_per_second", self.function_usd_per_second, 0.0, 1e3)?;
        within("usd_per_call", self.usd_per_call, 0.0, 1e3)?;
        within("call", self.call, 1e-6, LONGEST)?;
        within("cold_start", self.cold_start, 0.0, LONGEST)?;
        within("keep_alive", self.keep_alive, 0.0, LONGEST)?;
        within("machine_usd_per_hour", self.machine_usd_per_hour, 0.0, 1e6)?;
        within("machine_rate", self.machine_rate, 1e-9, 1e12)?;
        Ok(())
    }

    /// Probability that a call finds no warm function: none came within the keep-alive time of Poisson arrivals,
    /// `exp(-rate x keep_alive)`.
    ///
    /// # Errors
    /// A number out of its range.
    pub fn cold_share(&self, rate: f64) -> Result<f64, FleetError> {
        self.check()?;
        within("rate", rate, 0.0, 1e12)?;
        Ok(libm::exp(-rate * self.keep_alive))
    }

    /// USD of one request as a function.
    ///
    /// # Errors
    /// A number out of its range.
    pub fn function_cost(&self, rate: f64) -> Result<f64, FleetError> {
        let seconds = self.call + self.cold_share(rate)? * self.cold_start;
        Ok(self.usd_per_call + seconds * self.function_usd_per_second)
    }

    /// USD of one request on whole machines.
    ///
    /// # Errors
    /// A number out of its range.
    pub fn machine_cost(&self, rate: f64) -> Result<f64, FleetError> {
        self.check()?;
        within("rate", rate, 1e-12, 1e12)?;
        let machines = (rate / self.machine_rate).ceil().max(1.0);
        Ok(machines * self.machine_usd_per_hour / 3_600.0 / rate)
    }

    /// Requests per second above which one machine is cheaper; `None` where it is not even when full. Bisection on
    /// the rate of one machine: there its cost falls and the function's falls more slowly.
    ///
    /// # Errors
    /// A number out of its range.
    pub fn break_even_rate(&self) -> Result<Option<f64>, FleetError> {
        let machine_wins = |rate: f64| -> Result<bool, FleetError> {
            Ok(self.machine_cost(rate)? <= self.function_cost(rate)?)
        };
        let (mut low, mut high) = (self.machine_rate * 1e-9, self.machine_rate);
        if !machine_wins(high)? {
            return Ok(None);
        }
        if machine_wins(low)? {
            return Ok(Some(low));
        }
        for _ in 0..100 {
            let middle = f64::midpoint(low, high);
            if machine_wins(middle)? { high = middle } else { low = middle }
        }
        Ok(Some(high))
    }

    /// Seconds of a call that a share of the calls does not exceed.
    ///
    /// # Errors
    /// A number out of its range.
    pub fn percentile(&self, rate: f64, share: f64) -> Result<f64, FleetError> {
        within("share", share, 0.0, 0.999_999)?;
        let is_cold = self.cold_share(rate)? > 1.0 - share;
        Ok(self.call + if is_cold { self.cold_start } else { 0.0 })
    }
}
