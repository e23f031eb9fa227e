//! The f64 references of backward kernels against central differences of the f64 references of forward kernels.

use super::{
    attention::{Shape, backward_reference, delta_reference, forward_reference},
    bounds::Bounded,
    case::{Draw, wide},
    losses,
    moves::{rope_reference, scatter_reference},
    reductions::sum_reference,
    rows,
    windows::{conv_counts, conv_reference, draw_conv, draw_pool, pool_counts, pool_reference},
};
use shaders::{
    attention, cross_entropy, cross_entropy_grad, normalize, normalize_grad, reduce_sum, rope,
    scatter_add_rows,
};

/// Shapes of each operator.
const SHAPES: u64 = 20;

fn values(bounded: &[Bounded]) -> Vec<f64> {
    bounded.iter().map(|value| value.value).collect()
}

/// The gradient of sum(forward(x) * upstream) by x must be `gradient`, to 1e-6 of the larger of both and of 1.
#[track_caller]
fn agree(forward: impl Fn(&[f64]) -> Vec<Bounded>, x: &[f64], upstream: &[f64], gradient: &[Bounded]) {
    assert_eq!(x.len(), gradient.len());
    let step = 1e-5;
    let objective = |x: &[f64]| {
        let y = forward(x);
        assert_eq!(y.len(), upstream.len());
        y.iter().zip(upstream).map(|(y, g)| y.value * g).sum::<f64>()
    };
    for (at, gradient) in gradient.iter().enumerate() {
        let [above, below] = [step, -step].map(|step| {
            let mut moved = x.to_vec();
            moved[at] += step;
            objective(&moved)
        });
        let slope = (above - below) / (2.0 * step);
        let scale = slope.abs().max(gradient.value.abs()).max(1.0);
        let error = (slope - gradient.value).abs() / scale;
        assert!(error <= 1e-6, "element {at}: {slope} by differences, {} by formula", gradient.value);
    }
}

fn each_shape(check: impl Fn(&mut Draw)) {
    (0..SHAPES).for_each(|seed| check(&mut Draw::new(seed + 77)));
}

#[test]
fn of_rows() {
    each_shape(|draw| {
        let (count, columns) = (draw.size(1, 3), draw.size(1, 9));
        let [x, g] = [0; 2].map(|_| wide(&draw.floats(count * columns, 1.0)));
        let (center, epsilon) = (draw.size(0, 1), 0.1);
        let p = normalize::Params { count, columns, center, epsilon };
        let p_grad = normalize_grad::Params { count, columns, center, epsilon };
        agree(|x| rows::normalize_reference(&p, x), &x, &g, &rows::normalize_grad_reference(&p_grad, &x, &g));
        let y = values(&rows::softmax_reference(columns, &x));
        agree(
            |x| rows::softmax_reference(columns, x),
            &x,
            &g,
            &rows::softmax_grad_reference(columns, &y, &g),
        );
        let y = values(&rows::log_softmax_reference(columns, &x));
        let gradient = rows::log_softmax_grad_reference(columns, &y, &g);
        agree(|x| rows::log_softmax_reference(columns, x), &x, &g, &gradient);
        let labels: Vec<u32> = (0..count).map(|_| draw.size(0, columns)).collect();
        let smoothing = draw.pick(&[0.0, 0.2]);
        let p = cross_entropy::Params { count, classes: columns, smoothing };
        let p_grad = cross_entropy_grad::Params { count, classes: columns, smoothing };
        let upstream = &g[..count as usize];
        let gradient = losses::cross_entropy_grad_reference(&p_grad, &x, &labels, upstream);
        agree(|x| losses::cross_entropy_reference(&p, x, &labels), &x, upstream, &gradient);
    });
}

#[test]
fn of_attention() {
    each_shape(|draw| {
        let (batch, kv_heads, group, length) =
            (draw.size(1, 2), draw.size(1, 2), draw.size(1, 2), draw.size(1, 4));
        let heads = kv_heads * group;
        let count = batch * heads * length;
        let p = attention::Params { count, heads, kv_heads, length, causal: draw.size(0, 1), scale: 0.6 };
        let shape = Shape { p, head_dim: 4 };
        let of = |draw: &mut Draw, heads| wide(&draw.floats(shape.values(heads) as u32, 1.0));
        let [q, g] = [0; 2].map(|_| of(draw, heads));
        let [k, v] = [0; 2].map(|_| of(draw, kv_heads));
        let (o, lse) = forward_reference(shape, &q, &k, &v);
        let (o, lse) = (values(&o), values(&lse));
        let delta = values(&delta_reference(shape, &o, &g));
        let [q_grad, k_grad, v_grad] = backward_reference(shape, [&q, &k, &v, &g, &lse, &delta]);
        agree(|q| forward_reference(shape, q, &k, &v).0, &q, &g, &q_grad);
        agree(|k| forward_reference(shape, &q, k, &v).0, &k, &g, &k_grad);
        agree(|v| forward_reference(shape, &q, &k, v).0, &v, &g, &v_grad);
    });
}

#[test]
fn of_windows() {
    each_shape(|draw| {
        let p = draw_conv(draw);
        let [image, weight, y_grad] = conv_counts(&p).map(|count| wide(&draw.floats(count, 1.0)));
        let image_grad = conv_reference(&p, 0, (2, &y_grad), (1, &weight));
        let weight_grad = conv_reference(&p, 1, (0, &image), (2, &y_grad));
        agree(|image| conv_reference(&p, 2, (0, image), (1, &weight)), &image, &y_grad, &image_grad);
        agree(|weight| conv_reference(&p, 2, (0, &image), (1, weight)), &weight, &y_grad, &weight_grad);
        let (p, batch) = draw_pool(draw);
        let [x, y_grad] = pool_counts(&p, batch).map(|count| wide(&draw.floats(count, 1.0)));
        let x_grad = pool_reference(&p, batch, 0, &y_grad);
        agree(|x| pool_reference(&p, batch, 1, x), &x, &y_grad, &x_grad);
    });
}

#[test]
fn of_moves_and_sums() {
    each_shape(|draw| {
        let (id_count, columns, table_rows) = (draw.size(1, 6), draw.size(1, 3), draw.size(1, 4));
        let ids: Vec<u32> = (0..id_count).map(|_| draw.size(0, table_rows)).collect();
        let p = scatter_add_rows::Params { count: table_rows * columns, columns, id_count };
        let rows_grad = wide(&draw.floats(id_count * columns, 1.0));
        let table = wide(&draw.floats(p.count, 1.0));
        let gather = |table: &[f64]| {
            let element = |index: u32| {
                let id = ids[(index / columns) as usize];
                let at = (id * columns + index % columns) as usize;
                super::bounds::exact(table.get(at).copied().unwrap_or(0.0))
            };
            (0..id_count * columns).map(element).collect()
        };
        agree(gather, &table, &rows_grad, &scatter_reference(&p, &rows_grad, &ids));
        let (heads, half, length) = (draw.size(1, 2), draw.size(1, 3), draw.size(1, 3));
        let p = rope::Params { count: length * heads * half, heads, head_dim: half * 2, length, sign: 1.0 };
        let angles = wide(&draw.floats(length * half, 3.0));
        let table: Vec<f64> = angles.iter().flat_map(|angle| [angle.cos(), angle.sin()]).collect();
        let [x, g] = [0; 2].map(|_| wide(&draw.floats(p.count * 2, 1.0)));
        let back = rope_reference(&rope::Params { sign: -1.0, ..p }, &g, &table);
        agree(|x| rope_reference(&p, x, &table), &x, &g, &back);
        let p = reduce_sum::Params { count: 4, length: 3, inner: 2, groups: 2, per_group: 2 };
        let (x, g) = (wide(&draw.floats(6, 1.0)), wide(&draw.floats(4, 1.0)));
        let spread: Vec<Bounded> = [0, 1, 0, 1, 2, 3].map(|at: usize| super::bounds::exact(g[at])).to_vec();
        agree(|x| sum_reference(&p, x), &x, &g, &spread);
    });
}
