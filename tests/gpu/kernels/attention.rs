//! Attention, forward and backward, against the plain definition: all scores at once, no online softmax.

use super::{
    bounds::{Bound, Bounded, Sum, exact, sum},
    case::{Case, Draw, Memory, Spec, wide},
};
use shaders::{KernelId, attention, attention_delta, attention_grad_key_value, attention_grad_query, cpu};

pub fn specs() -> Vec<Spec> {
    vec![
        Spec {
            kernel: KernelId::Attention,
            case: forward_case,
            twin: |case, memory| {
                let p = attention::Params::from_words(&case.uniform).expect("enough words");
                let (q, k, v) = (memory.floats(0), memory.floats(1), memory.floats(2));
                let mut lse = memory.floats(4);
                memory.write(3, |o| cpu::attention(&p, quads(case), &q, &k, &v, o, &mut lse));
                memory.0[4] = super::case::bits(&lse);
            },
        },
        Spec {
            kernel: KernelId::AttentionDelta,
            case: delta_case,
            twin: |case, memory| {
                let p = attention_delta::Params::from_words(&case.uniform).expect("enough words");
                let (o, o_grad) = (memory.floats(0), memory.floats(1));
                memory.write(2, |delta| cpu::attention_delta(&p, &o, &o_grad, delta));
            },
        },
        Spec {
            kernel: KernelId::AttentionGradQuery,
            case: query_case,
            twin: |case, memory| {
                let p = attention_grad_query::Params::from_words(&case.uniform).expect("enough words");
                with_saved(memory, |saved, memory| {
                    memory.write(6, |grad| cpu::attention_grad_query(&p, quads(case), saved, grad));
                });
            },
        },
        Spec {
            kernel: KernelId::AttentionGradKeyValue,
            case: key_value_case,
            twin: |case, memory| {
                let p = attention_grad_key_value::Params::from_words(&case.uniform).expect("enough words");
                with_saved(memory, |saved, memory| {
                    let mut v_grad = memory.floats(7);
                    memory.write(6, |k_grad| {
                        cpu::attention_grad_key_value(&p, quads(case), saved, k_grad, &mut v_grad);
                    });
                    memory.0[7] = super::case::bits(&v_grad);
                });
            },
        },
    ]
}

fn quads(case: &Case) -> u32 {
    case.head_quads.expect("attention is compiled for a head size")
}

fn with_saved(memory: &mut Memory, twin: impl FnOnce(&cpu::AttentionSaved<'_>, &mut Memory)) {
    let [q, k, v, o_grad, lse, delta] = std::array::from_fn(|buffer| memory.floats(buffer));
    let saved = cpu::AttentionSaved { q: &q, k: &k, v: &v, o_grad: &o_grad, lse: &lse, delta: &delta };
    twin(&saved, memory);
}

/// Sizes of a case; `p.count` is batch * heads * length.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub p: attention::Params,
    pub head_dim: usize,
}

impl Shape {
    fn draw(draw: &mut Draw) -> Self {
        let batch = draw.size(1, 2);
        let kv_heads = draw.size(1, 3);
        let heads = kv_heads * draw.size(1, 3);
        let length = if draw.size(0, 9) == 0 { draw.size(15, 35) } else { draw.size(1, 11) };
        let head_dim = draw.pick(&[1, 2, 3, 8]) * 4;
        let causal = draw.size(0, 1);
        let scale = draw.pick(&[(head_dim as f32).sqrt().recip(), 0.7, 2.5]);
        let count = batch * heads * length;
        Self { p: attention::Params { count, heads, kv_heads, length, causal, scale }, head_dim }
    }

    fn quads(self) -> Option<u32> {
        Some(self.head_dim as u32 / 4)
    }

    fn batch(self) -> usize {
        (self.p.count / (self.p.heads * self.p.length)) as usize
    }

    pub fn values(self, heads: u32) -> usize {
        self.batch() * self.p.length as usize * heads as usize * self.head_dim
    }

    /// Every (row of lse, start of the query, start of the key) where the query sees the key, keys of a query together.
    fn pairs(self) -> Vec<(usize, usize, Vec<usize>)> {
        let Self { p, head_dim } = self;
        let (heads, kv_heads, length) = (p.heads as usize, p.kv_heads as usize, p.length as usize);
        let mut pairs = vec![];
        for batch in 0..self.batch() {
            for head in 0..heads {
                for query in 0..length {
                    let row = (batch * heads + head) * length + query;
                    let at = ((batch * length + query) * heads + head) * head_dim;
                    let seen = (0..length).filter(|key| p.causal == 0 || *key <= query);
                    let shared = head * kv_heads / heads;
                    let keys = seen.map(|key| ((batch * length + key) * kv_heads + shared) * head_dim);
                    pairs.push((row, at, keys.collect()));
                }
            }
        }
        pairs
    }
}

fn dot(a: &[f64], b: &[f64]) -> Bounded {
    sum(a.iter().zip(b).map(|(a, b)| exact(*a) * exact(*b)))
}

/// The result and lse. Each of the online maximum's updates multiplies a weight once more, by exp of a distance; those
/// distances add up to at most the score's distance from the final maximum.
pub fn forward_reference(shape: Shape, q: &[f64], k: &[f64], v: &[f64]) -> (Vec<Bounded>, Vec<Bounded>) {
    let size = shape.head_dim;
    let scale = exact(f64::from(shape.p.scale));
    let mut o = vec![exact(0.0); q.len()];
    let mut lse = vec![exact(0.0); shape.p.count as usize];
    for (row, at, keys) in shape.pairs() {
        let scores: Vec<Bounded> =
            keys.iter().map(|key| dot(&q[at..at + size], &k[*key..key + size]) * scale).collect();
        let largest = scores.iter().copied().max_by(|a, b| a.value.total_cmp(&b.value)).expect("a key");
        let updates = keys.len().div_ceil(4);
        let weights: Vec<Bounded> = scores
            .iter()
            .map(|score| {
                let mut weight = (*score - largest).exp();
                for _ in 0..updates {
                    weight = weight.after(Bound::Exp { x: 0.0 }).after(Bound::Rounded);
                }
                weight.after(Bound::Exp { x: score.value - largest.value })
            })
            .collect();
        let total = sum(weights.iter().copied());
        for d in 0..size {
            let terms = keys.iter().zip(&weights).map(|(key, weight)| *weight * exact(v[key + d]));
            o[at + d] = sum(terms) / total;
        }
        lse[row] = largest + total.log();
    }
    (o, lse)
}

/// Gradients of q, k and v, given lse and delta.
pub fn backward_reference(shape: Shape, inputs: [&[f64]; 6]) -> [Vec<Bounded>; 3] {
    let [q, k, v, o_grad, lse, delta] = inputs;
    let size = shape.head_dim;
    let scale = exact(f64::from(shape.p.scale));
    let mut sums =
        [vec![Sum::default(); q.len()], vec![Sum::default(); k.len()], vec![Sum::default(); k.len()]];
    for (row, at, keys) in shape.pairs() {
        for key in keys {
            let (query, g) = (&q[at..at + size], &o_grad[at..at + size]);
            let weight = (dot(query, &k[key..key + size]) * scale - exact(lse[row])).exp();
            let weight_grad = dot(g, &v[key..key + size]);
            let score_grad = weight * (weight_grad - exact(delta[row])) * scale;
            for d in 0..size {
                sums[0][at + d].add(score_grad * exact(k[key + d]));
                sums[1][key + d].add(score_grad * exact(query[d]));
                sums[2][key + d].add(weight * exact(g[d]));
            }
        }
    }
    sums.map(|sums| sums.into_iter().map(Sum::total).collect())
}

/// delta[b, h, t] = sum over d of o * o_grad.
pub fn delta_reference(shape: Shape, o: &[f64], o_grad: &[f64]) -> Vec<Bounded> {
    let mut delta = vec![exact(0.0); shape.p.count as usize];
    for (row, at, _) in shape.pairs() {
        delta[row] = dot(&o[at..at + shape.head_dim], &o_grad[at..at + shape.head_dim]);
    }
    delta
}

fn operands(shape: Shape, draw: &mut Draw) -> [Vec<f32>; 3] {
    let (queries, keys) = (shape.values(shape.p.heads) as u32, shape.values(shape.p.kv_heads) as u32);
    // At times large, so that the maximum grows by much and a missing shift overflows.
    let scale = draw.pick(&[0.5, 1.0, 4.0]);
    [draw.floats(queries, scale), draw.floats(keys, scale), draw.floats(keys, 1.0)]
}

fn forward_case(draw: &mut Draw) -> Case {
    let shape = Shape::draw(draw);
    let [q, k, v] = operands(shape, draw);
    let (o, lse) = forward_reference(shape, &wide(&q), &wide(&k), &wide(&v));
    let mut case = Case::new(shape.p.to_words(), shape.p.count);
    case.head_quads = shape.quads();
    case.input_floats(&q).input_floats(&k).input_floats(&v).output(o).output(lse)
}

fn delta_case(draw: &mut Draw) -> Case {
    let shape = Shape::draw(draw);
    let (heads, length, head_dim) = (shape.p.heads, shape.p.length, shape.head_dim as u32);
    let count = shape.values(heads) as u32;
    let (o, o_grad) = (draw.floats(count, 1.0), draw.floats(count, 1.0));
    let p = attention_delta::Params { count: shape.p.count, heads, length, head_dim };
    let expected = delta_reference(shape, &wide(&o), &wide(&o_grad));
    Case::new(p.to_words(), p.count).input_floats(&o).input_floats(&o_grad).output(expected)
}

/// What the backward kernels read, lse and delta as the forward pass leaves them.
fn saved(shape: Shape, draw: &mut Draw) -> [Vec<f32>; 6] {
    let [q, k, v] = operands(shape, draw);
    let o_grad = draw.floats(q.len() as u32, 1.0);
    let (o, lse) = forward_reference(shape, &wide(&q), &wide(&k), &wide(&v));
    let o: Vec<f64> = o.iter().map(|o| o.value).collect();
    let delta = delta_reference(shape, &o, &wide(&o_grad));
    let narrow = |values: &[Bounded]| values.iter().map(|value| value.value as f32).collect::<Vec<_>>();
    let (lse, delta) = (narrow(&lse), narrow(&delta));
    [q, k, v, o_grad, lse, delta]
}

fn backward_case(shape: Shape, count: u32, saved: &[Vec<f32>; 6]) -> (Case, [Vec<Bounded>; 3]) {
    let wide = saved.each_ref().map(|values| wide(values));
    let expected = backward_reference(shape, wide.each_ref().map(Vec::as_slice));
    let mut case = Case::new(attention::Params { count, ..shape.p }.to_words(), count);
    case.head_quads = shape.quads();
    (saved.iter().fold(case, |case, values| case.input_floats(values)), expected)
}

fn query_case(draw: &mut Draw) -> Case {
    let shape = Shape::draw(draw);
    let saved = saved(shape, draw);
    let (case, [q_grad, _, _]) = backward_case(shape, shape.p.count, &saved);
    case.output(q_grad)
}

fn key_value_case(draw: &mut Draw) -> Case {
    let shape = Shape::draw(draw);
    let saved = saved(shape, draw);
    let count = shape.p.count / shape.p.heads * shape.p.kv_heads;
    let (case, [_, k_grad, v_grad]) = backward_case(shape, count, &saved);
    case.output(k_grad).output(v_grad)
}
