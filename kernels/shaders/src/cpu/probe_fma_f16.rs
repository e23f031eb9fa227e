//! Twin of `wgsl/probe_fma_f16.wgsl`, in f32: processors have no f16 arithmetic here, so results agree to f16 only.

use crate::{probe_fma_f16::Params, probe_fma_f32};

/// See the WGSL file for the formula and the shapes.
pub fn probe_fma_f16(params: &Params, result: &mut [f32]) {
    let Params { count, iterations, scale } = *params;
    super::probe_fma_f32(&probe_fma_f32::Params { count, iterations, scale }, result);
}
