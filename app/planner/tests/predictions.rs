//! Whole scenarios: sums, laws, and 10,000 random ones.

#![allow(clippy::expect_used, reason = "a test may stop where it stands")]

mod common;

use common::Random;
use planner::catalog::Catalog;
use planner::prediction::{Estimate, FactUse, Prediction, Provenance, Resource};
use planner::scenario::{Deployment, Dtype, MeasuredDevice, Scenario, THIS_DEVICE};
use planner::training::TrainingModel;
use planner::units::Seconds;
use planner::{EvaluateError, presets};
use std::sync::LazyLock;

static MODEL: LazyLock<TrainingModel> =
    LazyLock::new(|| TrainingModel::builtin(Catalog::builtin()).expect("the committed fit is whole"));

fn evaluate(scenario: &Scenario, catalog: &Catalog) -> Result<Prediction, EvaluateError> {
    planner::evaluate(scenario, catalog, &MODEL)
}

fn assert_close(left: f64, right: f64, tolerance: f64) {
    assert!((left / right - 1.0).abs() <= tolerance, "{left} is not within {tolerance} of {right}");
}

#[test]
fn parts_sum_to_the_step() {
    for preset in presets::all() {
        let prediction = evaluate(&preset.workbench().scenario, Catalog::builtin()).unwrap();
        let sum: Seconds = prediction.step_parts.iter().map(|part| part.time).sum();
        assert_close(sum.0, prediction.step_time.value.0, 1e-9);
        let cost: f64 = prediction.cost_parts.iter().map(|part| part.cost.0).sum();
        assert_close(cost, prediction.cost.value.0, 1e-9);
        let memory: f64 = prediction.memory_parts.iter().map(|part| part.bytes.0).sum();
        assert_close(memory, prediction.memory_total.0, 1e-9);
    }
}

#[test]
fn more_work_is_never_cheaper() {
    let predict = |scenario: &Scenario| evaluate(scenario, Catalog::builtin()).unwrap();
    let base = Scenario::default();
    let small = predict(&base);
    let tokens = predict(&Scenario { training_tokens: 2e12, ..base.clone() });
    assert_close(tokens.cost.value.0, 2.0 * small.cost.value.0, 1e-3);
    let bigger = predict(&Scenario { model: "llama-3-70b".into(), ..base.clone() });
    assert!(
        bigger.time_to_train.value > small.time_to_train.value && bigger.memory_total > small.memory_total
    );
    let recompute = predict(&Scenario { full_recomputation: true, ..base.clone() });
    assert!(recompute.step_time.value > small.step_time.value && recompute.memory_total < small.memory_total);
    let slow_network = predict(&Scenario { interconnect: "ethernet-10g".into(), ..base });
    assert!(slow_network.step_time.value > small.step_time.value);
    assert_eq!(slow_network.bound_by, Resource::InterNodeNetwork);
}

fn assert_finite(index: u64, prediction: &Prediction) {
    let ordered = |low: f64, value: f64, high: f64| {
        assert!(
            low.is_finite() && high.is_finite() && low >= 0.0 && low <= value && value <= high,
            "{index}: {low} {value} {high}"
        );
    };
    let Estimate { value, low, high } = prediction.step_time;
    ordered(low.0, value.0, high.0);
    assert!(value.0 > 0.0, "{index}");
    let Estimate { value, low, high } = prediction.time_to_train;
    ordered(low.0, value.0, high.0);
    let Estimate { value, low, high } = prediction.energy;
    ordered(low.0, value.0, high.0);
    let Estimate { value, low, high } = prediction.cost;
    ordered(low.0, value.0, high.0);
    let utilization = prediction.model_flops_utilization;
    // A peak of the visitor's own may be as absurd as they like.
    let own = |fact: &FactUse| fact.key.is_some() && fact.provenance == Provenance::Assumption;
    let most = if prediction.facts.iter().any(own) { f64::INFINITY } else { 2.0 };
    assert!(utilization > 0.0 && utilization <= most, "{index}: utilisation {utilization}");
    assert!(prediction.tokens_per_second.is_finite() && prediction.step_count >= 1.0, "{index}");
    let numbers = prediction
        .step_parts
        .iter()
        .map(|part| part.time.0)
        .chain(prediction.memory_parts.iter().map(|part| part.bytes.0))
        .chain(prediction.cost_parts.iter().map(|part| part.cost.0))
        .chain(prediction.facts.iter().map(|fact| fact.value));
    for number in numbers {
        assert!(number.is_finite() && number >= 0.0, "{index}: {number}");
    }
    for text in prediction.notes.iter().chain([&prediction.verdict, &prediction.interval_basis]) {
        assert!(
            !text.contains("NaN") && !text.contains("inf ") && !text.contains("not a number"),
            "{index}: {text}"
        );
    }
}

#[test]
fn ten_thousand_random_scenarios_give_finite_numbers_or_a_message() {
    let mut predicted = 0;
    for index in 0..10_000 {
        match evaluate(&Random(index).scenario(), Catalog::builtin()) {
            Ok(prediction) => {
                predicted += 1;
                assert_finite(index, &prediction);
            }
            Err(error) => {
                let message = error.to_string();
                assert!(message.contains("kept") && message.split(". ").count() >= 3, "{message}");
            }
        }
    }
    assert!(predicted > 500, "only {predicted} random scenarios were possible");
}

fn small_device() -> Scenario {
    Scenario {
        accelerator: THIS_DEVICE.into(),
        measured_device: Some(MeasuredDevice {
            peak_f32_flops_per_second: 1e12,
            memory_bandwidth_bytes_per_second: 1e11,
            memory_bytes: 4e9,
        }),
        accelerator_count: 1,
        model: "gpt2".into(),
        sequence_length: 256,
        global_batch_size: 8,
        training_tokens: 1e7,
        ..Scenario::default()
    }
}

#[test]
fn this_device_is_measured_and_costs_electricity_only() {
    let prediction = evaluate(&small_device(), Catalog::builtin()).unwrap();
    assert_eq!(prediction.cost_parts.len(), 1);
    assert_eq!(prediction.cost_parts[0].label, "electricity");
    assert!(prediction.facts.iter().any(|fact| fact.provenance == Provenance::Measured));
    assert!(prediction.notes.iter().any(|note| note.contains("F32")), "{:?}", prediction.notes);
    assert!(
        prediction.notes.iter().any(|note| note.contains("No published run resembles")),
        "{:?}",
        prediction.notes
    );
    assert!(prediction.time_to_train.high.0 > 1.2 * prediction.time_to_train.value.0);
    let unmeasured = Scenario { measured_device: None, ..small_device() };
    let error = evaluate(&unmeasured, Catalog::builtin()).unwrap_err();
    assert_eq!(error, EvaluateError::MissingMeasuredDevice);
    assert!(error.to_string().contains("Device page"), "{error}");
}

#[test]
fn deployments_differ_as_they_should() {
    let with = |deployment| Scenario { deployment, ..Scenario::default() };
    let predict = |scenario: &Scenario| evaluate(scenario, Catalog::builtin()).unwrap();
    let cloud = predict(&with(Deployment::Cloud));
    let owned = predict(&with(Deployment::OnPremises));
    let labels = |prediction: &Prediction| {
        prediction.cost_parts.iter().map(|part| part.label.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(labels(&cloud), ["accelerator rent"]);
    assert_eq!(labels(&owned), ["owned hardware", "electricity"]);
    // The older site needs more cooling.
    assert!(owned.energy.value > cloud.energy.value);
    let hybrid =
        |cloud_fraction| predict(&Scenario { cloud_fraction, ..with(Deployment::Hybrid) }).cost.value.0;
    assert_close(hybrid(0.0), owned.cost.value.0, 1e-9);
    assert_close(hybrid(1.0), cloud.cost.value.0, 1e-9);
    // The visitor's own price: 64 accelerators x hours x 2 USD.
    let own = predict(&Scenario { usd_per_accelerator_hour: Some(2.0), ..Scenario::default() });
    assert_close(own.cost.value.0, 64.0 * own.time_to_train.value.hours() * 2.0, 1e-12);
    assert_eq!(own.cost_parts[0].provenance, Provenance::Assumption);
}

#[test]
fn impossible_splits_have_their_own_error() {
    let error = |scenario: Scenario| evaluate(&scenario, Catalog::builtin()).unwrap_err();
    let base = Scenario::default;
    assert!(matches!(
        error(Scenario { tensor_parallel_size: 7, ..base() }),
        EvaluateError::ParallelismDoesNotDivide { .. }
    ));
    assert!(matches!(
        error(Scenario { global_batch_size: 63, ..base() }),
        EvaluateError::BatchTooSmall { .. }
    ));
    assert!(matches!(
        error(Scenario { pipeline_parallel_size: 64, ..base() }),
        EvaluateError::MoreStagesThanLayers { .. }
    ));
    assert!(matches!(
        error(Scenario { tensor_parallel_size: 64, ..base() }),
        EvaluateError::MoreRanksThanHeads { .. }
    ));
    assert!(matches!(error(Scenario { accelerator: "h9000".into(), ..base() }), EvaluateError::Catalog(_)));
    assert!(matches!(
        error(Scenario { accelerator: "tpu-v5p".into(), precision: Dtype::F16, ..base() }),
        EvaluateError::Catalog(_)
    ));
}

#[test]
fn own_facts_replace_the_catalogs_and_are_listed_as_assumptions() {
    let base = Scenario::default();
    let predict = |scenario: &Scenario| evaluate(scenario, Catalog::builtin()).unwrap();
    let before = predict(&base);
    let own = |key: &str, value: f64| {
        let mut scenario = base.clone();
        scenario.own_facts.set(key, value);
        predict(&scenario)
    };
    let fact = |prediction: &Prediction, key: &str| {
        prediction.facts.iter().find(|fact| fact.key.as_deref() == Some(key)).unwrap().clone()
    };
    // Twice the power is twice the energy, and nothing else.
    let power = fact(&before, "power").value;
    let hot = own("power", 2.0 * power);
    assert_close(hot.energy.value.0, 2.0 * before.energy.value.0, 1e-12);
    assert_eq!(hot.step_time, before.step_time);
    assert_eq!(fact(&hot, "power").provenance, Provenance::Assumption);
    // A tenth of the network is slower; four times the memory is all there.
    let slow = own("network", fact(&before, "network").value / 10.0);
    assert!(slow.step_time.value > before.step_time.value);
    let large = own("memory", 4.0 * fact(&before, "memory").value);
    assert_close(large.memory_capacity.0, 4.0 * before.memory_capacity.0, 1e-12);
    // A value that no machine has is named, and the catalog's stands.
    let absurd = own("power", 1e9);
    assert_eq!(absurd.energy, before.energy);
    assert!(absurd.notes.iter().any(|note| note.contains("not used")), "{:?}", absurd.notes);
}
