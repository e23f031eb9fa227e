//! Kernels that move values: gathers, rotations, copies, dropout, casts. Most must be right to the bit.

use super::{
    bounds::{Bounded, Sum, exact},
    case::{Case, Draw, Spec, UNTOUCHED, bits, wide},
};
use engine::datasets::philox;
use shaders::{
    KernelId, copy_strided, cpu, dropout, fill, gather_rows, pack_f16, rope, scatter_add_rows, unpack_f16,
};

pub fn specs() -> Vec<Spec> {
    vec![
        Spec {
            kernel: KernelId::GatherRows,
            case: gather_case,
            twin: |case, memory| {
                let p = gather_rows::Params::from_words(&case.uniform).expect("enough words");
                let (table, ids) = (memory.floats(0), memory.0[1].clone());
                memory.write(2, |rows| cpu::gather_rows(&p, &table, &ids, rows));
            },
        },
        Spec {
            kernel: KernelId::ScatterAddRows,
            case: scatter_case,
            twin: |case, memory| {
                let p = scatter_add_rows::Params::from_words(&case.uniform).expect("enough words");
                let (rows_grad, ids) = (memory.floats(0), memory.0[1].clone());
                memory.write(2, |table_grad| cpu::scatter_add_rows(&p, &rows_grad, &ids, table_grad));
            },
        },
        Spec {
            kernel: KernelId::Rope,
            case: rope_case,
            twin: |case, memory| {
                let p = rope::Params::from_words(&case.uniform).expect("enough words");
                let (x, table) = (memory.floats(0), memory.floats(1));
                memory.write(2, |y| cpu::rope(&p, &x, &table, y));
            },
        },
        Spec {
            kernel: KernelId::CopyStrided,
            case: copy_case,
            twin: |case, memory| {
                let p = copy_strided::Params::from_words(&case.uniform).expect("enough words");
                let x = memory.0[0].clone();
                cpu::copy_strided(&p, &x, &mut memory.0[1]);
            },
        },
        Spec {
            kernel: KernelId::Fill,
            case: fill_case,
            twin: |case, memory| {
                let p = fill::Params::from_words(&case.uniform).expect("enough words");
                cpu::fill(&p, &mut memory.0[0]);
            },
        },
        Spec {
            kernel: KernelId::Dropout,
            case: dropout_case,
            twin: |case, memory| {
                let p = dropout::Params::from_words(&case.uniform).expect("enough words");
                let (x, clock) = (memory.floats(0), memory.0[1].clone());
                memory.write(2, |y| cpu::dropout(&p, &x, &clock, y));
            },
        },
        Spec {
            kernel: KernelId::PackF16,
            case: pack_case,
            twin: |case, memory| {
                let p = pack_f16::Params::from_words(&case.uniform).expect("enough words");
                let x = memory.floats(0);
                cpu::pack_f16(&p, &x, &mut memory.0[1]);
            },
        },
        Spec {
            kernel: KernelId::UnpackF16,
            case: unpack_case,
            twin: |case, memory| {
                let p = unpack_f16::Params::from_words(&case.uniform).expect("enough words");
                let x = memory.0[0].clone();
                memory.write(1, |y| cpu::unpack_f16(&p, &x, y));
            },
        },
    ]
}

/// Ids of a table, one in eight past its end.
fn ids(draw: &mut Draw, count: u32, table_rows: u32) -> Vec<u32> {
    (0..count)
        .map(|_| match draw.size(0, 15) {
            0 => table_rows,
            1 => u32::MAX,
            _ => draw.size(0, table_rows - 1),
        })
        .collect()
}

fn gather_case(draw: &mut Draw) -> Case {
    let (rows, columns, table_rows) = (draw.size(1, 40), draw.size(1, 11), draw.size(1, 12));
    let table = draw.floats(table_rows * columns, 1.0);
    let ids = ids(draw, rows, table_rows);
    let row = |id: &u32| {
        let row = table.chunks_exact(columns as usize).nth(*id as usize);
        row.map_or_else(|| vec![0.0; columns as usize], <[f32]>::to_vec)
    };
    let expected = bits(&ids.iter().flat_map(row).collect::<Vec<f32>>());
    let p = gather_rows::Params { count: rows * columns, columns, table_rows };
    let case = Case::new(p.to_words(), p.count).input_floats(&table).input(ids);
    case.output_bits(vec![UNTOUCHED; expected.len()], &expected)
}

pub fn scatter_reference(p: &scatter_add_rows::Params, rows_grad: &[f64], ids: &[u32]) -> Vec<Bounded> {
    let mut sums = vec![Sum::default(); p.count as usize];
    for (row, id) in rows_grad.chunks_exact(p.columns as usize).zip(ids) {
        let target = sums.chunks_exact_mut(p.columns as usize).nth(*id as usize);
        for (sum, value) in target.into_iter().flatten().zip(row) {
            sum.add(exact(*value));
        }
    }
    sums.into_iter().map(Sum::total).collect()
}

fn scatter_case(draw: &mut Draw) -> Case {
    let (id_count, columns, table_rows) = (draw.size(1, 40), draw.size(1, 11), draw.size(1, 40));
    let rows_grad = draw.floats(id_count * columns, 1.0);
    let ids = ids(draw, id_count, table_rows);
    let p = scatter_add_rows::Params { count: table_rows * columns, columns, id_count };
    let expected = scatter_reference(&p, &wide(&rows_grad), &ids);
    // An id read past the end would count for row 0.
    Case::new(p.to_words(), p.count).input_floats(&rows_grad).input_before(ids, 0).output(expected)
}

/// The rotation as a product of complex numbers, head by head.
pub fn rope_reference(p: &rope::Params, x: &[f64], table: &[f64]) -> Vec<Bounded> {
    let (size, half) = (p.head_dim as usize, p.head_dim as usize / 2);
    let sign = exact(f64::from(p.sign));
    let mut y = vec![];
    for (index, head) in x.chunks_exact(size).enumerate() {
        let position = index / p.heads as usize % p.length as usize;
        let turn = |i: usize| {
            let at = (position * half + i) * 2;
            (exact(table[at]), sign * exact(table[at + 1]))
        };
        let (real, imaginary) = head.split_at(half);
        let pairs = || real.iter().zip(imaginary).enumerate();
        y.extend(pairs().map(|(i, (a, b))| exact(*a) * turn(i).0 - exact(*b) * turn(i).1));
        y.extend(pairs().map(|(i, (a, b))| exact(*a) * turn(i).1 + exact(*b) * turn(i).0));
    }
    y
}

fn rope_case(draw: &mut Draw) -> Case {
    let (batch, length, heads, half) = (draw.size(1, 3), draw.size(1, 7), draw.size(1, 4), draw.size(1, 6));
    let head_dim = half * 2;
    let x = draw.floats(batch * length * heads * head_dim, 1.0);
    let angles = draw.floats(length * half, 3.0);
    let table: Vec<f32> = angles.iter().flat_map(|angle| [angle.cos(), angle.sin()]).collect();
    let sign = draw.pick(&[1.0, -1.0]);
    let p = rope::Params { count: batch * length * heads * half, heads, head_dim, length, sign };
    let expected = rope_reference(&p, &wide(&x), &wide(&table));
    Case::new(p.to_words(), p.count).input_floats(&x).input_floats(&table).output(expected)
}

/// A dense tensor into a permuted, spaced one, or a spaced one into a dense one, or a broadcast.
fn copy_case(draw: &mut Draw) -> Case {
    let sizes: [u32; 5] = std::array::from_fn(|_| draw.size(1, 4));
    let mut strided = |order: [usize; 5], broadcast: bool| {
        let mut stride = draw.size(1, 2);
        let mut strides = [0; 5];
        for axis in order {
            if broadcast && draw.size(0, 2) == 0 {
                continue;
            }
            strides[axis] = stride;
            stride = stride * sizes[axis] + draw.size(0, 1);
        }
        (strides, draw.size(0, 5))
    };
    let (from, in_offset) = strided([4, 3, 2, 1, 0], true);
    let (to, out_offset) = strided([[2, 0, 4, 3, 1], [4, 3, 2, 1, 0]][sizes[0] as usize % 2], false);
    let at = |coordinates: &[u32; 5], strides: &[u32; 5], offset: u32| {
        (offset + coordinates.iter().zip(strides).map(|(c, stride)| c * stride).sum::<u32>()) as usize
    };
    let ends = sizes.map(|size| size - 1);
    let x: Vec<u32> = (0..=at(&ends, &from, in_offset)).map(|_| draw.word()).collect();
    let before: Vec<u32> = (0..=at(&ends, &to, out_offset)).map(|_| draw.word()).collect();
    let mut after = before.clone();
    let count = sizes.iter().product();
    for index in 0..count {
        let mut rest = index;
        let mut coordinates = [0; 5];
        for axis in (0..5).rev() {
            coordinates[axis] = rest % sizes[axis];
            rest /= sizes[axis];
        }
        after[at(&coordinates, &to, out_offset)] = x[at(&coordinates, &from, in_offset)];
    }
    let uniform = [&[count], &sizes[1..], &from, &[in_offset], &to, &[out_offset]].concat();
    Case::new(uniform, count).input(x).output_bits(before, &after)
}

fn fill_case(draw: &mut Draw) -> Case {
    let p = fill::Params { count: draw.size(1, 300), offset: draw.size(0, 9), bits: draw.word() };
    let before: Vec<u32> = (0..p.offset + p.count + 3).map(|_| draw.word()).collect();
    let mut after = before.clone();
    after[p.offset as usize..][..p.count as usize].fill(p.bits);
    Case::new(p.to_words(), p.count).output_bits(before, &after)
}

fn dropout_case(draw: &mut Draw) -> Case {
    let values = draw.size(1, 1500);
    let share = draw.pick(&[0.0, 0.1, 0.5, 0.9]);
    let [key0, key1, step] = [0; 3].map(|_| draw.word());
    let word = |at: u32| philox::block([at / 4, step, 0, 0], [key0, key1])[at as usize % 4];
    // At times the very word of an element: it is kept.
    let own = word(draw.size(0, values - 1));
    let threshold = draw.pick(&[(share * 4_294_967_296.0_f64) as u32, own]);
    let p = dropout::Params {
        count: values.div_ceil(4),
        values,
        key0,
        key1,
        threshold,
        scale: (1.0 / (1.0 - share)) as f32,
    };
    let x = draw.floats(values, 1.0);
    let clock = [step, draw.word()];
    let kept = (0..).zip(&x);
    let expected: Vec<f32> =
        kept.map(|(at, x)| if word(at) >= p.threshold { x * p.scale } else { 0.0 }).collect();
    let case = Case::new(p.to_words(), p.count).input_floats(&x).input(clock.to_vec());
    case.output_bits(vec![UNTOUCHED; values as usize], &bits(&expected))
}

/// Values across the range of f16 and past it, subnormals of f16 and specials among them.
fn half_range(draw: &mut Draw) -> f32 {
    let sign = draw.pick(&[1.0, -1.0]);
    sign * match draw.size(0, 9) {
        0 => draw.pick(&[0.0, 65_504.0, 65_519.996, 65_520.0, 1e9, f32::INFINITY, f32::NAN, 3.4e38]),
        1 => draw.float(1.0) / 16_384.0,
        2 => draw.float(1.0) / 1_048_576.0,
        // Halfway between two values of f16, and just beside.
        3 => 1.0 + (2 * draw.size(0, 500) + 1) as f32 / 2048.0 + draw.pick(&[0.0, 1e-6, -1e-6]),
        4 => draw.float(66_000.0),
        _ => draw.float(4.0),
    }
}

fn pack_case(draw: &mut Draw) -> Case {
    let values = draw.size(1, 700);
    let x: Vec<f32> = (0..values).map(|_| half_range(draw)).collect();
    let p = pack_f16::Params { count: values.div_ceil(2), values };
    let word = |pair: &[f32]| nearest_half(pair[0]) | pair.get(1).map_or(0, |high| nearest_half(*high) << 16);
    let expected: Vec<u32> = x.chunks(2).map(word).collect();
    let case = Case::new(p.to_words(), p.count).input_floats(&x);
    case.output_bits(vec![UNTOUCHED; expected.len()], &expected)
}

/// The nearest f16 by its definition: a multiple of 2^(e - 10), ties to even; NaN as 0x7e00.
fn nearest_half(x: f32) -> u32 {
    let sign = (x.to_bits() >> 31) << 15;
    let magnitude = f64::from(x).abs();
    if x.is_nan() {
        return sign | 0x7e00;
    }
    let exponent = magnitude.log2().floor().clamp(-14.0, 16.0) as i32;
    let steps = (magnitude / 2_f64.powi(exponent - 10)).round_ties_even();
    let bits = if exponent > 15 { u32::MAX } else { steps as u32 + (((exponent + 14) as u32) << 10) };
    sign | bits.min(0x7c00)
}

fn unpack_case(draw: &mut Draw) -> Case {
    let values = draw.size(1, 700);
    // Subnormals of f16 are left out: WGSL lets them become 0.
    let normal = |half: u32| if half & 0x7c00 == 0 { half & 0x8000 } else { half };
    let x: Vec<u32> = (0..values.div_ceil(2))
        .map(|_| {
            let special = draw.pick(&[0, 0, 0, 0x7c00, 0x7c00_0000]);
            let word = draw.word() | special;
            normal(word & 0xffff) | (normal(word >> 16) << 16)
        })
        .collect();
    let value = |half: u32| {
        let fraction = f64::from(half & 0x3ff);
        let sign = (half & 0x8000) << 16;
        match (half >> 10) & 0x1f {
            0 => f32::from_bits(sign),
            31 => f32::from_bits(sign | 0x7f80_0000 | ((half & 0x3ff) << 13)),
            exponent => {
                let magnitude = (1.0 + fraction / 1024.0) * 2_f64.powi(exponent as i32 - 15);
                f32::from_bits((magnitude as f32).to_bits() | sign)
            }
        }
    };
    let halves = x.iter().flat_map(|word| [word & 0xffff, word >> 16]);
    let expected: Vec<u32> = halves.map(|half| value(half).to_bits()).take(values as usize).collect();
    let p = unpack_f16::Params { count: values.div_ceil(2), values };
    let case = Case::new(p.to_words(), p.count).input(x);
    case.output_bits(vec![UNTOUCHED; values as usize], &expected)
}

#[test]
fn halves_are_rounded_as_the_format_says() {
    let known = [
        (1.0, 0x3c00),
        (-2.0, 0xc000),
        (65_504.0, 0x7bff),
        (65_520.0, 0x7c00),
        (5.960_464_5e-8, 0x0001),
        (2.980_232_2e-8, 0x0000),
        (0.333_251_95, 0x3555),
        (f32::NEG_INFINITY, 0xfc00),
    ];
    for (value, half) in known {
        assert_eq!(nearest_half(value), half, "{value}");
        assert_eq!(cpu::half_bits(value), half, "{value}");
    }
    for half in 0..0x7c00 {
        assert_eq!(cpu::half_bits(cpu::half_value(half)), half, "{half:#x}");
    }
}
