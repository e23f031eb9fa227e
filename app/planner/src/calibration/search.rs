//! Coordinate search: no randomness, so that the answer depends on the rows alone.

/// One coordinate: its place in the thing that is fitted, and its range.
pub struct Coordinate<T> {
    /// Name, for the report.
    pub name: &'static str,
    /// The place.
    pub at: Box<dyn Fn(&mut T) -> &mut f64>,
    /// Lowest value.
    pub low: f64,
    /// Highest value.
    pub high: f64,
}

/// Minimises `objective` by multiplying one coordinate at a time, with a shrinking factor.
pub fn minimise<T: Clone>(
    start: &T,
    coordinates: &[Coordinate<T>],
    first_factor: f64,
    last_factor: f64,
    objective: &dyn Fn(&T) -> f64,
) -> (T, f64) {
    let mut best = start.clone();
    let mut score = objective(&best);
    let mut factor = first_factor;
    while factor > last_factor {
        let before = score;
        for coordinate in coordinates {
            for step in [factor, 1.0 / factor] {
                let mut candidate = best.clone();
                let value = (coordinate.at)(&mut candidate);
                let moved = (*value * step).clamp(coordinate.low, coordinate.high);
                if (moved - *value).abs() <= f64::EPSILON * value.abs() {
                    continue;
                }
                *value = moved;
                let tried = objective(&candidate);
                if tried < score {
                    (best, score) = (candidate, tried);
                    break;
                }
            }
        }
        if score > before * 0.999 {
            factor = factor.sqrt();
        }
    }
    (best, score)
}
