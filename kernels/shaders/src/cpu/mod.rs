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

mod adam;
mod add;
mod bias_add;
mod col2im;
mod im2col;
mod im2col_int8;
mod loss_summary;
mod matmul_int8;
mod matmul_int8_emulated;
mod matmul_register;
mod matmul_tiled;
mod max_pool;
mod max_pool_grad;
mod probe_copy;
mod probe_dot4i8;
mod probe_fma_f16;
mod probe_fma_f32;
mod quantize_int8;
mod relu;
mod relu_grad;
mod sgd;
mod softmax_cross_entropy;
mod softmax_cross_entropy_grad;
mod sum_rows;

pub use adam::{AdamBuffers, adam};
pub use add::add;
pub use bias_add::bias_add;
pub use col2im::col2im;
pub use im2col::im2col;
pub use im2col_int8::im2col_int8;
pub use loss_summary::loss_summary;
pub use matmul_int8::matmul_int8;
pub use matmul_int8_emulated::{dot_bytes, matmul_int8_emulated};
pub use matmul_register::matmul_register;
pub use matmul_tiled::matmul_tiled;
pub use max_pool::max_pool;
pub use max_pool_grad::max_pool_grad;
pub use probe_copy::probe_copy;
pub use probe_dot4i8::probe_dot4i8;
pub use probe_fma_f16::probe_fma_f16;
pub use probe_fma_f32::probe_fma_f32;
pub use quantize_int8::quantize_int8;
pub use relu::relu;
pub use relu_grad::relu_grad;
pub use sgd::{SgdBuffers, sgd};
pub use softmax_cross_entropy::softmax_cross_entropy;
pub use softmax_cross_entropy_grad::softmax_cross_entropy_grad;
pub use sum_rows::sum_rows;

/// The exponent bits are all set: infinite or NaN. The kernels test bits, since WGSL may assume NaN away.
#[must_use]
pub fn is_non_finite(x: f32) -> bool {
    (x.to_bits() & 0x7f80_0000) == 0x7f80_0000
}
