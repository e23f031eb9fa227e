//! Version 1 of what a link can set: key, range, how it is written and read. Frozen; new fields go to the end.

use super::error::ShareError;
use crate::experiment::{BackendChoice, DatasetChoice, Experiment, ModelKind, Optimizer};
use crate::names;
use crate::own_facts::OwnFacts;
use crate::sanitise::{NAME_CHARACTERS, plain_text};
use crate::scenario::{Deployment, Dtype, MeasuredDevice, THIS_DEVICE};
use crate::workbench::Workbench;

/// The word for an optional value that is not set.
const NONE: &str = "none";

/// What a field may hold.
#[derive(Debug, Clone, Copy)]
pub(super) enum Domain {
    /// A whole number.
    Whole { low: u32, high: u32, get: fn(&Workbench) -> u32, set: fn(&mut Workbench, u32) },
    /// A finite number.
    Real { low: f64, high: f64, get: fn(&Workbench) -> f64, set: fn(&mut Workbench, f64) },
    /// A finite number or `none`.
    Optional { low: f64, high: f64, get: fn(&Workbench) -> Option<f64>, set: fn(&mut Workbench, Option<f64>) },
    /// One of a list of words.
    Word {
        words: fn() -> Vec<&'static str>,
        get: fn(&Workbench) -> &str,
        set: fn(&mut Workbench, usize, &str),
    },
    /// Facts that replace the catalog's.
    Facts,
    /// Free text.
    Text { get: fn(&Workbench) -> &str, set: fn(&mut Workbench, String) },
}

/// A key with its domain.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) key: &'static str,
    pub(super) domain: Domain,
}

impl Field {
    /// The value in its canonical text; floats in the shortest form that reads back exactly.
    pub(super) fn write(&self, workbench: &Workbench) -> String {
        match self.domain {
            Domain::Whole { get, .. } => get(workbench).to_string(),
            Domain::Real { get, .. } => get(workbench).to_string(),
            Domain::Optional { get, .. } => {
                get(workbench).map_or_else(|| NONE.into(), |value| value.to_string())
            }
            Domain::Word { get, .. } | Domain::Text { get, .. } => get(workbench).to_owned(),
            Domain::Facts => workbench.scenario.own_facts.encode(),
        }
    }

    /// Sets the value, or says what is allowed.
    pub(super) fn read(&self, workbench: &mut Workbench, value: &str) -> Result<(), ShareError> {
        let refuse = |expected: String| Err(ShareError::bad_value(self.key, value, expected));
        match self.domain {
            Domain::Whole { low, high, set, .. } => match whole(value, low, high) {
                Some(number) => set(workbench, number),
                None => return refuse(format!("a whole number from {low} to {high}")),
            },
            Domain::Real { low, high, set, .. } => match real(value, low, high) {
                Some(number) => set(workbench, number),
                None => return refuse(format!("a number from {low} to {high}")),
            },
            Domain::Optional { low, high, set, .. } => match real(value, low, high) {
                Some(number) => set(workbench, Some(number)),
                None if value == NONE => set(workbench, None),
                None => return refuse(format!("a number from {low} to {high}, or {NONE}")),
            },
            Domain::Word { words, set, .. } => {
                let words = words();
                match words.iter().position(|word| *word == value) {
                    Some(index) => set(workbench, index, value),
                    None => return refuse(format!("one of {}", words.join(", "))),
                }
            }
            Domain::Facts => match OwnFacts::decode(value) {
                Some(facts) => workbench.scenario.own_facts = facts,
                None => return refuse("key~number pairs, joined by _".into()),
            },
            Domain::Text { set, .. } => {
                if plain_text(value, NAME_CHARACTERS) != value {
                    return refuse(format!("at most {NAME_CHARACTERS} visible characters"));
                }
                set(workbench, value.to_owned());
            }
        }
        Ok(())
    }
}

/// Digits only: no sign, no blank, nothing past `u32`.
fn whole(text: &str, low: u32, high: u32) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|value| digits && (low..=high).contains(value))
}

/// Digits, a point, an exponent; no sign in front, so that neither `-0` nor `inf` nor `nan` is a number.
fn real(text: &str, low: f64, high: f64) -> Option<f64> {
    let plain = text.len() <= 32
        && text.starts_with(|first: char| first.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    text.parse().ok().filter(|value: &f64| plain && value.is_finite() && (low..=high).contains(value))
}

/// Checks what no field can check alone.
pub(super) fn check_whole(workbench: &Workbench) -> Result<(), ShareError> {
    let (low, high) = Experiment::width_range(workbench.experiment.model);
    let width = workbench.experiment.width;
    if !(low..=high).contains(&width) {
        let expected = format!("a whole number from {low} to {high} for this model");
        return Err(ShareError::bad_value("model.width", &width.to_string(), expected));
    }
    let Some(device) = workbench.scenario.measured_device else { return Ok(()) };
    let MeasuredDevice { peak_f32_flops_per_second, memory_bandwidth_bytes_per_second, memory_bytes } =
        device;
    let complete = [peak_f32_flops_per_second, memory_bandwidth_bytes_per_second, memory_bytes];
    if complete.iter().all(|value| *value > 0.0) {
        return Ok(());
    }
    Err(ShareError::bad_value(
        "device.flops",
        "part of a device",
        "all of device.flops, device.bandwidth, device.memory",
    ))
}

macro_rules! number_field {
    ($key:literal, $kind:ident, $low:expr, $high:expr, $($path:ident).+) => {
        Field {
            key: $key,
            domain: Domain::$kind {
                low: $low,
                high: $high,
                get: |workbench| workbench.$($path).+,
                set: |workbench, value| workbench.$($path).+ = value,
            },
        }
    };
}

macro_rules! word_field {
    ($key:literal, $($path:ident).+, [$($word:literal => $variant:path),+ $(,)?]) => {
        Field {
            key: $key,
            domain: Domain::Word {
                words: || vec![$($word),+],
                get: |workbench| match workbench.$($path).+ { $($variant => $word),+ },
                set: |workbench, index, _| {
                    if let Some(value) = [$($variant),+].get(index) {
                        workbench.$($path).+ = *value;
                    }
                },
            },
        }
    };
}

macro_rules! id_field {
    ($key:literal, $($path:ident).+, $ids:expr) => {
        Field {
            key: $key,
            domain: Domain::Word {
                words: $ids,
                get: |workbench| &workbench.$($path).+,
                set: |workbench, _, value| workbench.$($path).+ = value.to_owned(),
            },
        }
    };
}

macro_rules! device_field {
    ($key:literal, $low:expr, $high:expr, $name:ident) => {
        Field {
            key: $key,
            domain: Domain::Optional {
                low: $low,
                high: $high,
                get: |workbench| workbench.scenario.measured_device.map(|device| device.$name),
                set: |workbench, value| match value {
                    Some(value) => workbench.scenario.measured_device.get_or_insert(NO_DEVICE).$name = value,
                    None => workbench.scenario.measured_device = None,
                },
            },
        }
    };
}

/// A device of which nothing is read yet; [`check_whole`] refuses one that stays incomplete.
const NO_DEVICE: MeasuredDevice = MeasuredDevice {
    peak_f32_flops_per_second: 0.0,
    memory_bandwidth_bytes_per_second: 0.0,
    memory_bytes: 0.0,
};

fn accelerator_ids() -> Vec<&'static str> {
    std::iter::once(THIS_DEVICE).chain(names::ACCELERATORS.iter().map(|(id, _)| *id)).collect()
}

fn interconnect_ids() -> Vec<&'static str> {
    names::INTERCONNECTS.iter().map(|(id, _)| *id).collect()
}

fn model_ids() -> Vec<&'static str> {
    names::MODELS.iter().map(|(id, _)| *id).collect()
}

/// The fields of version 1 in their frozen order.
pub(super) const V1: &[Field] = &[
    word_field!("run.data", experiment.dataset, ["drawn" => DatasetChoice::Drawn, "files" => DatasetChoice::Files]),
    number_field!("run.data_seed", Whole, 0, u32::MAX, experiment.data_seed),
    word_field!("model.kind", experiment.model, ["mlp" => ModelKind::Mlp, "cnn" => ModelKind::Cnn]),
    number_field!("model.width", Whole, 4, 1_024, experiment.width),
    number_field!("run.batch", Whole, 1, 1_024, experiment.batch_size),
    word_field!("run.optimizer", experiment.optimizer, ["adam" => Optimizer::Adam, "sgd" => Optimizer::Sgd]),
    number_field!("run.learning_rate", Real, 1e-6, 10.0, experiment.learning_rate),
    number_field!("run.epochs", Whole, 1, 100, experiment.epochs),
    number_field!("run.seed", Whole, 0, u32::MAX, experiment.seed),
    word_field!(
        "run.backend",
        experiment.backend,
        ["auto" => BackendChoice::Auto, "gpu" => BackendChoice::Gpu, "cpu" => BackendChoice::Cpu]
    ),
    Field {
        key: "scenario.name",
        domain: Domain::Text {
            get: |workbench| &workbench.scenario.name,
            set: |workbench, value| workbench.scenario.name = value,
        },
    },
    id_field!("scenario.accelerator", scenario.accelerator, accelerator_ids),
    device_field!("device.flops", 1e6, 1e18, peak_f32_flops_per_second),
    device_field!("device.bandwidth", 1e6, 1e16, memory_bandwidth_bytes_per_second),
    device_field!("device.memory", 1e6, 1e15, memory_bytes),
    number_field!("scenario.count", Whole, 1, 1_000_000, scenario.accelerator_count),
    id_field!("scenario.network", scenario.interconnect, interconnect_ids),
    word_field!(
        "scenario.deployment",
        scenario.deployment,
        ["on_premises" => Deployment::OnPremises, "cloud" => Deployment::Cloud, "hybrid" => Deployment::Hybrid]
    ),
    number_field!("scenario.cloud_fraction", Real, 0.0, 1.0, scenario.cloud_fraction),
    id_field!("scenario.model", scenario.model, model_ids),
    word_field!(
        "scenario.precision",
        scenario.precision,
        [
            "F32" => Dtype::F32,
            "BF16" => Dtype::Bf16,
            "F16" => Dtype::F16,
            "F8_E4M3" => Dtype::F8E4m3,
            "I8" => Dtype::I8,
        ]
    ),
    number_field!("scenario.sequence_length", Whole, 1, 10_000_000, scenario.sequence_length),
    number_field!("scenario.global_batch", Whole, 1, 10_000_000, scenario.global_batch_size),
    number_field!("scenario.micro_batch", Whole, 1, 65_536, scenario.micro_batch_size),
    number_field!("scenario.tensor_parallel", Whole, 1, 64, scenario.tensor_parallel_size),
    number_field!("scenario.pipeline_parallel", Whole, 1, 256, scenario.pipeline_parallel_size),
    Field {
        key: "scenario.zero",
        domain: Domain::Whole {
            low: 0,
            high: 3,
            get: |workbench| u32::from(workbench.scenario.zero_stage),
            set: |workbench, value| workbench.scenario.zero_stage = u8::try_from(value).unwrap_or(3),
        },
    },
    Field {
        key: "scenario.recompute",
        domain: Domain::Word {
            words: || vec!["no", "yes"],
            get: |workbench| if workbench.scenario.full_recomputation { "yes" } else { "no" },
            set: |workbench, index, _| workbench.scenario.full_recomputation = index == 1,
        },
    },
    number_field!("scenario.tokens", Real, 1.0, 1e16, scenario.training_tokens),
    number_field!("scenario.price", Optional, 0.0, 10_000.0, scenario.usd_per_accelerator_hour),
    number_field!("scenario.electricity", Real, 0.0, 10.0, scenario.usd_per_kilowatt_hour),
    number_field!("scenario.years", Real, 0.1, 20.0, scenario.amortisation_years),
    number_field!("scenario.virtual_pipeline", Whole, 1, 64, scenario.virtual_pipeline_size),
    number_field!("scenario.context_parallel", Whole, 1, 256, scenario.context_parallel_size),
    number_field!("scenario.expert_parallel", Whole, 1, 1_024, scenario.expert_parallel_size),
    Field {
        key: "scenario.selective",
        domain: Domain::Word {
            words: || vec!["no", "yes"],
            get: |workbench| if workbench.scenario.selective_recomputation { "yes" } else { "no" },
            set: |workbench, index, _| workbench.scenario.selective_recomputation = index == 1,
        },
    },
    Field { key: "scenario.facts", domain: Domain::Facts },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::ModelKind;

    #[test]
    fn keys_are_unique_and_no_key_can_look_like_an_end() {
        for (index, field) in V1.iter().enumerate() {
            assert!(V1.iter().skip(index + 1).all(|other| other.key != field.key), "{}", field.key);
            assert!(!field.key.starts_with("end") && field.key.contains('.'), "{}", field.key);
        }
    }

    /// Where `value` ends up after it was set and the state was forced into its ranges.
    fn forced(field: &Field, value: &str) -> String {
        let mut workbench = Workbench::default();
        // The widest range of widths at each end.
        workbench.experiment.model = if value == "4" { ModelKind::Cnn } else { ModelKind::Mlp };
        match field.domain {
            Domain::Whole { set, .. } => set(&mut workbench, value.parse().expect("a whole number")),
            Domain::Real { set, .. } => set(&mut workbench, value.parse().expect("a number")),
            Domain::Optional { set, .. } => set(&mut workbench, value.parse().ok()),
            Domain::Word { .. } | Domain::Text { .. } | Domain::Facts => {}
        }
        field.write(&workbench.sanitised())
    }

    #[test]
    fn links_and_forms_have_the_same_ranges() {
        for field in V1 {
            let (low, high, below, above) = match field.domain {
                Domain::Whole { low, high, .. } => {
                    let beyond = (low.saturating_sub(1), high.saturating_add(1));
                    (low.to_string(), high.to_string(), beyond.0.to_string(), beyond.1.to_string())
                }
                Domain::Real { low, high, .. } | Domain::Optional { low, high, .. } => (
                    low.to_string(),
                    high.to_string(),
                    (low - low.abs() * 0.5 - 1e-9).to_string(),
                    (high * 1.01).to_string(),
                ),
                Domain::Word { .. } | Domain::Text { .. } | Domain::Facts => continue,
            };
            assert_eq!(forced(field, &low), low, "{}", field.key);
            assert_eq!(forced(field, &high), high, "{}", field.key);
            // The zero stage is a byte, which the field's setter already forces.
            if field.key != "model.width" {
                assert_eq!(forced(field, &below), low, "{}", field.key);
            }
            assert_eq!(forced(field, &above), high, "{}", field.key);
            for outside in [&below, &above] {
                let mut workbench = Workbench::default();
                let inside = *outside == low || *outside == high;
                assert_eq!(field.read(&mut workbench, outside).is_ok(), inside, "{} = {outside}", field.key);
            }
        }
    }
}
