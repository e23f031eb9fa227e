//! Attention on the CPU: a head at a time, a block of queries at a time, as products over packed heads. The scores of
//! a block stay in the second-level cache; they are made again for the gradient (Dao et al. 2022).

use super::simd::{self, MatmulDims, MatmulError, MatmulScratch, vector_math::exp_one};
use crate::graph::AttentionShape;

/// Queries of a block.
const BLOCK_QUERIES: usize = 128;

/// Packed heads and the scores of a block.
#[derive(Debug, Default)]
pub(super) struct AttentionScratch {
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
    out: Vec<f32>,
    key_grads: Vec<f32>,
    value_grads: Vec<f32>,
    scores: Vec<f32>,
    score_grads: Vec<f32>,
}

/// What the gradient reads.
pub(super) struct Saved<'a> {
    pub q: &'a [f32],
    pub k: &'a [f32],
    pub v: &'a [f32],
    pub o: &'a [f32],
    pub lse: &'a [f32],
    pub o_grad: &'a [f32],
}

/// Where the gradients go.
pub(super) struct Gradients<'a> {
    pub q: &'a mut [f32],
    pub k: &'a mut [f32],
    pub v: &'a mut [f32],
}

impl AttentionScratch {
    /// Makes room, so that running allocates nothing.
    pub fn reserve(&mut self, shape: &AttentionShape, matmul: &mut MatmulScratch) {
        let (head, block) = (shape.length * shape.head_dim, BLOCK_QUERIES.min(shape.length));
        let grow = |buffer: &mut Vec<f32>, size: usize| buffer.resize(buffer.len().max(size), 0.0);
        grow(&mut self.queries, block * shape.head_dim);
        grow(&mut self.out, block * shape.head_dim);
        for buffer in [&mut self.keys, &mut self.values, &mut self.key_grads, &mut self.value_grads] {
            grow(buffer, head);
        }
        grow(&mut self.scores, block * shape.length);
        grow(&mut self.score_grads, block * shape.length);
        matmul.reserve(block.max(shape.length), shape.head_dim.max(block), shape.length.max(shape.head_dim));
        matmul.reserve(block, shape.length, shape.head_dim);
    }

    /// Attention and the logarithms of its denominators.
    ///
    /// # Errors
    /// Where a slice does not have the length that the shape implies.
    pub fn forward(
        &mut self,
        shape: &AttentionShape,
        [q, k, v]: [&[f32]; 3],
        [o, lse]: [&mut [f32]; 2],
        matmul: &mut MatmulScratch,
    ) -> Result<(), MatmulError> {
        let (dim, length) = (shape.head_dim, shape.length);
        for (batch, head) in heads(shape) {
            let kv = head / (shape.heads / shape.kv_heads);
            pack(k, shape, shape.kv_heads, (batch, kv), (0, length), &mut self.keys);
            pack(v, shape, shape.kv_heads, (batch, kv), (0, length), &mut self.values);
            for (first, rows) in blocks(length) {
                pack(q, shape, shape.heads, (batch, head), (first, rows), &mut self.queries);
                let seen = if shape.causal { first + rows } else { length };
                let Self { queries, keys, values, scores, out, .. } = self;
                let dims = MatmulDims { m: rows, k: dim, n: seen };
                let (scores, out) = (&mut scores[..rows * seen], &mut out[..rows * dim]);
                simd::matmul(
                    scores,
                    &queries[..rows * dim],
                    &keys[..seen * dim],
                    dims,
                    false,
                    true,
                    false,
                    matmul,
                )?;
                for (row, scores) in scores.chunks_exact_mut(seen).enumerate() {
                    let visible = if shape.causal { first + row + 1 } else { seen };
                    let at = (batch * shape.heads + head) * length + first + row;
                    lse[at] = softmax(scores, visible, shape.scale);
                }
                let dims = MatmulDims { m: rows, k: seen, n: dim };
                simd::matmul(out, scores, &values[..seen * dim], dims, false, false, false, matmul)?;
                unpack(out, shape, shape.heads, (batch, head), (first, rows), o, false);
            }
        }
        Ok(())
    }

    /// Gradients to queries, keys and values.
    ///
    /// # Errors
    /// As [`Self::forward`].
    pub fn backward(
        &mut self,
        shape: &AttentionShape,
        saved: &Saved<'_>,
        gradients: &mut Gradients<'_>,
        matmul: &mut MatmulScratch,
    ) -> Result<(), MatmulError> {
        gradients.k.fill(0.0);
        gradients.v.fill(0.0);
        let (dim, length) = (shape.head_dim, shape.length);
        for (batch, head) in heads(shape) {
            let kv = head / (shape.heads / shape.kv_heads);
            pack(saved.k, shape, shape.kv_heads, (batch, kv), (0, length), &mut self.keys);
            pack(saved.v, shape, shape.kv_heads, (batch, kv), (0, length), &mut self.values);
            self.key_grads[..length * dim].fill(0.0);
            self.value_grads[..length * dim].fill(0.0);
            for block in blocks(length) {
                self.backward_block(shape, saved, (batch, head), block, gradients.q, matmul)?;
            }
            let place = (batch, kv);
            unpack(&self.key_grads, shape, shape.kv_heads, place, (0, length), gradients.k, true);
            unpack(&self.value_grads, shape, shape.kv_heads, place, (0, length), gradients.v, true);
        }
        Ok(())
    }

    fn backward_block(
        &mut self,
        shape: &AttentionShape,
        saved: &Saved<'_>,
        (batch, head): (usize, usize),
        (first, rows): (usize, usize),
        q_grad: &mut [f32],
        matmul: &mut MatmulScratch,
    ) -> Result<(), MatmulError> {
        let (dim, length) = (shape.head_dim, shape.length);
        let seen = if shape.causal { first + rows } else { length };
        let place = ((batch, head), (first, rows));
        pack(saved.q, shape, shape.heads, place.0, place.1, &mut self.queries);
        pack(saved.o_grad, shape, shape.heads, place.0, place.1, &mut self.out);
        let Self { queries, keys, values, out, key_grads, value_grads, scores, score_grads } = self;
        let (queries, out) = (&mut queries[..rows * dim], &mut out[..rows * dim]);
        let (keys, values) = (&keys[..seen * dim], &values[..seen * dim]);
        let (scores, score_grads) = (&mut scores[..rows * seen], &mut score_grads[..rows * seen]);
        let square = MatmulDims { m: rows, k: dim, n: seen };
        simd::matmul(scores, queries, keys, square, false, true, false, matmul)?;
        simd::matmul(score_grads, out, values, square, false, true, false, matmul)?;
        for row in 0..rows {
            let at = (batch * shape.heads + head) * length + first + row;
            let o_at = ((batch * length + first + row) * shape.heads + head) * dim;
            let (o, o_grad) = (&saved.o[o_at..o_at + dim], &saved.o_grad[o_at..o_at + dim]);
            let delta: f32 = o.iter().zip(o_grad).map(|(o, o_grad)| o * o_grad).sum();
            let visible = if shape.causal { first + row + 1 } else { seen };
            let (weights, grads) =
                (&mut scores[row * seen..][..seen], &mut score_grads[row * seen..][..seen]);
            for (weight, grad) in weights.iter_mut().zip(grads.iter_mut()).take(visible) {
                *weight = exp_one(*weight * shape.scale - saved.lse[at]);
                *grad = *weight * (*grad - delta) * shape.scale;
            }
            weights[visible..].fill(0.0);
            grads[visible..].fill(0.0);
        }
        let back = MatmulDims { m: seen, k: rows, n: dim };
        simd::matmul(&mut value_grads[..seen * dim], scores, out, back, true, false, true, matmul)?;
        simd::matmul(&mut key_grads[..seen * dim], score_grads, queries, back, true, false, true, matmul)?;
        let dims = MatmulDims { m: rows, k: seen, n: dim };
        simd::matmul(out, score_grads, keys, dims, false, false, false, matmul)?;
        unpack(out, shape, shape.heads, place.0, place.1, q_grad, false);
        Ok(())
    }
}

/// Softmax of the first `visible` scores times `scale`; the rest become 0. Returns the logarithm of the denominator.
fn softmax(scores: &mut [f32], visible: usize, scale: f32) -> f32 {
    let (seen, hidden) = scores.split_at_mut(visible);
    hidden.fill(0.0);
    let mut best = f32::NEG_INFINITY;
    for score in seen.iter_mut() {
        *score *= scale;
        best = if *score > best { *score } else { best };
    }
    for score in seen.iter_mut() {
        *score = exp_one(*score - best);
    }
    let sum: f32 = seen.iter().sum();
    let factor = 1.0 / sum;
    for score in seen {
        *score *= factor;
    }
    best + sum.ln()
}

fn heads(shape: &AttentionShape) -> impl Iterator<Item = (usize, usize)> + use<> {
    let heads = shape.heads;
    (0..shape.batch).flat_map(move |batch| (0..heads).map(move |head| (batch, head)))
}

fn blocks(length: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..length).step_by(BLOCK_QUERIES).map(move |first| (first, BLOCK_QUERIES.min(length - first)))
}

/// Rows of one head side by side.
fn pack(
    source: &[f32],
    shape: &AttentionShape,
    heads: usize,
    (batch, head): (usize, usize),
    (first, rows): (usize, usize),
    target: &mut [f32],
) {
    let dim = shape.head_dim;
    for (row, target) in target.chunks_exact_mut(dim).enumerate().take(rows) {
        let at = ((batch * shape.length + first + row) * heads + head) * dim;
        target.copy_from_slice(&source[at..at + dim]);
    }
}

/// The opposite of [`pack`]; adds where several heads share one place.
fn unpack(
    source: &[f32],
    shape: &AttentionShape,
    heads: usize,
    (batch, head): (usize, usize),
    (first, rows): (usize, usize),
    target: &mut [f32],
    adds: bool,
) {
    let dim = shape.head_dim;
    for (row, source) in source.chunks_exact(dim).enumerate().take(rows) {
        let at = ((batch * shape.length + first + row) * heads + head) * dim;
        let target = &mut target[at..at + dim];
        if adds {
            for (target, value) in target.iter_mut().zip(source) {
                *target += value;
            }
        } else {
            target.copy_from_slice(source);
        }
    }
}
