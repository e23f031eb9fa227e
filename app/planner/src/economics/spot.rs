//! What interruptions cost, in billed hours per useful hour.
//!
//! Interruptions are a Poisson process. For a job of all instances, with rate l = instances x rate of one, interval t,
//! checkpoint d and restart r, the expected time to save one interval is (Daly, "A higher order estimate of the optimum
//! checkpoint interval for restart dumps", 2006)
//! ```text
//! exp(l r) (exp(l (t + d)) - 1) / l
//! ```
//! For serving every instance stands alone: one useful hour costs 1 + rate x r. Waiting for capacity is not billed and
//! not counted.

use super::error::EconomicsError;
use super::input::{Work, within};
use crate::units::HOURS_PER_YEAR;

/// Beyond this the work is taken as never finished.
const MOST_BILLED_PER_USEFUL_HOUR: f64 = 1_000.0;

/// What interruptions do to the work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpotOutcome {
    /// Hours billed for one useful hour, at least 1.
    pub billed_per_useful_hour: f64,
    /// Mean hours between interruptions of the work; None without interruptions.
    pub hours_between_interruptions: Option<f64>,
}

/// Billed hours per useful hour of work on spot capacity.
///
/// # Errors
/// A number is outside its range, or the work never finishes.
pub fn spot_outcome(
    work: Work,
    instances: f64,
    interruptions_per_instance_hour: f64,
    restart_hours: f64,
) -> Result<SpotOutcome, EconomicsError> {
    within("instances", instances, 1.0, 1e8)?;
    within("interruptions_per_instance_hour", interruptions_per_instance_hour, 0.0, 100.0)?;
    within("restart_hours", restart_hours, 0.0, 1e4)?;
    let (rate, billed) = match work {
        Work::Serving => {
            (interruptions_per_instance_hour, 1.0 + interruptions_per_instance_hour * restart_hours)
        }
        Work::Training { checkpoint_interval_hours, checkpoint_write_hours } => {
            within("checkpoint_interval_hours", checkpoint_interval_hours, 0.001, HOURS_PER_YEAR)?;
            within("checkpoint_write_hours", checkpoint_write_hours, 0.0, HOURS_PER_YEAR)?;
            let rate = instances * interruptions_per_instance_hour;
            let segment = checkpoint_interval_hours + checkpoint_write_hours;
            let expected = if rate > 0.0 {
                libm::exp(rate * restart_hours) * libm::expm1(rate * segment) / rate
            } else {
                segment
            };
            (rate, expected / checkpoint_interval_hours)
        }
    };
    // A NaN (infinity times zero) is refused with the infinities.
    if !(1.0..=MOST_BILLED_PER_USEFUL_HOUR).contains(&billed) {
        return Err(EconomicsError::NeverFinishes { billed_per_useful_hour: billed });
    }
    Ok(SpotOutcome {
        billed_per_useful_hour: billed,
        hours_between_interruptions: (rate > 0.0).then(|| 1.0 / rate),
    })
}

/// The interval that loses least, to first order: sqrt(2 x checkpoint x time between interruptions) (Young, 1974).
#[must_use]
pub fn best_checkpoint_interval_hours(checkpoint_write_hours: f64, hours_between_interruptions: f64) -> f64 {
    (2.0 * checkpoint_write_hours.max(0.0) * hours_between_interruptions.max(0.0)).sqrt()
}
