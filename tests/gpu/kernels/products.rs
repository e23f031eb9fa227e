//! Matrix products, of floats and of bytes.

use super::{
    bounds::{Bounded, exact},
    case::{Case, Draw, Memory, Spec, UNTOUCHED, bits},
};
use shaders::{KernelId, cpu, matmul_int8, matmul_int8_emulated, quantize_int8};

pub fn specs() -> Vec<Spec> {
    vec![
        Spec { kernel: KernelId::MatmulInt8Emulated, case: bytes_case, twin: emulated_twin },
        Spec { kernel: KernelId::MatmulInt8, case: bytes_case, twin: packed_twin },
        Spec {
            kernel: KernelId::QuantizeInt8,
            case: quantize_case,
            twin: |case, memory| {
                let p = quantize_int8::Params::from_words(&case.uniform).expect("enough words");
                let x = memory.floats(0);
                cpu::quantize_int8(&p, &x, &mut memory.0[1]);
            },
        },
    ]
}

fn emulated_twin(case: &Case, memory: &mut Memory) {
    let p = matmul_int8_emulated::Params::from_words(&case.uniform).expect("enough words");
    let (x, weight) = (memory.0[0].clone(), memory.0[1].clone());
    let (scale, bias) = (memory.floats(2), memory.floats(3));
    memory.write(4, |y| cpu::matmul_int8_emulated(&p, &x, &weight, &scale, &bias, y));
}

fn packed_twin(case: &Case, memory: &mut Memory) {
    let p = matmul_int8::Params::from_words(&case.uniform).expect("enough words");
    let (x, weight) = (memory.0[0].clone(), memory.0[1].clone());
    let (scale, bias) = (memory.floats(2), memory.floats(3));
    memory.write(4, |y| cpu::matmul_int8(&p, &x, &weight, &scale, &bias, y));
}

/// Around the sides of a tile of 32, or small.
fn side(draw: &mut Draw) -> u32 {
    let edge = draw.pick(&[30, 31, 32, 33, 35, 64, 65]);
    draw.pick(&[1, 2, 3, 4, 5, 8, 13, edge])
}

fn signed_bytes(words: &[u32]) -> Vec<i32> {
    words.iter().flat_map(|word| word.to_le_bytes()).map(|byte| i32::from(byte.cast_signed())).collect()
}

fn bytes_case(draw: &mut Draw) -> Case {
    let (m, n, words) = (side(draw), side(draw), draw.size(1, 9));
    let (relu, y_offset) = (draw.size(0, 1), draw.size(0, 5));
    let p = matmul_int8_emulated::Params { m, n, words, relu, y_offset };
    let [x, weight] = [m, n].map(|rows| (0..rows * words).map(|_| draw.word()).collect::<Vec<u32>>());
    let (scale, bias) = (draw.floats(n, 1e-4), draw.floats(n, 1.0));
    let (x_bytes, weight_bytes) = (signed_bytes(&x), signed_bytes(&weight));
    let row_of = |bytes: &[i32], row: u32| {
        bytes.chunks_exact(words as usize * 4).nth(row as usize).map(<[i32]>::to_vec)
    };
    let element = |index: u32| {
        let (row, col) = (index / n, index % n);
        let (a, b) = (row_of(&x_bytes, row).expect("a row"), row_of(&weight_bytes, col).expect("a row"));
        let integer: i32 = a.iter().zip(&b).map(|(a, b)| a * b).sum();
        let value = exact(f64::from(integer)) * exact(f64::from(scale[col as usize]))
            + exact(f64::from(bias[col as usize]));
        // ReLU moves a value and its neighbours by no more than they were apart.
        if relu == 1 { Bounded { value: value.value.max(0.0), ..value } } else { value }
    };
    let expected: Vec<Bounded> = (0..m * n).map(element).collect();
    let mut case = Case::new(p.to_words(), 0);
    case.workgroups = [n.div_ceil(8), m.div_ceil(32), 1];
    let case = case.input(x).input(weight).input_floats(&scale).input_floats(&bias);
    case.output_from(y_offset, expected)
}

fn quantize_case(draw: &mut Draw) -> Case {
    let values = draw.size(1, 900);
    let p = quantize_int8::Params {
        count: values.div_ceil(4),
        values,
        inverse_scale: draw.pick(&[1.0, 40.0, 100.0]),
    };
    // Halves too, which go to the even neighbour.
    let x: Vec<f32> = (0..values)
        .map(|_| if draw.size(0, 3) == 0 { draw.size(0, 20) as f32 / 2.0 - 5.0 } else { draw.float(2.0) })
        .collect();
    let byte = |x: &f32| {
        let scaled = f64::from(*x * p.inverse_scale).round_ties_even().clamp(-127.0, 127.0);
        (scaled as i8).cast_unsigned()
    };
    let word = |four: &[f32]| {
        let mut bytes = [0; 4];
        bytes.iter_mut().zip(four).for_each(|(target, x)| *target = byte(x));
        u32::from_le_bytes(bytes)
    };
    let expected: Vec<u32> = x.chunks(4).map(word).collect();
    let case = Case::new(p.to_words(), p.count).input(bits(&x));
    case.output_bits(vec![UNTOUCHED; expected.len()], &expected)
}
