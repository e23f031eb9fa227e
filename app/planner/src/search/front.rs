//! The candidates that no other one beats in everything.

use super::run::Candidate;

/// Pareto front over time, cost, energy and memory; less is better in each.
#[derive(Debug, Clone, Default)]
pub struct Front {
    /// The candidates, in the order in which they came.
    pub candidates: Vec<Candidate>,
}

/// Relative difference below which two figures count as equal: far inside every interval.
const EQUAL: f64 = 1e-4;

impl Front {
    /// Takes a candidate in if nothing in the front is at least as good in everything, and drops what it beats.
    pub fn offer(&mut self, candidate: &Candidate) -> bool {
        let new = candidate.figures();
        if self.candidates.iter().any(|old| covers(&old.figures(), &new)) {
            return false;
        }
        self.candidates.retain(|old| !covers(&new, &old.figures()));
        self.candidates.push(*candidate);
        true
    }
}

/// Whether `left` is as good as `right` in everything.
fn covers(left: &[f64; 4], right: &[f64; 4]) -> bool {
    left.iter().zip(right).all(|(a, b)| *a <= *b * (1.0 + EQUAL))
}
