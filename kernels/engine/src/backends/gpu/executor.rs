//! A plan on the GPU: one arena buffer, one uniform buffer, bind groups made once; a run is one pass, one submit.

use super::GpuDevice;
use crate::{
    EngineError,
    plan::{Plan, Span},
};
use std::rc::Rc;

/// WebGPU's default alignment of uniform offsets.
const UNIFORM_STRIDE: u64 = 256;

#[derive(Debug)]
struct Dispatch {
    pipeline: Rc<wgpu::ComputePipeline>,
    bindings: wgpu::BindGroup,
    workgroups: [u32; 3],
}

/// A plan with its memory on a GPU device.
#[derive(Debug)]
pub struct GpuExecutor {
    device: Rc<GpuDevice>,
    plan: Rc<Plan>,
    arena: wgpu::Buffer,
    uniforms: wgpu::Buffer,
    staging: wgpu::Buffer,
    dispatches: Vec<Dispatch>,
}

impl GpuExecutor {
    /// Reserves the arena (zeroed by WebGPU), compiles pipelines, binds every call.
    ///
    /// # Errors
    /// Out of memory, a refused shader, a lost device.
    pub async fn new(device: Rc<GpuDevice>, plan: Rc<Plan>) -> Result<Self, EngineError> {
        use wgpu::BufferUsages as Usage;
        let storage = Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST;
        let arena = device.buffer("arena", plan.bytes().max(256), storage).await?;
        let calls = plan.calls.len().max(1) as u64;
        let uniforms =
            device.buffer("uniforms", calls * UNIFORM_STRIDE, Usage::UNIFORM | Usage::COPY_DST).await?;
        let staging_words = plan.state_words.max(1 << 16).min(plan.arena_words.max(64));
        let staging =
            device.buffer("staging", staging_words as u64 * 4, Usage::COPY_DST | Usage::MAP_READ).await?;
        let mut words = vec![0_u8; usize::try_from(calls * UNIFORM_STRIDE).unwrap_or_default()];
        for (slot, call) in words.chunks_exact_mut(256).zip(&plan.calls) {
            for (bytes, word) in slot.chunks_exact_mut(4).zip(&call.uniform) {
                bytes.copy_from_slice(&word.to_le_bytes());
            }
        }
        device.queue.write_buffer(&uniforms, 0, &words);
        let mut dispatches = Vec::with_capacity(plan.calls.len());
        for (index, call) in plan.calls.iter().enumerate() {
            let pipeline = device.pipeline(call.kernel).await?;
            let bindings = bind(&device, &pipeline, &arena, &uniforms, index as u64, call);
            dispatches.push(Dispatch { pipeline, bindings, workgroups: call.workgroups });
        }
        device.check()?;
        Ok(Self { device, plan, arena, uniforms, staging, dispatches })
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

    pub(in crate::backends) fn run(&self) -> Result<(), EngineError> {
        self.device.check()?;
        let mut encoder =
            self.device.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None });
        {
            let mut pass = encoder
                .begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes: None });
            for dispatch in &self.dispatches {
                let [x, y, z] = dispatch.workgroups;
                pass.set_pipeline(&dispatch.pipeline);
                pass.set_bind_group(0, &dispatch.bindings, &[]);
                pass.dispatch_workgroups(x, y, z);
            }
        }
        self.device.queue.submit([encoder.finish()]);
        Ok(())
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

impl Drop for GpuExecutor {
    fn drop(&mut self) {
        // Dropping a handle frees nothing on the web; destroying does.
        self.arena.destroy();
        self.uniforms.destroy();
        self.staging.destroy();
    }
}

fn bind(
    device: &GpuDevice,
    pipeline: &wgpu::ComputePipeline,
    arena: &wgpu::Buffer,
    uniforms: &wgpu::Buffer,
    index: u64,
    call: &crate::plan::Call,
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
        let resource = range(arena, span.offset as u64 * 4, span.words as u64 * 4);
        entries.push(wgpu::BindGroupEntry { binding, resource });
    }
    let size = (call.uniform.len() as u64 * 4).div_ceil(16) * 16;
    let binding = u32::try_from(call.buffers.len()).unwrap_or_default();
    entries.push(wgpu::BindGroupEntry { binding, resource: range(uniforms, index * UNIFORM_STRIDE, size) });
    device.device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &pipeline.get_bind_group_layout(0),
        entries: &entries,
    })
}
