//! Serving beyond one replica, in plain numbers that [`crate::serving`] or a measurement gives.
//!
//! - [`queue`]: how long requests wait, and the largest load that keeps an objective.
//! - [`speculation`]: what drafting tokens ahead buys, and when it loses.
//! - [`disaggregation`]: prefill and decode on machines of their own.
//! - [`scaling`]: replicas that follow a day's load, and functions that are paid by the second.
//! - [`compression`]: bytes and arithmetic of quantised and pruned weights; kernels that a compiler joins.
//! - [`edge`]: speed under a power limit, tokens per joule, hours of a battery.
//!
//! Every function refuses what is out of its range with the field's name.

pub mod compression;
pub mod disaggregation;
pub mod edge;
pub mod queue;
pub mod scaling;
pub mod speculation;

use std::fmt;

/// A number out of its range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FleetError {
    /// The field.
    pub field: &'static str,
    /// What it was.
    pub value: f64,
    /// Lowest allowed value.
    pub low: f64,
    /// Highest allowed value.
    pub high: f64,
}

impl fmt::Display for FleetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, value, low, high } = self;
        write!(f, "{field} is {value}; allowed is a number from {low} to {high}. Nothing was computed.")
    }
}

impl std::error::Error for FleetError {}

/// `value` where it is between the bounds.
pub(crate) fn within(field: &'static str, value: f64, low: f64, high: f64) -> Result<f64, FleetError> {
    if (low..=high).contains(&value) { Ok(value) } else { Err(FleetError { field, value, low, high }) }
}

/// Longest time that any of these functions takes, seconds: a year.
pub(crate) const LONGEST: f64 = 3.2e7;
