//! Sums and maxima over groups, and the search for the first value that is not finite.

use super::{
    bounds::{Bounded, exact, sum},
    case::{Case, Draw, Spec, UNTOUCHED, bits, wide},
};
use shaders::{KernelId, cpu, first_non_finite, reduce_max, reduce_sum, sum_squares};

pub fn specs() -> Vec<Spec> {
    vec![
        Spec {
            kernel: KernelId::ReduceSum,
            case: sum_case,
            twin: |case, memory| {
                let p = reduce_sum::Params::from_words(&case.uniform).expect("enough words");
                let x = memory.floats(0);
                memory.write(1, |y| cpu::reduce_sum(&p, &x, y));
            },
        },
        Spec {
            kernel: KernelId::ReduceMax,
            case: max_case,
            twin: |case, memory| {
                let p = reduce_max::Params::from_words(&case.uniform).expect("enough words");
                let x = memory.floats(0);
                memory.write(1, |y| cpu::reduce_max(&p, &x, y));
            },
        },
        Spec {
            kernel: KernelId::SumSquares,
            case: squares_case,
            twin: |case, memory| {
                let p = sum_squares::Params::from_words(&case.uniform).expect("enough words");
                let x = memory.floats(0);
                memory.write(1, |y| cpu::sum_squares(&p, &x, y));
            },
        },
        Spec {
            kernel: KernelId::FirstNonFinite,
            case: first_case,
            twin: |case, memory| {
                let p = first_non_finite::Params::from_words(&case.uniform).expect("enough words");
                let x = memory.floats(0);
                cpu::first_non_finite(&p, &x, &mut memory.0[1]);
            },
        },
    ]
}

/// Length, inner, groups, elements of a group, and the outer size.
fn shape(draw: &mut Draw) -> (reduce_sum::Params, u32) {
    let (outer, inner) = (draw.pick(&[1, 2, 3, 20]), draw.size(1, 6));
    let (length, per_group) = (draw.size(1, 40), draw.size(1, 15));
    let groups = length.div_ceil(per_group);
    (reduce_sum::Params { count: outer * groups * inner, length, inner, groups, per_group }, outer)
}

/// The elements of each result, in order.
fn groups(p: &reduce_sum::Params, x: &[f64]) -> Vec<Vec<f64>> {
    let (inner, length) = (p.inner as usize, p.length as usize);
    let mut groups = vec![];
    for outer in x.chunks_exact(length * inner) {
        for group in outer.chunks(p.per_group as usize * inner) {
            for i in 0..inner {
                groups.push(group.iter().copied().skip(i).step_by(inner).collect());
            }
        }
    }
    groups
}

pub fn sum_reference(p: &reduce_sum::Params, x: &[f64]) -> Vec<Bounded> {
    groups(p, x).into_iter().map(|group| sum(group.into_iter().map(exact))).collect()
}

fn sum_case(draw: &mut Draw) -> Case {
    let (p, outer) = shape(draw);
    let x = draw.floats(outer * p.length * p.inner, 1.0);
    Case::new(p.to_words(), p.count).input_floats(&x).output(sum_reference(&p, &wide(&x)))
}

fn max_case(draw: &mut Draw) -> Case {
    let (p, outer) = shape(draw);
    let offset = draw.pick(&[0.0, -3.0]);
    let mut x: Vec<f32> =
        draw.floats(outer * p.length * p.inner, 1.0).into_iter().map(|x| x + offset).collect();
    for value in &mut x {
        match draw.size(0, 60) {
            0 => *value = f32::NAN,
            1 => *value = f32::NEG_INFINITY,
            _ => {}
        }
    }
    let largest = |group: Vec<f64>| {
        let larger = |a: f64, b: f64| if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) };
        group.into_iter().reduce(larger).expect("no group is empty") as f32
    };
    let expected: Vec<f32> = groups(&p, &wide(&x)).into_iter().map(largest).collect();
    let case = Case::new(p.to_words(), p.count).input_floats(&x);
    case.output_bits(vec![UNTOUCHED; expected.len()], &bits(&expected))
}

fn squares_case(draw: &mut Draw) -> Case {
    let (length, per_group) = (draw.size(1, 700), draw.pick(&[1, 2, 7, 30]));
    let p = sum_squares::Params { count: length.div_ceil(per_group), length, per_group };
    let x = draw.floats(length, 1.0);
    let square = |x: &f64| exact(*x) * exact(*x);
    let values = wide(&x);
    let strided = |group: u32| values.iter().skip(group as usize).step_by(p.count as usize);
    let expected = (0..p.count).map(|group| sum(strided(group).map(square))).collect();
    Case::new(p.to_words(), p.count).input_floats(&x).output(expected)
}

fn first_case(draw: &mut Draw) -> Case {
    let values = draw.size(1, 6000);
    let (slots, base) = (draw.size(1, 5), draw.size(0, 1000));
    let p =
        first_non_finite::Params { count: values.div_ceil(16), values, slot: draw.size(0, slots - 1), base };
    let mut x = draw.floats(values, 3e38);
    // At times all of them in the last workgroups.
    let from = draw.pick(&[0, values - 1 - values / 8]);
    for _ in 0..draw.pick(&[0, 1, 2, 40]) {
        let at = draw.size(from, values - 1) as usize;
        // Payloads and signs of all kinds; every one has the exponent's bits set.
        x[at] = f32::from_bits(0x7f80_0000 | draw.pick(&[0, 1, 0x40_0000, 0x8000_0000, 0x807f_ffff]));
    }
    let first = x.iter().position(|x| !x.is_finite()).map_or(u32::MAX, |at| base + at as u32);
    let mut before = vec![u32::MAX; slots as usize];
    // What an earlier tensor left in the slot stays where it is lower.
    before[p.slot as usize] = draw.pick(&[u32::MAX, u32::MAX, 0, base + 5]);
    let mut after = before.clone();
    after[p.slot as usize] = first.min(before[p.slot as usize]);
    // A NaN past the end must not be found.
    Case::new(p.to_words(), p.count).input_before(bits(&x), UNTOUCHED).output_bits(before, &after)
}
