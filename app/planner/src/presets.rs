//! Named starting points. A link is a difference from one of them, so the presets of a version never change.
//!
//! The tables below are version 1. They spell every default out instead of taking it from `Default`, so that a
//! later change of a default does not change what a version 1 link means. New presets may be added at the end.

use crate::experiment::{BackendChoice, DatasetChoice, Experiment, ModelKind, Optimizer};
use crate::own_facts::OwnFacts;
use crate::scenario::{Deployment, Dtype, Scenario};
use crate::workbench::{Page, Workbench};

/// A named state of the workbench.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// Stable id; links hold it.
    pub id: &'static str,
    /// Title.
    pub title: &'static str,
    /// One line on what it shows.
    pub description: &'static str,
    build: fn() -> Workbench,
}

impl Preset {
    /// The state.
    #[must_use]
    pub fn workbench(&self) -> Workbench {
        (self.build)()
    }
}

/// Every preset, the default first.
#[must_use]
pub const fn all() -> &'static [Preset] {
    V1
}

/// The preset with this id.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Preset> {
    all().iter().find(|preset| preset.id == id)
}

const V1: &[Preset] = &[
    Preset {
        id: "default",
        title: "Start",
        description: "A small CNN to train here, and Llama 3 8B on 64 H100 to plan.",
        build: v1_default,
    },
    Preset {
        id: "digits-mlp",
        title: "Digits with an MLP",
        description: "The smallest network that reads digits: two dense layers.",
        build: || v1_experiment(Experiment { model: ModelKind::Mlp, width: 128, ..v1_default().experiment }),
    },
    Preset {
        id: "digits-cnn",
        title: "Digits with a CNN",
        description: "Two convolutions and a dense layer; reaches 97 % in under a minute.",
        build: || v1_experiment(v1_default().experiment),
    },
    Preset {
        id: "llama-8b-64xh100",
        title: "Llama 3 8B on 64 H100",
        description: "Eight rented servers, fully sharded data parallel.",
        build: || v1_scenario(v1_default().scenario),
    },
    Preset {
        id: "llama-70b-512xh100",
        title: "Llama 3 70B on 512 H100",
        description: "Tensor parallel inside the server, pipeline and data parallel between servers.",
        build: || {
            v1_scenario(Scenario {
                model: "llama-3-70b".into(),
                accelerator_count: 512,
                tensor_parallel_size: 8,
                pipeline_parallel_size: 4,
                zero_stage: 1,
                global_batch_size: 512,
                ..v1_default().scenario
            })
        },
    },
    Preset {
        id: "llama-405b-16k",
        title: "Llama 3.1 405B on 16,384 H100",
        description: "A frontier-size run: 15.6 trillion tokens.",
        build: || {
            v1_scenario(Scenario {
                model: "llama-3.1-405b".into(),
                accelerator_count: 16_384,
                tensor_parallel_size: 8,
                zero_stage: 3,
                full_recomputation: true,
                global_batch_size: 4_096,
                micro_batch_size: 2,
                training_tokens: 15.6e12,
                interconnect: "roce-400g".into(),
                ..v1_default().scenario
            })
        },
    },
    Preset {
        id: "gpt3-a100",
        title: "GPT-3 175B on 1,024 A100",
        description: "The run of 2021: 300 billion tokens with full recomputation.",
        build: || {
            v1_scenario(Scenario {
                model: "gpt3-175b".into(),
                accelerator: "a100-80gb".into(),
                accelerator_count: 1_024,
                interconnect: "infiniband-hdr".into(),
                tensor_parallel_size: 8,
                pipeline_parallel_size: 8,
                zero_stage: 1,
                full_recomputation: true,
                sequence_length: 2_048,
                global_batch_size: 1_536,
                training_tokens: 300e9,
                ..v1_default().scenario
            })
        },
    },
    Preset {
        id: "tpu-pod",
        title: "Llama 3 70B on 512 TPU v5p",
        description: "One slice of a TPU pod, fully sharded.",
        build: || {
            v1_scenario(Scenario {
                model: "llama-3-70b".into(),
                accelerator: "tpu-v5p".into(),
                accelerator_count: 512,
                interconnect: "tpu-dcn".into(),
                zero_stage: 3,
                full_recomputation: true,
                global_batch_size: 1_024,
                micro_batch_size: 2,
                ..v1_default().scenario
            })
        },
    },
    Preset {
        id: "on-prem-dgx",
        title: "Eight owned H100 servers",
        description: "Buying instead of renting: write-off, electricity, cooling.",
        build: || {
            v1_scenario(Scenario {
                deployment: Deployment::OnPremises,
                training_tokens: 100e9,
                ..v1_default().scenario
            })
        },
    },
    Preset {
        id: "hybrid",
        title: "Owned base load, rented peak",
        description: "128 H100, of which three in ten hours are rented.",
        build: || {
            v1_scenario(Scenario {
                deployment: Deployment::Hybrid,
                cloud_fraction: 0.3,
                accelerator_count: 128,
                model: "mistral-7b".into(),
                training_tokens: 500e9,
                ..v1_default().scenario
            })
        },
    },
];

fn v1_experiment(experiment: Experiment) -> Workbench {
    Workbench { page: Page::Train, experiment, ..v1_default() }
}

fn v1_scenario(scenario: Scenario) -> Workbench {
    Workbench { page: Page::Scenario, scenario, ..v1_default() }
}

/// Version 1 of every default, for ever.
fn v1_default() -> Workbench {
    Workbench {
        page: Page::Start,
        experiment: Experiment {
            dataset: DatasetChoice::Drawn,
            data_seed: 1,
            model: ModelKind::Cnn,
            width: 16,
            batch_size: 64,
            optimizer: Optimizer::Adam,
            learning_rate: 0.002,
            epochs: 4,
            seed: 1,
            backend: BackendChoice::Auto,
        },
        scenario: Scenario {
            name: String::new(),
            accelerator: "h100-sxm".into(),
            measured_device: None,
            accelerator_count: 64,
            interconnect: "infiniband-ndr".into(),
            deployment: Deployment::Cloud,
            cloud_fraction: 0.5,
            model: "llama-3-8b".into(),
            precision: Dtype::Bf16,
            sequence_length: 8_192,
            global_batch_size: 128,
            micro_batch_size: 1,
            tensor_parallel_size: 1,
            pipeline_parallel_size: 1,
            virtual_pipeline_size: 1,
            context_parallel_size: 1,
            expert_parallel_size: 1,
            zero_stage: 3,
            full_recomputation: false,
            selective_recomputation: false,
            training_tokens: 1e12,
            usd_per_accelerator_hour: None,
            usd_per_kilowatt_hour: 0.12,
            amortisation_years: 4.0,
            own_facts: OwnFacts::default(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{catalog::Catalog, evaluate, training::TrainingModel};

    #[test]
    fn every_preset_is_in_range_and_every_scenario_runs_and_fits() {
        let model = TrainingModel::builtin(Catalog::builtin()).expect("the committed fit is whole");
        for preset in all() {
            let workbench = preset.workbench();
            assert_eq!(workbench.clone().sanitised(), workbench, "{}", preset.id);
            let prediction = evaluate(&workbench.scenario, Catalog::builtin(), &model).expect(preset.id);
            assert!(prediction.fits, "{}: {}", preset.id, prediction.verdict);
            assert!(
                preset
                    .id
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            );
        }
    }
}
