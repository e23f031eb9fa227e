//! What physics leaves: a correction learnt from published measurements near a configuration.
//!
//! Gaussian-process regression of `ln(measured / physics)` (Rasmussen and Williams 2006, chapter 2) with a product
//! Laplace kernel on two scales:
//! ```text
//! d(x, y)  = sum over j of |x_j - y_j| / length_j  +  sum over m of penalty_m (where category m differs)
//! k(x, y)  = far x exp(-d)  +  near x exp(-4 d)
//! mean(x)  = sum over anchors i of weight_i k(x, x_i),   weights = (K + noise I)^-1 residuals
//! ```
//! Far from every anchor the correction fades to nothing and physics stands alone. The half-width of the 80 %
//! interval is a falling function of the nearness `max_i exp(-d(x, x_i))`, measured on rows left out one by one.
//!
//! Left out on purpose: who published a row is no feature, so that no source gets a correction of its own.

/// Continuous features of a point, at most.
pub const CONTINUOUS: usize = 17;
/// Categories of a point, at most.
pub const CATEGORIES: usize = 8;

/// A configuration as the correction sees it. Unused places are zero in every point.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Point {
    /// Continuous features, mostly natural logarithms.
    pub continuous: [f64; CONTINUOUS],
    /// Numbered categories.
    pub categories: [u32; CATEGORIES],
}

/// Scales of the kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kernel {
    /// How far a feature must move for the correlation to fall by `e`.
    pub lengths: [f64; CONTINUOUS],
    /// Distance between different categories.
    pub penalties: [f64; CATEGORIES],
    /// Variance of the long-range part (squared natural logarithms).
    pub far: f64,
    /// Variance of the short-range part.
    pub near: f64,
    /// Variance of repeated measurements of one configuration.
    pub noise: f64,
}

impl Kernel {
    /// The distance of two points.
    #[must_use]
    pub fn distance(&self, left: &Point, right: &Point) -> f64 {
        let mut sum = 0.0;
        for ((a, b), length) in left.continuous.iter().zip(&right.continuous).zip(&self.lengths) {
            sum += (a - b).abs() / length;
        }
        for ((a, b), penalty) in left.categories.iter().zip(&right.categories).zip(&self.penalties) {
            if a != b {
                sum += penalty;
            }
        }
        sum
    }

    /// Covariance and nearness at a distance.
    fn covariance(&self, distance: f64) -> (f64, f64) {
        let nearness = libm::exp(-distance);
        let square = nearness * nearness;
        (self.far * nearness + self.near * square * square, nearness)
    }
}

/// A fitted correction on its training rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// Weight of each anchor.
    pub weights: Vec<f64>,
    /// What the other rows predict for each row (natural logarithm of measured over physics).
    pub leave_one_out: Vec<f64>,
    /// Nearness of each row to the nearest other row.
    pub nearness: Vec<f64>,
}

/// Solves for the weights and predicts every row from the others in closed form: `r_i - weight_i / (K^-1)_ii`.
/// `None` where the kernel matrix is not positive definite (absurd scales) or the slices differ in length.
#[must_use]
pub fn fit(points: &[Point], residuals: &[f64], kernel: &Kernel) -> Option<Fit> {
    if points.len() != residuals.len() {
        return None;
    }
    let count = points.len();
    let mut matrix = vec![0.0; count * count];
    let mut nearness = vec![0.0_f64; count];
    for (i, left) in points.iter().enumerate() {
        for (j, right) in points.iter().enumerate().take(i + 1) {
            let (covariance, near) = kernel.covariance(kernel.distance(left, right));
            *matrix.get_mut(i * count + j)? = covariance + if i == j { kernel.noise } else { 0.0 };
            if i != j {
                for at in [i, j] {
                    let best = nearness.get_mut(at)?;
                    *best = best.max(near);
                }
            }
        }
    }
    let factor = Cholesky::of(&matrix, count)?;
    let weights = factor.solve(residuals);
    let diagonal = factor.inverse_diagonal();
    let leave_one_out = residuals
        .iter()
        .zip(weights.iter().zip(&diagonal))
        .map(|(residual, (weight, inverse))| residual - weight / inverse)
        .collect();
    Some(Fit { weights, leave_one_out, nearness })
}

/// Residuals of whole groups of rows, each group predicted by the others: `((K^-1)_gg)^-1 weights_g`, and how near
/// each row's nearest row of another group is.
#[must_use]
pub fn leave_groups_out(
    points: &[Point],
    residuals: &[f64],
    kernel: &Kernel,
    groups: &[u32],
) -> Option<(Vec<f64>, Vec<f64>)> {
    let count = points.len();
    let mut matrix = vec![0.0; count * count];
    let mut nearness = vec![0.0_f64; count];
    for (i, left) in points.iter().enumerate() {
        for (j, right) in points.iter().enumerate().take(i + 1) {
            let (covariance, near) = kernel.covariance(kernel.distance(left, right));
            *matrix.get_mut(i * count + j)? = covariance + if i == j { kernel.noise } else { 0.0 };
            if groups.get(i)? != groups.get(j)? {
                for at in [i, j] {
                    let best = nearness.get_mut(at)?;
                    *best = best.max(near);
                }
            }
        }
    }
    let factor = Cholesky::of(&matrix, count)?;
    let weights = factor.solve(residuals);
    let inverse = factor.inverse_rows();
    let mut errors = vec![0.0; count];
    let mut names: Vec<u32> = groups.to_vec();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let rows: Vec<usize> = (0..count).filter(|row| groups.get(*row) == Some(&name)).collect();
        let mut block = vec![0.0; rows.len() * rows.len()];
        for (i, row) in rows.iter().enumerate() {
            for (j, column) in rows.iter().enumerate().take(i + 1) {
                // (K^-1)_rc = sum over k >= max(r, c) of L^-1_kr L^-1_kc
                let sum: f64 = inverse
                    .get(*row.max(column)..)?
                    .iter()
                    .map(|line| line.get(*row).zip(line.get(*column)).map_or(0.0, |(a, b)| a * b))
                    .sum();
                *block.get_mut(i * rows.len() + j)? = sum;
            }
        }
        let own: Vec<f64> = rows.iter().filter_map(|row| weights.get(*row).copied()).collect();
        let left = Cholesky::of(&block, rows.len())?.solve(&own);
        for (row, error) in rows.iter().zip(left) {
            *errors.get_mut(*row)? = error;
        }
    }
    Some((errors, nearness))
}

/// Lower triangular factor, row by row.
struct Cholesky {
    rows: Vec<Vec<f64>>,
}

impl Cholesky {
    fn of(matrix: &[f64], count: usize) -> Option<Self> {
        let mut rows: Vec<Vec<f64>> = Vec::with_capacity(count);
        for i in 0..count {
            let mut row: Vec<f64> = Vec::with_capacity(i + 1);
            for (j, above) in rows.iter().enumerate() {
                let sum = matrix.get(i * count + j)? - dot(&row, above);
                row.push(sum / above.get(j)?);
            }
            let square = matrix.get(i * count + i)? - dot(&row, &row);
            if square.is_nan() || square <= 0.0 {
                return None;
            }
            row.push(square.sqrt());
            rows.push(row);
        }
        Some(Self { rows })
    }

    /// `(L L^T)^-1 right`.
    fn solve(&self, right: &[f64]) -> Vec<f64> {
        let mut forward: Vec<f64> = Vec::with_capacity(right.len());
        for (row, value) in self.rows.iter().zip(right) {
            let diagonal = row.last().copied().unwrap_or(1.0);
            forward.push((value - dot(row, &forward)) / diagonal);
        }
        for (i, row) in self.rows.iter().enumerate().rev() {
            let diagonal = row.last().copied().unwrap_or(1.0);
            let (before, rest) = forward.split_at_mut(i);
            if let Some(value) = rest.first_mut() {
                *value /= diagonal;
                for (earlier, factor) in before.iter_mut().zip(row) {
                    *earlier -= factor * *value;
                }
            }
        }
        forward
    }

    /// Rows of `L^-1`.
    fn inverse_rows(&self) -> Vec<Vec<f64>> {
        let mut inverse: Vec<Vec<f64>> = Vec::with_capacity(self.rows.len());
        for (i, row) in self.rows.iter().enumerate() {
            let scale = 1.0 / row.last().copied().unwrap_or(1.0);
            let mut next = vec![0.0; i + 1];
            for (factor, above) in row.iter().zip(&inverse) {
                for (target, value) in next.iter_mut().zip(above) {
                    *target -= factor * value;
                }
            }
            for value in &mut next {
                *value *= scale;
            }
            if let Some(last) = next.last_mut() {
                *last = scale;
            }
            inverse.push(next);
        }
        inverse
    }

    /// Diagonal of the inverse: column sums of squares of `L^-1`.
    fn inverse_diagonal(&self) -> Vec<f64> {
        let mut diagonal = vec![0.0; self.rows.len()];
        for line in self.inverse_rows() {
            for (sum, value) in diagonal.iter_mut().zip(&line) {
                *sum += value * value;
            }
        }
        diagonal
    }
}

/// Four running sums, so that the additions overlap; the order is fixed, so that the bits are too.
fn dot(left: &[f64], right: &[f64]) -> f64 {
    let mut sums = [0.0_f64; 4];
    let (a, b) = (left.chunks_exact(4), right.chunks_exact(4));
    let tail: f64 = if left.len() <= right.len() {
        let start = left.len() - a.remainder().len();
        a.remainder().iter().zip(right.get(start..).unwrap_or_default()).map(|(x, y)| x * y).sum()
    } else {
        let start = right.len() - b.remainder().len();
        b.remainder().iter().zip(left.get(start..).unwrap_or_default()).map(|(x, y)| x * y).sum()
    };
    for (x, y) in a.zip(b) {
        for ((sum, x), y) in sums.iter_mut().zip(x).zip(y) {
            *sum += x * y;
        }
    }
    let [s0, s1, s2, s3] = sums;
    ((s0 + s1) + (s2 + s3)) + tail
}

/// What nearby measurements say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correction {
    /// Expected `ln(measured / physics)`.
    pub log_mean: f64,
    /// Half the width of the 80 % interval, in natural logarithms.
    pub log_half_width: f64,
    /// 1 at a measured configuration, near 0 far from all of them.
    pub nearness: f64,
}

/// Half-widths of the 80 % interval at ascending nearness; linear between them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Spread {
    /// `(nearness, half-width)`.
    pub knots: Vec<(f64, f64)>,
}

impl Spread {
    /// The half-width at a nearness, in natural logarithms.
    #[must_use]
    pub fn at(&self, nearness: f64) -> f64 {
        let mut before: Option<(f64, f64)> = None;
        for &(x, y) in &self.knots {
            if nearness <= x {
                return match before {
                    Some((x0, y0)) if x > x0 => y0 + (y - y0) * (nearness - x0) / (x - x0),
                    _ => y,
                };
            }
            before = Some((x, y));
        }
        before.map_or(0.0, |(_, y)| y)
    }

    /// Measures the spread on left-out rows: in groups of equal size by nearness, the 80 % quantile of the absolute
    /// error, made non-increasing (a nearer row is never promised less).
    #[must_use]
    pub fn measured(errors: &[f64], nearness: &[f64], groups: usize) -> Self {
        let mut rows: Vec<(f64, f64)> =
            nearness.iter().copied().zip(errors.iter().map(|error| error.abs())).collect();
        rows.sort_by(|left, right| left.0.total_cmp(&right.0));
        let size = rows.len().div_ceil(groups.max(1)).max(1);
        let mut pooled: Vec<(f64, f64, f64)> = Vec::new();
        for group in rows.chunks(size) {
            let mut absolute: Vec<f64> = group.iter().map(|row| row.1).collect();
            absolute.sort_by(f64::total_cmp);
            let at = ((absolute.len() as f64 * 0.8).ceil() as usize).clamp(1, absolute.len()) - 1;
            let middle = group.iter().map(|row| row.0).sum::<f64>() / group.len() as f64;
            pooled.push((middle, absolute.get(at).copied().unwrap_or(0.0), group.len() as f64));
            pool_violators(&mut pooled);
        }
        Self { knots: pooled.into_iter().map(|(x, y, _)| (x, y)).collect() }
    }
}

/// Pools adjacent groups until the half-widths fall (Barlow et al. 1972).
fn pool_violators(groups: &mut Vec<(f64, f64, f64)>) {
    while let [.., left, right] = groups.as_slice() {
        if right.1 <= left.1 {
            return;
        }
        let count = left.2 + right.2;
        let merged = (
            (left.0 * left.2 + right.0 * right.2) / count,
            (left.1 * left.2 + right.1 * right.2) / count,
            count,
        );
        groups.truncate(groups.len() - 2);
        groups.push(merged);
    }
}

/// A correction ready to be asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Residual {
    /// Scales.
    pub kernel: Kernel,
    /// Published configurations.
    pub anchors: Vec<Point>,
    /// One weight an anchor.
    pub weights: Vec<f64>,
    /// Width of the interval.
    pub spread: Spread,
}

impl Residual {
    /// What the measurements near `point` say.
    #[must_use]
    pub fn predict(&self, point: &Point) -> Correction {
        let (mut log_mean, mut nearest) = (0.0, 0.0_f64);
        for (anchor, weight) in self.anchors.iter().zip(&self.weights) {
            let distance = self.kernel.distance(anchor, point);
            // exp(-14) of the variance is below a millionth: cut alike everywhere, so that a search may skip it.
            if distance < CUT_OFF {
                let (covariance, nearness) = self.kernel.covariance(distance);
                log_mean += weight * covariance;
                nearest = nearest.max(nearness);
            }
        }
        Correction { log_mean, log_half_width: self.spread.at(nearest), nearness: nearest }
    }

    /// The anchors that a point whose categories equal `point`'s can feel, for a search that only moves the
    /// continuous features.
    #[must_use]
    pub fn restricted(&self, point: &Point) -> Self {
        let mut here = self.clone();
        here.anchors.clear();
        here.weights.clear();
        for (anchor, weight) in self.anchors.iter().zip(&self.weights) {
            let mut moved = *anchor;
            moved.continuous = point.continuous;
            if self.kernel.distance(&moved, point) < CUT_OFF {
                here.anchors.push(*anchor);
                here.weights.push(*weight);
            }
        }
        here
    }
}

/// Distance beyond which an anchor says nothing.
const CUT_OFF: f64 = 14.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel() -> Kernel {
        Kernel {
            lengths: [1.0; CONTINUOUS],
            penalties: [2.0; CATEGORIES],
            far: 0.04,
            near: 0.01,
            noise: 1e-4,
        }
    }

    fn point(x: f64, category: u32) -> Point {
        let mut point = Point::default();
        point.continuous[0] = x;
        point.categories[0] = category;
        point
    }

    fn line() -> (Vec<Point>, Vec<f64>) {
        let points: Vec<Point> = (0..40).map(|i| point(f64::from(i) * 0.1, 0)).collect();
        let residuals = points.iter().map(|p| 0.1 * p.continuous[0] - 0.2).collect();
        (points, residuals)
    }

    #[test]
    fn leave_one_out_in_closed_form_is_what_refitting_gives() {
        let (points, residuals) = line();
        let whole = fit(&points, &residuals, &kernel()).unwrap();
        for left_out in [0, 7, 39] {
            let keep = |i: &usize| *i != left_out;
            let some: Vec<Point> = (0..40).filter(keep).map(|i| points[i]).collect();
            let values: Vec<f64> = (0..40).filter(keep).map(|i| residuals[i]).collect();
            let weights = fit(&some, &values, &kernel()).unwrap().weights;
            let residual = Residual { kernel: kernel(), anchors: some, weights, spread: Spread::default() };
            let refitted = residual.predict(&points[left_out]).log_mean;
            assert!((refitted - whole.leave_one_out[left_out]).abs() < 1e-9, "{left_out}");
        }
    }

    #[test]
    fn leaving_a_group_out_in_closed_form_is_what_refitting_gives() {
        let (points, residuals) = line();
        let groups: Vec<u32> = (0..40).map(|i| i / 10).collect();
        let (errors, _) = leave_groups_out(&points, &residuals, &kernel(), &groups).unwrap();
        let some: Vec<usize> = (0..40).filter(|i| groups[*i] != 2).collect();
        let anchors: Vec<Point> = some.iter().map(|i| points[*i]).collect();
        let values: Vec<f64> = some.iter().map(|i| residuals[*i]).collect();
        let weights = fit(&anchors, &values, &kernel()).unwrap().weights;
        let residual = Residual { kernel: kernel(), anchors, weights, spread: Spread::default() };
        for row in [20, 25, 29] {
            let refitted = residuals[row] - residual.predict(&points[row]).log_mean;
            assert!((refitted - errors[row]).abs() < 1e-9, "{row}");
        }
    }

    #[test]
    fn far_from_every_anchor_physics_stands_alone() {
        let (anchors, residuals) = line();
        let fitted = fit(&anchors, &residuals, &kernel()).unwrap();
        let spread = Spread { knots: vec![(0.0, 0.4), (1.0, 0.05)] };
        let residual = Residual { kernel: kernel(), anchors, weights: fitted.weights, spread };
        let far = residual.predict(&point(500.0, 0));
        assert_eq!((far.log_mean, far.log_half_width), (0.0, 0.4));
        let here = residual.predict(&point(2.0, 0));
        assert!(here.log_mean.abs() < 0.01 && here.log_half_width < 0.1, "{here:?}");
        // Another category is two lengths away: it still hears of it, and less.
        let other = residual.predict(&point(0.0, 1)).log_mean;
        assert!(other < -0.005 && other > residual.predict(&point(0.0, 0)).log_mean, "{other}");
    }

    #[test]
    fn a_search_that_keeps_the_categories_hears_the_same() {
        let (mut anchors, residuals) = line();
        for (i, anchor) in anchors.iter_mut().enumerate() {
            anchor.categories = [(i % 8) as u32; CATEGORIES];
        }
        let fitted = fit(&anchors, &residuals, &kernel()).unwrap();
        let residual =
            Residual { kernel: kernel(), anchors, weights: fitted.weights, spread: Spread::default() };
        let mut asked = point(1.0, 3);
        asked.categories = [3; CATEGORIES];
        let restricted = residual.restricted(&asked);
        assert!(restricted.anchors.len() < residual.anchors.len());
        assert_eq!(restricted.predict(&asked), residual.predict(&asked));
    }

    #[test]
    fn the_spread_holds_four_of_five_left_out_rows_and_never_grows_with_nearness() {
        let nearness: Vec<f64> = (0..1000).map(|i| f64::from(i) / 1000.0).collect();
        let errors: Vec<f64> =
            (0..1000).map(|i| f64::from((i * 37) % 101) / 100.0 * (1.2 - nearness[i as usize])).collect();
        let spread = Spread::measured(&errors, &nearness, 10);
        let held = errors.iter().zip(&nearness).filter(|(e, n)| e.abs() <= spread.at(**n)).count();
        assert!((750..=850).contains(&held), "{held}");
        assert!(spread.knots.windows(2).all(|pair| pair[1].1 <= pair[0].1), "{spread:?}");
    }

    #[test]
    fn an_impossible_kernel_is_refused() {
        let (points, residuals) = line();
        let broken = Kernel { noise: -1.0, ..kernel() };
        assert_eq!(fit(&points, &residuals, &broken), None);
        assert_eq!(fit(&points, &residuals[1..], &kernel()), None);
    }
}
