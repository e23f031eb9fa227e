//! Kernels and training on a real WebGPU adapter, natively through Vulkan (lavapipe where there is no GPU).

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test may stop where it stands, and names its adapter"
)]

mod family;
mod kernels;
mod mutants;
#[path = "../native/support/mod.rs"]
mod support;
mod whole_model;

use engine::{
    EngineError,
    backends::{Executor, gpu::GpuDevice},
    plan::{Call, Kernel, Plan, Product, Span},
    probe::{KernelChoice, choose_kernels, self_test},
    quantisation::{QuantizedNetwork, calibrate},
    random::Stream,
    training::{Classifier, Trainer, Where, digest, loss_digest},
};
use planner::experiment::{Experiment, ModelKind, Optimizer};
use pollster::block_on;
use shaders::KernelId;
use std::rc::Rc;
use support::digits;

fn device() -> Rc<GpuDevice> {
    let device = block_on(GpuDevice::request()).expect("the adapter gives a device");
    Rc::new(device.expect("a Vulkan adapter is installed (Debian: mesa-vulkan-drivers)"))
}

fn place(device: &Rc<GpuDevice>) -> Where {
    let kernels = KernelChoice { matmul: "", matmul_int8: KernelId::MatmulInt8 };
    Where::Gpu { device: Rc::clone(device), kernels }
}

#[test]
fn the_adapter_is_named() {
    let device = device();
    println!(
        "GPU adapter: {} ({}), software: {}",
        device.info.name,
        device.info.driver_info,
        device.is_software()
    );
    device.check().expect("the device stands");
}

#[test]
fn every_kernel_answers_known_questions() {
    let found = block_on(self_test(&device())).expect("the device stays");
    assert!(found.failures.is_empty(), "{:?}", found.failures);
    assert!(found.total >= 45, "{} kernels were asked", found.total);
}

/// One product as the GPU computes it.
fn product(
    device: &Rc<GpuDevice>,
    sizes: [u32; 3],
    transposes: [bool; 2],
    splits: u32,
) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
    let [m, n, k] = sizes.map(|size| size as usize);
    let splits = splits as usize;
    let stream = Stream::new(sizes[0] * 31 + sizes[1] * 7 + sizes[2], 4);
    let random = |from: u32, count: usize| {
        (from..from + count as u32).map(|index| stream.uniform(index) - 0.5).collect::<Vec<f32>>()
    };
    let (lhs, rhs) = (random(0, m * k), random(1 << 20, k * n));
    let product = Product {
        m,
        n,
        k,
        batch: 1,
        transpose_lhs: transposes[0],
        transpose_rhs: transposes[1],
        splits: k.div_ceil(k.div_ceil(splits).next_multiple_of(4)),
        accumulate: false,
        epilogue: None,
    };
    let aligned = |words: usize| words.div_ceil(64) * 64;
    let parts = product.splits * m * n;
    let lhs_span = Span { offset: 0, words: m * k };
    let rhs_span = Span { offset: aligned(m * k), words: k * n };
    let out_span = Span { offset: rhs_span.offset + aligned(k * n), words: parts };
    let mut graph = engine::graph::Graph::new();
    let call = Call {
        kernel: Kernel::Product(Rc::new(product)),
        uniform: vec![],
        buffers: vec![lhs_span, rhs_span, out_span],
        workgroups: [0; 3],
        flops: 0.0,
        bytes: 0.0,
        node: graph.input("any", &[1]),
    };
    let plan = Rc::new(Plan::single(call, out_span.offset + aligned(parts)));
    let mut executor = block_on(Executor::gpu(Rc::clone(device), plan)).expect("fits");
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    executor.write(lhs_span, &bits(&lhs)).expect("fits");
    executor.write(rhs_span, &bits(&rhs)).expect("fits");
    block_on(executor.run()).expect("runs");
    let out = block_on(executor.read_f32(out_span)).expect("reads");
    (lhs, rhs, out)
}

/// The largest error in units of the derived bound 8 sqrt(K) 2^-24 sum |a b| + K 2^-126.
fn worst(sizes: [u32; 3], transposes: [bool; 2], (lhs, rhs, out): &(Vec<f32>, Vec<f32>, Vec<f32>)) -> f64 {
    let [m, n, k] = sizes.map(|size| size as usize);
    let mut worst = 0.0_f64;
    for row in 0..m {
        for col in 0..n {
            let (mut sum, mut magnitude) = (0.0_f64, 0.0_f64);
            for i in 0..k {
                let a = f64::from(lhs[if transposes[0] { i * m + row } else { row * k + i }]);
                let b = f64::from(rhs[if transposes[1] { col * k + i } else { i * n + col }]);
                sum += a * b;
                magnitude += (a * b).abs();
            }
            let found: f64 =
                (0..out.len() / (m * n)).map(|split| f64::from(out[split * m * n + row * n + col])).sum();
            let bound = 8.0 * (k as f64).sqrt() * 2_f64.powi(-24) * magnitude + k as f64 * 2_f64.powi(-126);
            worst = worst.max((found - sum).abs() / bound.max(f64::MIN_POSITIVE));
        }
    }
    worst
}

#[test]
fn products_stay_within_the_derived_bound_on_ragged_shapes() {
    let device = device();
    let sizes = [1, 2, 3, 5, 8, 13, 31, 32, 33, 63, 65, 100];
    let mut checked = 0;
    {
        for (index, m) in sizes.into_iter().enumerate() {
            for form in 0..4_u32 {
                let shape =
                    [m, sizes[(index * 5 + form as usize) % 12], sizes[(index * 7 + 3) % 12] + 40 * form];
                let transposes = [form % 2 == 1, form / 2 == 1];
                let splits = 1 + form;
                let error = worst(shape, transposes, &product(&device, shape, transposes, splits));
                assert!(error <= 1.0, "{shape:?} {transposes:?}: {error} times the bound");
                checked += 1;
            }
        }
    }
    assert_eq!(checked, 48);
}

#[test]
fn the_bound_rejects_a_wrong_product() {
    let shape = [7, 9, 33];
    let (lhs, rhs, mut out) = product(&device(), shape, [false, false], 1);
    out[3] += 1e-4;
    assert!(worst(shape, [false, false], &(lhs, rhs, out)) > 1.0);
}

fn experiment(model: ModelKind) -> Experiment {
    let width = if model == ModelKind::Mlp { 32 } else { 4 };
    Experiment {
        model,
        width,
        batch_size: 40,
        epochs: 2,
        learning_rate: 0.003,
        optimizer: Optimizer::Adam,
        ..Experiment::default()
    }
}

fn train(model: ModelKind, place: &Where) -> Trainer {
    let mut trainer = block_on(Trainer::new(experiment(model), digits(1, 800, 100), place)).expect("fits");
    while trainer.step() < trainer.total_steps() {
        block_on(trainer.advance(4)).expect("the device stays");
    }
    trainer
}

fn weights_digest(trainer: &mut Trainer) -> String {
    let weights = block_on(trainer.weights()).expect("reads");
    digest(weights.iter().flat_map(|(w, b)| w.iter().chain(b)).map(|value| value.to_bits()))
}

#[test]
fn gpu_and_cpu_learn_alike_and_the_gpu_repeats_itself_to_the_bit() {
    let device = device();
    for model in [ModelKind::Mlp, ModelKind::Cnn] {
        let (first, second) = (train(model, &place(&device)), train(model, &place(&device)));
        assert_eq!(loss_digest(first.points()), loss_digest(second.points()), "{model:?}");
        let cpu = train(model, &Where::Cpu);
        for (on_gpu, on_cpu) in first.points().iter().zip(cpu.points()) {
            assert!((on_gpu.loss - on_cpu.loss).abs() < 2e-2, "{model:?}: {on_gpu:?} {on_cpu:?}");
        }
        assert!((first.points()[0].loss - cpu.points()[0].loss).abs() < 1e-5);
    }
}

#[test]
fn a_destroyed_device_costs_no_step_and_changes_no_bit() {
    let undisturbed = weights_digest(&mut train(ModelKind::Mlp, &place(&device())));
    let doomed = device();
    let mut trainer =
        block_on(Trainer::new(experiment(ModelKind::Mlp), digits(1, 800, 100), &place(&doomed)))
            .expect("fits");
    block_on(trainer.advance(6)).expect("the device stays");
    block_on(trainer.take_snapshot()).expect("reads");
    block_on(trainer.advance(4)).expect("the device stays");
    doomed.device.destroy();
    let error = block_on(trainer.advance(4)).expect_err("the device is gone");
    assert!(matches!(error, EngineError::DeviceLost { .. } | EngineError::Gpu { .. }), "{error}");
    let fresh = device();
    assert!(fresh.generation() > doomed.generation());
    assert_eq!(block_on(trainer.restore(&place(&fresh))).expect("fits"), 6);
    while trainer.step() < trainer.total_steps() {
        block_on(trainer.advance(4)).expect("the device stays");
    }
    assert_eq!(weights_digest(&mut trainer), undisturbed);
}

#[test]
fn integer_products_are_the_same_packed_emulated_and_on_the_cpu() {
    let device = device();
    let mut trainer = train(ModelKind::Cnn, &Where::Cpu);
    let weights = block_on(trainer.weights()).expect("reads");
    let dataset = digits(1, 800, 100);
    let ranges =
        block_on(calibrate(trainer.network(), &weights, &dataset.train.pixels[..64 * 784])).expect("runs");
    let quantized = QuantizedNetwork::quantize(trainer.network(), &weights, &ranges);
    let logits = |place: &Where| {
        let mut classifier = block_on(Classifier::int8(&quantized, 25, place)).expect("fits");
        block_on(classifier.logits(&dataset.held_out.pixels)).expect("runs")
    };
    let with = |matmul_int8| Where::Gpu {
        device: Rc::clone(&device),
        kernels: KernelChoice { matmul: "", matmul_int8 },
    };
    let emulated = logits(&with(KernelId::MatmulInt8Emulated));
    if device.has_packed_int8_dot {
        assert_eq!(logits(&with(KernelId::MatmulInt8)), emulated, "packed and emulated differ");
    }
    for (gpu, cpu) in emulated.iter().zip(&logits(&Where::Cpu)) {
        assert!((gpu - cpu).abs() <= 1e-3 * cpu.abs().max(1.0), "{gpu} {cpu}");
    }
}

#[test]
fn kernels_are_chosen_by_measuring() {
    let (choice, seconds) = block_on(choose_kernels(&device())).expect("the device stays");
    assert!(shaders::product::VARIANTS.iter().any(|variant| variant.name == choice.matmul));
    assert!(seconds > 0.0 && seconds.is_finite());
}
