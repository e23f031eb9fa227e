//! Row kernels against f64, on widths around every vector boundary.

use super::{
    column_sums, cross_entropy, cross_entropy_grad, log_softmax, log_softmax_grad, normalize, normalize_grad,
    row_sums, softmax, softmax_grad,
};

const WIDTHS: [usize; 12] = [1, 2, 3, 4, 5, 7, 10, 16, 19, 33, 96, 130];
const ROWS: usize = 7;

fn floats(seed: u32, length: usize, scale: f32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        ((state >> 8) as f32 / 8_388_608.0 - 1.0) * scale
    };
    (0..length).map(|_| next()).collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

fn agree(name: &str, columns: usize, found: &[f32], wanted: &[f64], bound: f64) {
    assert_eq!(found.len(), wanted.len());
    for (index, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        let error = (f64::from(*found) - wanted).abs();
        assert!(
            error <= bound * (1.0 + wanted.abs()),
            "{name} of {columns} at {index}: {found} for {wanted}"
        );
    }
}

fn softmax_f64(z: &[f64]) -> Vec<f64> {
    let best = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = z.iter().map(|z| (z - best).exp()).sum();
    z.iter().map(|z| (z - best).exp() / sum).collect()
}

fn by_rows(columns: usize, x: &[f32], row: impl Fn(usize, &[f64]) -> Vec<f64>) -> Vec<f64> {
    x.chunks(columns).enumerate().flat_map(|(index, x)| row(index, &wide(x))).collect()
}

#[test]
fn softmax_and_its_logarithm() {
    for columns in WIDTHS {
        let (x, g) = (floats(1, ROWS * columns, 30.0), floats(2, ROWS * columns, 1.0));
        let (mut y, mut grad) = (vec![f32::NAN; x.len()], vec![f32::NAN; x.len()]);
        softmax(&x, &mut y, columns);
        agree("softmax", columns, &y, &by_rows(columns, &x, |_, x| softmax_f64(x)), 1e-6);
        softmax_grad(&y, &g, &mut grad, columns);
        let wanted = by_rows(columns, &x, |row, x| {
            let (p, g) = (softmax_f64(x), wide(&g[row * columns..(row + 1) * columns]));
            let shared: f64 = p.iter().zip(&g).map(|(p, g)| p * g).sum();
            p.iter().zip(&g).map(|(p, g)| p * (g - shared)).collect()
        });
        agree("softmax_grad", columns, &grad, &wanted, 2e-6);
        log_softmax(&x, &mut y, columns);
        let wanted = by_rows(columns, &x, |_, x| {
            let best = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let logarithm = best + x.iter().map(|x| (x - best).exp()).sum::<f64>().ln();
            x.iter().map(|x| x - logarithm).collect()
        });
        agree("log_softmax", columns, &y, &wanted, 1e-6);
        log_softmax_grad(&y, &g, &mut grad, columns);
        let wanted = by_rows(columns, &x, |row, x| {
            let (p, g) = (softmax_f64(x), wide(&g[row * columns..(row + 1) * columns]));
            let sum: f64 = g.iter().sum();
            p.iter().zip(&g).map(|(p, g)| g - p * sum).collect()
        });
        agree("log_softmax_grad", columns, &grad, &wanted, 2e-5);
    }
}

#[test]
fn softmax_of_extremes() {
    let mut y = [0.0; 5];
    softmax(&[1e30, -1e30, f32::NEG_INFINITY, 0.0, 1e30], &mut y, 5);
    assert_eq!(y.map(f32::to_bits), [0.5, 0.0, 0.0, 0.0, 0.5_f32].map(f32::to_bits));
    softmax(&[1.0, f32::NAN, 0.0, 0.0, 0.0], &mut y, 5);
    assert!(y.iter().all(|y| y.is_nan()));
}

fn moments(x: &[f64], centered: bool) -> (f64, f64) {
    let mean = if centered { x.iter().sum::<f64>() / x.len() as f64 } else { 0.0 };
    let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / x.len() as f64;
    (mean, 1.0 / (variance + 1e-5).sqrt())
}

#[test]
fn normalisation_and_its_gradient() {
    for (columns, centered) in WIDTHS.into_iter().flat_map(|width| [(width, true), (width, false)]) {
        let (x, g) = (floats(3, ROWS * columns, 2.0), floats(4, ROWS * columns, 1.0));
        let (mut y, mut grad) = (vec![f32::NAN; x.len()], vec![f32::NAN; x.len()]);
        normalize(&x, &mut y, columns, centered, 1e-5);
        let normal = |x: &[f64]| -> Vec<f64> {
            let (mean, scale) = moments(x, centered);
            x.iter().map(|x| (x - mean) * scale).collect()
        };
        agree("normalize", columns, &y, &by_rows(columns, &x, |_, x| normal(x)), 3e-5);
        normalize_grad(&x, &g, &mut grad, columns, centered, 1e-5);
        // Central differences of the f64 reference.
        let wanted = by_rows(columns, &x, |row, x| {
            let g = wide(&g[row * columns..(row + 1) * columns]);
            let loss = |x: &[f64]| normal(x).iter().zip(&g).map(|(y, g)| y * g).sum::<f64>();
            let moved = |place: usize, step: f64| {
                let mut x = x.to_vec();
                x[place] += step;
                loss(&x)
            };
            (0..x.len()).map(|place| (moved(place, 1e-6) - moved(place, -1e-6)) / 2e-6).collect()
        });
        // A row of one has no variance: its scale is 1 / sqrt(epsilon), and errors grow with it.
        agree("normalize_grad", columns, &grad, &wanted, if columns < 3 { 1e-3 } else { 2e-5 });
    }
}

#[test]
fn cross_entropy_smooths_and_ignores() {
    for (classes, smoothing) in WIDTHS.into_iter().flat_map(|width| [(width, 0.0), (width, 0.1)]) {
        let z = floats(5, ROWS * classes, 8.0);
        let upstream = floats(6, ROWS, 1.0);
        let mut labels: Vec<u32> = (0..ROWS).map(|row| (row * 5 % classes) as u32).collect();
        (labels[2], labels[5]) = (classes as u32, u32::MAX);
        let target = |row: usize, class: usize| {
            let chosen = if labels[row] as usize == class { 1.0 - f64::from(smoothing) } else { 0.0 };
            chosen + f64::from(smoothing) / classes as f64
        };
        let mut losses = vec![f32::NAN; ROWS];
        cross_entropy(&z, &labels, &mut losses, classes, smoothing);
        let wanted = by_rows(classes, &z, |row, z| {
            let p = softmax_f64(z);
            let loss = |(class, p): (usize, &f64)| -target(row, class) * p.ln();
            let counted = (labels[row] as usize) < classes;
            vec![if counted { p.iter().enumerate().map(loss).sum() } else { 0.0 }]
        });
        agree("cross_entropy", classes, &losses, &wanted, 1e-6);
        let mut grad = vec![f32::NAN; z.len()];
        cross_entropy_grad(&z, &labels, &upstream, &mut grad, classes, smoothing);
        let wanted = by_rows(classes, &z, |row, z| {
            let counted = if (labels[row] as usize) < classes { f64::from(upstream[row]) } else { 0.0 };
            let p = softmax_f64(z);
            p.iter().enumerate().map(|(class, p)| counted * (p - target(row, class))).collect()
        });
        agree("cross_entropy_grad", classes, &grad, &wanted, 1e-6);
    }
}

#[test]
fn sums_of_rows_and_columns() {
    for (rows, columns) in WIDTHS.into_iter().flat_map(|columns| [(1, columns), (7, columns), (64, columns)])
    {
        let x = floats(7, rows * columns, 1.0);
        let mut sums = vec![f32::NAN; columns];
        column_sums(&x, &mut sums);
        let column = |c: usize| x.iter().skip(c).step_by(columns).map(|&x| f64::from(x)).sum();
        agree("column_sums", columns, &sums, &(0..columns).map(column).collect::<Vec<f64>>(), 1e-5);
        let mut sums = vec![f32::NAN; rows];
        row_sums(&x, &mut sums, columns);
        agree("row_sums", columns, &sums, &by_rows(columns, &x, |_, x| vec![x.iter().sum()]), 1e-5);
    }
}
