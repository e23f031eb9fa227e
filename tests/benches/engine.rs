//! `cargo xtask bench`: what the engine does on this machine, natively: rates of both backends, then steps of
//! training and images read with f32 and INT8. The page measures the same things in the browser.

#![expect(clippy::print_stdout, reason = "a benchmark reports on the terminal")]

#[path = "../native/support/mod.rs"]
mod support;

use engine::{
    EngineError,
    backends::gpu::GpuDevice,
    models::{Network, Weights},
    probe::{KernelChoice, Rates, choose_kernels, measure_cpu, measure_gpu},
    quantisation::{QuantizedNetwork, calibrate},
    training::{Classifier, Trainer, Where, measure_step},
};
use planner::experiment::{Experiment, ModelKind};
use std::{rc::Rc, time::Instant};
use support::digits;

/// Images of one batch of the comparison of f32 and INT8.
const BATCH: usize = 100;

fn main() -> Result<(), EngineError> {
    pollster::block_on(bench())
}

async fn bench() -> Result<(), EngineError> {
    let mut quiet = |_: &str, _: f32| {};
    print_rates("CPU, one thread", &measure_cpu(&mut quiet).await?);
    let mut places = vec![("CPU", Where::Cpu)];
    match GpuDevice::request().await? {
        None => println!("\nNo Vulkan adapter: the GPU is left out."),
        Some(device) => {
            let choice = choose_kernels(&device).await?;
            print_rates(
                &format!("GPU, {}", device.info.name),
                &measure_gpu(&device, choice, &mut quiet).await?,
            );
            places.push(("GPU", gpu(device, choice.0)));
        }
    }
    for model in [ModelKind::Mlp, ModelKind::Cnn] {
        for (name, place) in &places {
            model_on(name, place, model).await?;
        }
    }
    Ok(())
}

fn gpu(device: GpuDevice, kernels: KernelChoice) -> Where {
    Where::Gpu { device: Rc::new(device), kernels }
}

fn print_rates(name: &str, rates: &Rates) {
    println!("\n{name}");
    let giga = |label: &str, value: Option<f64>, unit: &str| {
        if let Some(value) = value {
            println!("  {label:<34} {:>10.2} G{unit}", value / 1e9);
        }
    };
    let micro = |label: &str, value: Option<f64>| {
        if let Some(value) = value {
            println!("  {label:<34} {:>10.1} us", value * 1e6);
        }
    };
    giga("peak f32", Some(rates.peak_f32_flops_per_second), "FLOP/s");
    giga("peak f16", rates.peak_f16_flops_per_second, "FLOP/s");
    giga("INT8 dot products", rates.peak_int8_ops_per_second, "OP/s");
    giga("512x512 product", Some(rates.matmul_f32_flops_per_second), "FLOP/s");
    println!("  {:<34} {:>10}", "its kernel", rates.matmul_variant);
    for point in &rates.bandwidth {
        let label = format!("copy, {:.0} KiB", point.working_set_bytes / 1024.0);
        giga(&label, Some(point.bytes_per_second), "B/s");
    }
    micro("one dispatch among many", rates.dispatch_latency_seconds);
    micro("submit to result", rates.round_trip_seconds);
    giga("upload", rates.upload_bytes_per_second, "B/s");
    giga("read-back", rates.readback_bytes_per_second, "B/s");
}

/// A step of training, and a batch of images with both models.
async fn model_on(name: &str, place: &Where, model: ModelKind) -> Result<(), EngineError> {
    let width = if model == ModelKind::Mlp { 128 } else { 16 };
    let experiment = Experiment { model, width, ..Experiment::default() };
    let dataset = digits(experiment.data_seed, 1024, BATCH);
    let step = measure_step(&experiment, &dataset, place, None).await?;
    let per_second = f64::from(experiment.batch_size) / step;
    println!("\n{model:?} of width {width} on the {name}");
    println!("  {:<34} {:>10.2} ms, {per_second:.0} images/s", "training step of 64 images", step * 1e3);

    let mut trainer = Trainer::new(experiment, Rc::clone(&dataset), place).await?;
    trainer.advance(2).await?;
    let weights: Weights = trainer.weights().await?;
    let network: Network = trainer.network().clone();
    let ranges = calibrate(&network, &weights, &dataset.held_out.pixels).await?;
    let quantized = QuantizedNetwork::quantize(&network, &weights, &ranges);
    let float32 = best_of(Classifier::float32(&network, &weights, BATCH, place).await?).await?;
    let int8 = best_of(Classifier::int8(&quantized, BATCH, place).await?).await?;
    println!("  {:<34} {:>10.2} ms", "100 images read, f32", float32 * 1e3);
    println!("  {:<34} {:>10.2} ms ({:.2}x)", "100 images read, INT8", int8 * 1e3, float32 / int8);
    Ok(())
}

/// Seconds of the best of ten runs.
async fn best_of(mut classifier: Classifier) -> Result<f64, EngineError> {
    let mut best = f64::INFINITY;
    for _ in 0..10 {
        let start = Instant::now();
        classifier.run_once().await?;
        best = best.min(start.elapsed().as_secs_f64());
    }
    Ok(best)
}
