//! Twin of `wgsl/probe_copy.wgsl`.

use crate::probe_copy::Params;

/// See the WGSL file for the formula and the shapes.
pub fn probe_copy(params: &Params, source: &[u32], target_words: &mut [u32]) {
    let words = params.count as usize * 4;
    target_words[..words].copy_from_slice(&source[..words]);
}
