//! Losses by rows of logits.

use super::{
    bounds::{Bounded, exact, sum},
    case::{Case, Draw, Spec, UNTOUCHED, wide},
    rows::{by_rows, shape, weights},
};
use shaders::{KernelId, cpu, cross_entropy, cross_entropy_grad, top_match};

pub fn specs() -> Vec<Spec> {
    vec![
        Spec {
            kernel: KernelId::CrossEntropy,
            case: cross_entropy_case,
            twin: |case, memory| {
                let p = cross_entropy::Params::from_words(&case.uniform).expect("enough words");
                let (logits, labels) = (memory.floats(0), memory.0[1].clone());
                memory.write(2, |losses| cpu::cross_entropy(&p, &logits, &labels, losses));
            },
        },
        Spec {
            kernel: KernelId::CrossEntropyGrad,
            case: cross_entropy_grad_case,
            twin: |case, memory| {
                let p = cross_entropy_grad::Params::from_words(&case.uniform).expect("enough words");
                let (logits, labels, upstream) = (memory.floats(0), memory.0[1].clone(), memory.floats(2));
                memory.write(3, |grad| cpu::cross_entropy_grad(&p, &logits, &labels, &upstream, grad));
            },
        },
        Spec {
            kernel: KernelId::TopMatch,
            case: top_match_case,
            twin: |case, memory| {
                let p = top_match::Params::from_words(&case.uniform).expect("enough words");
                let (logits, labels) = (memory.floats(0), memory.0[1].clone());
                memory.write(2, |matches| cpu::top_match(&p, &logits, &labels, matches));
            },
        },
    ]
}

/// Labels, some of them just past the classes or far from them: those rows do not count.
fn labels(draw: &mut Draw, rows: u32, classes: u32) -> Vec<u32> {
    (0..rows)
        .map(|_| match draw.size(0, 5) {
            0 => classes,
            1 => draw.pick(&[u32::MAX, classes + 1]),
            _ => draw.size(0, classes - 1),
        })
        .collect()
}

pub fn cross_entropy_reference(p: &cross_entropy::Params, logits: &[f64], labels: &[u32]) -> Vec<Bounded> {
    by_rows(logits, p.classes, |row, z| {
        let label = labels[row] as usize;
        let Some(own) = z.get(label) else { return vec![exact(0.0)] };
        let largest = exact(z.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        let smoothing = exact(f64::from(p.smoothing));
        let distances = sum(z.iter().map(|z| largest - exact(*z)));
        let smooth_part = smoothing * (distances / exact(z.len() as f64));
        vec![weights(z).1.log() + (exact(1.0) - smoothing) * (largest - exact(*own)) + smooth_part]
    })
}

fn logits_case(draw: &mut Draw) -> (cross_entropy::Params, Vec<f32>, Vec<u32>) {
    let (count, classes) = shape(draw);
    let scale = draw.pick(&[1.0, 20.0, 200.0]);
    let p = cross_entropy::Params { count, classes, smoothing: draw.pick(&[0.0, 0.1, 0.3]) };
    let logits = draw.rows(count, classes, scale);
    let labels = labels(draw, count, classes);
    (p, logits, labels)
}

fn cross_entropy_case(draw: &mut Draw) -> Case {
    let (p, logits, labels) = logits_case(draw);
    let expected = cross_entropy_reference(&p, &wide(&logits), &labels);
    Case::new(p.to_words(), p.count).input_floats(&logits).input(labels).output(expected)
}

pub fn cross_entropy_grad_reference(
    p: &cross_entropy_grad::Params,
    logits: &[f64],
    labels: &[u32],
    upstream: &[f64],
) -> Vec<Bounded> {
    by_rows(logits, p.classes, |row, z| {
        let (weights, total) = weights(z);
        let smoothing = exact(f64::from(p.smoothing));
        let floor_part = smoothing / exact(z.len() as f64);
        let one = |class| {
            let hot = if class == labels[row] { exact(1.0) - smoothing } else { exact(0.0) };
            hot + floor_part
        };
        if labels[row] >= p.classes {
            return vec![exact(0.0); z.len()];
        }
        let grads = weights.into_iter().zip(0_u32..);
        grads.map(|(weight, class)| (weight / total - one(class)) * exact(upstream[row])).collect()
    })
}

fn cross_entropy_grad_case(draw: &mut Draw) -> Case {
    let (cross_entropy::Params { count, classes, smoothing }, logits, labels) = logits_case(draw);
    let p = cross_entropy_grad::Params { count, classes, smoothing };
    let upstream = draw.floats(count, 1.0);
    let expected = cross_entropy_grad_reference(&p, &wide(&logits), &labels, &wide(&upstream));
    let case = Case::new(p.to_words(), count).input_floats(&logits).input(labels);
    case.input_floats(&upstream).output(expected)
}

fn top_match_case(draw: &mut Draw) -> Case {
    let (count, classes) = shape(draw);
    // Few different values, so that the largest occurs more than once.
    let offset = draw.pick(&[0.0, -9.0]);
    let logits: Vec<f32> = (0..count * classes).map(|_| offset + draw.size(0, 6) as f32).collect();
    let mut labels = labels(draw, count, classes);
    let mut expected = vec![];
    for (row, label) in logits.chunks_exact(classes as usize).zip(&mut labels) {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let first = row.iter().position(|value| value.to_bits() == largest.to_bits()).unwrap_or(row.len());
        // Half of the rows are read rightly; some labels are at a later one of equal values.
        let last = row.iter().rposition(|value| value.to_bits() == largest.to_bits()).unwrap_or(0);
        *label = draw.pick(&[*label, *label, first as u32, first as u32, last as u32]);
        expected.push(if *label as usize == first { 1.0_f32 } else { 0.0 }.to_bits());
    }
    let p = top_match::Params { count, classes };
    let before = vec![UNTOUCHED; expected.len()];
    Case::new(p.to_words(), count).input_floats(&logits).input(labels).output_bits(before, &expected)
}
