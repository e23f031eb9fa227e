//! The training model's physics against values worked out by hand.

use planner::shape::ModelShape;
use planner::training::{
    Allowed, Chip, Layout, Link, Parameters, Recipe, Recomputation, Sharding, Software, Tuning, Workload,
    memory, step,
};

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
        ..ModelShape::DENSE
    }
}

fn workload() -> Workload {
    Workload {
        shape: megatron_22b(),
        sequence_length: 2_048,
        global_batch_size: 4,
        tuning: Tuning::Pretraining,
        recipe: Recipe::F16,
        flash_attention: false,
        software: Software::Megatron,
        release: 2022.0,
    }
}

fn layout() -> Layout {
    Layout {
        accelerator_count: 8,
        tensor_parallel_size: 8,
        pipeline_parallel_size: 1,
        virtual_pipeline_size: 1,
        context_parallel_size: 1,
        expert_parallel_size: 1,
        micro_batch_size: 4,
        sharding: Sharding::None,
        sharding_group: 0,
        sequence_parallel: true,
        recomputation: Recomputation::Selective,
        overlapped_tensor_parallel: false,
    }
}

fn chip() -> Chip {
    Chip {
        wide_flops: 2e14,
        recipe_flops: 2e14,
        achievable: Some(1.0),
        memory_bytes_per_second: 1e30,
        memory_bytes: 8e10,
        domain: 8,
        inside: Link { bytes_per_second: 2.4e11, latency_seconds: 1e-5 },
        between: Link { bytes_per_second: 2.2e10, latency_seconds: 2e-5 },
    }
}

/// Every share 1, no overhead.
fn ideal() -> Parameters {
    Parameters {
        matrix_share: 1.0,
        half_time_seconds: 0.0,
        attention_share: 1.0,
        memory_share: 1.0,
        launch_seconds: 0.0,
        inside_share: 1.0,
        between_share: 1.0,
        straggling: 0.0,
        bubble_share: 1.0,
        ..Parameters::NEUTRAL
    }
}

fn assert_close(left: f64, right: f64, tolerance: f64) {
    assert!((left / right - 1.0).abs() <= tolerance, "{left} is not within {tolerance} of {right}");
}

#[test]
fn activations_are_those_of_korthikanti_2022() {
    // Figure 1 and equation 4: 34 s b h / t per layer with sequence parallelism and without score matrices:
    // 34 x 2048 x 4 x 6144 / 8 x 48 layers = 9.5625 GiB, as published.
    assert_close(memory(&workload(), &layout()).activations, 9.5625 * GIB, 1e-12);
    // Full recomputation keeps 2 s b h / t per layer and the working set of one layer, scores included:
    // 5 x 64 heads x 2048 x 2048 x 4 / 8.
    let full = Layout { recomputation: Recomputation::Full, ..layout() };
    let scores = 5.0 * 64.0 * 2_048.0 * 2_048.0 * 4.0 / 8.0;
    let kept = 2.0 * 2_048.0 * 4.0 * 6_144.0 / 8.0 * 48.0 + 9.5625 * GIB / 48.0 + scores;
    assert_close(memory(&workload(), &full).activations, kept, 1e-12);
    // Without recomputation every layer keeps its scores: equation 2.
    let none = Layout { recomputation: Recomputation::None, ..layout() };
    assert_close(memory(&workload(), &none).activations, 9.5625 * GIB + 48.0 * scores, 1e-12);
}

#[test]
fn weights_and_states_are_those_of_korthikanti_2022() {
    // Figure 1: 45.5625 GiB of parameters, gradients and optimizer states at 18 bytes per weight over 8 ranks.
    let held = memory(&workload(), &layout());
    let sum = held.weights + held.gradients + held.optimizer_states;
    assert_close(sum, 45.5625 * GIB, 0.02);
    assert_close(sum, 18.0 * megatron_22b().parameters() / 8.0, 1e-12);
}

#[test]
fn sharding_divides_what_it_says() {
    let modern = Workload { flash_attention: true, recipe: Recipe::Bf16, ..workload() };
    let held = |sharding| {
        memory(&modern, &Layout { sharding, accelerator_count: 32, micro_batch_size: 1, ..layout() })
    };
    let whole = held(Sharding::None);
    let states = held(Sharding::OptimizerStates);
    assert_close(states.optimizer_states, whole.optimizer_states / 4.0, 1e-12);
    assert_close(states.gradients, whole.gradients, 1e-12);
    let gradients = held(Sharding::Gradients);
    assert_close(gradients.gradients, whole.gradients / 4.0, 1e-12);
    assert_close(gradients.weights, whole.weights, 1e-12);
    // Weights keep their quarter and two whole layers.
    let weights = held(Sharding::Weights);
    assert_close(weights.weights, whole.weights * (1.0 / 4.0 + 2.0 / 48.0), 1e-12);
}

#[test]
fn an_ideal_step_is_flops_over_rate() {
    // One accelerator, endless memory bandwidth: 6 x weights x tokens, and causal attention, which computes half of
    // 4 s q per token forward and 2.5 times that backward: 7 L s q per token.
    let flash = Workload { flash_attention: true, ..workload() };
    let single = Layout { accelerator_count: 1, tensor_parallel_size: 1, ..layout() };
    let shape = megatron_22b();
    let tokens = 4.0 * 2_048.0;
    let whole = step(&flash, &single, &chip(), &ideal());
    let flops = tokens * (6.0 * shape.parameters() + 7.0 * 48.0 * 2_048.0 * 6_144.0);
    assert_close(whole.total(), flops / 2e14, 1e-3);
    // Recomputation repeats the forward pass of the layers: 2 x weights + 2 L s q per token.
    let again = step(&flash, &Layout { recomputation: Recomputation::Full, ..single }, &chip(), &ideal());
    let layers = shape.parameters() - 6_144.0 * 51_200.0;
    let extra = tokens * (2.0 * layers + 2.0 * 48.0 * 2_048.0 * 6_144.0);
    assert_close(again.recomputation, extra / 2e14, 1e-3);
}

#[test]
fn exchange_and_bubble_are_worked_out_by_hand() {
    // Tensor parallel 8 in a node: 4 all-reduces x 48 layers of 2 s b h bytes, each 2 x 7/8 x 100,663,296 B / 240 GB/s
    // and a latency of 10 us for each of three doublings.
    let whole = step(&workload(), &layout(), &chip(), &ideal());
    let each = 2.0 * 7.0 / 8.0 * 100_663_296.0 / 2.4e11 + 3.0 * 1e-5;
    assert_close(whole.tensor_parallel, 4.0 * 48.0 * each, 1e-12);
    // Four stages and two micro batches: three idle slots for two busy ones.
    let piped = Layout {
        accelerator_count: 4,
        tensor_parallel_size: 1,
        pipeline_parallel_size: 4,
        micro_batch_size: 2,
        ..layout()
    };
    let whole = step(&workload(), &piped, &chip(), &ideal());
    let busy = whole.total() - whole.bubble - whole.optimizer - whole.data_parallel;
    assert_close(whole.bubble, 3.0 / 2.0 * busy, 1e-9);
    // Two chunks halve the bubble of the same work; their transfers double.
    let chunks = step(&workload(), &Layout { virtual_pipeline_size: 2, ..piped }, &chip(), &ideal());
    let busy = chunks.total() - chunks.bubble - chunks.optimizer - chunks.data_parallel;
    assert_close(chunks.bubble, 3.0 / 4.0 * busy, 1e-9);
}

#[test]
fn better_hardware_is_never_slower() {
    type Improve = fn(&mut Chip);
    const IMPROVEMENTS: [(&str, Improve); 6] = [
        ("rate", |chip| {
            chip.recipe_flops *= 1.5;
            chip.wide_flops *= 1.5;
        }),
        ("memory", |chip| chip.memory_bytes_per_second *= 1.5),
        ("inner link", |chip| chip.inside.bytes_per_second *= 1.5),
        ("network", |chip| chip.between.bytes_per_second *= 1.5),
        ("inner latency", |chip| chip.inside.latency_seconds = 0.0),
        ("network latency", |chip| chip.between.latency_seconds = 0.0),
    ];
    for tensor in [1, 2, 8] {
        for pipeline in [1, 4, 12] {
            for recomputation in [Recomputation::None, Recomputation::Full] {
                let tried = Layout {
                    accelerator_count: tensor * pipeline * 4,
                    tensor_parallel_size: tensor,
                    pipeline_parallel_size: pipeline,
                    micro_batch_size: 1,
                    recomputation,
                    ..layout()
                };
                let work = Workload { global_batch_size: 64, ..workload() };
                let real = Chip { memory_bytes_per_second: 2e12, ..chip() };
                let before = step(&work, &tried, &real, &Parameters::NEUTRAL).total();
                for (name, improve) in IMPROVEMENTS {
                    let mut better = real;
                    improve(&mut better);
                    let after = step(&work, &tried, &better, &Parameters::NEUTRAL).total();
                    assert!(after <= before * (1.0 + 1e-12), "{tried:?} better {name}: {before} to {after}");
                }
            }
        }
    }
}

#[test]
fn impossible_layouts_name_field_and_range() {
    let error = |layout: Layout| layout.check(&workload()).unwrap_err();
    let wide = error(Layout { tensor_parallel_size: 65, accelerator_count: 65, ..layout() });
    assert_eq!((wide.field, wide.value, wide.allowed), ("tensor_parallel_size", 65, Allowed::Range(1, 64)));
    assert_eq!(wide.to_string(), "tensor_parallel_size is 65; allowed is 1 to 64");
    assert_eq!(error(Layout { accelerator_count: 12, ..layout() }).allowed, Allowed::MultipleOf(8));
    assert_eq!(error(Layout { micro_batch_size: 5, ..layout() }).field, "micro_batch_size");
    assert_eq!(error(Layout { accelerator_count: 0, ..layout() }).field, "accelerator_count");
    assert_eq!(error(Layout { pipeline_parallel_size: 99, ..layout() }).field, "pipeline_parallel_size");
}
