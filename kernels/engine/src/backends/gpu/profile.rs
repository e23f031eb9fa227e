//! Time of each call on the GPU: by timestamps where the device has them, else each call awaited alone.

use super::executor::{Dispatch, GpuExecutor};
use crate::{EngineError, plan::Span, platform};
use std::ops::Range;
use wgpu::BufferUsages as Usage;

/// Runs of a call that is timed by the clock: its time must stand out of the round trip.
const REPEATS: u32 = 4;
/// Browsers round timestamps, to 100 microseconds as a rule: a call is repeated until it takes ten of those.
const STAMPED_SECONDS: f64 = 1e-3;
const MOST_REPEATS: f64 = 256.0;
/// Calls whose timestamps are read together; WebGPU allows 4,096 timestamps in a set.
const STAMPED_CALLS: usize = 64;

impl GpuExecutor {
    /// Seconds of each call of a phase. The values in the arena are spent afterwards: calls may run more than once.
    pub(in crate::backends) async fn profile(&self, phase: usize) -> Result<Vec<f64>, EngineError> {
        let calls = self.plan.phases.get(phase).cloned().unwrap_or(0..0);
        if self.device.has_timestamps {
            let stamped = self.stamped(calls.clone()).await?;
            // Some adapters give the feature and no times.
            if stamped.iter().sum::<f64>() > 0.0 {
                return Ok(stamped);
            }
        }
        let empty = self.round_trip(&[], 1).await?;
        let mut seconds = Vec::with_capacity(calls.len());
        for call in calls {
            let own = self.dispatches_of(call);
            let once = self.round_trip(&own, 1).await?;
            // A second look, with the pipeline warm and the trip's share small.
            let more = self.round_trip(&own, REPEATS).await?;
            let slope = (more - once) / f64::from(REPEATS - 1);
            let alone = (once - empty).max(0.0);
            seconds.push(if slope > 0.0 { slope.min(alone.max(slope * 0.5)) } else { alone });
        }
        Ok(seconds)
    }

    fn dispatches_of(&self, call: usize) -> Vec<&Dispatch> {
        self.dispatches.iter().filter(|dispatch| dispatch.call == call).collect()
    }

    async fn round_trip(&self, dispatches: &[&Dispatch], repeats: u32) -> Result<f64, EngineError> {
        let begin = platform::now_seconds();
        for _ in 0..repeats {
            self.submit(dispatches);
        }
        self.read(Span { offset: 0, words: 1 }).await?;
        Ok(platform::now_seconds() - begin)
    }

    /// Seconds by the GPU's own clock. The estimates say how often a call is repeated; a first look makes them.
    async fn stamped(&self, calls: Range<usize>) -> Result<Vec<f64>, EngineError> {
        let mut seconds = vec![];
        let all: Vec<usize> = calls.collect();
        for part in all.chunks(STAMPED_CALLS) {
            let once: Vec<(usize, u32)> = part.iter().map(|call| (*call, 1)).collect();
            let first = self.stamps(&once).await?;
            let again = part.iter().zip(first).map(|(call, seconds)| {
                let repeats = (STAMPED_SECONDS / seconds.max(1e-9)).clamp(1.0, MOST_REPEATS);
                (*call, repeats as u32)
            });
            seconds.extend(self.stamps(&again.collect::<Vec<_>>()).await?);
        }
        Ok(seconds)
    }

    /// Seconds of one run of each call, from passes that repeat it as often as asked.
    async fn stamps(&self, calls: &[(usize, u32)]) -> Result<Vec<f64>, EngineError> {
        let (device, count) = (&self.device.device, calls.len() as u32 * 2);
        let bytes = u64::from(count) * 8;
        let queries = device.create_query_set(&wgpu::QuerySetDescriptor {
            label: Some("profile"),
            ty: wgpu::QueryType::Timestamp,
            count,
        });
        let resolved = self.device.buffer("stamps", bytes, Usage::QUERY_RESOLVE | Usage::COPY_SRC).await?;
        let staging = self.device.buffer("stamps read", bytes, Usage::COPY_DST | Usage::MAP_READ).await?;
        for (number, (call, repeats)) in (0_u32..).zip(calls) {
            self.submit_stamped(&self.dispatches_of(*call), *repeats, &queries, number * 2);
        }
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None });
        encoder.resolve_query_set(&queries, 0..count, &resolved, 0);
        encoder.copy_buffer_to_buffer(&resolved, 0, &staging, 0, bytes);
        self.device.queue.submit([encoder.finish()]);
        let words = self.device.read_staging(&staging, calls.len() * 4).await;
        resolved.destroy();
        staging.destroy();
        let period = f64::from(self.device.queue.get_timestamp_period()) * 1e-9;
        let stamp = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
        let spans = words?;
        let seconds = spans.as_chunks::<4>().0.iter().zip(calls).map(|(&[a, b, c, d], (_, repeats))| {
            let ticks = stamp(c, d).saturating_sub(stamp(a, b));
            ticks as f64 * period / f64::from((*repeats).max(1))
        });
        Ok(seconds.collect())
    }

    fn submit_stamped(&self, dispatches: &[&Dispatch], repeats: u32, queries: &wgpu::QuerySet, first: u32) {
        let mut encoder =
            self.device.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: None });
        {
            let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
                label: None,
                timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                    query_set: queries,
                    beginning_of_pass_write_index: Some(first),
                    end_of_pass_write_index: Some(first + 1),
                }),
            });
            for _ in 0..repeats {
                for dispatch in dispatches {
                    dispatch.record(&mut pass);
                }
            }
        }
        self.device.queue.submit([encoder.finish()]);
    }
}
