//! Rates of a GPU device.

use super::{BandwidthPoint, KernelChoice, OnProgress, Rates};
use crate::{
    EngineError,
    backends::gpu::GpuDevice,
    plan::Product,
    platform::{now_seconds, yield_now},
};
use shaders::product::VARIANTS;
use shaders::{KernelId, fill, probe_copy, probe_dot4i8, probe_fma_f16, probe_fma_f32};
use wgpu::BufferUsages as Usage;

const MATMUL_SIZE: u32 = 512;

/// A bench over a device: two large buffers, a uniform, a read-back of one word that says that all is done.
struct Bench<'a> {
    device: &'a GpuDevice,
    source: wgpu::Buffer,
    target: wgpu::Buffer,
    uniform: wgpu::Buffer,
    staging: wgpu::Buffer,
    bytes: u64,
    round_trip: f64,
}

/// One kind of dispatch, to be repeated.
struct Work {
    pipeline: std::rc::Rc<wgpu::ComputePipeline>,
    bindings: wgpu::BindGroup,
    workgroups: [u32; 3],
}

impl<'a> Bench<'a> {
    async fn new(device: &'a GpuDevice, bytes: u64) -> Result<Self, EngineError> {
        let storage = Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST;
        let mut bench = Self {
            source: device.buffer("probe source", bytes, storage).await?,
            target: device.buffer("probe target", bytes, storage).await?,
            uniform: device.buffer("probe uniform", 256, Usage::UNIFORM | Usage::COPY_DST).await?,
            staging: device.buffer("probe staging", 8 << 20, Usage::MAP_READ | Usage::COPY_DST).await?,
            device,
            bytes,
            round_trip: 0.0,
        };
        let mut best = f64::INFINITY;
        for _ in 0..6 {
            let begin = now_seconds();
            bench.submit(None, 0).await?;
            best = best.min(now_seconds() - begin);
        }
        bench.round_trip = best;
        Ok(bench)
    }

    async fn work(
        &self,
        kernel: KernelId,
        uniform: &[u32],
        sizes: &[u64],
        workgroups: [u32; 3],
    ) -> Result<Work, EngineError> {
        let pipeline = self.device.pipeline(kernel).await?;
        let mut words = [0_u32; 64];
        for (word, value) in words.iter_mut().zip(uniform) {
            *word = *value;
        }
        self.device.queue.write_buffer(&self.uniform, 0, bytemuck::cast_slice(&words));
        // Operands alternate between the two buffers, so that no dispatch reads what it writes; a third lies in
        // the upper half of the first.
        let places = [(&self.source, 0), (&self.target, 0), (&self.source, self.bytes / 2)];
        let order: &[usize] = match sizes.len() {
            1 => &[1],
            2 => &[0, 1],
            _ => &[0, 2, 1],
        };
        let mut entries = vec![];
        for ((binding, size), place) in (0_u32..).zip(sizes).zip(order) {
            let Some((buffer, offset)) = places.get(*place) else { continue };
            let size = std::num::NonZeroU64::new(*size);
            let resource =
                wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer, offset: *offset, size });
            entries.push(wgpu::BindGroupEntry { binding, resource });
        }
        let binding = u32::try_from(sizes.len()).unwrap_or_default();
        entries.push(wgpu::BindGroupEntry { binding, resource: self.uniform.as_entire_binding() });
        let layout = pipeline.get_bind_group_layout(0);
        let bindings = self.device.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &layout,
            entries: &entries,
        });
        Ok(Work { pipeline, bindings, workgroups })
    }

    /// Submits `repeats` dispatches and waits until a word written after them is on the host.
    async fn submit(&self, work: Option<&Work>, repeats: u32) -> Result<(), EngineError> {
        self.device.check()?;
        let mut encoder =
            self.device.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None });
        if let Some(work) = work {
            let mut pass = encoder
                .begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes: None });
            pass.set_pipeline(&work.pipeline);
            pass.set_bind_group(0, &work.bindings, &[]);
            let [x, y, z] = work.workgroups;
            for _ in 0..repeats {
                pass.dispatch_workgroups(x, y, z);
            }
        }
        encoder.copy_buffer_to_buffer(&self.target, 0, &self.staging, 0, 4);
        self.device.queue.submit([encoder.finish()]);
        self.device.read_staging(&self.staging, 1).await.map(drop)
    }

    /// Seconds of one dispatch: repeats are raised until a submit takes 20 ms, then the best of three.
    async fn seconds(&self, work: &Work) -> Result<f64, EngineError> {
        let mut repeats = 1;
        self.submit(Some(work), repeats).await?;
        loop {
            let begin = now_seconds();
            self.submit(Some(work), repeats).await?;
            let elapsed = now_seconds() - begin;
            if elapsed > 0.02 || repeats >= 2048 {
                let mut best = elapsed;
                let more = if elapsed > 0.2 { 1 } else { 2 };
                for _ in 0..more {
                    let begin = now_seconds();
                    self.submit(Some(work), repeats).await?;
                    best = best.min(now_seconds() - begin);
                }
                let own = (best - self.round_trip).max(best * 0.05);
                return Ok(own / f64::from(repeats));
            }
            repeats = if elapsed < 0.005 { repeats * 4 } else { repeats * 2 };
            yield_now().await;
        }
    }
}

impl Drop for Bench<'_> {
    fn drop(&mut self) {
        for buffer in [&self.source, &self.target, &self.uniform, &self.staging] {
            buffer.destroy();
        }
    }
}

/// Measures the variants of the 512 product; returns its seconds with the choice.
///
/// # Errors
/// A lost device, memory, or a refused shader.
pub async fn choose_kernels(device: &GpuDevice) -> Result<(KernelChoice, f64), EngineError> {
    let product = Product {
        m: MATMUL_SIZE as usize,
        n: MATMUL_SIZE as usize,
        k: MATMUL_SIZE as usize,
        batch: 1,
        transpose_lhs: false,
        transpose_rhs: false,
        splits: 1,
        accumulate: false,
        epilogue: None,
    };
    let timed = device.measure_candidates(&product, 1.0).await?;
    let best = timed.iter().min_by(|a, b| a.1.total_cmp(&b.1));
    let &(index, seconds) =
        best.ok_or_else(|| EngineError::Gpu { message: "no variant of the product runs".into() })?;
    let matmul_int8 =
        if device.has_packed_int8_dot { KernelId::MatmulInt8 } else { KernelId::MatmulInt8Emulated };
    Ok((
        KernelChoice { matmul: VARIANTS.get(index).map_or("", |variant| variant.name), matmul_int8 },
        seconds,
    ))
}

/// Measures a device.
///
/// # Errors
/// A lost device, memory, or a refused shader.
pub async fn measure_gpu(
    device: &GpuDevice,
    choice: (KernelChoice, f64),
    progress: OnProgress<'_>,
) -> Result<Rates, EngineError> {
    let software = device.is_software();
    let bench = Bench::new(device, if software { 16 << 20 } else { 128 << 20 }).await?;
    progress("GPU: arithmetic", 0.0);
    let (count, iterations): (u32, u32) = if software { (1 << 12, 64) } else { (1 << 18, 256) };
    let operations = f64::from(count) * f64::from(iterations) * 64.0;
    let words = [u64::from(count) * 4];
    let groups = [count.div_ceil(64), 1, 1];
    let uniform = probe_fma_f32::Params { count, iterations, scale: 0.999 }.to_words();
    let f32_work = bench.work(KernelId::ProbeFmaF32, &uniform, &words, groups).await?;
    let peak_f32 = operations / bench.seconds(&f32_work).await?;
    let mut peak_f16 = None;
    if device.has_f16 {
        progress("GPU: 16-bit arithmetic", 0.2);
        let uniform = probe_fma_f16::Params { count, iterations, scale: 0.999 }.to_words();
        let work = bench.work(KernelId::ProbeFmaF16, &uniform, &words, groups).await?;
        peak_f16 = Some(operations / bench.seconds(&work).await?);
    }
    let mut peak_int8 = None;
    if device.has_packed_int8_dot {
        progress("GPU: INT8 arithmetic", 0.3);
        let uniform = probe_dot4i8::Params { count, iterations, seed: 0x0102_0304 }.to_words();
        let work = bench.work(KernelId::ProbeDot4i8, &uniform, &words, groups).await?;
        peak_int8 = Some(operations / bench.seconds(&work).await?);
    }
    progress("GPU: memory", 0.45);
    let mut bandwidth = vec![];
    for exponent in (16..).step_by(2).take_while(|exponent| 1_u64 << exponent <= 2 * bench.bytes) {
        let bytes = (1_u64 << exponent) / 2;
        let vectors = u32::try_from(bytes / 16).unwrap_or_default();
        let uniform = probe_copy::Params { count: vectors }.to_words();
        let total = vectors.div_ceil(64);
        let x = total.min(65_535);
        let work = bench.work(KernelId::ProbeCopy, &uniform, &[bytes; 2], [x, total.div_ceil(x), 1]).await?;
        let rate = bytes as f64 * 2.0 / bench.seconds(&work).await?;
        bandwidth.push(BandwidthPoint { working_set_bytes: bytes as f64 * 2.0, bytes_per_second: rate });
        yield_now().await;
    }
    progress("GPU: latency", 0.8);
    let uniform = fill::Params { count: 1, offset: 0, bits: 0 }.to_words();
    let work = bench.work(KernelId::Fill, &uniform, &[256], [1, 1, 1]).await?;
    let dispatch = bench.seconds(&work).await?;
    progress("GPU: transfers", 0.9);
    let (upload, readback) = transfers(&bench).await?;
    let (kernels, matmul_seconds) = choice;
    Ok(Rates {
        peak_f32_flops_per_second: peak_f32,
        peak_f16_flops_per_second: peak_f16,
        peak_int8_ops_per_second: peak_int8,
        matmul_f32_flops_per_second: 2.0 * f64::from(MATMUL_SIZE).powi(3) / matmul_seconds,
        matmul_variant: kernels.matmul,
        bandwidth,
        dispatch_latency_seconds: Some(dispatch),
        round_trip_seconds: Some(bench.round_trip),
        upload_bytes_per_second: Some(upload),
        readback_bytes_per_second: Some(readback),
    })
}

/// 8 MiB up and down, bytes per second.
async fn transfers(bench: &Bench<'_>) -> Result<(f64, f64), EngineError> {
    const BYTES: usize = 8 << 20;
    let data = vec![1_u8; BYTES];
    let (mut up, mut down) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..3 {
        let begin = now_seconds();
        bench.device.check()?;
        bench.device.queue.write_buffer(&bench.source, 0, &data);
        bench.submit(None, 0).await?;
        up = up.min((now_seconds() - begin - bench.round_trip).max(1e-5));
        let begin = now_seconds();
        let mut encoder =
            bench.device.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None });
        encoder.copy_buffer_to_buffer(&bench.source, 0, &bench.staging, 0, BYTES as u64);
        bench.device.queue.submit([encoder.finish()]);
        let read = bench.device.read_staging(&bench.staging, BYTES / 4).await?;
        down = down.min((now_seconds() - begin - bench.round_trip).max(1e-5));
        drop(read);
    }
    Ok((BYTES as f64 / up, BYTES as f64 / down))
}
