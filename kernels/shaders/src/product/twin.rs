//! Twin of every variant: the same sums, one element at a time.

use super::{Form, Params};

/// `product[s, b, m, n]`, with the epilogue applied to each element; `extra` are the epilogue's other buffers.
pub fn twin(params: &Params, form: &Form, lhs: &[f32], rhs: &[f32], product: &mut [f32], extra: &[&[f32]]) {
    let Params { m, n, k, batch, split_length, splits } = *params;
    for split in 0..splits {
        let (begin, end) = (split * split_length, ((split + 1) * split_length).min(k));
        for slice in 0..batch {
            for row in 0..m {
                for column in 0..n {
                    let mut sum = 0.0;
                    for i in begin..end {
                        let a = if form.transpose_lhs { i * m + row } else { row * k + i } + slice * m * k;
                        let b =
                            if form.transpose_rhs { column * k + i } else { i * n + column } + slice * k * n;
                        sum += lhs[a as usize] * rhs[b as usize];
                    }
                    let at = (((split * batch + slice) * m + row) * n + column) as usize;
                    if form.accumulate {
                        sum += product[at];
                    }
                    product[at] = form.epilogue.as_ref().map_or(sum, |epilogue| {
                        let mut inputs = vec![sum];
                        for (number, access) in epilogue.accesses.iter().enumerate().skip(1) {
                            inputs.push(extra[epilogue.buffer_of(number) - 1][access.index(at)]);
                        }
                        epilogue.program.run(&inputs)[0]
                    });
                }
            }
        }
    }
}
