//! Kernels that work on rows: normalisation and softmax. One invocation a row.

use super::{
    bounds::{Bounded, exact, sum},
    case::{Case, Draw, Spec, wide},
};
use shaders::{
    KernelId, cpu, log_softmax, log_softmax_grad, normalize, normalize_grad, softmax, softmax_grad,
};

pub fn specs() -> Vec<Spec> {
    vec![
        Spec {
            kernel: KernelId::Normalize,
            case: normalize_case,
            twin: |case, memory| {
                let p = normalize::Params::from_words(&case.uniform).expect("enough words");
                let x = memory.floats(0);
                memory.write(1, |y| cpu::normalize(&p, &x, y));
            },
        },
        Spec {
            kernel: KernelId::NormalizeGrad,
            case: normalize_grad_case,
            twin: |case, memory| {
                let p = normalize_grad::Params::from_words(&case.uniform).expect("enough words");
                let (x, g) = (memory.floats(0), memory.floats(1));
                memory.write(2, |x_grad| cpu::normalize_grad(&p, &x, &g, x_grad));
            },
        },
        Spec {
            kernel: KernelId::Softmax,
            case: softmax_case,
            twin: |case, memory| {
                let p = softmax::Params::from_words(&case.uniform).expect("enough words");
                let x = memory.floats(0);
                memory.write(1, |y| cpu::softmax(&p, &x, y));
            },
        },
        Spec {
            kernel: KernelId::SoftmaxGrad,
            case: softmax_grad_case,
            twin: |case, memory| {
                let p = softmax_grad::Params::from_words(&case.uniform).expect("enough words");
                let (y, g) = (memory.floats(0), memory.floats(1));
                memory.write(2, |x_grad| cpu::softmax_grad(&p, &y, &g, x_grad));
            },
        },
        Spec {
            kernel: KernelId::LogSoftmax,
            case: log_softmax_case,
            twin: |case, memory| {
                let p = log_softmax::Params::from_words(&case.uniform).expect("enough words");
                let x = memory.floats(0);
                memory.write(1, |y| cpu::log_softmax(&p, &x, y));
            },
        },
        Spec {
            kernel: KernelId::LogSoftmaxGrad,
            case: log_softmax_grad_case,
            twin: |case, memory| {
                let p = log_softmax_grad::Params::from_words(&case.uniform).expect("enough words");
                let (y, g) = (memory.floats(0), memory.floats(1));
                memory.write(2, |x_grad| cpu::log_softmax_grad(&p, &y, &g, x_grad));
            },
        },
    ]
}

/// Rows and columns; few rows mostly, more than a workgroup holds at times.
pub fn shape(draw: &mut Draw) -> (u32, u32) {
    if draw.size(0, 7) == 0 {
        return (draw.size(65, 330), draw.size(1, 4));
    }
    (draw.size(1, 9), draw.size(1, 40))
}

pub fn by_rows(x: &[f64], columns: u32, mut row: impl FnMut(usize, &[f64]) -> Vec<Bounded>) -> Vec<Bounded> {
    x.chunks_exact(columns as usize).enumerate().flat_map(|(index, x)| row(index, x)).collect()
}

/// The row with its mean taken off, and 1 / sqrt(variance + epsilon).
fn centred(x: &[f64], center: bool, epsilon: f64) -> (Vec<Bounded>, Bounded) {
    let columns = exact(x.len() as f64);
    let mean = if center { sum(x.iter().map(|x| exact(*x))) / columns } else { exact(0.0) };
    let distances: Vec<Bounded> = x.iter().map(|x| exact(*x) - mean).collect();
    let variance = sum(distances.iter().map(|distance| *distance * *distance)) / columns;
    (distances, (variance + exact(epsilon)).inverse_sqrt())
}

pub fn normalize_reference(p: &normalize::Params, x: &[f64]) -> Vec<Bounded> {
    by_rows(x, p.columns, |_, x| {
        let (distances, scale) = centred(x, p.center == 1, f64::from(p.epsilon));
        distances.into_iter().map(|distance| distance * scale).collect()
    })
}

pub fn normalize_grad_reference(p: &normalize_grad::Params, x: &[f64], g: &[f64]) -> Vec<Bounded> {
    by_rows(x, p.columns, |row, x| {
        let columns = exact(x.len() as f64);
        let g: Vec<Bounded> = g[row * x.len()..][..x.len()].iter().map(|g| exact(*g)).collect();
        let (distances, scale) = centred(x, p.center == 1, f64::from(p.epsilon));
        let normal: Vec<Bounded> = distances.into_iter().map(|distance| distance * scale).collect();
        let g_mean = if p.center == 1 { sum(g.iter().copied()) / columns } else { exact(0.0) };
        let product_mean = sum(g.iter().zip(&normal).map(|(g, y)| *g * *y)) / columns;
        g.iter().zip(&normal).map(|(g, y)| scale * (*g - g_mean - *y * product_mean)).collect()
    })
}

fn normal_case(draw: &mut Draw) -> (normalize::Params, Vec<f32>) {
    let (count, columns) = shape(draw);
    let scale = draw.pick(&[1.0, 0.01]);
    let p = normalize::Params { count, columns, center: draw.size(0, 1), epsilon: draw.pick(&[1e-5, 0.1]) };
    let x = draw.rows(count, columns, scale);
    (p, x)
}

fn normalize_case(draw: &mut Draw) -> Case {
    let (p, x) = normal_case(draw);
    Case::new(p.to_words(), p.count).input_floats(&x).output(normalize_reference(&p, &wide(&x)))
}

fn normalize_grad_case(draw: &mut Draw) -> Case {
    let (normalize::Params { count, columns, center, epsilon }, x) = normal_case(draw);
    let p = normalize_grad::Params { count, columns, center, epsilon };
    let g = draw.floats(count * columns, 1.0);
    let expected = normalize_grad_reference(&p, &wide(&x), &wide(&g));
    Case::new(p.to_words(), count).input_floats(&x).input_floats(&g).output(expected)
}

/// exp(x - largest) of a row, and their sum.
pub fn weights(x: &[f64]) -> (Vec<Bounded>, Bounded) {
    let largest = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<Bounded> = x.iter().map(|x| (exact(*x) - exact(largest)).exp()).collect();
    let total = sum(weights.iter().copied());
    (weights, total)
}

pub fn softmax_reference(columns: u32, x: &[f64]) -> Vec<Bounded> {
    by_rows(x, columns, |_, x| {
        let (weights, total) = weights(x);
        weights.into_iter().map(|weight| weight / total).collect()
    })
}

fn softmax_case(draw: &mut Draw) -> Case {
    let (count, columns) = shape(draw);
    let scale = draw.pick(&[1.0, 20.0, 200.0]);
    let x = draw.rows(count, columns, scale);
    let p = softmax::Params { count, columns };
    Case::new(p.to_words(), count).input_floats(&x).output(softmax_reference(columns, &wide(&x)))
}

pub fn softmax_grad_reference(columns: u32, y: &[f64], g: &[f64]) -> Vec<Bounded> {
    by_rows(y, columns, |row, y| {
        let g = &g[row * y.len()..][..y.len()];
        let total = sum(g.iter().zip(y).map(|(g, y)| exact(*g) * exact(*y)));
        g.iter().zip(y).map(|(g, y)| exact(*y) * (exact(*g) - total)).collect()
    })
}

fn softmax_grad_case(draw: &mut Draw) -> Case {
    let (count, columns) = shape(draw);
    let (y, g) = (draw.floats(count * columns, 1.0), draw.floats(count * columns, 1.0));
    let p = softmax_grad::Params { count, columns };
    let expected = softmax_grad_reference(columns, &wide(&y), &wide(&g));
    Case::new(p.to_words(), count).input_floats(&y).input_floats(&g).output(expected)
}

pub fn log_softmax_reference(columns: u32, x: &[f64]) -> Vec<Bounded> {
    by_rows(x, columns, |_, x| {
        let largest = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let log_sum = weights(x).1.log();
        x.iter().map(|x| (exact(*x) - exact(largest)) - log_sum).collect()
    })
}

fn log_softmax_case(draw: &mut Draw) -> Case {
    let (count, columns) = shape(draw);
    let scale = draw.pick(&[1.0, 20.0, 200.0]);
    let x = draw.rows(count, columns, scale);
    let p = log_softmax::Params { count, columns };
    Case::new(p.to_words(), count).input_floats(&x).output(log_softmax_reference(columns, &wide(&x)))
}

pub fn log_softmax_grad_reference(columns: u32, y: &[f64], g: &[f64]) -> Vec<Bounded> {
    by_rows(y, columns, |row, y| {
        let g = &g[row * y.len()..][..y.len()];
        let total = sum(g.iter().map(|g| exact(*g)));
        g.iter().zip(y).map(|(g, y)| exact(*g) - exact(*y).exp() * total).collect()
    })
}

fn log_softmax_grad_case(draw: &mut Draw) -> Case {
    let (count, columns) = shape(draw);
    let y: Vec<f32> = draw.floats(count * columns, 4.0).iter().map(|y| -y.abs()).collect();
    let g = draw.floats(count * columns, 1.0);
    let p = log_softmax_grad::Params { count, columns };
    let expected = log_softmax_grad_reference(columns, &wide(&y), &wide(&g));
    Case::new(p.to_words(), count).input_floats(&y).input_floats(&g).output(expected)
}
