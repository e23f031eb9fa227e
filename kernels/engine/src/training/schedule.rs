//! Learning rates as pure functions of the step, and when to stop.
//!
//! With p = (step - warm-up) / (steps - warm-up), from 0 to 1, and a floor f as a share of the peak:
//! constant 1; linear f + (1 - f) (1 - p); cosine f + (1 - f) (1 + cos pi p) / 2 (Loshchilov and Hutter 2017);
//! one-cycle rises by a cosine from 1/25 to 1 over the first 3/10 and then falls by a cosine to f (Smith and Topin
//! 2018, with the constants of PyTorch's `OneCycleLR`). During the warm-up the rate of step s is (s + 1) / (w + 1)
//! of what the shape begins with, so that no step has a rate of zero.

use crate::datasets::philox::cosine_of_turns;

/// How the rate goes on after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Shape {
    /// It stays at the peak; the floor has no meaning.
    #[default]
    Constant,
    /// It falls by a straight line.
    Linear,
    /// It falls by half a cosine.
    Cosine,
    /// It rises and then falls by half a cosine each.
    OneCycle,
}

/// The share of the steps in which one-cycle rises.
const RISE: f64 = 0.3;
/// The share of the peak at which one-cycle begins.
const BEGINNING: f64 = 1.0 / 25.0;

/// A learning rate for every step of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    /// The shape after the warm-up.
    pub shape: Shape,
    /// The largest rate.
    pub peak: f64,
    /// The rate at the end, as a share of the peak, 0 to 1; what is outside is brought inside.
    pub floor: f64,
    /// Steps of the warm-up.
    pub warm_up_steps: u32,
    /// Steps of the whole run, with the warm-up; later steps keep the last rate.
    pub total_steps: u32,
}

impl Schedule {
    /// The rate of `step`, from 0. The last step, `total_steps` - 1, has the rate of the floor.
    #[must_use]
    pub fn rate(&self, step: u32) -> f32 {
        (self.peak * self.share(step)) as f32
    }

    fn share(&self, step: u32) -> f64 {
        if step < self.warm_up_steps {
            let begun = (f64::from(step) + 1.0) / (f64::from(self.warm_up_steps) + 1.0);
            return begun * self.shaped(0.0);
        }
        let last = self.total_steps.saturating_sub(1);
        let length = last.saturating_sub(self.warm_up_steps);
        let done = step.min(last).saturating_sub(self.warm_up_steps);
        // A run that ends with its warm-up never falls.
        self.shaped(if length == 0 { 0.0 } else { f64::from(done) / f64::from(length) })
    }

    /// The share of the peak at `progress`, 0 to 1.
    fn shaped(&self, progress: f64) -> f64 {
        let floor = if self.floor.is_finite() { self.floor.clamp(0.0, 1.0) } else { 0.0 };
        match self.shape {
            Shape::Constant => 1.0,
            Shape::Linear => 1.0 + (floor - 1.0) * progress,
            Shape::Cosine => half_cosine(1.0, floor, progress),
            Shape::OneCycle if progress < RISE => half_cosine(BEGINNING, 1.0, progress / RISE),
            Shape::OneCycle => half_cosine(1.0, floor, (progress - RISE) / (1.0 - RISE)),
        }
    }
}

/// From `first` to `last` with no slope at either end. The cosine is the engine's own: the same bits everywhere.
fn half_cosine(first: f64, last: f64, progress: f64) -> f64 {
    last + (first - last) * (1.0 + cosine_of_turns(0.5 * progress)) / 2.0
}

/// What follows from a measurement on held-out data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The best so far: worth keeping.
    Best,
    /// Not better, but there is patience left.
    Continue,
    /// Not better for too long: stop, and go back to the best.
    Stop,
}

/// Stops a run whose held-out loss no longer falls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EarlyStop {
    patience: u32,
    min_delta: f64,
    best: Option<(u64, f64)>,
    without: u32,
}

impl EarlyStop {
    /// Stops at the `patience`-th measurement in a row (at least the first) that is not better than the best by more
    /// than `min_delta`.
    #[must_use]
    pub const fn new(patience: u32, min_delta: f64) -> Self {
        Self { patience, min_delta, best: None, without: 0 }
    }

    /// Takes the held-out loss at `step`. A loss that is not a number is never better.
    pub fn observe(&mut self, step: u64, loss: f64) -> Verdict {
        let better =
            loss.is_finite() && self.best.is_none_or(|(_, best)| loss < best - self.min_delta.max(0.0));
        if better {
            self.best = Some((step, loss));
            self.without = 0;
            return Verdict::Best;
        }
        self.without = self.without.saturating_add(1);
        if self.without >= self.patience.max(1) { Verdict::Stop } else { Verdict::Continue }
    }

    /// Step and loss of the best measurement.
    #[must_use]
    pub const fn best(&self) -> Option<(u64, f64)> {
        self.best
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHAPES: [Shape; 4] = [Shape::Constant, Shape::Linear, Shape::Cosine, Shape::OneCycle];

    fn schedule(shape: Shape, floor: f64, warm_up_steps: u32, total_steps: u32) -> Schedule {
        Schedule { shape, peak: 0.01, floor, warm_up_steps, total_steps }
    }

    fn check(schedule: Schedule, expected: &[(u32, f64)]) {
        for (step, rate) in expected {
            let found = f64::from(schedule.rate(*step));
            assert!((found - rate).abs() <= 1e-9, "{schedule:?} at {step}: {found} instead of {rate}");
        }
    }

    #[test]
    fn rates_worked_out_by_hand() {
        check(schedule(Shape::Constant, 0.5, 0, 10), &[(0, 0.01), (9, 0.01), (100, 0.01)]);
        check(
            schedule(Shape::Constant, 0.0, 4, 10),
            &[(0, 0.002), (1, 0.004), (2, 0.006), (3, 0.008), (4, 0.01), (9, 0.01)],
        );
        check(
            schedule(Shape::Linear, 0.0, 0, 11),
            &[(0, 0.01), (1, 0.009), (5, 0.005), (10, 0.0), (11, 0.0)],
        );
        check(schedule(Shape::Linear, 0.1, 1, 12), &[(0, 0.005), (1, 0.01), (11, 0.001), (u32::MAX, 0.001)]);
        check(schedule(Shape::Cosine, 0.0, 0, 9), &[(0, 0.01), (2, 0.008_535_533_906), (4, 0.005), (8, 0.0)]);
        check(schedule(Shape::Cosine, 0.2, 2, 11), &[(1, 0.02 / 3.0), (2, 0.01), (6, 0.006), (10, 0.002)]);
        // Rises over 30 of 100 steps, then falls over 70.
        check(
            schedule(Shape::OneCycle, 0.0, 0, 101),
            &[(0, 0.0004), (15, 0.0052), (30, 0.01), (65, 0.005), (100, 0.0)],
        );
    }

    #[test]
    fn early_stop_counts_measurements_that_are_not_better() {
        let mut stop = EarlyStop::new(3, 0.1);
        let losses = [2.0, 1.5, 1.45, f64::NAN, 1.3, 1.25, 1.21, 1.2];
        use Verdict::{Best, Continue, Stop};
        let expected = [Best, Best, Continue, Continue, Best, Continue, Continue, Stop];
        for ((step, loss), verdict) in (0..).zip(losses).zip(expected) {
            assert_eq!(stop.observe(step, loss), verdict, "step {step}");
        }
        assert_eq!(stop.best(), Some((4, 1.3)));
        // Slow progress is measured against the best and not against the last.
        assert_eq!(stop.observe(8, 1.19), Best);
        let mut impatient = EarlyStop::new(0, 0.0);
        assert_eq!(impatient.observe(0, f64::INFINITY), Stop);
        assert_eq!(impatient.best(), None);
    }

    proptest! {
        #[test]
        fn rates_stay_between_floor_and_peak_and_fall_after_they_rose(
            shape in 0..4_usize, floor in 0.0..1.0_f64, warm_up in 0..50_u32, total in 0..200_u32,
        ) {
            let schedule = schedule(SHAPES[shape], floor, warm_up, total);
            let rates: Vec<f32> = (0..250).map(|step| schedule.rate(step)).collect();
            prop_assert!(rates.iter().all(|rate| *rate > 0.0 || floor < 1e-6));
            prop_assert!(rates.iter().all(|rate| *rate <= 0.01));
            let top = (0..rates.len()).rev().max_by(|a, b| rates[*a].total_cmp(&rates[*b])).unwrap();
            prop_assert!(rates[..=top].is_sorted(), "{:?}", rates);
            prop_assert!(rates[top..].is_sorted_by(|a, b| a >= b), "{:?}", rates);
        }

        #[test]
        fn strange_settings_give_finite_rates(
            shape in 0..4_usize, floor in any::<f64>(), warm_up in any::<u32>(), total in any::<u32>(), step in any::<u32>(),
        ) {
            let rate = schedule(SHAPES[shape], floor, warm_up, total).rate(step);
            prop_assert!((0.0..=0.01).contains(&rate));
        }
    }
}
