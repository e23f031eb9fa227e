//! The CPU twins: one file a kernel, deliberately un-idiomatic, so that twin and WGSL read side by side.
//!
//! Twins are the reference that GPU results are compared with, and the CPU backend runs the elementwise ones as
//! they are (they vectorise); products, im2col and col2im have faster versions in the engine. Slices are sized
//! by the plan; a twin may panic on a wrong size, which no input can cause.
#![allow(
    clippy::needless_range_loop,
    clippy::needless_pass_by_value,
    clippy::float_cmp,
    clippy::manual_is_multiple_of,
    reason = "twins follow their WGSL line by line, indices and comparisons included"
)]

mod attention;
mod attention_delta;
mod attention_grad_key_value;
mod attention_grad_query;
mod avg_pool;
mod avg_pool_grad;
mod col2im;
mod conv2d_grouped;
mod conv2d_grouped_input_grad;
mod conv2d_grouped_weight_grad;
mod copy_strided;
mod cross_entropy;
mod cross_entropy_grad;
mod dropout;
mod fill;
mod first_non_finite;
mod gather_rows;
mod im2col;
mod im2col_int8;
mod log_softmax;
mod log_softmax_grad;
mod matmul_int8;
mod matmul_int8_emulated;
mod max_pool;
mod max_pool_grad;
mod normalize;
mod normalize_grad;
mod pack_f16;
mod probe_copy;
mod probe_dot4i8;
mod probe_fma_f16;
mod probe_fma_f32;
mod quantize_int8;
mod reduce_max;
mod reduce_sum;
mod rope;
mod scatter_add_rows;
mod softmax;
mod softmax_grad;
mod step_summary;
mod sum_squares;
mod top_match;
mod unpack_f16;

pub use attention::{AttentionSaved, attention};
pub use attention_delta::attention_delta;
pub use attention_grad_key_value::attention_grad_key_value;
pub use attention_grad_query::attention_grad_query;
pub use avg_pool::avg_pool;
pub use avg_pool_grad::avg_pool_grad;
pub use col2im::col2im;
pub use conv2d_grouped::conv2d_grouped;
pub use conv2d_grouped_input_grad::conv2d_grouped_input_grad;
pub use conv2d_grouped_weight_grad::conv2d_grouped_weight_grad;
pub use copy_strided::copy_strided;
pub use cross_entropy::cross_entropy;
pub use cross_entropy_grad::cross_entropy_grad;
pub use dropout::dropout;
pub use fill::fill;
pub use first_non_finite::first_non_finite;
pub use gather_rows::gather_rows;
pub use im2col::im2col;
pub use im2col_int8::im2col_int8;
pub use log_softmax::log_softmax;
pub use log_softmax_grad::log_softmax_grad;
pub use matmul_int8::matmul_int8;
pub use matmul_int8_emulated::{dot_bytes, matmul_int8_emulated};
pub use max_pool::max_pool;
pub use max_pool_grad::max_pool_grad;
pub use normalize::normalize;
pub use normalize_grad::normalize_grad;
pub use pack_f16::{half_bits, pack_f16};
pub use probe_copy::probe_copy;
pub use probe_dot4i8::probe_dot4i8;
pub use probe_fma_f16::probe_fma_f16;
pub use probe_fma_f32::probe_fma_f32;
pub use quantize_int8::quantize_int8;
pub use reduce_max::reduce_max;
pub use reduce_sum::reduce_sum;
pub use rope::rope;
pub use scatter_add_rows::scatter_add_rows;
pub use softmax::softmax;
pub use softmax_grad::softmax_grad;
pub use step_summary::step_summary;
pub use sum_squares::sum_squares;
pub use top_match::top_match;
pub use unpack_f16::{half_value, unpack_f16};

/// The exponent bits are all set: infinite or NaN. The kernels test bits, since WGSL may assume NaN away.
#[must_use]
pub fn is_non_finite(x: f32) -> bool {
    (x.to_bits() & 0x7f80_0000) == 0x7f80_0000
}
