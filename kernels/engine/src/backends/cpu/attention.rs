//! Attention of many heads, forward and backward, by blocks of queries whose scores stay in the cache:
//! `o = softmax(scale q k^T) v` for every head, `lse = ln sum e^(scale q k^T)`.
//!
//! The backward pass computes the scores again instead of keeping them (Dao et al. 2022, appendix B.2):
//! `p = e^(scale q k^T - lse)`, `delta = sum o o_grad`, `s_grad = scale p (o_grad v^T - delta)`,
//! `q_grad = s_grad k`, `k_grad = s_grad^T q`, `v_grad = p^T o_grad`.
//!
//! Consecutive `heads / kv_heads` heads share a key head. A causal query sees the keys up to its own place;
//! blocks of keys past the last query of a block are never touched. Left out on purpose: masks other than
//! the causal one, dropout, and queries and keys of different lengths.

use super::rows::{combine, dot, exponentials, largest, natural_logarithm, scale_row};
use super::simd::lanes::F32x4;
use super::simd::{MatmulDims, MatmulError, MatmulScratch, Matrix, matmul_strided};

/// Scores of one block: 128 KiB, an eighth of a common second-level cache, for keys and values go there too.
const BLOCK_SCORES: usize = 32_768;
/// Queries of a block: more would compute more of the scores that a causal query does not see.
const BLOCK_QUERIES: usize = 32;
const SMALLEST_BLOCK: usize = 8;

/// The sizes of an attention: q and o are `[batch, length, heads, head_dim]`, k and v are
/// `[batch, length, kv_heads, head_dim]`, lse is `[batch, heads, length]`, all row-major.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttentionShape {
    /// Sequences.
    pub batch: usize,
    /// Heads of the queries, a multiple of `kv_heads`.
    pub heads: usize,
    /// Heads of the keys and values.
    pub kv_heads: usize,
    /// Tokens of a sequence.
    pub length: usize,
    /// Elements of a head.
    pub head_dim: usize,
    /// Whether a query sees only keys up to its own place.
    pub causal: bool,
    /// Factor of the scores, usually `1 / sqrt(head_dim)`.
    pub scale: f32,
}

/// What the backward pass reads.
#[derive(Debug, Clone, Copy)]
pub struct AttentionInputs<'a> {
    /// Queries.
    pub q: &'a [f32],
    /// Keys.
    pub k: &'a [f32],
    /// Values.
    pub v: &'a [f32],
    /// Gradient of the result.
    pub o_grad: &'a [f32],
    /// What [`attention`] wrote.
    pub lse: &'a [f32],
    /// What [`attention_delta`] wrote.
    pub delta: &'a [f32],
}

/// What the backward pass writes; what is absent is not computed.
#[derive(Debug)]
pub struct AttentionGrads<'a> {
    /// As q.
    pub q_grad: Option<&'a mut [f32]>,
    /// As k and v.
    pub kv_grads: Option<(&'a mut [f32], &'a mut [f32])>,
}

/// Working memory: scores of one block and their gradients. Grows to the largest shape seen.
#[derive(Debug, Default)]
pub struct AttentionScratch {
    scores: Vec<f32>,
    score_grads: Vec<f32>,
    product: MatmulScratch,
}

impl AttentionScratch {
    /// Grows now to what this shape needs, forward and backward, so that no call allocates.
    pub fn reserve(&mut self, shape: &AttentionShape) {
        let (rows, keys, dim) = (shape.block_queries(), shape.length, shape.head_dim);
        for buffer in [&mut self.scores, &mut self.score_grads] {
            if buffer.len() < rows * keys {
                buffer.resize(rows * keys, 0.0);
            }
        }
        for (m, k, n) in [(rows, dim, keys), (rows, keys, dim), (keys, rows, dim)] {
            self.product.reserve(m, k, n);
        }
    }
}

impl AttentionShape {
    fn block_queries(&self) -> usize {
        let fitting = (BLOCK_SCORES / self.length.max(1)).next_multiple_of(4);
        fitting.clamp(SMALLEST_BLOCK, BLOCK_QUERIES).min(self.length)
    }

    const fn query_stride(&self) -> usize {
        self.heads * self.head_dim
    }

    const fn key_stride(&self) -> usize {
        self.kv_heads * self.head_dim
    }

    /// (name, found, expected) of every slice must agree.
    fn check(&self, operands: &[(&'static str, usize, usize)]) -> Result<(), MatmulError> {
        if self.kv_heads == 0 || !self.heads.is_multiple_of(self.kv_heads) {
            let (expected, found) = (self.kv_heads, self.heads);
            return Err(MatmulError::Length { operand: "number of heads", expected, found });
        }
        for &(operand, found, expected) in operands {
            if found != expected {
                return Err(MatmulError::Length { operand, expected, found });
            }
        }
        Ok(())
    }

    const fn queries_len(&self) -> usize {
        self.batch * self.length * self.query_stride()
    }

    const fn keys_len(&self) -> usize {
        self.batch * self.length * self.key_stride()
    }

    const fn rows_len(&self) -> usize {
        self.batch * self.heads * self.length
    }

    /// Every block of queries of every head.
    fn blocks(&self) -> impl Iterator<Item = Block> + use<> {
        let shape = *self;
        let rows = shape.block_queries().max(1);
        let group = shape.heads / shape.kv_heads.max(1);
        (0..shape.batch * shape.heads).flat_map(move |index| {
            let (batch, head) = (index / shape.heads, index % shape.heads);
            (0..shape.length).step_by(rows).map(move |first| {
                let rows = rows.min(shape.length - first);
                Block {
                    first,
                    rows,
                    keys: if shape.causal { first + rows } else { shape.length },
                    query_at: ((batch * shape.length + first) * shape.heads + head) * shape.head_dim,
                    key_at: (batch * shape.length * shape.kv_heads + head / group) * shape.head_dim,
                    row_at: index * shape.length + first,
                }
            })
        })
    }
}

/// A block of queries of one head, and the keys it sees.
struct Block {
    /// Place of the first query in its sequence.
    first: usize,
    rows: usize,
    keys: usize,
    /// Where its first query is in q, its first key in k, its first row in lse.
    query_at: usize,
    key_at: usize,
    row_at: usize,
}

impl Block {
    /// Keys that row `row` of the block sees.
    fn seen(&self, row: usize, causal: bool) -> usize {
        if causal { self.first + row + 1 } else { self.keys }
    }
}

fn part(values: &[f32], from: usize) -> &[f32] {
    values.get(from..).unwrap_or_default()
}

const fn plain(values: &[f32], stride: usize) -> Matrix<'_> {
    Matrix { values, stride, transposed: false }
}

const fn transposed(values: &[f32], stride: usize) -> Matrix<'_> {
    Matrix { values, stride, transposed: true }
}

/// Writes `o` and `lse`.
///
/// # Errors
/// When a slice has another length than the shape implies; nothing is written then.
pub fn attention(
    shape: &AttentionShape,
    (q, k, v): (&[f32], &[f32], &[f32]),
    o: &mut [f32],
    lse: &mut [f32],
    scratch: &mut AttentionScratch,
) -> Result<(), MatmulError> {
    let (queries, keys) = (shape.queries_len(), shape.keys_len());
    shape.check(&[
        ("queries", q.len(), queries),
        ("keys", k.len(), keys),
        ("values", v.len(), keys),
        ("result", o.len(), queries),
        ("logarithms", lse.len(), shape.rows_len()),
    ])?;
    scratch.reserve(shape);
    let (query_stride, key_stride, dim) = (shape.query_stride(), shape.key_stride(), shape.head_dim);
    for block in shape.blocks() {
        let AttentionScratch { scores, product, .. } = scratch;
        let scores = scores.get_mut(..block.rows * block.keys).unwrap_or_default();
        let queries = plain(part(q, block.query_at), query_stride);
        let dims = MatmulDims { m: block.rows, k: dim, n: block.keys };
        let keys = transposed(part(k, block.key_at), key_stride);
        matmul_strided((scores, block.keys), queries, keys, dims, false, product)?;
        let lse = lse.get_mut(block.row_at..block.row_at + block.rows).unwrap_or_default();
        for (index, (row, lse)) in scores.chunks_exact_mut(block.keys).zip(lse).enumerate() {
            let (row, unseen) = row.split_at_mut(block.seen(index, shape.causal).min(block.keys));
            unseen.fill(0.0);
            *lse = softmax_row(row, shape.scale);
        }
        let dims = MatmulDims { m: block.rows, k: block.keys, n: dim };
        let o = o.get_mut(block.query_at..).unwrap_or_default();
        let values = plain(part(v, block.key_at), key_stride);
        matmul_strided((o, query_stride), plain(scores, block.keys), values, dims, false, product)?;
    }
    Ok(())
}

/// Turns scores into their softmax and returns the logarithm of the sum of exponentials.
#[inline(always)]
fn softmax_row(row: &mut [f32], scale: f32) -> f32 {
    if scale < 0.0 {
        scale_row(row, -1.0);
    }
    let scale = scale.abs();
    let best = largest(row) * scale;
    let sum = exponentials(row, scale, best);
    scale_row(row, 1.0 / sum);
    best + natural_logarithm(sum)
}

/// `delta[b, h, t] = sum over d of o[b, t, h, d] o_grad[b, t, h, d]`, shaped as lse.
///
/// # Errors
/// When a slice has another length than the shape implies; nothing is written then.
pub fn attention_delta(
    shape: &AttentionShape,
    o: &[f32],
    o_grad: &[f32],
    delta: &mut [f32],
) -> Result<(), MatmulError> {
    let queries = shape.queries_len();
    shape.check(&[
        ("result", o.len(), queries),
        ("gradient of the result", o_grad.len(), queries),
        ("delta", delta.len(), shape.rows_len()),
    ])?;
    let dim = shape.head_dim.max(1);
    let rows = o.chunks_exact(dim).zip(o_grad.chunks_exact(dim));
    for (index, (o, o_grad)) in rows.enumerate() {
        let (token, head) = (index / shape.heads, index % shape.heads);
        let (batch, place) = (token / shape.length, token % shape.length);
        if let Some(delta) = delta.get_mut((batch * shape.heads + head) * shape.length + place) {
            *delta = dot(o, o_grad);
        }
    }
    Ok(())
}

/// The backward pass: gradients of the queries, of keys and values, or of all three (which shares the work
/// of computing the scores again).
///
/// # Errors
/// When a slice has another length than the shape implies; nothing is written then.
pub fn attention_grad(
    shape: &AttentionShape,
    inputs: &AttentionInputs<'_>,
    grads: AttentionGrads<'_>,
    scratch: &mut AttentionScratch,
) -> Result<(), MatmulError> {
    let (queries, keys, rows) = (shape.queries_len(), shape.keys_len(), shape.rows_len());
    let AttentionGrads { mut q_grad, mut kv_grads } = grads;
    shape.check(&[
        ("queries", inputs.q.len(), queries),
        ("keys", inputs.k.len(), keys),
        ("values", inputs.v.len(), keys),
        ("gradient of the result", inputs.o_grad.len(), queries),
        ("logarithms", inputs.lse.len(), rows),
        ("delta", inputs.delta.len(), rows),
        ("gradient of the queries", q_grad.as_ref().map_or(queries, |grad| grad.len()), queries),
        ("gradient of the keys", kv_grads.as_ref().map_or(keys, |grads| grads.0.len()), keys),
        ("gradient of the values", kv_grads.as_ref().map_or(keys, |grads| grads.1.len()), keys),
    ])?;
    scratch.reserve(shape);
    if let Some((k_grad, v_grad)) = &mut kv_grads {
        k_grad.fill(0.0);
        v_grad.fill(0.0);
    }
    for block in shape.blocks() {
        score_grads(shape, inputs, &block, scratch)?;
        if let Some(q_grad) = &mut q_grad {
            query_grad(shape, inputs.k, &block, q_grad, scratch)?;
        }
        if let Some((k_grad, v_grad)) = &mut kv_grads {
            key_grads(shape, inputs, &block, (k_grad, v_grad), scratch)?;
        }
    }
    Ok(())
}

/// Fills the scratch with `p` and `s_grad` of a block.
fn score_grads(
    shape: &AttentionShape,
    inputs: &AttentionInputs<'_>,
    block: &Block,
    scratch: &mut AttentionScratch,
) -> Result<(), MatmulError> {
    let AttentionScratch { scores, score_grads, product } = scratch;
    let (query_stride, key_stride) = (shape.query_stride(), shape.key_stride());
    let size = block.rows * block.keys;
    let scores = scores.get_mut(..size).unwrap_or_default();
    let score_grads = score_grads.get_mut(..size).unwrap_or_default();
    let dims = MatmulDims { m: block.rows, k: shape.head_dim, n: block.keys };
    let queries = plain(part(inputs.q, block.query_at), query_stride);
    let keys = transposed(part(inputs.k, block.key_at), key_stride);
    matmul_strided((scores, block.keys), queries, keys, dims, false, product)?;
    let o_grads = plain(part(inputs.o_grad, block.query_at), query_stride);
    let values = transposed(part(inputs.v, block.key_at), key_stride);
    matmul_strided((score_grads, block.keys), o_grads, values, dims, false, product)?;
    let rows = scores.chunks_exact_mut(block.keys).zip(score_grads.chunks_exact_mut(block.keys));
    let sums = part(inputs.lse, block.row_at).iter().zip(part(inputs.delta, block.row_at));
    for (index, ((p, s_grad), (lse, delta))) in rows.zip(sums).enumerate() {
        let seen = block.seen(index, shape.causal).min(block.keys);
        let ((p, p_unseen), (s_grad, s_unseen)) = (p.split_at_mut(seen), s_grad.split_at_mut(seen));
        p_unseen.fill(0.0);
        s_unseen.fill(0.0);
        exponentials(p, shape.scale, *lse);
        let (delta, scale) = (F32x4::splat(*delta), F32x4::splat(shape.scale));
        combine(s_grad, p, |s_grad, p| s_grad.minus(delta).times(p).times(scale));
    }
    Ok(())
}

/// `q_grad = s_grad k` for a block.
fn query_grad(
    shape: &AttentionShape,
    k: &[f32],
    block: &Block,
    q_grad: &mut [f32],
    scratch: &mut AttentionScratch,
) -> Result<(), MatmulError> {
    let target = q_grad.get_mut(block.query_at..).unwrap_or_default();
    let dims = MatmulDims { m: block.rows, k: block.keys, n: shape.head_dim };
    let keys = plain(part(k, block.key_at), shape.key_stride());
    let score_grads = plain(&scratch.score_grads, block.keys);
    matmul_strided((target, shape.query_stride()), score_grads, keys, dims, false, &mut scratch.product)
}

/// `k_grad += s_grad^T q` and `v_grad += p^T o_grad` for a block.
fn key_grads(
    shape: &AttentionShape,
    inputs: &AttentionInputs<'_>,
    block: &Block,
    (k_grad, v_grad): (&mut [f32], &mut [f32]),
    scratch: &mut AttentionScratch,
) -> Result<(), MatmulError> {
    let AttentionScratch { scores, score_grads, product } = scratch;
    let dims = MatmulDims { m: block.keys, k: block.rows, n: shape.head_dim };
    let pairs = [(k_grad, score_grads, inputs.q), (v_grad, scores, inputs.o_grad)];
    for (target, weights, queries) in pairs {
        let target = target.get_mut(block.key_at..).unwrap_or_default();
        let queries = plain(part(queries, block.query_at), shape.query_stride());
        let weights = transposed(weights, block.keys);
        matmul_strided((target, shape.key_stride()), weights, queries, dims, true, product)?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "attention_tests.rs"]
mod tests;
