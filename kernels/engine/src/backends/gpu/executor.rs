//! A plan on the GPU: one arena buffer, one uniform buffer, every call bound once and replayed.

use super::{
    device::GpuDevice,
    kernels::{Compiled, compile},
};
use crate::{
    EngineError,
    plan::{Call, Plan, Span},
};
use std::{ops::Range, rc::Rc};

/// Distance of two uniforms, WebGPU's default alignment.
const UNIFORM_STRIDE: u64 = 256;

/// GPU time that one submit may take by estimate: a display shares the GPU, and watchdogs end long work.
const SUBMIT_SECONDS: f64 = 0.05;

/// One recorded dispatch.
#[derive(Debug)]
pub(super) struct Dispatch {
    pub pipeline: Rc<wgpu::ComputePipeline>,
    pub bindings: wgpu::BindGroup,
    pub workgroups: [u32; 3],
    /// Number of the call in the plan.
    pub call: usize,
    /// Estimated time.
    pub seconds: f64,
}

/// A plan with its memory.
#[derive(Debug)]
pub struct GpuExecutor {
    pub(super) device: Rc<GpuDevice>,
    pub(super) plan: Rc<Plan>,
    arena: wgpu::Buffer,
    uniforms: wgpu::Buffer,
    staging: wgpu::Buffer,
    pub(super) dispatches: Vec<Dispatch>,
}

impl GpuExecutor {
    /// Reserves the arena (zeroed by WebGPU), compiles pipelines, binds every call.
    ///
    /// # Errors
    /// Out of memory, a refused shader, a lost device.
    pub async fn new(device: Rc<GpuDevice>, plan: Rc<Plan>) -> Result<Self, EngineError> {
        use wgpu::BufferUsages as Usage;
        let compiled = plan.calls.iter().map(|call| compile(&device, call)).collect::<Result<Vec<_>, _>>()?;
        let storage = Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST;
        let arena = device.buffer("arena", plan.bytes().max(256), storage).await?;
        let count: u64 = compiled.iter().map(|compiled| compiled.dispatches.len() as u64).sum();
        let uniforms = device
            .buffer("uniforms", count.max(1) * UNIFORM_STRIDE, Usage::UNIFORM | Usage::COPY_DST)
            .await?;
        let staging_words = plan.state_words.max(1 << 16).min(plan.arena_words.max(64));
        let staging =
            device.buffer("staging", staging_words as u64 * 4, Usage::COPY_DST | Usage::MAP_READ).await?;
        device.queue.write_buffer(&uniforms, 0, &uniform_bytes(&compiled, count));
        let mut executor = Self { device, plan, arena, uniforms, staging, dispatches: vec![] };
        executor.bind_calls(&compiled).await?;
        for (span, words) in &executor.plan.constants {
            executor.write(*span, words)?;
        }
        executor.device.check()?;
        Ok(executor)
    }

    async fn bind_calls(&mut self, compiled: &[Compiled]) -> Result<(), EngineError> {
        let plan = Rc::clone(&self.plan);
        let mut index = 0;
        for (number, (call, compiled)) in plan.calls.iter().zip(compiled).enumerate() {
            let pipeline = self.device.pipeline_of(compiled.name, &compiled.source).await?;
            for (uniform, workgroups) in &compiled.dispatches {
                let bindings = self.bind(&pipeline, index, uniform.len(), call);
                let seconds = self.device.estimate_seconds(call) / compiled.dispatches.len() as f64;
                let pipeline = Rc::clone(&pipeline);
                let workgroups = *workgroups;
                self.dispatches.push(Dispatch { pipeline, bindings, workgroups, call: number, seconds });
                index += 1;
            }
        }
        Ok(())
    }

    fn bind(
        &self,
        pipeline: &wgpu::ComputePipeline,
        index: u64,
        uniform: usize,
        call: &Call,
    ) -> wgpu::BindGroup {
        let range = |buffer, offset, size| {
            wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer,
                offset,
                size: std::num::NonZeroU64::new(size),
            })
        };
        let mut entries: Vec<wgpu::BindGroupEntry<'_>> = Vec::with_capacity(call.buffers.len() + 1);
        for (binding, span) in (0_u32..).zip(&call.buffers) {
            let resource = range(&self.arena, span.offset as u64 * 4, span.words as u64 * 4);
            entries.push(wgpu::BindGroupEntry { binding, resource });
        }
        let size = (uniform as u64 * 4).div_ceil(16) * 16;
        let binding = u32::try_from(call.buffers.len()).unwrap_or_default();
        let resource = range(&self.uniforms, index * UNIFORM_STRIDE, size);
        entries.push(wgpu::BindGroupEntry { binding, resource });
        self.device.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        })
    }

    pub(in crate::backends) const fn plan(&self) -> &Rc<Plan> {
        &self.plan
    }

    pub(in crate::backends) fn write(&self, span: Span, words: &[u32]) -> Result<(), EngineError> {
        self.device.check()?;
        let bytes: &[u8] = bytemuck::cast_slice(words);
        let offset = span.offset as u64 * 4;
        // `write_buffer` panics on a bad size; sizes are whole words, and the span was checked by the caller.
        if offset + bytes.len() as u64 > self.arena.size() {
            return Err(EngineError::Shape { message: "a write past the arena".into() });
        }
        self.device.queue.write_buffer(&self.arena, offset, bytes);
        Ok(())
    }

    /// Queues calls of the plan, in few submits.
    pub(in crate::backends) fn run(&self, calls: &Range<usize>) -> Result<(), EngineError> {
        self.device.check()?;
        let mut batch: Vec<&Dispatch> = vec![];
        let mut seconds = 0.0;
        for dispatch in self.dispatches.iter().filter(|dispatch| calls.contains(&dispatch.call)) {
            if seconds + dispatch.seconds > SUBMIT_SECONDS && !batch.is_empty() {
                self.submit(&std::mem::take(&mut batch));
                seconds = 0.0;
            }
            seconds += dispatch.seconds;
            batch.push(dispatch);
        }
        self.submit(&batch);
        Ok(())
    }

    pub(super) fn submit(&self, dispatches: &[&Dispatch]) {
        let mut encoder =
            self.device.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None });
        {
            let mut pass = encoder
                .begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes: None });
            for dispatch in dispatches {
                dispatch.record(&mut pass);
            }
        }
        self.device.queue.submit([encoder.finish()]);
    }

    pub(in crate::backends) async fn read(&self, span: Span) -> Result<Vec<u32>, EngineError> {
        let mut words = Vec::with_capacity(span.words);
        let most = usize::try_from(self.staging.size() / 4).unwrap_or(usize::MAX);
        let mut offset = span.offset;
        let end = span.offset + span.words;
        while offset < end {
            self.device.check()?;
            let count = most.min(end - offset);
            let mut encoder =
                self.device.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None });
            encoder.copy_buffer_to_buffer(&self.arena, offset as u64 * 4, &self.staging, 0, count as u64 * 4);
            self.device.queue.submit([encoder.finish()]);
            words.extend(self.device.read_staging(&self.staging, count).await?);
            offset += count;
        }
        Ok(words)
    }
}

impl Dispatch {
    pub fn record(&self, pass: &mut wgpu::ComputePass<'_>) {
        let [x, y, z] = self.workgroups;
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bindings, &[]);
        pass.dispatch_workgroups(x, y, z);
    }
}

impl Drop for GpuExecutor {
    fn drop(&mut self) {
        // Dropping a handle frees nothing on the web; destroying does.
        self.arena.destroy();
        self.uniforms.destroy();
        self.staging.destroy();
    }
}

/// All uniforms, each at its stride.
fn uniform_bytes(compiled: &[Compiled], count: u64) -> Vec<u8> {
    let stride = UNIFORM_STRIDE as usize;
    let mut bytes = vec![0_u8; usize::try_from(count.max(1)).unwrap_or(1) * stride];
    let uniforms =
        compiled.iter().flat_map(|compiled| compiled.dispatches.iter().map(|(uniform, _)| uniform));
    for (slot, uniform) in bytes.chunks_exact_mut(stride).zip(uniforms) {
        for (bytes, word) in slot.as_chunks_mut::<4>().0.iter_mut().zip(uniform) {
            *bytes = word.to_le_bytes();
        }
    }
    bytes
}
