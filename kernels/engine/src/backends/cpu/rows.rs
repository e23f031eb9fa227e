//! Kernels that work row by row on `[rows, columns]` slices, four columns at a time.
//!
//! Sums run in four interleaved vectors, so that the order depends on the number of columns only. Rows past
//! the shorter slice are left alone. Left out on purpose: rows with gaps.

use super::simd::lanes::F32x4;
use super::simd::vector_math::{Exp, Ln, map};

/// `sum of map(a[i], b[i])`.
#[inline(always)]
fn sum_of(a: &[f32], b: &[f32], map: impl Fn(F32x4, F32x4) -> F32x4) -> f32 {
    let mut sums = [F32x4::splat(0.0); 4];
    let ((a_blocks, a_rest), (b_blocks, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for ((sum, a), b) in sums.iter_mut().zip(a.as_chunks::<4>().0).zip(b.as_chunks::<4>().0) {
            *sum = sum.plus(map(F32x4::load(a), F32x4::load(b)));
        }
    }
    let ((a_fours, a_last), (b_fours, b_last)) = (a_rest.as_chunks::<4>(), b_rest.as_chunks::<4>());
    for ((sum, a), b) in sums.iter_mut().zip(a_fours).zip(b_fours) {
        *sum = sum.plus(map(F32x4::load(a), F32x4::load(b)));
    }
    let total = sums[0].plus(sums[1]).plus(sums[2].plus(sums[3])).total();
    let last = map(F32x4::load_partial(a_last, 0.0), F32x4::load_partial(b_last, 0.0)).to_array();
    last.iter().zip(a_last).zip(b_last).fold(total, |total, ((value, _), _)| total + value)
}

/// `target[i] = map(a[i], b[i])`.
#[inline(always)]
fn map_into(target: &mut [f32], a: &[f32], b: &[f32], map: impl Fn(F32x4, F32x4) -> F32x4) {
    let (targets, target_last) = target.as_chunks_mut::<4>();
    let ((a_fours, a_last), (b_fours, b_last)) = (a.as_chunks::<4>(), b.as_chunks::<4>());
    for ((target, a), b) in targets.iter_mut().zip(a_fours).zip(b_fours) {
        *target = map(F32x4::load(a), F32x4::load(b)).to_array();
    }
    let last = map(F32x4::load_partial(a_last, 0.0), F32x4::load_partial(b_last, 0.0)).to_array();
    for (target, value) in target_last.iter_mut().zip(last) {
        *target = value;
    }
}

/// The largest element; NaN elements are passed over.
#[inline(always)]
pub(super) fn largest(row: &[f32]) -> f32 {
    let lowest = F32x4::splat(f32::NEG_INFINITY);
    let mut best = [lowest; 4];
    let (blocks, rest) = row.as_chunks::<16>();
    for block in blocks {
        for (best, four) in best.iter_mut().zip(block.as_chunks::<4>().0) {
            *best = best.at_least(F32x4::load(four));
        }
    }
    let [a, b, c, d] = best;
    let parts = rest.chunks(4).map(|part| F32x4::load_partial(part, f32::NEG_INFINITY));
    parts.fold(a.at_least(b).at_least(c.at_least(d)), F32x4::at_least).largest()
}

/// Writes `e^(x scale - shift)` and returns the sum. Copying `x` first to work in place would cost more than the
/// arithmetic: for a browser, copying a short slice is a call.
#[inline(always)]
fn exponentials_into(target: &mut [f32], x: &[f32], scale: f32, shift: f32) -> f32 {
    let (exp, scale, shift) = (Exp::new(), F32x4::splat(scale), F32x4::splat(shift));
    let mut sums = [F32x4::splat(0.0); 2];
    let ((blocks, rest), (x_blocks, x_rest)) = (target.as_chunks_mut::<8>(), x.as_chunks::<8>());
    for (block, x) in blocks.iter_mut().zip(x_blocks) {
        let fours = block.as_chunks_mut::<4>().0.iter_mut().zip(x.as_chunks::<4>().0);
        for (sum, (four, x)) in sums.iter_mut().zip(fours) {
            let value = exp.of(F32x4::load(x).times(scale).minus(shift));
            *four = value.to_array();
            *sum = sum.plus(value);
        }
    }
    let mut total = sums[0].plus(sums[1]).total();
    for (part, x) in rest.chunks_mut(4).zip(x_rest.chunks(4)) {
        let values = exp.of(F32x4::load_partial(x, 0.0).times(scale).minus(shift)).to_array();
        for (target, value) in part.iter_mut().zip(values) {
            *target = value;
            total += value;
        }
    }
    total
}

/// Replaces `x` by `e^(x scale - shift)` and returns the sum.
#[inline(always)]
pub(super) fn exponentials(row: &mut [f32], scale: f32, shift: f32) -> f32 {
    let (exp, scale, shift) = (Exp::new(), F32x4::splat(scale), F32x4::splat(shift));
    let mut sums = [F32x4::splat(0.0); 2];
    let (blocks, rest) = row.as_chunks_mut::<8>();
    for block in blocks {
        for (sum, four) in sums.iter_mut().zip(block.as_chunks_mut::<4>().0) {
            let value = exp.of(F32x4::load(four).times(scale).minus(shift));
            *four = value.to_array();
            *sum = sum.plus(value);
        }
    }
    let mut total = sums[0].plus(sums[1]).total();
    for part in rest.chunks_mut(4) {
        let values = exp.of(F32x4::load_partial(part, 0.0).times(scale).minus(shift)).to_array();
        for (x, value) in part.iter_mut().zip(values) {
            *x = value;
            total += value;
        }
    }
    total
}

/// `row *= factor`.
#[inline(always)]
pub(super) fn scale_row(row: &mut [f32], factor: f32) {
    map(row, |x| x.times(F32x4::splat(factor)));
}

/// `target[i] = map(target[i], other[i])`.
#[inline(always)]
pub(super) fn combine(target: &mut [f32], other: &[f32], map: impl Fn(F32x4, F32x4) -> F32x4) {
    let ((targets, target_last), (others, other_last)) =
        (target.as_chunks_mut::<4>(), other.as_chunks::<4>());
    for (target, other) in targets.iter_mut().zip(others) {
        *target = map(F32x4::load(target), F32x4::load(other)).to_array();
    }
    let last = map(F32x4::load_partial(target_last, 0.0), F32x4::load_partial(other_last, 0.0)).to_array();
    for (target, value) in target_last.iter_mut().zip(last) {
        *target = value;
    }
}

/// The scalar product of two rows.
#[inline(always)]
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    sum_of(a, b, F32x4::times)
}

/// `ln x` of one number, the same bits everywhere.
pub(super) fn natural_logarithm(x: f32) -> f32 {
    let [result, ..] = Ln::new().of(F32x4::splat(x)).to_array();
    result
}

/// `y[r, c] = e^x[r, c] / sum over c of e^x[r, c]`, the largest element subtracted first.
pub fn softmax(x: &[f32], y: &mut [f32], columns: usize) {
    let columns = columns.max(1);
    for (x, y) in x.chunks_exact(columns).zip(y.chunks_exact_mut(columns)) {
        let sum = exponentials_into(y, x, 1.0, largest(x));
        scale_row(y, 1.0 / sum);
    }
}

/// `x_grad = y (g - sum over c of g y)`, y the result of [`softmax`].
pub fn softmax_grad(y: &[f32], g: &[f32], x_grad: &mut [f32], columns: usize) {
    let columns = columns.max(1);
    let rows = y.chunks_exact(columns).zip(g.chunks_exact(columns));
    for ((y, g), x_grad) in rows.zip(x_grad.chunks_exact_mut(columns)) {
        let shared = F32x4::splat(dot(y, g));
        map_into(x_grad, y, g, |y, g| y.times(g.minus(shared)));
    }
}

/// `y[r, c] = x[r, c] - ln sum over c of e^x[r, c]`. `y` holds the exponentials on the way.
pub fn log_softmax(x: &[f32], y: &mut [f32], columns: usize) {
    let columns = columns.max(1);
    for (x, y) in x.chunks_exact(columns).zip(y.chunks_exact_mut(columns)) {
        let best = largest(x);
        let logarithm = F32x4::splat(natural_logarithm(exponentials_into(y, x, 1.0, best)));
        let best = F32x4::splat(best);
        map_into(y, x, x, |x, _| x.minus(best).minus(logarithm));
    }
}

/// `x_grad = g - e^y sum over c of g`, y the result of [`log_softmax`].
pub fn log_softmax_grad(y: &[f32], g: &[f32], x_grad: &mut [f32], columns: usize) {
    let exp = Exp::new();
    let columns = columns.max(1);
    let rows = y.chunks_exact(columns).zip(g.chunks_exact(columns));
    for ((y, g), x_grad) in rows.zip(x_grad.chunks_exact_mut(columns)) {
        let shared = F32x4::splat(sum_of(g, g, |g, _| g));
        map_into(x_grad, y, g, |y, g| g.minus(exp.of(y).times(shared)));
    }
}

/// Mean (zero unless `centered`) and `1 / sqrt(variance + epsilon)` of a row, in two passes so that a large
/// mean does not swallow the variance.
#[inline(always)]
fn moments(x: &[f32], centered: bool, epsilon: f32) -> (F32x4, F32x4) {
    let columns = x.len() as f32;
    let mean = if centered { sum_of(x, x, |x, _| x) / columns } else { 0.0 };
    let mean = F32x4::splat(mean);
    let squares = sum_of(x, x, |x, _| x.minus(mean).times(x.minus(mean)));
    // The missing lanes of the last vector are dropped by `sum_of`, whatever they hold.
    (mean, F32x4::splat(1.0 / (squares / columns + epsilon).sqrt()))
}

/// `y = (x - mean) / sqrt(variance + epsilon)` by rows; without `centered` the mean counts as zero, which
/// is RMSNorm.
pub fn normalize(x: &[f32], y: &mut [f32], columns: usize, centered: bool, epsilon: f32) {
    let columns = columns.max(1);
    for (x, y) in x.chunks_exact(columns).zip(y.chunks_exact_mut(columns)) {
        let (mean, scale) = moments(x, centered, epsilon);
        map_into(y, x, x, |x, _| x.minus(mean).times(scale));
    }
}

/// The gradient of [`normalize`]: `x_grad = scale (g - mean(g) - y mean(g y))` with
/// `y = (x - mean) scale`; without `centered`, `mean(g)` is left out.
pub fn normalize_grad(
    x: &[f32],
    g: &[f32],
    x_grad: &mut [f32],
    columns: usize,
    centered: bool,
    epsilon: f32,
) {
    let columns = columns.max(1);
    let rows = x.chunks_exact(columns).zip(g.chunks_exact(columns));
    for ((x, g), x_grad) in rows.zip(x_grad.chunks_exact_mut(columns)) {
        let (mean, scale) = moments(x, centered, epsilon);
        let g_mean = if centered { sum_of(g, g, |g, _| g) / columns as f32 } else { 0.0 };
        let products = sum_of(x, g, |x, g| x.minus(mean).times(scale).times(g));
        let (g_mean, product_mean) = (F32x4::splat(g_mean), F32x4::splat(products / columns as f32));
        map_into(x_grad, x, g, |x, g| {
            let y = x.minus(mean).times(scale);
            g.minus(g_mean).minus(y.times(product_mean)).times(scale)
        });
    }
}

/// `losses[r] = ln sum e^z - (1 - smoothing) z[label] - smoothing mean(z)`, z the logits of row r; zero
/// where the label is not below `classes`. As in `wgsl/cross_entropy.wgsl`, distances to the largest logit
/// are summed, so that nothing cancels.
pub fn cross_entropy(logits: &[f32], labels: &[u32], losses: &mut [f32], classes: usize, smoothing: f32) {
    let exp = Exp::new();
    let rows = logits.chunks_exact(classes.max(1)).zip(labels);
    for ((z, label), loss) in rows.zip(losses) {
        let Some(chosen) = z.get(*label as usize) else {
            *loss = 0.0;
            continue;
        };
        let best = largest(z);
        let shift = F32x4::splat(best);
        let sum = sum_of(z, z, |z, _| exp.of(z.minus(shift)));
        let mut smooth_part = 0.0;
        if smoothing > 0.0 {
            smooth_part = smoothing * (sum_of(z, z, |z, _| shift.minus(z)) / classes as f32);
        }
        *loss = natural_logarithm(sum) + (1.0 - smoothing) * (best - chosen) + smooth_part;
    }
}

/// `logits_grad[r, c] = upstream[r] (softmax(z)[c] - (1 - smoothing) [c = label] - smoothing / classes)`;
/// zeros where the label is not below `classes`.
pub fn cross_entropy_grad(
    logits: &[f32],
    labels: &[u32],
    upstream: &[f32],
    logits_grad: &mut [f32],
    classes: usize,
    smoothing: f32,
) {
    let columns = classes.max(1);
    let rows = logits.chunks_exact(columns).zip(labels).zip(upstream);
    for (((z, label), upstream), grad) in rows.zip(logits_grad.chunks_exact_mut(columns)) {
        if *label as usize >= classes {
            grad.fill(0.0);
            continue;
        }
        let sum = exponentials_into(grad, z, 1.0, largest(z));
        let (inverse, floor) = (F32x4::splat(1.0 / sum), F32x4::splat(smoothing / classes as f32));
        let factor = F32x4::splat(*upstream);
        map(grad, |p| p.times(inverse).minus(floor).times(factor));
        if let Some(chosen) = grad.get_mut(*label as usize) {
            *chosen -= (1.0 - smoothing) * upstream;
        }
    }
}

/// `sums[c] = sum over r of x[r, c]`, four rows at a time; the number of columns is that of `sums`.
pub fn column_sums(x: &[f32], sums: &mut [f32]) {
    sums.fill(0.0);
    let columns = sums.len().max(1);
    let mut blocks = x.chunks_exact(4 * columns);
    for block in blocks.by_ref() {
        let (first, last) = block.split_at(2 * columns);
        let ((a, b), (c, d)) = (first.split_at(columns), last.split_at(columns));
        let (fours, rest) = sums.as_chunks_mut::<4>();
        let whole = 4 * fours.len();
        let pairs = a.as_chunks::<4>().0.iter().zip(b.as_chunks::<4>().0);
        let other_pairs = c.as_chunks::<4>().0.iter().zip(d.as_chunks::<4>().0);
        for ((sum, (a, b)), (c, d)) in fours.iter_mut().zip(pairs).zip(other_pairs) {
            let added = F32x4::load(a).plus(F32x4::load(b)).plus(F32x4::load(c).plus(F32x4::load(d)));
            *sum = F32x4::load(sum).plus(added).to_array();
        }
        let pairs = a.iter().zip(b).zip(c.iter().zip(d)).skip(whole);
        for (sum, ((a, b), (c, d))) in rest.iter_mut().zip(pairs) {
            *sum += (a + b) + (c + d);
        }
    }
    for row in blocks.remainder().chunks_exact(columns) {
        for (sum, x) in sums.iter_mut().zip(row) {
            *sum += x;
        }
    }
}

/// `sums[r] = sum over c of x[r, c]`.
pub fn row_sums(x: &[f32], sums: &mut [f32], columns: usize) {
    for (x, sum) in x.chunks_exact(columns.max(1)).zip(sums) {
        *sum = sum_of(x, x, |x, _| x);
    }
}

#[cfg(test)]
#[path = "rows_tests.rs"]
mod tests;
