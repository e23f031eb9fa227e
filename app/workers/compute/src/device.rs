//! Finding the GPU, and the Device page's measurements.

use crate::{
    context::{Context, Gpu, explain},
    report,
};
use engine::{
    EngineError,
    backends::gpu::GpuDevice,
    platform,
    probe::{self, KernelId},
};
use js_sys::{Function, Promise, Reflect};
use protocol::{BackendKind, Event, GpuUnavailable, JobId, WorkerError};
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// A property of the worker's global scope.
fn global(path: &[&str]) -> JsValue {
    path.iter().fold(js_sys::global().into(), |object, name| {
        Reflect::get(&object, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
    })
}

/// The GPU in use, or a new one if there is none or it was lost. A new device of the same worker keeps the kernel
/// variants of the first, so that replayed steps give the same bits.
pub async fn acquire(context: &Context) -> Result<Gpu, GpuUnavailable> {
    let earlier = context.gpu.borrow().clone();
    if let Some(gpu) = &earlier
        && gpu.device.check().is_ok()
    {
        return Ok(gpu.clone());
    }
    if global(&["isSecureContext"]).is_falsy() {
        return Err(GpuUnavailable::InsecureOrigin);
    }
    if global(&["navigator", "gpu"]).is_falsy() {
        return Err(GpuUnavailable::NoWebGpu);
    }
    let refused = |error: EngineError| GpuUnavailable::DeviceRefused { message: error.to_string() };
    let device = GpuDevice::request().await.map_err(refused)?.ok_or(GpuUnavailable::NoAdapter)?;
    device.check().map_err(refused)?;
    let device = Rc::new(device);
    let gpu = match earlier {
        Some(gpu) => {
            device.adopt_tuning(&gpu.device.tuning());
            device.adopt_quarantine(&gpu.device);
            Gpu { device, ..gpu }
        }
        None => examine(device).await.map_err(refused)?,
    };
    if let Some((kernel, message)) = gpu.self_test.failures.first() {
        let message = format!("{kernel}: {message}");
        return Err(GpuUnavailable::SelfTestFailed { message });
    }
    context.gpu.replace(Some(gpu.clone()));
    Ok(gpu)
}

/// A new device after a loss; the kernel variants stay.
pub async fn reacquire(context: &Context) -> Result<Gpu, GpuUnavailable> {
    acquire(context).await
}

/// Known answers first, then the choice of kernels.
async fn examine(device: Rc<GpuDevice>) -> Result<Gpu, EngineError> {
    let mut self_test = probe::self_test(&device).await?;
    let (mut kernels, matmul_seconds) = probe::choose_kernels(&device).await?;
    // A wrong variant is left out where another does its work.
    let packed = KernelId::MatmulInt8.kernel().name;
    let emulated = KernelId::MatmulInt8Emulated.kernel().name;
    let failed = |name: &str| self_test.failures.iter().any(|(failed, _)| failed == name);
    if failed(packed) && !failed(emulated) {
        kernels.matmul_int8 = KernelId::MatmulInt8Emulated;
        self_test.failures.retain(|(kernel, _)| kernel != packed);
    }
    Ok(Gpu { device, kernels, matmul_seconds, self_test })
}

/// Vendor, architecture and description as the browser tells them; wgpu passes on only part of that.
async fn names() -> [String; 3] {
    let words = async {
        let gpu = global(&["navigator", "gpu"]);
        let request: Function = Reflect::get(&gpu, &"requestAdapter".into()).ok()?.dyn_into().ok()?;
        let promise: Promise = request.call0(&gpu).ok()?.dyn_into().ok()?;
        let adapter = JsFuture::from(promise).await.ok()?;
        let info = Reflect::get(&adapter, &"info".into()).ok()?;
        let word = |name: &str| {
            Reflect::get(&info, &name.into()).ok().and_then(|word| word.as_string()).unwrap_or_default()
        };
        let device = [word("description"), word("device")].into_iter().find(|word| !word.is_empty());
        Some([word("vendor"), word("architecture"), device.unwrap_or_default()])
    };
    words.await.unwrap_or_default()
}

/// Measures this machine.
pub async fn probe(context: &Rc<Context>, job: JobId) -> Result<(), WorkerError> {
    let begin = platform::now_seconds();
    let kept = "Everything that you set is unchanged.";
    let stopped = || WorkerError {
        what: "Stopped.".into(),
        kept: kept.into(),
        next: "Measure again when you like.".into(),
    };
    context.progress(job, "Looking for a GPU", Some(0.0));
    let found = acquire(context).await;
    if context.is_cancelled(job) {
        return Err(stopped());
    }
    let cpu = probe::measure_cpu(&mut |what, share| context.progress(job, what, Some(0.1 + 0.3 * share)))
        .await
        .map_err(|error| explain(&error, kept))?;
    if context.is_cancelled(job) {
        return Err(stopped());
    }
    let gpu = match found {
        Ok(gpu) => {
            let choice = (gpu.kernels, gpu.matmul_seconds);
            let mut progress = |what: &str, share: f32| context.progress(job, what, Some(0.4 + 0.6 * share));
            match probe::measure_gpu(&gpu.device, choice, &mut progress).await {
                Ok(rates) => Ok(report::gpu(&gpu, rates, names().await)),
                Err(error) => Err(GpuUnavailable::DeviceRefused { message: error.to_string() }),
            }
        }
        Err(reason) => Err(reason),
    };
    let report = report::device(gpu, cpu, platform::now_seconds() - begin);
    context.post(job, &Event::Probed { job, report: Box::new(report) }, vec![]);
    Ok(())
}

/// Plain words for a backend.
pub const fn name(backend: BackendKind) -> &'static str {
    match backend {
        BackendKind::Gpu => "GPU",
        BackendKind::Cpu => "CPU",
    }
}
