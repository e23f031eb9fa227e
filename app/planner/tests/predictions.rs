//! The performance, memory and cost model: values worked out by hand, laws, and 10,000 random scenarios.

mod common;

use common::Random;
use planner::catalog::{CALIBRATION, Calibration, Catalog, ModelShape};
use planner::memory::{layer_activations, memory_parts};
use planner::performance::{Layout, Link, Machine, Topology, step_breakdown};
use planner::prediction::{Estimate, Prediction, Provenance, Resource};
use planner::scenario::{Deployment, Dtype, MeasuredDevice, Scenario, THIS_DEVICE};
use planner::units::{Bytes, BytesPerSecond, FlopsPerSecond, Seconds};
use planner::{EvaluateError, evaluate, presets};

const GIB: f64 = 1_073_741_824.0;

/// Megatron's 22B model (Korthikanti et al. 2022, table 3).
fn megatron_22b() -> ModelShape {
    ModelShape {
        hidden_size: 6_144,
        intermediate_size: 24_576,
        num_hidden_layers: 48,
        num_attention_heads: 64,
        num_key_value_heads: 64,
        head_dim: 96,
        vocab_size: 51_200,
        max_position_embeddings: 2_048,
        learned_position_embeddings: false,
        gated_mlp: false,
        tie_word_embeddings: true,
        causal: true,
    }
}

fn layout() -> Layout {
    Layout {
        tensor_parallel_size: 8,
        pipeline_parallel_size: 1,
        virtual_pipeline_size: 1,
        data_parallel_size: 1,
        micro_batch_size: 4,
        micro_batch_count: 1,
        sequence_length: 2_048,
        zero_stage: 0,
        full_recomputation: false,
        precision: Dtype::Bf16,
    }
}

fn machine() -> Machine {
    let link = |bandwidth, latency| Link { bandwidth: BytesPerSecond(bandwidth), latency: Seconds(latency) };
    Machine {
        matrix_rate: FlopsPerSecond(2e14),
        wide_matrix_rate: FlopsPerSecond(2e14),
        memory_bandwidth: BytesPerSecond(2e12),
        topology: Topology {
            accelerators_per_node: 8.0,
            intra_node: link(2.4e11, 1e-5),
            inter_node: link(2.2e10, 2e-5),
        },
    }
}

fn part(parts: &[planner::prediction::MemoryPart], label: &str) -> f64 {
    parts.iter().find(|part| part.label == label).map_or(f64::NAN, |part| part.bytes.0)
}

fn assert_close(left: f64, right: f64, tolerance: f64) {
    assert!((left / right - 1.0).abs() <= tolerance, "{left} is not within {tolerance} of {right}");
}

#[test]
fn activations_are_those_of_korthikanti_2022() {
    // Figure 1 and equation 4: 34 s b h / t per layer with sequence parallelism and without score matrices:
    // 34 x 2048 x 4 x 6144 / 8 x 48 layers = 9.5625 GiB, as published.
    let per_layer = layer_activations(&megatron_22b(), &layout());
    assert_close(per_layer.0 * 48.0, 9.5625 * GIB, 1e-12);
    // Full recomputation keeps 2 s b h / t per layer and the working set of one layer.
    let full = Layout { full_recomputation: true, ..layout() };
    let kept = part(&memory_parts(&megatron_22b(), &full, Bytes(0.0)), "activations");
    assert_close(kept, 2.0 * 2_048.0 * 4.0 * 6_144.0 / 8.0 * 48.0 + per_layer.0, 1e-12);
}

#[test]
fn weights_and_states_are_those_of_korthikanti_2022() {
    // Figure 1: 45.5625 GiB of parameters, gradients and optimizer states at 18 bytes per weight over 8 ranks.
    let parts = memory_parts(&megatron_22b(), &layout(), Bytes(0.0));
    let sum = part(&parts, "weights") + part(&parts, "gradients") + part(&parts, "optimizer states");
    assert_close(sum, 45.5625 * GIB, 0.02);
    assert_close(sum, 18.0 * megatron_22b().parameters() / 8.0, 1e-12);
}

#[test]
fn zero_divides_what_it_says() {
    let bytes = |zero_stage, label| {
        let layout = Layout { zero_stage, data_parallel_size: 4, ..layout() };
        part(&memory_parts(&megatron_22b(), &layout, Bytes(0.0)), label)
    };
    assert_close(bytes(1, "optimizer states"), bytes(0, "optimizer states") / 4.0, 1e-12);
    assert_close(bytes(1, "gradients"), bytes(0, "gradients"), 1e-12);
    assert_close(bytes(2, "gradients"), bytes(0, "gradients") / 4.0, 1e-12);
    assert_close(bytes(2, "weights"), bytes(0, "weights"), 1e-12);
    // Stage 3 keeps its quarter and two whole layers of 12 h^2 / t weights.
    let layers = 2.0 * 2.0 * 12.0 * 6_144.0_f64.powi(2) / 8.0;
    assert_close(bytes(3, "weights"), bytes(0, "weights") / 4.0 + layers, 1e-12);
}

/// Every efficiency 1, no overhead, no latency.
fn ideal() -> Calibration {
    Calibration {
        memory_efficiency: 1.0,
        matmul_efficiency: 1.0,
        matmul_overhead_seconds: 0.0,
        attention_efficiency: 1.0,
        communication_overlap: 1.0,
        ..CALIBRATION
    }
}

#[test]
fn an_ideal_step_is_flops_over_rate() {
    // One accelerator, endless memory bandwidth: 6 x weights x tokens, plus causal attention, which computes half
    // of 4 s q per token forward and 2.5 times that backward: 7 L s q per token.
    let layout = Layout { tensor_parallel_size: 1, ..layout() };
    let machine = Machine { memory_bandwidth: BytesPerSecond(1e30), ..machine() };
    let shape = megatron_22b();
    let step = step_breakdown(&shape, &layout, &machine, &ideal());
    let tokens = 4.0 * 2_048.0;
    let flops = tokens * (6.0 * shape.parameters() + 7.0 * 48.0 * 2_048.0 * 6_144.0);
    assert_close(step.total.0, flops / 2e14, 1e-9);
    assert_eq!(step.bound_by(), Resource::Compute);
    // Recomputation repeats the forward pass of the layers: 2 x weights + 2 L s q per token.
    let again = step_breakdown(&shape, &Layout { full_recomputation: true, ..layout }, &machine, &ideal());
    let layers = shape.parameters() - 6_144.0 * 51_200.0;
    let extra = tokens * (2.0 * layers + 2.0 * 48.0 * 2_048.0 * 6_144.0);
    assert_close(again.total.0 - step.total.0, extra / 2e14, 1e-6);
}

#[test]
fn exchange_and_bubble_are_worked_out_by_hand() {
    // Tensor parallel 8 in a node: 4 all-reduces x 48 layers of 2 s b h bytes: 2 x 7/8 x 100,663,296 B / 240 GB/s
    // plus twice three hops of 10 us.
    let step = step_breakdown(&megatron_22b(), &layout(), &machine(), &ideal());
    let each = 2.0 * 7.0 / 8.0 * 100_663_296.0 / 2.4e11 + 2.0 * 3.0 * 1e-5;
    assert_close(step.time_of(Resource::IntraNodeNetwork).0, 4.0 * 48.0 * each, 1e-12);
    // Four stages and two micro batches: three of five slots idle per micro batch of the slowest stage.
    let piped =
        Layout { tensor_parallel_size: 1, pipeline_parallel_size: 4, micro_batch_count: 2, ..layout() };
    let step = step_breakdown(&megatron_22b(), &piped, &machine(), &ideal());
    let update =
        step.parts.iter().filter(|(_, part)| part.label == "optimizer update").map(|(_, part)| part.time.0);
    let bubble = step.time_of(Resource::PipelineBubble).0;
    assert_close(bubble, 3.0 / 5.0 * (step.total.0 - update.sum::<f64>()), 1e-9);
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
fn better_hardware_is_never_slower() {
    type Improve = fn(&mut Machine);
    const IMPROVEMENTS: [(&str, Improve); 7] = [
        ("matrix rate", |machine| machine.matrix_rate = machine.matrix_rate * 1.5),
        ("wide matrix rate", |machine| machine.wide_matrix_rate = machine.wide_matrix_rate * 1.5),
        ("memory bandwidth", |machine| machine.memory_bandwidth = machine.memory_bandwidth * 1.5),
        ("inner link", |machine| {
            machine.topology.intra_node.bandwidth = machine.topology.intra_node.bandwidth * 1.5
        }),
        ("network", |machine| {
            machine.topology.inter_node.bandwidth = machine.topology.inter_node.bandwidth * 1.5
        }),
        ("inner latency", |machine| machine.topology.intra_node.latency = Seconds(0.0)),
        ("network latency", |machine| machine.topology.inter_node.latency = Seconds(0.0)),
    ];
    for index in 0..3_000 {
        let mut random = Random(index);
        let scenario = random.scenario();
        let shape = Catalog::builtin().model(&scenario.model).unwrap().shape;
        let layout = Layout {
            tensor_parallel_size: scenario.tensor_parallel_size,
            pipeline_parallel_size: scenario.pipeline_parallel_size.min(shape.num_hidden_layers),
            virtual_pipeline_size: 1,
            data_parallel_size: scenario.accelerator_count,
            micro_batch_size: scenario.micro_batch_size,
            micro_batch_count: 1 + scenario.global_batch_size % 64,
            sequence_length: scenario.sequence_length,
            zero_stage: scenario.zero_stage,
            full_recomputation: scenario.full_recomputation,
            precision: scenario.precision,
        };
        let before = step_breakdown(&shape, &layout, &machine(), &CALIBRATION).total;
        for (name, improve) in IMPROVEMENTS {
            // Faster arithmetic also hides less traffic, but never so much less that the step grows.
            let mut better = machine();
            improve(&mut better);
            let after = step_breakdown(&shape, &layout, &better, &CALIBRATION).total;
            assert!(after.0 <= before.0 * (1.0 + 1e-12), "{index}: better {name}: {before:?} to {after:?}");
        }
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
    assert!(utilization > 0.0 && utilization <= 2.0, "{index}: utilisation {utilization}");
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
    assert!(prediction.notes.iter().any(|note| note.contains("Extrapolated")), "{:?}", prediction.notes);
    assert!(prediction.time_to_train.high.0 > 2.0 * prediction.time_to_train.value.0);
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
    let labels =
        |prediction: &Prediction| prediction.cost_parts.iter().map(|part| part.label).collect::<Vec<_>>();
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
