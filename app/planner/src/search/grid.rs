//! The correction of many layouts at once.
//!
//! Layouts of one model on one chip differ in few features. The nearness to an anchor is a product over features
//! (`exp` of a sum), so that what does not change is computed once, what changes seldom once for each of its values,
//! and a layout costs a few products and sums for each anchor instead of an exponential.

use crate::residual::{CATEGORIES, CONTINUOUS, Correction, Point, Residual};

/// A feature that changes: its place among the continuous ones, or among the categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// Place in [`Point::continuous`].
    Continuous(usize),
    /// Place in [`Point::categories`].
    Category(usize),
}

/// Factors of the nearness to every anchor.
#[derive(Debug, Clone, PartialEq)]
pub struct Factors(Vec<f64>);

/// A correction, prepared for points that share all features but some.
#[derive(Debug)]
pub struct Grid<'a> {
    residual: &'a Residual,
    anchors: Vec<Point>,
    weights: Vec<f64>,
    fixed: Vec<f64>,
}

/// Sums side by side.
const LANES: usize = 4;

/// Nearness below which an anchor says nothing: `exp(-14)`, as in [`Residual::predict`].
const SILENT: f64 = 8.315_287_191_035_68e-7;

impl<'a> Grid<'a> {
    /// Prepares for points that are `base` but for `axes`.
    #[must_use]
    pub fn new(residual: &'a Residual, base: &Point, axes: &[Axis]) -> Self {
        let mut grid = Self { residual, anchors: Vec::new(), weights: Vec::new(), fixed: Vec::new() };
        for (anchor, weight) in residual.anchors.iter().zip(&residual.weights) {
            let mut moved = *anchor;
            for axis in axes {
                copy(&mut moved, base, *axis);
            }
            let nearness = libm::exp(-residual.kernel.distance(&moved, base));
            if nearness > SILENT {
                grid.anchors.push(*anchor);
                grid.weights.push(*weight);
                grid.fixed.push(nearness);
            }
        }
        grid
    }

    /// What every point shares.
    #[must_use]
    pub fn fixed(&self) -> Factors {
        Factors(self.fixed.clone())
    }

    /// `before` for the points whose feature on `axis` is that of `point`.
    #[must_use]
    pub fn along(&self, before: &Factors, axis: Axis, point: &Point) -> Factors {
        let kernel = &self.residual.kernel;
        let factor = |anchor: &Point| match axis {
            Axis::Continuous(at) => {
                let [a, b, length] =
                    [anchor.continuous.get(at), point.continuous.get(at), kernel.lengths.get(at)]
                        .map(|value| value.copied().unwrap_or(1.0));
                libm::exp(-(a - b).abs() / length)
            }
            Axis::Category(at) => {
                let penalty = kernel.penalties.get(at).copied().unwrap_or(0.0);
                if anchor.categories.get(at) == point.categories.get(at) { 1.0 } else { libm::exp(-penalty) }
            }
        };
        Factors(
            before.0.iter().zip(&self.anchors).map(|(nearness, anchor)| nearness * factor(anchor)).collect(),
        )
    }

    /// What the measurements say at the product of two lists of factors. Four sums side by side: a processor adds them
    /// at once, and their order is fixed.
    #[must_use]
    pub fn correction(&self, left: &Factors, right: &Factors) -> Correction {
        let (far, near) = (self.residual.kernel.far, self.residual.kernel.near);
        let (mut sums, mut nearest) = ([0.0_f64; LANES], [0.0_f64; LANES]);
        let (a, a_rest) = left.0.as_chunks::<LANES>();
        let (b, b_rest) = right.0.as_chunks::<LANES>();
        let (w, w_rest) = self.weights.as_chunks::<LANES>();
        for ((a, b), w) in a.iter().zip(b).zip(w) {
            for ((((a, b), w), sum), most) in a.iter().zip(b).zip(w).zip(&mut sums).zip(&mut nearest) {
                let nearness = a * b;
                let square = nearness * nearness;
                *sum += w * (far * nearness + near * square * square);
                *most = if nearness > *most { nearness } else { *most };
            }
        }
        let [mut mean, mut most] = [0.0, 0.0_f64];
        for (sum, nearest) in sums.iter().zip(&nearest) {
            mean += sum;
            most = most.max(*nearest);
        }
        for ((a, b), w) in a_rest.iter().zip(b_rest).zip(w_rest) {
            let nearness = a * b;
            let square = nearness * nearness;
            mean += w * (far * nearness + near * square * square);
            most = most.max(nearness);
        }
        Correction { log_mean: mean, log_half_width: self.residual.spread.at(most), nearness: most }
    }

    /// Factors of one for every anchor, to start a list that is multiplied onto another.
    #[must_use]
    pub fn ones(&self) -> Factors {
        Factors(vec![1.0; self.anchors.len()])
    }
}

fn copy(to: &mut Point, from: &Point, axis: Axis) {
    match axis {
        Axis::Continuous(at) if at < CONTINUOUS => {
            if let (Some(to), Some(from)) = (to.continuous.get_mut(at), from.continuous.get(at)) {
                *to = *from;
            }
        }
        Axis::Category(at) if at < CATEGORIES => {
            if let (Some(to), Some(from)) = (to.categories.get_mut(at), from.categories.get(at)) {
                *to = *from;
            }
        }
        _ => {}
    }
}
