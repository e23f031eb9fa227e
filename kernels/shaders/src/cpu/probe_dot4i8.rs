//! Twin of `wgsl/probe_dot4i8.wgsl`.

use crate::probe_dot4i8::Params;

/// See the WGSL file for the formula and the shapes.
pub fn probe_dot4i8(params: &Params, result: &mut [i32]) {
    for x in 0..params.count {
        let s = params.seed ^ x;
        let mut chains: [i32; 8] = [0, 1, 2, 3, 4, 5, 6, 7];
        for _ in 0..params.iterations {
            for chain in 0..8 {
                let other = chains[(chain + 1) % 8] as u32;
                chains[chain] = chains[chain].wrapping_add(super::dot_bytes(s, other));
            }
        }
        result[x as usize] = chains.iter().fold(0, |all, chain| all ^ chain);
    }
}
