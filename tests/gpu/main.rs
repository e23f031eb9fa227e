//! Kernels and training on a real WebGPU adapter, natively through Vulkan (lavapipe where there is no GPU).

#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test may stop where it stands, and names its adapter"
)]

mod kernels;
mod mutants;
#[path = "../native/support/mod.rs"]
mod support;

use engine::{
    EngineError,
    backends::gpu::GpuDevice,
    probe::{KernelChoice, choose_kernels, self_test},
    quantisation::{QuantizedNetwork, calibrate},
    training::{Classifier, Trainer, Where, digest, loss_digest},
};
use planner::experiment::{Experiment, ModelKind, Optimizer};
use pollster::block_on;
use shaders::{KERNELS, KernelId};
use std::rc::Rc;
use support::digits;

fn device() -> Rc<GpuDevice> {
    let device = block_on(GpuDevice::request()).expect("the adapter gives a device");
    Rc::new(device.expect("a Vulkan adapter is installed (Debian: mesa-vulkan-drivers)"))
}

fn place(device: &Rc<GpuDevice>) -> Where {
    let kernels = KernelChoice { matmul: KernelId::MatmulTiled, matmul_int8: KernelId::MatmulInt8 };
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
    // Probes have no answer to give; everything else is asked.
    let asked =
        KERNELS.iter().filter(|kernel| !kernel.name.starts_with("probe") && kernel.name != "add").count();
    assert_eq!(found.total as usize, asked);
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
        kernels: KernelChoice { matmul: KernelId::MatmulRegister, matmul_int8 },
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
    assert!(matches!(choice.matmul, KernelId::MatmulRegister | KernelId::MatmulTiled));
    assert!(seconds > 0.0 && seconds.is_finite());
}
