//! Rates of the CPU backend: one thread, SIMD.

use super::{BandwidthPoint, OnProgress, Rates};
use crate::{
    EngineError,
    backends::cpu::simd::{self, MatmulDims, MatmulScratch},
    platform::{now_seconds, yield_now},
};
use shaders::{cpu as twin, probe_fma_f32};
use std::hint::black_box;

/// Words between the beginnings of two arrays modulo a page: 17 cache lines.
const CACHE_OFFSET_WORDS: usize = 272;

/// Measures the CPU. Takes about a second, in pieces of less than 50 ms.
///
/// # Errors
/// None in practice: sizes are constants.
pub async fn measure_cpu(progress: OnProgress<'_>) -> Result<Rates, EngineError> {
    progress("Processor: arithmetic", 0.0);
    let params = probe_fma_f32::Params { count: 8, iterations: 20_000, scale: 0.999 };
    let mut result = vec![0.0; 8];
    let flops = f64::from(params.count) * f64::from(params.iterations) * 64.0;
    let peak =
        best_rate(flops, 0.15, || twin::probe_fma_f32(black_box(&params), black_box(&mut result))).await;
    progress("Processor: matrix product", 0.3);
    let size = 512;
    let (a, b) = (vec![0.5_f32; size * size], vec![0.25_f32; size * size]);
    let mut c = vec![0.0_f32; size * size];
    let mut scratch = MatmulScratch::new();
    let dims = MatmulDims { m: size, k: size, n: size };
    let matmul = best_rate(2.0 * (size as f64).powi(3), 0.25, || {
        let _ = simd::matmul(&mut c, black_box(&a), black_box(&b), dims, false, false, false, &mut scratch);
    })
    .await;
    progress("Processor: INT8 matrix product", 0.5);
    let (a, b) = (vec![0x0102_0304_u32; size * size / 4], vec![0x0201_0403_u32; size * size / 4]);
    let mut c = vec![0_i32; size * size];
    let int8 = best_rate(2.0 * (size as f64).powi(3), 0.2, || {
        let _ = simd::matmul_int8(&mut c, black_box(&a), black_box(&b), dims, &mut scratch);
    })
    .await;
    progress("Processor: memory", 0.7);
    let mut bandwidth = vec![];
    for exponent in [14, 16, 18, 20, 22, 24, 26] {
        let words = (1_usize << exponent) / 8;
        let source = vec![1_u32; words];
        // An offset keeps source and target from falling onto the same places of the cache, which halves the rate.
        let mut padded = vec![0_u32; words + CACHE_OFFSET_WORDS];
        let target = padded.get_mut(CACHE_OFFSET_WORDS..).unwrap_or_default();
        let bytes = words as f64 * 8.0;
        let rate =
            best_rate(bytes, 0.05, || black_box(&mut *target).copy_from_slice(black_box(&source))).await;
        bandwidth.push(BandwidthPoint { working_set_bytes: bytes, bytes_per_second: rate });
    }
    Ok(Rates {
        // The product cannot beat the ceiling: where the clock says so, the ceiling was measured low.
        peak_f32_flops_per_second: peak.max(matmul),
        peak_int8_ops_per_second: Some(int8),
        matmul_f32_flops_per_second: matmul,
        matmul_variant: "packed SIMD",
        bandwidth,
        ..Rates::default()
    })
}

/// Work per second of the fastest of repeated runs, over `seconds`.
async fn best_rate(work: f64, seconds: f64, mut run: impl FnMut()) -> f64 {
    run();
    let begin = now_seconds();
    let mut best = f64::INFINITY;
    // Short runs are timed in groups that outlast the coarse clock of a browser (0.1 ms at worst).
    let mut group = 1;
    loop {
        let since = now_seconds();
        for _ in 0..group {
            run();
        }
        let elapsed = now_seconds() - since;
        if elapsed < 0.004 {
            group *= 4;
        } else {
            best = best.min(elapsed / f64::from(group));
        }
        yield_now().await;
        if now_seconds() - begin > seconds && best.is_finite() {
            return work / best;
        }
    }
}
