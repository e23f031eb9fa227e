//! A trial of the product's variants on an adapter: is the answer right, and how long does it take.

use super::{
    device::{GPU_TIMEOUT_SECONDS, GpuDevice},
    kernels::{params_of, product_source},
    tuning::form_of,
};
use crate::{EngineError, plan::Product, platform};
use shaders::product::{Variant, workgroups};
use wgpu::BufferUsages as Usage;

/// Seeds of the operands.
const LHS: usize = 3;
const RHS: usize = 5;

/// A multiple of 1/8 between -1 and 1; sums of up to 262,144 products of two are exact.
fn operand(seed: usize, index: usize) -> f32 {
    let mixed = (index as u32).wrapping_add(seed as u32).wrapping_mul(0x9e37_79b1) >> 16;
    (mixed % 17) as f32 / 8.0 - 1.0
}

/// Buffers of one product, to time variants on. Operands are small multiples of 1/8, so that sums are exact in any
/// order, and an answer is right or wrong.
pub(super) struct ProductTrial<'a> {
    device: &'a GpuDevice,
    product: Product,
    buffers: [wgpu::Buffer; 4],
    staging: wgpu::Buffer,
}

impl<'a> ProductTrial<'a> {
    pub(super) async fn new(device: &'a GpuDevice, product: &Product) -> Result<Self, EngineError> {
        let storage = Usage::STORAGE | Usage::COPY_SRC | Usage::COPY_DST;
        let size = |elements: usize| (elements.max(64) as u64 * 4).next_multiple_of(256);
        let (m, n, k, batch) = (product.m, product.n, product.k, product.batch);
        let buffers = [
            device.buffer("tune lhs", size(batch * m * k), storage).await?,
            device.buffer("tune rhs", size(batch * k * n), storage).await?,
            device.buffer("tune product", size(product.splits * batch * m * n), storage).await?,
            device.buffer("tune uniform", 256, Usage::UNIFORM | Usage::COPY_DST).await?,
        ];
        let staging = device.buffer("tune staging", 256, Usage::MAP_READ | Usage::COPY_DST).await?;
        let [lhs, rhs, ..] = &buffers;
        for (buffer, count, seed) in [(lhs, batch * m * k, LHS), (rhs, batch * k * n, RHS)] {
            let values: Vec<f32> = (0..count).map(|index| operand(seed, index)).collect();
            device.queue.write_buffer(buffer, 0, bytemuck::cast_slice(&values));
        }
        Ok(Self { device, product: product.clone(), buffers, staging })
    }

    /// Seconds of one product, the better of a few runs; a variant that is already hopeless beside `best` is not run
    /// again.
    pub(super) async fn seconds(
        &self,
        variant: &Variant,
        best: f64,
    ) -> Result<Result<f64, String>, EngineError> {
        const HOPELESS: f64 = 1.6;
        let (form, params) = (form_of(&self.product), params_of(&self.product));
        let pipeline = self.device.pipeline_of(variant.name, &product_source(variant, &form)).await?;
        let bytes: Vec<u8> = form.uniform(&params).into_iter().flat_map(u32::to_le_bytes).collect();
        let [lhs, rhs, product, uniform] = &self.buffers;
        self.device.queue.write_buffer(uniform, 0, &bytes);
        let entries: Vec<wgpu::BindGroupEntry<'_>> = (0_u32..)
            .zip([lhs, rhs, product, uniform])
            .map(|(binding, buffer)| wgpu::BindGroupEntry { binding, resource: buffer.as_entire_binding() })
            .collect();
        let bindings = self.device.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        });
        let groups = workgroups(variant, &params);
        // The first run compiles.
        let first = self.run(&pipeline, &bindings, groups, 1).await?;
        if let Some(wrong) = self.wrong_answer().await? {
            return Ok(Err(wrong));
        }
        let repeats = (0.004 / first.max(1e-5)).clamp(1.0, 16.0) as u32;
        let mut seconds = f64::INFINITY;
        for _ in 0..2 {
            let once = self.run(&pipeline, &bindings, groups, repeats).await? / f64::from(repeats);
            seconds = seconds.min(once);
            if seconds > HOPELESS * best {
                break;
            }
        }
        Ok(Ok(seconds))
    }

    /// What is wrong with some elements of the last product: its corners, and others in between.
    async fn wrong_answer(&self) -> Result<Option<String>, EngineError> {
        let Product { m, n, batch, splits, .. } = self.product;
        let elements = splits * batch * m * n;
        if self.product.accumulate {
            // What was there before counts too, and nobody knows it.
            return Ok(None);
        }
        let places = [0, n - 1, (m - 1) * n, elements - 1].into_iter();
        let places: Vec<usize> =
            places.chain((1..13).map(|part| (elements / 13 * part + part * 5) % elements)).collect();
        let device = &self.device.device;
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None });
        let [_, _, product, _] = &self.buffers;
        for (slot, place) in (0_u64..).zip(&places) {
            encoder.copy_buffer_to_buffer(product, *place as u64 * 4, &self.staging, slot * 4, 4);
        }
        self.device.queue.submit([encoder.finish()]);
        let wait = self.device.read_staging(&self.staging, places.len());
        let found = platform::with_timeout("a trial of a kernel", GPU_TIMEOUT_SECONDS, wait).await??;
        let wrong = places.iter().zip(found).find_map(|(place, bits)| {
            let (expected, got) = (self.expected(*place), f32::from_bits(bits));
            let is_right = (expected - got).abs() < f32::MIN_POSITIVE;
            (!is_right).then(|| format!("element {place} should be {expected} and is {got}"))
        });
        Ok(wrong)
    }

    /// The exact value of an element.
    fn expected(&self, place: usize) -> f32 {
        let Product { m, n, k, batch, transpose_lhs, transpose_rhs, .. } = self.product;
        let (column, row, slice) = (place % n, place / n % m, place / (m * n) % batch);
        let begin = place / (batch * m * n) * self.product.split_length();
        let end = (begin + self.product.split_length()).min(k);
        let term = |i: usize| {
            let a = if transpose_lhs { i * m + row } else { row * k + i } + slice * m * k;
            let b = if transpose_rhs { column * k + i } else { i * n + column } + slice * k * n;
            operand(LHS, a) * operand(RHS, b)
        };
        (begin..end).map(term).sum()
    }

    async fn run(
        &self,
        pipeline: &wgpu::ComputePipeline,
        bindings: &wgpu::BindGroup,
        [x, y, z]: [u32; 3],
        repeats: u32,
    ) -> Result<f64, EngineError> {
        let begin = platform::now_seconds();
        let device = &self.device.device;
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None });
        {
            let mut pass = encoder
                .begin_compute_pass(&wgpu::ComputePassDescriptor { label: None, timestamp_writes: None });
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, bindings, &[]);
            for _ in 0..repeats {
                pass.dispatch_workgroups(x, y, z);
            }
        }
        let [_, _, product, _] = &self.buffers;
        encoder.copy_buffer_to_buffer(product, 0, &self.staging, 0, 4);
        self.device.queue.submit([encoder.finish()]);
        let wait = self.device.read_staging(&self.staging, 1);
        platform::with_timeout("a trial of a kernel", GPU_TIMEOUT_SECONDS, wait).await??;
        Ok(platform::now_seconds() - begin)
    }
}

impl Drop for ProductTrial<'_> {
    fn drop(&mut self) {
        for buffer in self.buffers.iter().chain([&self.staging]) {
            buffer.destroy();
        }
    }
}
