//! A curve that stays small however long the run: neighbours are averaged when it grows.

/// Most buckets of a curve.
const MOST: usize = 600;

/// Means over equally many steps.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// (sum of steps, sum of values, count)
    buckets: Vec<(f64, f64, u32)>,
    stride: u32,
}

impl Default for Curve {
    fn default() -> Self {
        Self { buckets: vec![], stride: 1 }
    }
}

impl Curve {
    /// Adds the value of the next step.
    pub fn push(&mut self, step: u32, value: f32) {
        match self.buckets.last_mut() {
            Some(last) if last.2 < self.stride => {
                *last = (last.0 + f64::from(step), last.1 + f64::from(value), last.2 + 1);
            }
            _ => self.buckets.push((f64::from(step), f64::from(value), 1)),
        }
        if self.buckets.len() > MOST {
            self.stride *= 2;
            self.buckets = self
                .buckets
                .chunks(2)
                .map(|pair| pair.iter().fold((0.0, 0.0, 0), |sum, b| (sum.0 + b.0, sum.1 + b.1, sum.2 + b.2)))
                .collect();
        }
    }

    /// (mean step, mean value) of each bucket.
    pub fn points(&self) -> Vec<(f64, f64)> {
        self.buckets
            .iter()
            .map(|(steps, values, count)| (steps / f64::from(*count), values / f64::from(*count)))
            .collect()
    }

    /// Whether there is anything to draw.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }
}
