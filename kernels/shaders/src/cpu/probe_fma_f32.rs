//! Twin of `wgsl/probe_fma_f32.wgsl`.

use crate::probe_fma_f32::Params;

/// See the WGSL file for the formula and the shapes.
///
/// WASM SIMD has no fused multiply-add: a multiply and an add, two operations all the same.
pub fn probe_fma_f32(params: &Params, result: &mut [f32]) {
    let s = [params.scale; 4];
    for x in 0..params.count as usize {
        let t = [(x & 7) as f32 * 0.125; 4];
        let start = |f: fn(f32, f32) -> f32| std::array::from_fn::<f32, 4, _>(|lane| f(t[lane], s[lane]));
        let mut chains = [
            t,
            start(|t, s| t + s),
            start(|t, s| t - s),
            start(|t, s| t * s),
            s,
            start(|_, s| s + s),
            start(|t, s| s - t),
            start(|_, s| s * s),
        ];
        for _ in 0..params.iterations {
            for chain in &mut chains {
                for lane in 0..4 {
                    chain[lane] = chain[lane] * s[lane] + t[lane];
                }
            }
        }
        let [a, b, c, d, e, f, g, h] = chains;
        let sum: [f32; 4] =
            std::array::from_fn(|l| ((a[l] + b[l]) + (c[l] + d[l])) + ((e[l] + f[l]) + (g[l] + h[l])));
        result[x] = sum[0] + sum[1] + sum[2] + sum[3];
    }
}
