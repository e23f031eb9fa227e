//! Kernels with a file, on the CPU: the twins, or something faster where the engine has it.

use super::{
    columns, rows,
    slices::{exactly, misplaced},
};
use crate::{EngineError, plan::Call};
use bytemuck::{cast_slice, cast_slice_mut};
use shaders::{KernelId, cpu as twin};

/// Reads the uniform, takes the buffers, runs the body.
macro_rules! with {
    ($module:ident, $arena:ident, $call:ident, |$params:ident, [$($buffer:ident),+]| $body:expr) => {{
        let $params = shaders::$module::Params::from_words(&$call.uniform).ok_or_else(misplaced)?;
        let [$($buffer),+] = exactly($arena, &$call.buffers)?;
        $body;
    }};
}

/// Runs one call of a kernel with a file; products in integers are not among them.
#[expect(clippy::too_many_lines, reason = "one arm a kernel reads best in one place")]
pub(super) fn run(id: KernelId, head_quads: u32, call: &Call, arena: &mut [f32]) -> Result<(), EngineError> {
    use KernelId as K;
    match id {
        K::Im2col => with!(im2col, arena, call, |p, [x, y]| columns::im2col(&p, x, y)),
        K::Col2im => with!(col2im, arena, call, |p, [x, y]| columns::col2im(&p, x, y)),
        K::Im2colInt8 => with!(im2col_int8, arena, call, |p, [x, y]| {
            columns::im2col_int8(&p, cast_slice(x), cast_slice_mut(y));
        }),
        K::QuantizeInt8 => with!(quantize_int8, arena, call, |p, [x, y]| {
            columns::quantize_int8(&p, x, cast_slice_mut(y));
        }),
        K::MaxPool => with!(max_pool, arena, call, |p, [x, y]| twin::max_pool(&p, x, y)),
        K::MaxPoolGrad => with!(max_pool_grad, arena, call, |p, [x, y, y_grad, x_grad]| {
            columns::max_pool_grad(&p, x, y, y_grad, x_grad);
        }),
        K::AvgPool => with!(avg_pool, arena, call, |p, [x, y]| twin::avg_pool(&p, x, y)),
        K::AvgPoolGrad => with!(avg_pool_grad, arena, call, |p, [y, x]| twin::avg_pool_grad(&p, y, x)),
        K::Softmax => with!(softmax, arena, call, |p, [x, y]| rows::softmax(x, y, p.columns as usize)),
        K::SoftmaxGrad => with!(softmax_grad, arena, call, |p, [y, g, x]| {
            rows::softmax_grad(y, g, x, p.columns as usize);
        }),
        K::LogSoftmax => with!(log_softmax, arena, call, |p, [x, y]| {
            rows::log_softmax(x, y, p.columns as usize);
        }),
        K::LogSoftmaxGrad => with!(log_softmax_grad, arena, call, |p, [y, g, x]| {
            rows::log_softmax_grad(y, g, x, p.columns as usize);
        }),
        K::CrossEntropy => with!(cross_entropy, arena, call, |p, [logits, labels, losses]| {
            rows::cross_entropy(logits, cast_slice(labels), losses, p.classes as usize, p.smoothing);
        }),
        K::CrossEntropyGrad => {
            with!(cross_entropy_grad, arena, call, |p, [logits, labels, upstream, grad]| {
                rows::cross_entropy_grad(
                    logits,
                    cast_slice(labels),
                    upstream,
                    grad,
                    p.classes as usize,
                    p.smoothing,
                );
            })
        }
        K::TopMatch => with!(top_match, arena, call, |p, [logits, labels, matches]| {
            twin::top_match(&p, logits, cast_slice(labels), matches);
        }),
        K::Normalize => with!(normalize, arena, call, |p, [x, y]| {
            rows::normalize(x, y, p.columns as usize, p.center == 1, p.epsilon);
        }),
        K::NormalizeGrad => with!(normalize_grad, arena, call, |p, [x, g, y]| {
            rows::normalize_grad(x, g, y, p.columns as usize, p.center == 1, p.epsilon);
        }),
        K::GatherRows => with!(gather_rows, arena, call, |p, [table, ids, out]| {
            columns::gather_rows(&p, table, cast_slice(ids), out);
        }),
        K::ScatterAddRows => with!(scatter_add_rows, arena, call, |p, [grads, ids, table]| {
            columns::scatter_add_rows(&p, grads, cast_slice(ids), table);
        }),
        K::Rope => with!(rope, arena, call, |p, [x, table, y]| twin::rope(&p, x, table, y)),
        K::CopyStrided => with!(copy_strided, arena, call, |p, [x, y]| columns::copy_strided(&p, x, y)),
        K::Fill => with!(fill, arena, call, |p, [y]| twin::fill(&p, cast_slice_mut(y))),
        K::ReduceSum => with!(reduce_sum, arena, call, |p, [x, y]| columns::reduce_sum(&p, x, y)),
        K::ReduceMax => with!(reduce_max, arena, call, |p, [x, y]| twin::reduce_max(&p, x, y)),
        K::SumSquares => with!(sum_squares, arena, call, |p, [x, y]| columns::sum_squares(&p, x, y)),
        K::Dropout => with!(dropout, arena, call, |p, [x, clock, y]| {
            twin::dropout(&p, x, cast_slice(clock), y);
        }),
        K::Conv2dGrouped => {
            with!(conv2d_grouped, arena, call, |p, [x, w, y]| twin::conv2d_grouped(&p, x, w, y))
        }
        K::Conv2dGroupedInputGrad => with!(conv2d_grouped_input_grad, arena, call, |p, [g, w, x]| {
            twin::conv2d_grouped_input_grad(&p, g, w, x);
        }),
        K::Conv2dGroupedWeightGrad => with!(conv2d_grouped_weight_grad, arena, call, |p, [x, g, w]| {
            twin::conv2d_grouped_weight_grad(&p, x, g, w);
        }),
        K::FirstNonFinite => with!(first_non_finite, arena, call, |p, [x, flags]| {
            columns::first_non_finite(&p, x, cast_slice_mut(flags));
        }),
        K::PackF16 => with!(pack_f16, arena, call, |p, [x, y]| twin::pack_f16(&p, x, cast_slice_mut(y))),
        K::UnpackF16 => with!(unpack_f16, arena, call, |p, [x, y]| twin::unpack_f16(&p, cast_slice(x), y)),
        K::StepSummary => with!(step_summary, arena, call, |p, [loss, matches, norm, clock, ring]| {
            let read = [cast_slice(loss), cast_slice(matches), cast_slice(norm)];
            twin::step_summary(&p, read, cast_slice_mut(clock), cast_slice_mut(ring));
        }),
        K::Attention => with!(attention, arena, call, |p, [q, k, v, o, lse]| {
            twin::attention(&p, head_quads, q, k, v, o, lse);
        }),
        K::AttentionDelta => with!(attention_delta, arena, call, |p, [o, g, delta]| {
            twin::attention_delta(&p, o, g, delta);
        }),
        K::AttentionGradQuery => {
            with!(attention_grad_query, arena, call, |p, [q, k, v, g, lse, delta, out]| {
                let saved = twin::AttentionSaved { q, k, v, o_grad: g, lse, delta };
                twin::attention_grad_query(&p, head_quads, &saved, out);
            })
        }
        K::AttentionGradKeyValue => {
            with!(attention_grad_key_value, arena, call, |p, [q, k, v, g, lse, delta, k_out, v_out]| {
                let saved = twin::AttentionSaved { q, k, v, o_grad: g, lse, delta };
                twin::attention_grad_key_value(&p, head_quads, &saved, k_out, v_out);
            });
        }
        K::MatmulInt8 | K::MatmulInt8Emulated => return Err(misplaced()),
        K::ProbeCopy | K::ProbeDot4i8 | K::ProbeFmaF16 | K::ProbeFmaF32 => {
            return Err(EngineError::Shape { message: "probes are not part of a plan".into() });
        }
    }
    Ok(())
}
