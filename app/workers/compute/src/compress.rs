//! Making the INT8 model, measuring it beside the f32 one, and reading what the visitor draws.

use crate::{
    context::{Context, Readers, Trained, backend_of, explain},
    device,
};
use engine::{
    EngineError,
    datasets::normalise_drawing,
    models::{CLASSES, IMAGE_PIXELS},
    platform::{now_seconds, yield_now},
    quantisation::{QuantizedNetwork, calibrate},
    training::{Classifier, HeldOut, Where, argmax, softmax},
};
use protocol::{BackendKind, CompressionReport, Event, JobId, Reading, VariantReport, WorkerError};
use std::rc::Rc;

const KEPT: &str = "The trained f32 model is unchanged.";
/// Training images that set the ranges of the layers' inputs.
const CALIBRATION_IMAGES: usize = 512;
/// Images of one throughput run.
const THROUGHPUT_BATCH: usize = 128;
/// Seconds for each of the two timings.
const TIMING_SECONDS: f64 = 1.5;
/// What one timing must outlast, in seconds.
const CLOCK_SECONDS: f64 = 0.002;
/// Most runs of one timing.
const MOST_REPEATS: u32 = 256;
/// Most timings behind a percentile.
const LATENCY_RUNS: usize = 200;

/// Answers [`protocol::Command::Quantize`].
pub async fn quantize(context: &Rc<Context>, job: JobId) -> Result<(), WorkerError> {
    let trained = context.trained.borrow().clone().ok_or_else(|| WorkerError {
        what: "There is no trained model to quantise.".into(),
        kept: "Your settings are unchanged.".into(),
        next: "Train a model first.".into(),
    })?;
    let place = context.place(trained.backend);
    match compare(context, job, &trained, &place).await {
        Ok(()) => Ok(()),
        // A GPU that goes away in between: the comparison is made on the CPU instead.
        Err(EngineError::DeviceLost { .. } | EngineError::Timeout { .. } | EngineError::Gpu { .. })
            if backend_of(&place) == BackendKind::Gpu =>
        {
            let _ = device::reacquire(context).await;
            compare(context, job, &trained, &Where::Cpu).await.map_err(|error| explain(&error, KEPT))
        }
        Err(error) => Err(explain(&error, KEPT)),
    }
}

async fn compare(
    context: &Rc<Context>,
    job: JobId,
    trained: &Trained,
    place: &Where,
) -> Result<(), EngineError> {
    let network = &trained.network;
    context.progress(job, "Calibrating on training images", Some(0.0));
    let calibration = CALIBRATION_IMAGES.min(trained.dataset.train.len());
    let pixels = trained.dataset.train.pixels.get(..calibration * IMAGE_PIXELS).unwrap_or_default();
    let ranges = calibrate(network, &trained.weights, pixels).await?;
    let quantized = QuantizedNetwork::quantize(network, &trained.weights, &ranges);
    context.progress(job, "Reading the held-out images with both models", Some(0.2));
    let batch = 250.min(trained.dataset.held_out.len()).max(1);
    let held_out = &trained.dataset.held_out;
    let logits =
        Classifier::float32(network, &trained.weights, batch, place).await?.logits(&held_out.pixels).await?;
    let by_float = HeldOut::of(&logits, held_out);
    let logits = Classifier::int8(&quantized, batch, place).await?.logits(&held_out.pixels).await?;
    let by_int8 = HeldOut::of(&logits, held_out);
    let disagreements = by_float.predicted.iter().zip(&by_int8.predicted).filter(|(a, b)| a != b).count();
    context.progress(job, "Timing single images", Some(0.4));
    let mut single = Pair {
        float32: Classifier::float32(network, &trained.weights, 1, place).await?,
        int8: Classifier::int8(&quantized, 1, place).await?,
    };
    let latencies = single.time(context, job).await?;
    context.progress(job, "Timing batches", Some(0.7));
    let mut batches = Pair {
        float32: Classifier::float32(network, &trained.weights, THROUGHPUT_BATCH, place).await?,
        int8: Classifier::int8(&quantized, THROUGHPUT_BATCH, place).await?,
    };
    let batch_times = batches.time(context, job).await?;
    if context.is_cancelled(job) {
        return Err(EngineError::Cancelled);
    }
    let variant = |which: usize, name: &str, weight_bytes: u64, accuracy: f32| VariantReport {
        name: name.into(),
        weight_bytes,
        accuracy,
        latency_p50_seconds: percentile(&latencies, which, 0.5),
        latency_p95_seconds: percentile(&latencies, which, 0.95),
        examples_per_second: THROUGHPUT_BATCH as f64 / percentile(&batch_times, which, 0.5),
    };
    let float32 = variant(0, "f32", network.parameter_count() as u64 * 4, by_float.accuracy);
    let int8 = variant(1, "INT8", quantized.weight_bytes(), by_int8.accuracy);
    let report = CompressionReport {
        verdict: verdict(&float32, &int8, place),
        float32,
        int8,
        backend: backend_of(place),
        integer_path: integer_path(place).into(),
        batch_size: THROUGHPUT_BATCH as u32,
        latency_runs: latencies.len() as u32,
        disagreements: disagreements as u32,
        calibration_count: calibration as u32,
    };
    let trained = Trained {
        network: network.clone(),
        weights: trained.weights.clone(),
        backend: trained.backend,
        dataset: Rc::clone(&trained.dataset),
        quantized: Some(quantized),
    };
    context.trained.replace(Some(Rc::new(trained)));
    *context.readers.lock().await = Readers::default();
    context.post(job, &Event::Quantized { job, report: Box::new(report) }, vec![]);
    Ok(())
}

/// Both models, timed in turn so that a drift of the machine's speed hits both alike.
struct Pair {
    float32: Classifier,
    int8: Classifier,
}

impl Pair {
    async fn time(&mut self, context: &Context, job: JobId) -> Result<Vec<[f64; 2]>, EngineError> {
        for _ in 0..3 {
            self.float32.run_once().await?;
            self.int8.run_once().await?;
        }
        // Browsers round their clock (to 0.1 ms here): short runs are timed several at a time.
        let mut repeats = 1;
        while repeats < MOST_REPEATS {
            let start = now_seconds();
            for _ in 0..repeats {
                self.float32.run_once().await?;
            }
            if now_seconds() - start > CLOCK_SECONDS {
                break;
            }
            repeats *= 2;
        }
        let begin = now_seconds();
        let mut times = vec![];
        // At least five runs, however slow.
        while times.len() < LATENCY_RUNS && (now_seconds() - begin < TIMING_SECONDS || times.len() < 5) {
            let start = now_seconds();
            for _ in 0..repeats {
                self.float32.run_once().await?;
            }
            let middle = now_seconds();
            for _ in 0..repeats {
                self.int8.run_once().await?;
            }
            let each = f64::from(repeats);
            times.push([(middle - start) / each, (now_seconds() - middle) / each]);
            yield_now().await;
            if context.is_cancelled(job) {
                return Err(EngineError::Cancelled);
            }
        }
        Ok(times)
    }
}

fn percentile(times: &[[f64; 2]], which: usize, share: f64) -> f64 {
    let mut own: Vec<f64> = times.iter().filter_map(|pair| pair.get(which).copied()).collect();
    own.sort_by(f64::total_cmp);
    let at = ((own.len() as f64 - 1.0) * share).round().max(0.0) as usize;
    own.get(at).copied().unwrap_or(f64::NAN)
}

fn integer_path(place: &Where) -> &'static str {
    match place {
        Where::Cpu => "WASM SIMD, 16-bit dot products of widened INT8 values",
        Where::Gpu { kernels, .. } if kernels.matmul_int8.kernel().needs_packed_int8_dot => {
            "packed dot products (dot4I8Packed)"
        }
        Where::Gpu { .. } => "packed dot products, emulated with 32-bit integers (same results to the bit)",
    }
}

/// Whether INT8 paid off, with the figures and the likely reason.
fn verdict(float32: &VariantReport, int8: &VariantReport, place: &Where) -> String {
    let smaller = float32.weight_bytes as f64 / int8.weight_bytes.max(1) as f64;
    let faster = int8.examples_per_second / float32.examples_per_second;
    let points = f64::from(int8.accuracy - float32.accuracy) * 100.0;
    let figures = format!("{smaller:.1}x smaller, {faster:.2}x the throughput, accuracy {points:+.2} points");
    let on = device::name(backend_of(place));
    if faster >= 1.1 {
        format!(
            "INT8 paid off on this machine's {on}: {figures}. Its integer products do more per instruction and move a quarter of the weight bytes."
        )
    } else if faster >= 0.9 {
        format!(
            "INT8 saved bytes but no time on this machine's {on}: {figures}. Rounding the inputs of each layer costs about what the integer products save."
        )
    } else {
        let reason = match place {
            Where::Cpu => {
                "at this size, rounding and rearranging the inputs costs more than the integer products save"
            }
            Where::Gpu { device, .. } if device.is_software() => {
                "this GPU is emulated by the processor, where packed products have no hardware behind them"
            }
            Where::Gpu { .. } => {
                "so small a network waits for the launch of its kernels, and INT8 launches more of them"
            }
        };
        format!("INT8 did not pay off in time on this machine's {on}: {figures}. The reason: {reason}.")
    }
}

/// Answers [`protocol::Command::Classify`], on the CPU and out of turn.
pub async fn classify(context: &Rc<Context>, job: JobId, buffers: &[Vec<u8>]) {
    context.start(job);
    match read(context, buffers).await {
        Ok(reading) => context.post(job, &Event::Classified { job, reading }, vec![]),
        Err(error) => context.post(job, &Event::Failed { job, error }, vec![]),
    }
    context.end(job);
}

async fn read(context: &Rc<Context>, buffers: &[Vec<u8>]) -> Result<Reading, WorkerError> {
    let trained = context.trained.borrow().clone().ok_or_else(|| WorkerError {
        what: "No model is trained yet.".into(),
        kept: "Your drawing is unchanged.".into(),
        next: "Train a model first.".into(),
    })?;
    let pixels: [u8; IMAGE_PIXELS] =
        buffers.first().and_then(|bytes| bytes.as_slice().try_into().ok()).ok_or_else(|| WorkerError {
            what: format!("An image has {IMAGE_PIXELS} bytes."),
            kept: KEPT.into(),
            next: "Draw again.".into(),
        })?;
    let seen = normalise_drawing(&pixels);
    let fail = |error: EngineError| explain(&error, KEPT);
    let mut readers = context.readers.lock().await;
    let float32 = match &mut readers.float32 {
        Some(reader) => reader,
        slot => {
            let reader = Classifier::float32(&trained.network, &trained.weights, 1, &Where::Cpu)
                .await
                .map_err(fail)?;
            slot.insert(reader)
        }
    };
    let by_float = softmax(&float32.logits(&seen).await.map_err(fail)?);
    let mut by_int8 = None;
    if let Some(quantized) = &trained.quantized {
        let reader = match &mut readers.int8 {
            Some(reader) => reader,
            slot => slot.insert(Classifier::int8(quantized, 1, &Where::Cpu).await.map_err(fail)?),
        };
        by_int8 = Some(softmax(&reader.logits(&seen).await.map_err(fail)?));
    }
    debug_assert!(usize::from(argmax(&by_float)) < CLASSES);
    Ok(Reading { float32: by_float, int8: by_int8, seen: seen.to_vec() })
}
