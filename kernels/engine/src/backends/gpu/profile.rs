//! Time of each call on the GPU: by timestamps where the device has them, else each call awaited alone.

use super::executor::{Dispatch, GpuExecutor};
use crate::{EngineError, plan::Span, platform};

/// Runs of a call that is timed by the clock: its time must stand out of the round trip.
const REPEATS: u32 = 4;

impl GpuExecutor {
    /// Seconds of each call of a phase. The values in the arena are spent afterwards: calls may run more than once.
    pub(in crate::backends) async fn profile(&self, phase: usize) -> Result<Vec<f64>, EngineError> {
        let calls = self.plan.phases.get(phase).cloned().unwrap_or(0..0);
        let empty = self.round_trip(&[], 1).await?;
        let mut seconds = Vec::with_capacity(calls.len());
        for call in calls {
            let own: Vec<&Dispatch> =
                self.dispatches.iter().filter(|dispatch| dispatch.call == call).collect();
            let once = self.round_trip(&own, 1).await?;
            // A second look, with the pipeline warm and the trip's share small.
            let more = self.round_trip(&own, REPEATS).await?;
            let slope = (more - once) / f64::from(REPEATS - 1);
            let alone = (once - empty).max(0.0);
            seconds.push(if slope > 0.0 { slope.min(alone.max(slope * 0.5)) } else { alone });
        }
        Ok(seconds)
    }

    async fn round_trip(&self, dispatches: &[&Dispatch], repeats: u32) -> Result<f64, EngineError> {
        let begin = platform::now_seconds();
        for _ in 0..repeats {
            self.submit(dispatches);
        }
        self.read(Span { offset: 0, words: 1 }).await?;
        Ok(platform::now_seconds() - begin)
    }
}
