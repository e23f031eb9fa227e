//! Physics, corrected by published measurements nearby, with its intervals.

use super::features::point;
use super::parameters::ServingParameters;
use super::step::{ServingChip, ServingLayout, ServingTimes, ServingWorkload, times};
use crate::calibration::file::Numbers;
use crate::residual::{Point, Residual};

/// The fitted model. Built once by whoever asks.
#[derive(Debug, Clone)]
pub struct ServingModel {
    /// Of the physics.
    pub parameters: ServingParameters,
    /// What published times per token say of it.
    pub per_token: Residual,
    /// What published times to the first token say of it.
    pub first_token: Residual,
}

/// A value with its 80 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranged {
    /// Seconds.
    pub value: f64,
    /// One in ten is below.
    pub low: f64,
    /// One in ten is above.
    pub high: f64,
}

/// What the model says of a served model.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServingPrediction {
    /// Time to first token.
    pub first_token: Ranged,
    /// Time per output token of one answer.
    pub per_output_token: Ranged,
    /// By physics alone, before the correction.
    pub physics: ServingTimes,
    /// Factor of the correction on times per token.
    pub token_factor: f64,
    /// Output tokens per second of the whole system, low and high included.
    pub tokens_per_second: Ranged,
    /// Whether weights and running requests fit.
    pub fits: bool,
    /// Nearness of the nearest published row, 0 to 1.
    pub nearness: f64,
}

impl ServingModel {
    /// The model that a fit describes; `anchor` finds a row's features by its id.
    ///
    /// # Errors
    /// What the fit lacks.
    pub fn of(numbers: &Numbers, anchor: &dyn Fn(&str) -> Option<Point>) -> Result<Self, String> {
        let mut parameters = ServingParameters::NEUTRAL;
        for (name, at, _, _) in ServingParameters::RANGES {
            *at(&mut parameters) = numbers.one("parameter", name)?;
        }
        Ok(Self {
            parameters,
            per_token: numbers.residual("token", anchor)?,
            first_token: numbers.residual("first", anchor)?,
        })
    }

    /// Predicts.
    #[must_use]
    pub fn predict(
        &self,
        workload: &ServingWorkload,
        layout: &ServingLayout,
        chip: &ServingChip,
        chip_number: u32,
        words: [&str; 3],
    ) -> ServingPrediction {
        let physics = times(workload, layout, chip, &self.parameters);
        let at = point(workload, layout, chip, &physics, chip_number, words);
        let token = self.per_token.predict(&at);
        let first = self.first_token.predict(&at);
        let ranged = |seconds: f64, mean: f64, half: f64| {
            let value = seconds * libm::exp(mean);
            Ranged { value, low: value * libm::exp(-half), high: value * libm::exp(half) }
        };
        let rate = ranged(1.0 / physics.tokens_per_second, token.log_mean, token.log_half_width);
        ServingPrediction {
            first_token: ranged(physics.first_token, first.log_mean, first.log_half_width),
            per_output_token: ranged(physics.per_output_token, token.log_mean, token.log_half_width),
            token_factor: libm::exp(token.log_mean),
            tokens_per_second: Ranged { value: 1.0 / rate.value, low: 1.0 / rate.high, high: 1.0 / rate.low },
            fits: physics.memory_bytes <= chip.memory_bytes,
            nearness: token.nearness,
            physics,
        }
    }
}
