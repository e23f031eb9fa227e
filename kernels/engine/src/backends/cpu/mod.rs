//! The CPU backend: one arena, SIMD products, the kernels' twins for the rest. One thread, no allocation per run.

mod attention;
mod columns;
mod dispatch;
pub(crate) mod map;
mod rows;
pub mod simd;
mod slices;

use crate::{
    EngineError,
    graph::AttentionShape,
    plan::{Call, Kernel, Plan, Product, Span},
    platform,
};
use attention::{AttentionGrads, AttentionInputs, AttentionScratch};
use bytemuck::{cast_slice, cast_slice_mut};
use map::MapScratch;
use shaders::KernelId;
use simd::{MatmulDims, MatmulScratch};
use slices::{all, exactly, misplaced};
use std::{ops::Range, rc::Rc};

/// Seconds of work between two yields, so that a message (cancel, pause) is never kept waiting.
const YIELD_AFTER_SECONDS: f64 = 0.008;

/// A plan on the CPU.
#[derive(Debug)]
pub struct CpuExecutor {
    plan: Rc<Plan>,
    arena: Vec<f32>,
    scratch: MatmulScratch,
    map: MapScratch,
    attention: AttentionScratch,
    delta: Vec<f32>,
    sums: Vec<i32>,
}

impl CpuExecutor {
    /// An arena for `plan`, zeros but for the constants.
    #[must_use]
    pub fn new(plan: Rc<Plan>) -> Self {
        let mut scratch = MatmulScratch::new();
        let mut map = MapScratch::default();
        let mut attention = AttentionScratch::default();
        let (mut sums, mut delta) = (0, 0);
        for call in &plan.calls {
            match &call.kernel {
                Kernel::Product(p) => {
                    scratch.reserve(p.m, p.k, p.n);
                    if let Some(epilogue) = &p.epilogue {
                        map.reserve(epilogue);
                    }
                }
                Kernel::Map { kernel, .. } => map.reserve(kernel),
                Kernel::Attention(shape) | Kernel::AttentionGrad(shape) => {
                    attention.reserve(&sizes_of(shape));
                    delta = delta.max(shape.row_words());
                }
                _ => {}
            }
            if let Some(p) = int8_of(call) {
                scratch.reserve_int8(p.m as usize, p.words as usize * 4, p.n as usize);
                sums = sums.max(p.m as usize * p.n as usize);
            }
        }
        let mut executor = Self {
            arena: vec![0.0; plan.arena_words],
            scratch,
            map,
            attention,
            delta: vec![0.0; delta],
            sums: vec![0; sums],
            plan,
        };
        let plan = Rc::clone(&executor.plan);
        for (span, words) in &plan.constants {
            // Constants are as long as their spans.
            let _ = executor.write(*span, words);
        }
        executor
    }

    pub(super) const fn plan(&self) -> &Rc<Plan> {
        &self.plan
    }

    pub(super) fn write(&mut self, span: Span, words: &[u32]) -> Result<(), EngineError> {
        let target = self.arena.get_mut(span.offset..span.offset + words.len()).ok_or_else(misplaced)?;
        cast_slice_mut::<f32, u32>(target).copy_from_slice(words);
        Ok(())
    }

    pub(crate) fn read(&self, span: Span) -> Result<Vec<u32>, EngineError> {
        let source = self.arena.get(span.range()).ok_or_else(misplaced)?;
        Ok(cast_slice::<f32, u32>(source).to_vec())
    }

    /// Runs calls of the plan.
    pub(super) async fn run(&mut self, calls: Range<usize>) -> Result<(), EngineError> {
        let plan = Rc::clone(&self.plan);
        let mut since = platform::now_seconds();
        for call in plan.calls.get(calls).unwrap_or_default() {
            self.call(call)?;
            if platform::now_seconds() - since > YIELD_AFTER_SECONDS {
                platform::yield_now().await;
                since = platform::now_seconds();
            }
        }
        Ok(())
    }

    /// Runs the calls of one phase and measures each, in seconds.
    pub(super) async fn profile(&mut self, phase: usize) -> Result<Vec<f64>, EngineError> {
        let plan = Rc::clone(&self.plan);
        let mut seconds = Vec::with_capacity(plan.phase(phase).len());
        for call in plan.phase(phase) {
            let begin = platform::now_seconds();
            self.call(call)?;
            seconds.push(platform::now_seconds() - begin);
        }
        platform::yield_now().await;
        Ok(seconds)
    }

    /// Runs one call.
    ///
    /// # Errors
    /// [`EngineError::Shape`] where the call does not fit its kernel, which a compiled plan rules out.
    pub fn call(&mut self, call: &Call) -> Result<(), EngineError> {
        match &call.kernel {
            Kernel::Product(product) => self.product(product, call),
            Kernel::Map { kernel, elements } => {
                let mut buffers = all(&mut self.arena, &call.buffers)?;
                self.map.run(kernel, *elements, &mut buffers);
                Ok(())
            }
            Kernel::Attention(shape) => self.attention(shape, call),
            Kernel::AttentionGrad(shape) => self.attention_grad(shape, call),
            Kernel::Fixed { id: KernelId::MatmulInt8 | KernelId::MatmulInt8Emulated, .. } => {
                self.matmul_int8(call)
            }
            Kernel::Fixed { id, head_quads } => dispatch::run(*id, *head_quads, call, &mut self.arena),
        }
    }

    fn product(&mut self, p: &Product, call: &Call) -> Result<(), EngineError> {
        let mut buffers = all(&mut self.arena, &call.buffers)?;
        let [lhs, rhs, out, extra @ ..] = buffers.as_mut_slice() else { return Err(misplaced()) };
        let (lhs_size, rhs_size, out_size) = (p.m * p.k, p.k * p.n, p.m * p.n);
        let length = p.split_length();
        for split in 0..p.splits {
            let (begin, end) = (split * length, ((split + 1) * length).min(p.k));
            if p.splits > 1 {
                // Parts of the sum exist for the GPU; here they are made one row of the right side at a time.
                let out = out.get_mut(split * out_size..(split + 1) * out_size).ok_or_else(misplaced)?;
                split_product(p, lhs, rhs, out, begin..end);
                continue;
            }
            for slice in 0..p.batch {
                let part = |size: usize| slice * size..(slice + 1) * size;
                let lhs = lhs.get(part(lhs_size)).ok_or_else(misplaced)?;
                let rhs = rhs.get(part(rhs_size)).ok_or_else(misplaced)?;
                let out = out.get_mut(part(out_size)).ok_or_else(misplaced)?;
                let dims = MatmulDims { m: p.m, k: p.k, n: p.n };
                let transposes = (p.transpose_lhs, p.transpose_rhs);
                simd::matmul(
                    out,
                    lhs,
                    rhs,
                    dims,
                    transposes.0,
                    transposes.1,
                    p.accumulate,
                    &mut self.scratch,
                )
                .map_err(|error| shape_error(&error))?;
            }
        }
        if let Some(epilogue) = &p.epilogue {
            let elements = p.batch * out_size;
            let mut bound: Vec<&mut [f32]> = vec![&mut **out];
            bound.extend(extra.iter_mut().map(|buffer| &mut **buffer));
            self.map.run(epilogue, elements, &mut bound);
        }
        Ok(())
    }

    fn attention(&mut self, shape: &AttentionShape, call: &Call) -> Result<(), EngineError> {
        let [q, k, v, o, lse] = exactly(&mut self.arena, &call.buffers)?;
        attention::attention(&sizes_of(shape), (q, k, v), o, lse, &mut self.attention)
            .map_err(|error| shape_error(&error))
    }

    fn attention_grad(&mut self, shape: &AttentionShape, call: &Call) -> Result<(), EngineError> {
        let [q, k, v, o, lse, o_grad, q_grad, k_grad, v_grad] = exactly(&mut self.arena, &call.buffers)?;
        let sizes = sizes_of(shape);
        self.delta.resize(self.delta.len().max(shape.row_words()), 0.0);
        let delta = self.delta.get_mut(..shape.row_words()).unwrap_or_default();
        attention::attention_delta(&sizes, o, o_grad, delta).map_err(|error| shape_error(&error))?;
        let inputs = AttentionInputs { q, k, v, o_grad, lse, delta };
        let grads = AttentionGrads { q_grad: Some(q_grad), kv_grads: Some((k_grad, v_grad)) };
        attention::attention_grad(&sizes, &inputs, grads, &mut self.attention)
            .map_err(|error| shape_error(&error))
    }

    fn matmul_int8(&mut self, call: &Call) -> Result<(), EngineError> {
        let p = int8_of(call).ok_or_else(misplaced)?;
        let [x, weight, scale, bias, y] = exactly(&mut self.arena, &call.buffers)?;
        let (m, n, words) = (p.m as usize, p.n as usize, p.words as usize);
        let sums = self.sums.get_mut(..m * n).ok_or_else(misplaced)?;
        let x = x.get(..m * words).ok_or_else(misplaced)?;
        let weight = weight.get(..n * words).ok_or_else(misplaced)?;
        let dims = MatmulDims { m, k: words * 4, n };
        simd::matmul_int8(sums, cast_slice(x), cast_slice(weight), dims, &mut self.scratch)
            .map_err(|error| shape_error(&error))?;
        let at = p.y_offset as usize;
        let y = y.get_mut(at..at + m * n).ok_or_else(misplaced)?;
        let (scale, bias) = (scale.get(..n).ok_or_else(misplaced)?, bias.get(..n).ok_or_else(misplaced)?);
        let floor = if p.relu == 1 { 0.0 } else { f32::NEG_INFINITY };
        for (y, sums) in y.chunks_exact_mut(n).zip(sums.chunks_exact(n)) {
            for (((y, sum), scale), bias) in y.iter_mut().zip(sums).zip(scale).zip(bias) {
                *y = (*sum as f32 * scale + bias).max(floor);
            }
        }
        Ok(())
    }
}

/// The same sizes in the words of the kernels.
const fn sizes_of(shape: &AttentionShape) -> attention::AttentionShape {
    let AttentionShape { batch, length, heads, kv_heads, head_dim, causal, scale } = *shape;
    attention::AttentionShape { batch, heads, kv_heads, length, head_dim, causal, scale }
}

fn shape_error(error: &simd::MatmulError) -> EngineError {
    EngineError::Shape { message: error.to_string() }
}

/// One part of a sum over k.
fn split_product(p: &Product, lhs: &[f32], rhs: &[f32], out: &mut [f32], range: Range<usize>) {
    out.fill(0.0);
    for (row, out) in out.chunks_exact_mut(p.n).enumerate() {
        for k in range.clone() {
            let a = lhs.get(if p.transpose_lhs { k * p.m + row } else { row * p.k + k }).copied();
            let Some(a) = a else { continue };
            for (column, out) in out.iter_mut().enumerate() {
                let b = rhs.get(if p.transpose_rhs { column * p.k + k } else { k * p.n + column });
                *out += a * b.copied().unwrap_or(0.0);
            }
        }
    }
}

fn int8_of(call: &Call) -> Option<shaders::matmul_int8::Params> {
    let id = match call.kernel {
        Kernel::Fixed { id, .. } => id,
        _ => return None,
    };
    matches!(id, KernelId::MatmulInt8 | KernelId::MatmulInt8Emulated)
        .then(|| shaders::matmul_int8::Params::from_words(&call.uniform))?
}
