//! Forces everything that comes from outside into the ranges that the types promise.
//!
//! Ranges stand in the documentation of [`Scenario`] and [`Experiment`](crate::experiment::Experiment). A
//! non-finite number becomes the default, a number out of range the nearest bound, and text loses control and
//! bidirectional-override characters and everything past its cap.

use crate::scenario::{MeasuredDevice, Scenario};
use crate::workbench::Workbench;

/// Longest free text, in characters.
pub const NAME_CHARACTERS: usize = 256;
/// Longest catalog id, in characters.
pub const ID_CHARACTERS: usize = 64;

/// Finite and between the bounds; negative zero becomes zero; what is not a number becomes the default.
pub(crate) fn bounded(value: f64, low: f64, high: f64, default: f64) -> f64 {
    if value.is_nan() {
        return default;
    }
    // Adding positive zero turns -0 into 0, so that equal states make equal links.
    value.clamp(low, high) + 0.0
}

/// Free text without control, bidirectional and zero-width characters, cut at `limit` characters.
#[must_use]
pub fn plain_text(text: &str, limit: usize) -> String {
    let kept: String = text.chars().filter(|&character| !is_hidden(character)).take(limit).collect();
    kept.trim().to_owned()
}

/// Characters that a name must not hold: they reorder, hide or break the line it stands in.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffc}' | '\u{e0000}'..='\u{e007f}'
        )
}

/// An id in the alphabet of the catalog; what remains of anything else may be unknown, which is a typed error
/// where it is looked up.
fn id(text: &str, default: &str) -> String {
    let kept: String = text
        .chars()
        .filter(|character| {
            character.is_ascii_lowercase() || character.is_ascii_digit() || matches!(character, '-' | '.')
        })
        .take(ID_CHARACTERS)
        .collect();
    if kept.is_empty() { default.to_owned() } else { kept }
}

impl MeasuredDevice {
    /// The device with every figure forced into its range; a figure that is not a number becomes the lowest.
    #[must_use]
    pub fn sanitised(self) -> Self {
        Self {
            peak_f32_flops_per_second: bounded(self.peak_f32_flops_per_second, 1e6, 1e18, 1e6),
            memory_bandwidth_bytes_per_second: bounded(
                self.memory_bandwidth_bytes_per_second,
                1e6,
                1e16,
                1e6,
            ),
            memory_bytes: bounded(self.memory_bytes, 1e6, 1e15, 1e6),
        }
    }
}

impl Scenario {
    /// The same scenario with every field in its documented range.
    #[must_use]
    pub fn sanitised(self) -> Self {
        let default = Self::default();
        Self {
            name: plain_text(&self.name, NAME_CHARACTERS),
            accelerator: id(&self.accelerator, &default.accelerator),
            measured_device: self.measured_device.map(MeasuredDevice::sanitised),
            accelerator_count: self.accelerator_count.clamp(1, 1_000_000),
            interconnect: id(&self.interconnect, &default.interconnect),
            deployment: self.deployment,
            cloud_fraction: bounded(self.cloud_fraction, 0.0, 1.0, default.cloud_fraction),
            model: id(&self.model, &default.model),
            precision: self.precision,
            sequence_length: self.sequence_length.clamp(1, 10_000_000),
            global_batch_size: self.global_batch_size.clamp(1, 10_000_000),
            micro_batch_size: self.micro_batch_size.clamp(1, 65_536),
            tensor_parallel_size: self.tensor_parallel_size.clamp(1, 64),
            pipeline_parallel_size: self.pipeline_parallel_size.clamp(1, 256),
            virtual_pipeline_size: self.virtual_pipeline_size.clamp(1, 64),
            context_parallel_size: self.context_parallel_size.clamp(1, 256),
            expert_parallel_size: self.expert_parallel_size.clamp(1, 1_024),
            zero_stage: self.zero_stage.min(3),
            full_recomputation: self.full_recomputation,
            selective_recomputation: self.selective_recomputation,
            training_tokens: bounded(self.training_tokens, 1.0, 1e16, default.training_tokens),
            usd_per_accelerator_hour: self
                .usd_per_accelerator_hour
                .filter(|price| !price.is_nan())
                .map(|price| bounded(price, 0.0, 10_000.0, 0.0)),
            usd_per_kilowatt_hour: bounded(
                self.usd_per_kilowatt_hour,
                0.0,
                10.0,
                default.usd_per_kilowatt_hour,
            ),
            amortisation_years: bounded(self.amortisation_years, 0.1, 20.0, default.amortisation_years),
            own_facts: self.own_facts.sanitised(),
        }
    }
}

impl Workbench {
    /// The same state with every field in its documented range.
    #[must_use]
    pub fn sanitised(self) -> Self {
        Self { page: self.page, experiment: self.experiment.sanitised(), scenario: self.scenario.sanitised() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_what_hides_or_reorders() {
        assert_eq!(plain_text("a\u{202e}b\u{0}c\u{200b}\n", 256), "abc");
        assert_eq!(plain_text(&"x".repeat(10_000), 256).len(), 256);
        assert_eq!(plain_text("Größe <script> 日本", 256), "Größe <script> 日本");
    }

    #[test]
    fn numbers_are_forced_into_range() {
        let wild = Scenario {
            cloud_fraction: f64::NAN,
            training_tokens: 1e308,
            usd_per_accelerator_hour: Some(f64::NAN),
            usd_per_kilowatt_hour: -0.0,
            amortisation_years: f64::NEG_INFINITY,
            zero_stage: 200,
            accelerator_count: 0,
            ..Scenario::default()
        }
        .sanitised();
        let expected = Scenario {
            cloud_fraction: 0.5,
            training_tokens: 1e16,
            usd_per_accelerator_hour: None,
            usd_per_kilowatt_hour: 0.0,
            amortisation_years: 0.1,
            zero_stage: 3,
            accelerator_count: 1,
            ..Scenario::default()
        };
        assert_eq!(wild, expected);
        assert!(wild.usd_per_kilowatt_hour.is_sign_positive());
        assert_eq!(wild.clone().sanitised(), wild);
    }
}
