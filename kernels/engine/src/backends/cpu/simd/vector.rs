//! Products with one row or one column. Every element of the matrix is used once, so nothing is packed
//! and memory sets the pace.

use super::lanes::F32x4;
use super::matmul::Matrix;
use std::array;

/// `c[n] += a[k] B`: B is `k` x `n`, or `n` x `k` if transposed.
pub(super) fn vector_times_matrix(c: &mut [f32], a: &[f32], b: Matrix<'_>) {
    if b.transposed {
        rows_dot(c, a, b.values, b.stride);
    } else {
        rows_added(c, a, b.values, b.stride);
    }
}

/// Rows that [`rows_dot`] reads at a time.
const DOT_ROWS: usize = 8;

/// `c[i] += a . row i`, eight rows at a time: the vector is then loaded once for all of them, and the memory
/// answers more streams at once.
fn rows_dot(c: &mut [f32], a: &[f32], b: &[f32], stride: usize) {
    let row = |index: usize| b.get(index * stride..index * stride + a.len()).unwrap_or_default();
    let (groups, rest) = c.as_chunks_mut::<DOT_ROWS>();
    let whole = DOT_ROWS * groups.len();
    for (index, c) in groups.iter_mut().enumerate() {
        let sums: [f32; DOT_ROWS] = dots(a, array::from_fn(|offset| row(DOT_ROWS * index + offset)));
        for (c, sum) in c.iter_mut().zip(sums) {
            *c += sum;
        }
    }
    for (index, c) in rest.iter_mut().enumerate() {
        let [sum] = dots(a, [row(whole + index)]);
        *c += sum;
    }
}

/// Scalar products in eight interleaved sums, added pairwise, then the rest one by one.
#[inline(always)]
fn dots<const ROWS: usize>(a: &[f32], rows: [&[f32]; ROWS]) -> [f32; ROWS] {
    let mut sums = [[F32x4::splat(0.0); 2]; ROWS];
    let (a_whole, a_rest) = a.as_chunks::<8>();
    let wholes = rows.map(|row| row.as_chunks::<8>().0);
    if wholes.iter().all(|row| row.len() == a_whole.len()) {
        for (index, a) in a_whole.iter().enumerate() {
            let [a0, a1, a2, a3, a4, a5, a6, a7] = *a;
            let (low, high) = (F32x4::load(&[a0, a1, a2, a3]), F32x4::load(&[a4, a5, a6, a7]));
            for (sums, row) in sums.iter_mut().zip(wholes) {
                let [b0, b1, b2, b3, b4, b5, b6, b7] = row[index];
                sums[0] = sums[0].plus_product(low, F32x4::load(&[b0, b1, b2, b3]));
                sums[1] = sums[1].plus_product(high, F32x4::load(&[b4, b5, b6, b7]));
            }
        }
    }
    array::from_fn(|row| {
        let rest = rows[row].as_chunks::<8>().1;
        let sum = sums[row][0].plus(sums[row][1]).total();
        a_rest.iter().zip(rest).fold(sum, |sum, (a, b)| sum + a * b)
    })
}

/// `c += a[0] row 0 + a[1] row 1 + ..`, eight rows at a time, so that the result is read and written once
/// for eight.
fn rows_added(c: &mut [f32], a: &[f32], b: &[f32], stride: usize) {
    let n = c.len();
    let row = |index: usize| b.get(index * stride..index * stride + n).unwrap_or_default();
    let (eights, rest) = a.as_chunks::<8>();
    for (index, left) in eights.iter().enumerate() {
        add_rows(c, *left, array::from_fn(|offset| row(8 * index + offset)));
    }
    for (index, left) in rest.iter().enumerate() {
        add_rows(c, [*left], [row(8 * eights.len() + index)]);
    }
}

#[inline(always)]
fn add_rows<const ROWS: usize>(c: &mut [f32], left: [f32; ROWS], rows: [&[f32]; ROWS]) {
    let splats = left.map(F32x4::splat);
    let wholes = rows.map(|row| row.as_chunks::<4>().0);
    let (c_whole, c_rest) = c.as_chunks_mut::<4>();
    if wholes.iter().all(|row| row.len() == c_whole.len()) {
        for (index, c) in c_whole.iter_mut().enumerate() {
            let mut sum = F32x4::load(c);
            for (left, row) in splats.iter().zip(wholes) {
                sum = sum.plus_product(*left, F32x4::load(&row[index]));
            }
            *c = sum.to_array();
        }
    }
    for (left, row) in left.iter().zip(rows) {
        for (c, right) in c_rest.iter_mut().zip(row.as_chunks::<4>().1) {
            *c += left * right;
        }
    }
}
