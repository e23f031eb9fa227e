//! Attention against an f64 reference, its gradients against central differences of that reference.

use super::{
    AttentionGrads, AttentionInputs, AttentionScratch, AttentionShape, attention, attention_delta,
    attention_grad,
};

fn shape(batch: usize, (heads, kv_heads): (usize, usize), length: usize, head_dim: usize) -> AttentionShape {
    let scale = 1.0 / (head_dim as f32).sqrt();
    AttentionShape { batch, heads, kv_heads, length, head_dim, causal: false, scale }
}

/// Ragged lengths, one and several heads per key head, one and several blocks of queries, both modes.
fn shapes() -> Vec<AttentionShape> {
    let plain = [
        shape(2, (3, 3), 1, 4),
        shape(2, (4, 2), 5, 8),
        shape(1, (6, 1), 17, 5),
        shape(1, (2, 2), 128, 32),
        shape(1, (2, 1), 67, 16),
        shape(1, (1, 1), 1100, 3),
    ];
    plain.into_iter().flat_map(|shape| [shape, AttentionShape { causal: true, ..shape }]).collect()
}

fn floats(seed: u32, length: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..length).map(|_| next()).collect()
}

struct Case {
    q: Vec<f32>,
    k: Vec<f32>,
    v: Vec<f32>,
    o_grad: Vec<f32>,
}

fn case(shape: &AttentionShape) -> Case {
    let (queries, keys) = (shape.queries_len(), shape.keys_len());
    Case { q: floats(1, queries), k: floats(2, keys), v: floats(3, keys), o_grad: floats(4, queries) }
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

/// `o` and `lse` in f64.
fn reference(shape: &AttentionShape, q: &[f64], k: &[f64], v: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let AttentionShape { batch, heads, kv_heads, length, head_dim, causal, scale } = *shape;
    let (mut o, mut lse) = (vec![0.0; shape.queries_len()], vec![0.0; shape.rows_len()]);
    for (b, h, i) in
        (0..batch * heads * length).map(|x| (x / (heads * length), x / length % heads, x % length))
    {
        let query = ((b * length + i) * heads + h) * head_dim;
        let key = |j: usize| ((b * length + j) * kv_heads + h / (heads / kv_heads)) * head_dim;
        let seen = if causal { i + 1 } else { length };
        let scores: Vec<f64> = (0..seen)
            .map(|j| (0..head_dim).map(|d| q[query + d] * k[key(j) + d]).sum::<f64>() * f64::from(scale))
            .collect();
        let sum: f64 = scores.iter().map(|score| score.exp()).sum();
        lse[(b * heads + h) * length + i] = sum.ln();
        for (j, score) in scores.iter().enumerate() {
            for d in 0..head_dim {
                o[query + d] += score.exp() / sum * v[key(j) + d];
            }
        }
    }
    (o, lse)
}

#[test]
fn the_forward_pass_agrees_with_f64() {
    for shape in shapes() {
        let Case { q, k, v, .. } = case(&shape);
        let (wanted, wanted_lse) = reference(&shape, &wide(&q), &wide(&k), &wide(&v));
        let (mut o, mut lse) = (vec![f32::NAN; q.len()], vec![f32::NAN; shape.rows_len()]);
        let mut scratch = AttentionScratch::default();
        attention(&shape, (&q, &k, &v), &mut o, &mut lse, &mut scratch).unwrap();
        for (found, wanted) in o.iter().chain(&lse).zip(wanted.iter().chain(&wanted_lse)) {
            assert!((f64::from(*found) - wanted).abs() <= 2e-6, "{shape:?}: {found} for {wanted}");
        }
    }
}

/// Gradients of q, k and v.
fn gradients(shape: &AttentionShape, case: &Case, scratch: &mut AttentionScratch) -> [Vec<f32>; 3] {
    let Case { q, k, v, o_grad } = case;
    let (mut o, mut lse) = (vec![0.0; q.len()], vec![0.0; shape.rows_len()]);
    attention(shape, (q, k, v), &mut o, &mut lse, scratch).unwrap();
    let mut delta = vec![0.0; lse.len()];
    attention_delta(shape, &o, o_grad, &mut delta).unwrap();
    let inputs = AttentionInputs { q, k, v, o_grad, lse: &lse, delta: &delta };
    let mut grads = [vec![f32::NAN; q.len()], vec![f32::NAN; k.len()], vec![f32::NAN; k.len()]];
    let [q_grad, k_grad, v_grad] = &mut grads;
    let wanted = AttentionGrads { q_grad: Some(q_grad), kv_grads: Some((k_grad, v_grad)) };
    attention_grad(shape, &inputs, wanted, scratch).unwrap();
    let mut alone = vec![f32::NAN; q.len()];
    let wanted = AttentionGrads { q_grad: Some(&mut alone), kv_grads: None };
    attention_grad(shape, &inputs, wanted, scratch).unwrap();
    assert_eq!(alone, grads[0]);
    grads
}

#[test]
fn the_gradients_agree_with_central_differences_of_the_f64_reference() {
    const STEP: f64 = 1e-5;
    for shape in shapes() {
        let case = case(&shape);
        let found = gradients(&shape, &case, &mut AttentionScratch::default());
        let operands = [wide(&case.q), wide(&case.k), wide(&case.v)];
        let loss = |operands: &[Vec<f64>; 3]| -> f64 {
            let (o, _) = reference(&shape, &operands[0], &operands[1], &operands[2]);
            o.iter().zip(&case.o_grad).map(|(o, grad)| o * f64::from(*grad)).sum()
        };
        let stride = if shape.length > 500 { 1301 } else { shape.length * 3 + 1 };
        for operand in 0..3 {
            for place in (0..operands[operand].len()).step_by(stride) {
                let mut moved = operands.clone();
                moved[operand][place] += STEP;
                let above = loss(&moved);
                moved[operand][place] -= 2.0 * STEP;
                let wanted = (above - loss(&moved)) / (2.0 * STEP);
                let found = f64::from(found[operand][place]);
                assert!(
                    (found - wanted).abs() <= 2e-6 + 1e-5 * wanted.abs(),
                    "{shape:?} operand {operand} at {place}: {found} for {wanted}"
                );
            }
        }
    }
}

#[test]
fn reserved_scratch_does_not_grow() {
    for shape in shapes() {
        let mut scratch = AttentionScratch::default();
        scratch.reserve(&shape);
        let sizes = |scratch: &AttentionScratch| {
            (scratch.scores.len(), scratch.score_grads.len(), scratch.product.sizes())
        };
        let before = sizes(&scratch);
        gradients(&shape, &case(&shape), &mut scratch);
        assert_eq!(sizes(&scratch), before);
    }
}

#[test]
fn wrong_lengths_are_named_and_write_nothing() {
    let shape = shape(1, (2, 1), 3, 4);
    let Case { q, k, v, .. } = case(&shape);
    let (mut o, mut lse) = (vec![7.0; q.len()], vec![0.0; shape.rows_len() + 1]);
    let mut scratch = AttentionScratch::default();
    let error = attention(&shape, (&q, &k, &v), &mut o, &mut lse, &mut scratch).unwrap_err();
    assert!(error.to_string().contains("logarithms"), "{error}");
    let odd = AttentionShape { kv_heads: 0, ..shape };
    assert!(attention(&odd, (&q, &k, &v), &mut o, &mut lse, &mut scratch).is_err());
    assert!(o.iter().all(|&value| value.to_bits() == 7.0_f32.to_bits()));
}
