//! The CPU backend: one arena, SIMD products, the kernels' twins for the rest. One thread, no allocation per run.

pub mod attention;
mod columns;
pub mod rows;
pub mod simd;

use crate::{
    EngineError,
    plan::{Call, Plan, Span},
    platform,
};
use bytemuck::{cast_slice, cast_slice_mut};
use shaders::{KernelId, cpu as twin};
use simd::{MatmulDims, MatmulScratch};
use std::rc::Rc;

/// Seconds of work between two yields, so that a message (cancel, pause) is never kept waiting.
const YIELD_AFTER_SECONDS: f64 = 0.008;

/// A plan on the CPU.
#[derive(Debug)]
pub struct CpuExecutor {
    plan: Rc<Plan>,
    arena: Vec<f32>,
    scratch: MatmulScratch,
    sums: Vec<i32>,
}

impl CpuExecutor {
    /// A zeroed arena for `plan`.
    #[must_use]
    pub fn new(plan: Rc<Plan>) -> Self {
        let mut scratch = MatmulScratch::new();
        let mut sums = 0;
        for call in &plan.calls {
            if let Some(p) = product_of(call) {
                scratch.reserve(p.m as usize, p.k as usize, p.n as usize);
            }
            if let Some(p) = int8_of(call) {
                scratch.reserve_int8(p.m as usize, p.words as usize * 4, p.n as usize);
                sums = sums.max(p.m as usize * p.n as usize);
            }
        }
        Self { arena: vec![0.0; plan.arena_words], scratch, sums: vec![0; sums], plan }
    }

    pub(super) const fn plan(&self) -> &Rc<Plan> {
        &self.plan
    }

    pub(super) fn write(&mut self, span: Span, words: &[u32]) -> Result<(), EngineError> {
        let target = self.arena.get_mut(span.offset..span.offset + words.len()).ok_or_else(misplaced)?;
        cast_slice_mut::<f32, u32>(target).copy_from_slice(words);
        Ok(())
    }

    pub(super) fn read(&self, span: Span) -> Result<Vec<u32>, EngineError> {
        let source = self.arena.get(span.range()).ok_or_else(misplaced)?;
        Ok(cast_slice::<f32, u32>(source).to_vec())
    }

    pub(super) async fn run(&mut self) -> Result<(), EngineError> {
        let plan = Rc::clone(&self.plan);
        let mut since = platform::now_seconds();
        for call in &plan.calls {
            self.call(call)?;
            if platform::now_seconds() - since > YIELD_AFTER_SECONDS {
                platform::yield_now().await;
                since = platform::now_seconds();
            }
        }
        Ok(())
    }

    /// Runs one call.
    ///
    /// # Errors
    /// [`EngineError::Shape`] where the call does not fit its kernel, which a compiled plan rules out.
    #[expect(clippy::too_many_lines, reason = "one arm a kernel reads best in one place")]
    pub fn call(&mut self, call: &Call) -> Result<(), EngineError> {
        let uniform = call.uniform.as_slice();
        let arena = self.arena.as_mut_slice();
        match call.kernel {
            KernelId::MatmulRegister | KernelId::MatmulTiled => self.matmul(call)?,
            KernelId::MatmulInt8 | KernelId::MatmulInt8Emulated => self.matmul_int8(call)?,
            KernelId::Im2col => {
                let p = shaders::im2col::Params::from_words(uniform).ok_or_else(misplaced)?;
                let [image, columns] = slices(arena, call)?;
                columns::im2col(&p, image, columns);
            }
            KernelId::Col2im => {
                let p = shaders::col2im::Params::from_words(uniform).ok_or_else(misplaced)?;
                let [columns, image] = slices(arena, call)?;
                columns::col2im(&p, columns, image);
            }
            KernelId::Im2colInt8 => {
                let p = shaders::im2col_int8::Params::from_words(uniform).ok_or_else(misplaced)?;
                let [image, columns] = slices(arena, call)?;
                columns::im2col_int8(&p, cast_slice(image), cast_slice_mut(columns));
            }
            KernelId::BiasAdd => {
                let p = shaders::bias_add::Params::from_words(uniform).ok_or_else(misplaced)?;
                let [x, bias, y] = slices(arena, call)?;
                twin::bias_add(&p, x, bias, y);
            }
            KernelId::Relu => {
                let p = shaders::relu::Params::from_words(uniform).ok_or_else(misplaced)?;
                let [x, y] = slices(arena, call)?;
                twin::relu(&p, x, y);
            }
            KernelId::ReluGrad => {
                let p = shaders::relu_grad::Params::from_words(uniform).ok_or_else(misplaced)?;
                let [y, y_grad, x_grad] = slices(arena, call)?;
                twin::relu_grad(&p, y, y_grad, x_grad);
            }
            KernelId::Add => {
                let p = shaders::add::Params::from_words(uniform).ok_or_else(misplaced)?;
                let [a, b, sum] = slices(arena, call)?;
                twin::add(&p, a, b, sum);
            }
            KernelId::SumRows => {
                let p = shaders::sum_rows::Params::from_words(uniform).ok_or_else(misplaced)?;
                let [x, sums] = slices(arena, call)?;
                twin::sum_rows(&p, x, sums);
            }
            KernelId::MaxPool => {
                let p = shaders::max_pool::Params::from_words(uniform).ok_or_else(misplaced)?;
                let [x, y] = slices(arena, call)?;
                twin::max_pool(&p, x, y);
            }
            KernelId::MaxPoolGrad => {
                let p = shaders::max_pool_grad::Params::from_words(uniform).ok_or_else(misplaced)?;
                let [x, y, y_grad, x_grad] = slices(arena, call)?;
                twin::max_pool_grad(&p, x, y, y_grad, x_grad);
            }
            KernelId::SoftmaxCrossEntropy => {
                let p = shaders::softmax_cross_entropy::Params::from_words(uniform).ok_or_else(misplaced)?;
                let [logits, labels, rows] = slices(arena, call)?;
                twin::softmax_cross_entropy(&p, logits, cast_slice(labels), rows);
            }
            KernelId::SoftmaxCrossEntropyGrad => {
                let p =
                    shaders::softmax_cross_entropy_grad::Params::from_words(uniform).ok_or_else(misplaced)?;
                let [logits, labels, logits_grad] = slices(arena, call)?;
                twin::softmax_cross_entropy_grad(&p, logits, cast_slice(labels), logits_grad);
            }
            KernelId::LossSummary => {
                let p = shaders::loss_summary::Params::from_words(uniform).ok_or_else(misplaced)?;
                let [rows, flags, clock, ring] = slices(arena, call)?;
                twin::loss_summary(&p, rows, cast_slice(flags), cast_slice_mut(clock), cast_slice_mut(ring));
            }
            KernelId::Adam => {
                let p = shaders::adam::Params::from_words(uniform).ok_or_else(misplaced)?;
                let [weight, gradient, first_moment, second_moment, schedule, clock, flags] =
                    slices(arena, call)?;
                let buffers = twin::AdamBuffers { weight, gradient, first_moment, second_moment };
                twin::adam(&p, buffers, schedule, cast_slice(clock), cast_slice_mut(flags));
            }
            KernelId::Sgd => {
                let p = shaders::sgd::Params::from_words(uniform).ok_or_else(misplaced)?;
                let [weight, gradient, velocity, schedule, clock, flags] = slices(arena, call)?;
                let buffers = twin::SgdBuffers { weight, gradient, velocity };
                twin::sgd(&p, buffers, schedule, cast_slice(clock), cast_slice_mut(flags));
            }
            KernelId::QuantizeInt8 => {
                let p = shaders::quantize_int8::Params::from_words(uniform).ok_or_else(misplaced)?;
                let [x, quantized] = slices(arena, call)?;
                columns::quantize_int8(&p, x, cast_slice_mut(quantized));
            }
            KernelId::ProbeCopy | KernelId::ProbeDot4i8 | KernelId::ProbeFmaF16 | KernelId::ProbeFmaF32 => {
                return Err(EngineError::Shape { message: "probes are not part of a plan".into() });
            }
        }
        Ok(())
    }

    fn matmul(&mut self, call: &Call) -> Result<(), EngineError> {
        let p = product_of(call).ok_or_else(misplaced)?;
        let [lhs, rhs, product] = slices(&mut self.arena, call)?;
        let (m, n, k) = (p.m as usize, p.n as usize, p.k as usize);
        let splits = k.div_ceil((p.split_length as usize).max(1));
        if splits > 1 {
            twin::matmul_register(&p, lhs, rhs, product);
            return Ok(());
        }
        let lhs = window(lhs, p.lhs_offset, m * k)?;
        let rhs = window(rhs, p.rhs_offset, k * n)?;
        let at = p.product_offset as usize;
        let product = product.get_mut(at..at + m * n).ok_or_else(misplaced)?;
        // A stride of one along k means row-major; a stride of one along m or n means transposed.
        let transpose_lhs = p.lhs_col_stride != 1 || (p.lhs_row_stride == 1 && k > 1);
        let transpose_rhs = p.rhs_col_stride != 1 || (p.rhs_row_stride == 1 && n > 1);
        simd::matmul(
            product,
            lhs,
            rhs,
            MatmulDims { m, k, n },
            transpose_lhs,
            transpose_rhs,
            false,
            &mut self.scratch,
        )
        .map_err(|error| EngineError::Shape { message: error.to_string() })
    }

    fn matmul_int8(&mut self, call: &Call) -> Result<(), EngineError> {
        let p = int8_of(call).ok_or_else(misplaced)?;
        let [x, weight, scale, bias, y] = slices(&mut self.arena, call)?;
        let (m, n, words) = (p.m as usize, p.n as usize, p.words as usize);
        let sums = self.sums.get_mut(..m * n).ok_or_else(misplaced)?;
        let x = window(x, 0, m * words)?;
        let weight = window(weight, 0, n * words)?;
        let dims = MatmulDims { m, k: words * 4, n };
        simd::matmul_int8(sums, cast_slice(x), cast_slice(weight), dims, &mut self.scratch)
            .map_err(|error| EngineError::Shape { message: error.to_string() })?;
        let at = p.y_offset as usize;
        let y = y.get_mut(at..at + m * n).ok_or_else(misplaced)?;
        let (scale, bias) = (window(scale, 0, n)?, window(bias, 0, n)?);
        let floor = if p.relu == 1 { 0.0 } else { f32::NEG_INFINITY };
        for (y, sums) in y.chunks_exact_mut(n).zip(sums.chunks_exact(n)) {
            for (((y, sum), scale), bias) in y.iter_mut().zip(sums).zip(scale).zip(bias) {
                *y = (*sum as f32 * scale + bias).max(floor);
            }
        }
        Ok(())
    }
}

fn product_of(call: &Call) -> Option<shaders::matmul_register::Params> {
    matches!(call.kernel, KernelId::MatmulRegister | KernelId::MatmulTiled)
        .then(|| shaders::matmul_register::Params::from_words(&call.uniform))?
}

fn int8_of(call: &Call) -> Option<shaders::matmul_int8::Params> {
    matches!(call.kernel, KernelId::MatmulInt8 | KernelId::MatmulInt8Emulated)
        .then(|| shaders::matmul_int8::Params::from_words(&call.uniform))?
}

fn window(values: &[f32], offset: u32, length: usize) -> Result<&[f32], EngineError> {
    let offset = offset as usize;
    values.get(offset..offset + length).ok_or_else(misplaced)
}

/// The call's buffers as disjoint slices of the arena.
fn slices<'a, const N: usize>(arena: &'a mut [f32], call: &Call) -> Result<[&'a mut [f32]; N], EngineError> {
    let spans: [Span; N] = call.buffers.as_slice().try_into().map_err(|_| misplaced())?;
    arena.get_disjoint_mut(spans.map(Span::range)).map_err(|_| misplaced())
}

fn misplaced() -> EngineError {
    EngineError::Shape { message: "a kernel call does not fit its buffers".into() }
}
