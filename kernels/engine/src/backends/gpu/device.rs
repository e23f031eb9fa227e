//! One adapter and device, with what can go wrong kept in plain sight.
//!
//! Every device has a generation. Losing it never panics: the flag is set, later calls return
//! [`EngineError::DeviceLost`], and a new adapter must be asked for (an adapter gives one device only).

use super::tuning::TuneTable;
use crate::{EngineError, plan::Call, platform};
use futures::channel::oneshot;
use shaders::KernelId;
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap},
    rc::Rc,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

/// Longest that a GPU promise may take, in seconds.
pub const GPU_TIMEOUT_SECONDS: f64 = 20.0;

/// Runs of a kernel that pay for compiling it, unless somebody knows better.
const USUAL_RUNS: u64 = 60;

static GENERATION: AtomicU32 = AtomicU32::new(0);

/// What is known of a device that went away or failed.
#[derive(Debug, Default)]
pub struct GpuLost {
    lost: Mutex<Option<String>>,
    error: Mutex<Option<String>>,
}

impl GpuLost {
    fn put(slot: &Mutex<Option<String>>, message: String) {
        slot.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(message);
    }

    fn get(slot: &Mutex<Option<String>>) -> Option<String> {
        slot.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A device with its queue, pipelines made on first use.
#[derive(Debug)]
pub struct GpuDevice {
    /// The device.
    pub device: wgpu::Device,
    /// Its queue.
    pub queue: wgpu::Queue,
    /// What the adapter says of itself.
    pub info: wgpu::AdapterInfo,
    /// Limits of the device.
    pub limits: wgpu::Limits,
    /// Features of the adapter.
    pub adapter_features: wgpu::Features,
    /// The browser's WGSL has packed INT8 dot products.
    pub has_packed_int8_dot: bool,
    /// The device has 16-bit floats in shaders.
    pub has_f16: bool,
    /// The device writes down when a pass begins and ends.
    pub has_timestamps: bool,
    generation: u32,
    lost: Arc<GpuLost>,
    pipelines: RefCell<HashMap<String, Rc<wgpu::ComputePipeline>>>,
    rates: Cell<DeviceRates>,
    /// How often a kernel is thought to run, against the time that compiling it takes.
    pub(super) expected_runs: Cell<u64>,
    pub(super) tuning: RefCell<TuneTable>,
    /// Variants of the product that answered wrongly here, with what they said.
    pub(super) quarantine: RefCell<BTreeMap<usize, String>>,
}

/// What is known of a device's speed, to size submits.
#[derive(Debug, Clone, Copy)]
pub struct DeviceRates {
    /// f32 operations a second of a product.
    pub flops_per_second: f64,
    /// Bytes a second of elementwise work.
    pub bytes_per_second: f64,
    /// Seconds of an empty dispatch.
    pub dispatch_seconds: f64,
}

impl DeviceRates {
    /// Low guesses, until something is measured.
    const fn guess(is_software: bool) -> Self {
        if is_software {
            Self { flops_per_second: 3e9, bytes_per_second: 1e9, dispatch_seconds: 1e-4 }
        } else {
            Self { flops_per_second: 1e11, bytes_per_second: 2e10, dispatch_seconds: 2e-5 }
        }
    }
}

impl GpuDevice {
    /// Asks for a new adapter and device at WebGPU's default limits, with f16 and timestamps where there are.
    ///
    /// # Errors
    /// `Ok(None)` where there is no adapter; [`EngineError::Gpu`] where the adapter refuses a device.
    pub async fn request() -> Result<Option<Self>, EngineError> {
        let descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        let instance = wgpu::Instance::new(descriptor);
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        let adapter =
            platform::with_timeout("requestAdapter", GPU_TIMEOUT_SECONDS, instance.request_adapter(&options))
                .await?;
        let Ok(adapter) = adapter else { return Ok(None) };
        let adapter_features = adapter.features();
        let wanted = wgpu::Features::SHADER_F16 | wgpu::Features::TIMESTAMP_QUERY;
        let required_features = adapter_features & wanted;
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("ridgepoint"),
            required_features,
            required_limits: wgpu::Limits::defaults(),
            ..Default::default()
        };
        let request =
            platform::with_timeout("requestDevice", GPU_TIMEOUT_SECONDS, adapter.request_device(&descriptor));
        let (device, queue) =
            request.await?.map_err(|error| EngineError::Gpu { message: error.to_string() })?;
        let lost = Arc::new(GpuLost::default());
        let on_lost = Arc::clone(&lost);
        device.set_device_lost_callback(move |reason, message| {
            GpuLost::put(&on_lost.lost, format!("{reason:?}: {message}"));
        });
        let on_error = Arc::clone(&lost);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            GpuLost::put(&on_error.error, error.to_string())
        }));
        let language = instance.wgsl_language_features();
        let device = Self {
            limits: device.limits(),
            info: adapter.get_info(),
            adapter_features,
            has_packed_int8_dot: language.contains(wgpu::WgslLanguageFeatures::Packed4x8IntegerDotProduct),
            has_f16: required_features.contains(wgpu::Features::SHADER_F16),
            has_timestamps: required_features.contains(wgpu::Features::TIMESTAMP_QUERY),
            generation: GENERATION.fetch_add(1, Ordering::Relaxed),
            device,
            queue,
            lost,
            pipelines: RefCell::default(),
            rates: Cell::new(DeviceRates::guess(false)),
            expected_runs: Cell::new(USUAL_RUNS),
            tuning: RefCell::default(),
            quarantine: RefCell::default(),
        };
        device.rates.set(DeviceRates::guess(device.is_software()));
        Ok(Some(device))
    }

    /// Counts devices from the start of the worker; handles of another generation are dead.
    #[must_use]
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// The adapter is a processor that emulates a GPU.
    #[must_use]
    pub fn is_software(&self) -> bool {
        let text =
            format!("{} {} {}", self.info.name, self.info.driver, self.info.driver_info).to_lowercase();
        self.info.device_type == wgpu::DeviceType::Cpu
            || ["swiftshader", "llvmpipe", "lavapipe", "software", "basic render"]
                .iter()
                .any(|name| text.contains(name))
    }

    /// The device still stands.
    ///
    /// # Errors
    /// [`EngineError::DeviceLost`], or [`EngineError::Gpu`] with the first error that nobody caught.
    pub fn check(&self) -> Result<(), EngineError> {
        if let Some(cause) = GpuLost::get(&self.lost.lost) {
            return Err(EngineError::DeviceLost { cause });
        }
        GpuLost::get(&self.lost.error).map_or(Ok(()), |message| Err(EngineError::Gpu { message }))
    }

    /// A buffer, or the browser's refusal; never mapped at creation, which throws where memory is short.
    ///
    /// # Errors
    /// [`EngineError::OutOfMemory`] or [`EngineError::DeviceLost`].
    pub async fn buffer(
        &self,
        label: &str,
        bytes: u64,
        usage: wgpu::BufferUsages,
    ) -> Result<wgpu::Buffer, EngineError> {
        let limit = self.limits.max_buffer_size;
        if bytes > limit {
            return Err(EngineError::OutOfMemory { needed_bytes: bytes, limit_bytes: limit });
        }
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let descriptor =
            wgpu::BufferDescriptor { label: Some(label), size: bytes, usage, mapped_at_creation: false };
        let buffer = self.device.create_buffer(&descriptor);
        let error = platform::with_timeout("createBuffer", GPU_TIMEOUT_SECONDS, scope.pop()).await?;
        self.check()?;
        match error {
            Some(_) => Err(EngineError::OutOfMemory { needed_bytes: bytes, limit_bytes: 0 }),
            None => Ok(buffer),
        }
    }

    /// Says how often kernels that are compiled from now on will run: once, where the first result is what counts.
    pub fn expect_runs(&self, runs: u64) {
        self.expected_runs.set(runs.max(1));
    }

    /// Remembers measured rates.
    pub fn set_rates(&self, rates: DeviceRates) {
        self.rates.set(rates);
    }

    /// A rough time of a call, to keep submits short.
    #[must_use]
    pub fn estimate_seconds(&self, call: &Call) -> f64 {
        let rates = self.rates.get();
        let work = (call.flops / rates.flops_per_second).max(call.bytes / rates.bytes_per_second);
        work + rates.dispatch_seconds
    }

    /// The pipeline of a kernel with a file, compiled on first use.
    ///
    /// # Errors
    /// [`EngineError::Gpu`] with the browser's words where it refuses the shader.
    pub async fn pipeline(&self, kernel: KernelId) -> Result<Rc<wgpu::ComputePipeline>, EngineError> {
        let known = kernel.kernel();
        self.pipeline_of(known.name, known.source).await
    }

    /// The pipeline of a WGSL text, compiled on first use.
    ///
    /// # Errors
    /// As [`Self::pipeline`].
    pub async fn pipeline_of(
        &self,
        name: &str,
        source: &str,
    ) -> Result<Rc<wgpu::ComputePipeline>, EngineError> {
        if let Some(pipeline) = self.pipelines.borrow().get(source) {
            return Ok(Rc::clone(pipeline));
        }
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(name),
            source: wgpu::ShaderSource::Wgsl(source.into()),
        });
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(name),
            layout: None,
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            cache: None,
        });
        let error =
            platform::with_timeout("createComputePipeline", 2.0 * GPU_TIMEOUT_SECONDS, scope.pop()).await?;
        self.check()?;
        if let Some(error) = error {
            return Err(EngineError::Gpu { message: format!("{name}: {error}") });
        }
        let pipeline = Rc::new(pipeline);
        self.pipelines.borrow_mut().insert(source.to_owned(), Rc::clone(&pipeline));
        Ok(pipeline)
    }

    /// Reads `words` words of a mappable buffer after everything submitted before.
    ///
    /// # Errors
    /// [`EngineError::DeviceLost`] or [`EngineError::Timeout`].
    pub async fn read_staging(&self, staging: &wgpu::Buffer, words: usize) -> Result<Vec<u32>, EngineError> {
        let (sender, receiver) = oneshot::channel();
        let bytes = words as u64 * 4;
        staging.map_async(wgpu::MapMode::Read, 0..bytes, move |result| {
            let _ = sender.send(result);
        });
        // Natively nothing moves unless polled; in a browser this returns at once.
        let _ = self.device.poll(wgpu::PollType::wait_indefinitely());
        let mapped = platform::with_timeout("a GPU read-back", GPU_TIMEOUT_SECONDS, receiver).await?;
        if !matches!(mapped, Ok(Ok(()))) {
            // The loss callback may come just after the rejected promise.
            platform::sleep(0.05).await;
            self.check()?;
            return Err(EngineError::DeviceLost { cause: "a read-back was refused".into() });
        }
        let view = staging.get_mapped_range(0..bytes).map_err(|error| EngineError::DeviceLost {
            cause: format!("a read-back was refused: {error:?}"),
        })?;
        let read = view.chunks_exact(4).map(|word| word.try_into().map_or(0, u32::from_le_bytes)).collect();
        drop(view);
        staging.unmap();
        Ok(read)
    }
}
