//! Every form of the products on ragged shapes, against f64 and i64.

use super::{
    Batch, LARGEST_EXACT_INNER, MatmulDims, MatmulError, MatmulScratch, Matrix, matmul, matmul_batched,
    matmul_int8, matmul_strided, use_relaxed,
};

const RAGGED: [usize; 12] = [0, 1, 2, 3, 4, 5, 7, 8, 17, 31, 33, 65];
/// Sizes on both sides of every block boundary.
const BLOCKED: [(usize, usize, usize); 9] = [
    (64, 127, 129),
    (33, 383, 9),
    (31, 385, 12),
    (65, 1000, 13),
    (3, 257, 511),
    (5, 20, 513),
    (2, 769, 1030),
    (144, 1500, 32),
    (127, 784, 65),
];

/// Pseudo-random numbers that need no generator: xorshift32.
struct Numbers(u32);

impl Numbers {
    fn word(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    fn floats(&mut self, length: usize) -> Vec<f32> {
        (0..length).map(|_| (self.word() >> 8) as f32 / 8_388_608.0 - 1.0).collect()
    }
}

fn shapes() -> Vec<(usize, usize, usize)> {
    let all = RAGGED.iter().flat_map(|&m| RAGGED.iter().map(move |&k| (m, k)));
    all.flat_map(|(m, k)| RAGGED.iter().map(move |&n| (m, k, n))).chain(BLOCKED).collect()
}

/// `value` and the bound of the contract: `8 sqrt(k) 2^-24 sum |a b| + k 2^-126`.
fn reference(
    (a, b): (&[f32], &[f32]),
    MatmulDims { m, k, n }: MatmulDims,
    (row, column): (usize, usize),
    (transpose_lhs, transpose_rhs): (bool, bool),
) -> (f64, f64) {
    let (mut value, mut magnitude) = (0.0f64, 0.0f64);
    for step in 0..k {
        let left = f64::from(if transpose_lhs { a[step * m + row] } else { a[row * k + step] });
        let right = f64::from(if transpose_rhs { b[column * k + step] } else { b[step * n + column] });
        value += left * right;
        magnitude += (left * right).abs();
    }
    let steps = k as f64;
    (value, 8.0 * steps.sqrt() * 2f64.powi(-24) * magnitude + steps * 2f64.powi(-126))
}

#[test]
fn every_form_of_the_f32_product_keeps_its_bound() {
    check_every_form(&shapes());
}

#[test]
fn the_relaxed_product_keeps_the_same_bound_and_fuses() {
    use_relaxed(true);
    check_every_form(&BLOCKED);
    let (mut fused, mut scratch) = ([0.0; 4], MatmulScratch::new());
    let (a, b) = ([1.0, 1.0 + f32::EPSILON, 0.0, 0.0], [-1.0, 0.0, 1.0 - f32::EPSILON, 0.0]);
    let dims = MatmulDims { m: 2, k: 2, n: 2 };
    matmul(&mut fused, &a, &b, dims, false, false, false, &mut scratch).unwrap();
    use_relaxed(false);
    let mut plain = [0.0; 4];
    matmul(&mut plain, &a, &b, dims, false, false, false, &mut scratch).unwrap();
    // (1 + e)(1 - e) - 1 is -e^2, which two roundings make zero.
    assert!(fused[0] < 0.0 && plain[0].to_bits() == 0, "{fused:?} {plain:?}");
}

#[test]
fn gaps_between_rows_and_batches_are_left_alone() {
    let (mut numbers, mut scratch) = (Numbers(5), MatmulScratch::new());
    for (m, k, n) in [(1, 5, 7), (6, 1, 1), (5, 17, 9), (17, 33, 130), (3, 3, 1), (9, 0, 3)] {
        for form in 0..8 {
            let (lhs, rhs, accumulate) = (form & 1 != 0, form & 2 != 0, form & 4 != 0);
            let (lhs_rows, lhs_columns) = if lhs { (k, m) } else { (m, k) };
            let (rhs_rows, rhs_columns) = if rhs { (n, k) } else { (k, n) };
            let dims = MatmulDims { m, k, n };
            let strides = (lhs_columns + 3, rhs_columns + 1, n + 2);
            let steps = (lhs_rows * strides.0 + 1, rhs_rows * strides.1, m * strides.2 + 4);
            let (a, b) = (numbers.floats(3 * steps.0), numbers.floats(3 * steps.1));
            let before = numbers.floats(3 * steps.2);
            let mut c = before.clone();
            let batch = Batch { count: 3, lhs_step: steps.0, rhs_step: steps.1, result_step: steps.2 };
            let left = Matrix { values: &a, stride: strides.0, transposed: lhs };
            let right = Matrix { values: &b, stride: strides.1, transposed: rhs };
            matmul_batched((&mut c, strides.2), left, right, dims, batch, accumulate, &mut scratch).unwrap();
            let dense = |values: &[f32], rows: usize, columns: usize, stride: usize| -> Vec<f32> {
                (0..rows).flat_map(|row| values[row * stride..row * stride + columns].to_vec()).collect()
            };
            let mut expected = before.clone();
            for index in 0..3 {
                let a = dense(&a[index * steps.0..], lhs_rows, lhs_columns, strides.0);
                let b = dense(&b[index * steps.1..], rhs_rows, rhs_columns, strides.1);
                let at = index * steps.2;
                let mut product = dense(&before[at..], m, n, strides.2);
                matmul(&mut product, &a, &b, dims, lhs, rhs, accumulate, &mut scratch).unwrap();
                for (row, values) in product.chunks(n).enumerate() {
                    expected[at + row * strides.2..at + row * strides.2 + n].copy_from_slice(values);
                }
            }
            for (found, wanted) in c.iter().zip(&expected) {
                assert!((found - wanted).abs() <= 1e-5, "{dims:?} form {form}: {found} for {wanted}");
            }
        }
    }
    let short = Matrix { values: &[1.0; 5], stride: 3, transposed: false };
    let dims = MatmulDims { m: 2, k: 3, n: 1 };
    let error = matmul_strided((&mut [0.0; 2], 1), short, short, dims, false, &mut scratch);
    assert!(error.is_err());
}

fn check_every_form(shapes: &[(usize, usize, usize)]) {
    let (mut numbers, mut scratch) = (Numbers(1), MatmulScratch::new());
    for &(m, k, n) in shapes {
        let (a, b, before) = (numbers.floats(m * k), numbers.floats(k * n), numbers.floats(m * n));
        for form in 0..8 {
            let (lhs, rhs, accumulate) = (form & 1 != 0, form & 2 != 0, form & 4 != 0);
            let dims = MatmulDims { m, k, n };
            let mut c = before.clone();
            matmul(&mut c, &a, &b, dims, lhs, rhs, accumulate, &mut scratch).unwrap();
            for (index, &found) in c.iter().enumerate() {
                let at = (index / n, index % n);
                let (mut value, mut bound) = reference((&a, &b), dims, at, (lhs, rhs));
                if accumulate {
                    value += f64::from(before[index]);
                    bound += 2f64.powi(-23) * f64::from(before[index]).abs() + 2f64.powi(-23) * value.abs();
                }
                let error = (f64::from(found) - value).abs();
                assert!(error <= bound, "{dims:?} form {form} at {at:?}: {found} for {value}, bound {bound}");
            }
        }
    }
}

#[test]
fn the_bound_rejects_a_product_that_misses_one_step() {
    let mut numbers = Numbers(2);
    let dims = MatmulDims { m: 4, k: 64, n: 4 };
    let (mut a, b) = (numbers.floats(256), numbers.floats(256));
    let (value, bound) = reference((&a, &b), dims, (0, 0), (false, false));
    a[63] = 0.0;
    let (wrong, _) = reference((&a, &b), dims, (0, 0), (false, false));
    assert!((wrong - value).abs() > bound);
}

/// Rows of `k` bytes, padded with zeros to whole words.
fn packed_rows(numbers: &mut Numbers, rows: usize, k: usize) -> (Vec<i8>, Vec<u32>) {
    let bytes: Vec<i8> = (0..rows * k)
        .map(|index| match index % 11 {
            0 => i8::MIN,
            1 => i8::MAX,
            _ => (numbers.word() >> 24) as u8 as i8,
        })
        .collect();
    let mut words = Vec::new();
    for row in bytes.chunks(k.max(1)) {
        for four in row.chunks(4) {
            words.push(four.iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte as u8)));
        }
    }
    (bytes, words)
}

#[test]
fn the_int8_product_is_exact() {
    let (mut numbers, mut scratch) = (Numbers(3), MatmulScratch::new());
    for (m, k, n) in shapes() {
        let ((a, a_words), (b, b_words)) = (packed_rows(&mut numbers, m, k), packed_rows(&mut numbers, n, k));
        let mut c = vec![-7; m * n];
        matmul_int8(&mut c, &a_words, &b_words, MatmulDims { m, k, n }, &mut scratch).unwrap();
        for (index, &found) in c.iter().enumerate() {
            let (row, column) = (index / n, index % n);
            let exact: i64 =
                (0..k).map(|step| i64::from(a[row * k + step]) * i64::from(b[column * k + step])).sum();
            assert_eq!(i64::from(found), exact, "{m} x {k} x {n} at {row}, {column}");
        }
    }
}

#[test]
fn the_longest_int8_sum_of_extremes_does_not_overflow() {
    let words = LARGEST_EXACT_INNER.div_ceil(4);
    let mut lowest = vec![0x8080_8080; words];
    lowest[words - 1] = 0x0080_8080;
    for rows in [1, 2] {
        let operand = lowest.repeat(rows);
        let dims = MatmulDims { m: rows, k: LARGEST_EXACT_INNER, n: rows };
        let mut c = vec![0; rows * rows];
        matmul_int8(&mut c, &operand, &operand, dims, &mut MatmulScratch::new()).unwrap();
        assert!(c.iter().all(|&sum| sum == 131_071 * 16_384));
    }
    let too_long = MatmulDims { m: 0, k: LARGEST_EXACT_INNER + 1, n: 0 };
    let refused = matmul_int8(&mut [], &[], &[], too_long, &mut MatmulScratch::new());
    assert_eq!(refused, Err(MatmulError::InnerTooLong { k: 131_072 }));
}

#[test]
fn wrong_lengths_are_named_and_leave_the_result_alone() {
    let mut scratch = MatmulScratch::new();
    let dims = MatmulDims { m: 2, k: 3, n: 4 };
    let mut c = [5.0; 8];
    for (a, b, length, operand) in
        [(5, 12, 8, "left-hand side"), (6, 11, 8, "right-hand side"), (6, 12, 7, "result")]
    {
        let c = c.get_mut(..length).unwrap();
        let error =
            matmul(c, &vec![1.0; a], &vec![1.0; b], dims, false, false, false, &mut scratch).unwrap_err();
        assert!(error.to_string().contains(operand), "{error}");
        assert!(c.iter().all(|value| value.to_bits() == 5.0_f32.to_bits()));
    }
    let huge = MatmulDims { m: usize::MAX, k: 2, n: 0 };
    let error = matmul(&mut [], &[], &[], huge, false, false, false, &mut scratch);
    assert_eq!(error, Err(MatmulError::TooLarge(huge)));
}

#[test]
fn reserved_scratch_does_not_grow_and_results_repeat_to_the_bit() {
    let mut numbers = Numbers(4);
    for (m, k, n) in BLOCKED {
        let dims = MatmulDims { m, k, n };
        let (a, b) = (numbers.floats(m * k), numbers.floats(k * n));
        let (mut scratch, mut stale) = (MatmulScratch::new(), MatmulScratch::new());
        scratch.reserve(m, k, n);
        let lengths = (scratch.panels.len(), scratch.tiles.len());
        stale.panels = vec![[f32::NAN; 4]; 1 << 20];
        stale.tiles = vec![[f32::NAN; super::TILE_ROWS]; 1 << 18];
        let (mut first, mut second) = (vec![0.0; m * n], vec![f32::NAN; m * n]);
        for lhs in [false, true] {
            matmul(&mut first, &a, &b, dims, lhs, true, false, &mut scratch).unwrap();
            matmul(&mut second, &a, &b, dims, lhs, true, false, &mut stale).unwrap();
            assert!(first.iter().zip(&second).all(|(x, y)| x.to_bits() == y.to_bits()));
        }
        assert_eq!((scratch.panels.len(), scratch.tiles.len()), lengths);
    }
}
