//! Convolutions by groups and average pooling, against sums over every (output, window) pair: what a gather reads is
//! found by walking the forward pass.

use super::{
    bounds::{Bounded, Sum, exact},
    case::{Case, Draw, Spec, wide},
};
use shaders::{
    KernelId, avg_pool, avg_pool_grad, conv2d_grouped, conv2d_grouped_input_grad, conv2d_grouped_weight_grad,
    cpu,
};

pub fn specs() -> Vec<Spec> {
    vec![
        Spec {
            kernel: KernelId::Conv2dGrouped,
            case: conv_case,
            twin: |case, memory| {
                let p = conv2d_grouped::Params::from_words(&case.uniform).expect("enough words");
                let (image, weight) = (memory.floats(0), memory.floats(1));
                memory.write(2, |y| cpu::conv2d_grouped(&p, &image, &weight, y));
            },
        },
        Spec {
            kernel: KernelId::Conv2dGroupedInputGrad,
            case: input_grad_case,
            twin: |case, memory| {
                let p = conv2d_grouped_input_grad::Params::from_words(&case.uniform).expect("enough words");
                let (y_grad, weight) = (memory.floats(0), memory.floats(1));
                memory.write(2, |grad| cpu::conv2d_grouped_input_grad(&p, &y_grad, &weight, grad));
            },
        },
        Spec {
            kernel: KernelId::Conv2dGroupedWeightGrad,
            case: weight_grad_case,
            twin: |case, memory| {
                let p = conv2d_grouped_weight_grad::Params::from_words(&case.uniform).expect("enough words");
                let (image, y_grad) = (memory.floats(0), memory.floats(1));
                memory.write(2, |grad| cpu::conv2d_grouped_weight_grad(&p, &image, &y_grad, grad));
            },
        },
        Spec {
            kernel: KernelId::AvgPool,
            case: pool_case,
            twin: |case, memory| {
                let p = avg_pool::Params::from_words(&case.uniform).expect("enough words");
                let x = memory.floats(0);
                memory.write(1, |y| cpu::avg_pool(&p, &x, y));
            },
        },
        Spec {
            kernel: KernelId::AvgPoolGrad,
            case: pool_grad_case,
            twin: |case, memory| {
                let p = avg_pool_grad::Params::from_words(&case.uniform).expect("enough words");
                let y_grad = memory.floats(0);
                memory.write(1, |x_grad| cpu::avg_pool_grad(&p, &y_grad, x_grad));
            },
        },
    ]
}

/// A convolution's sizes, with `count` of no kernel yet.
pub type Conv = conv2d_grouped::Params;

pub fn draw_conv(draw: &mut Draw) -> Conv {
    let groups = draw.size(1, 3);
    let (in_channels, out_channels) = (groups * draw.size(1, 3), groups * draw.size(1, 3));
    let (kernel, stride) = (draw.size(1, 3), draw.size(1, 3));
    let padding = draw.size(0, kernel - 1);
    let least = kernel.saturating_sub(2 * padding).max(1);
    let (height, width) = (draw.size(least, least + 5), draw.size(least, least + 5));
    let out = |size: u32| (size + 2 * padding - kernel) / stride + 1;
    Conv {
        count: 0,
        batch: draw.size(1, 3),
        height,
        width,
        in_channels,
        out_channels,
        kernel,
        stride,
        padding,
        groups,
        out_height: out(height),
        out_width: out(width),
    }
}

/// Elements of image, weight and result.
pub fn conv_counts(p: &Conv) -> [u32; 3] {
    let weight = p.kernel * p.kernel * (p.in_channels / p.groups) * p.out_channels;
    [
        p.batch * p.height * p.width * p.in_channels,
        weight,
        p.batch * p.out_height * p.out_width * p.out_channels,
    ]
}

/// Every product of a convolution, as (element of the image, of the weight, of the result).
fn products(p: &Conv) -> Vec<[usize; 3]> {
    let size = |value: u32| value as usize;
    let (group_inputs, group_outputs) = (size(p.in_channels / p.groups), size(p.out_channels / p.groups));
    let at = |place: usize, offset: usize, size: u32| {
        (place * p.stride as usize + offset).checked_sub(p.padding as usize).filter(|at| *at < size as usize)
    };
    let mut products = vec![];
    let [_, _, results] = conv_counts(p);
    for result in 0..size(results) {
        let (pixel, o) = (result / size(p.out_channels), result % size(p.out_channels));
        let (line, w) = (pixel / size(p.out_width), pixel % size(p.out_width));
        let (n, h) = (line / size(p.out_height), line % size(p.out_height));
        for tap in 0..size(p.kernel * p.kernel) {
            let (i, j) = (tap / size(p.kernel), tap % size(p.kernel));
            let (Some(row), Some(column)) = (at(h, i, p.height), at(w, j, p.width)) else { continue };
            for c in 0..group_inputs {
                let input = o / group_outputs * group_inputs + c;
                let image =
                    ((n * size(p.height) + row) * size(p.width) + column) * size(p.in_channels) + input;
                products.push([image, (tap * group_inputs + c) * size(p.out_channels) + o, result]);
            }
        }
    }
    products
}

/// The sum of products into the element `into` of each triple, of the other two.
pub fn conv_reference(p: &Conv, into: usize, a: (usize, &[f64]), b: (usize, &[f64])) -> Vec<Bounded> {
    let mut sums = vec![Sum::default(); conv_counts(p)[into] as usize];
    for triple in products(p) {
        sums[triple[into]].add(exact(a.1[triple[a.0]]) * exact(b.1[triple[b.0]]));
    }
    sums.into_iter().map(Sum::total).collect()
}

fn any_conv_case(draw: &mut Draw, into: usize, from: [usize; 2]) -> Case {
    let p = draw_conv(draw);
    let counts = conv_counts(&p);
    let [a, b] = from.map(|operand| draw.floats(counts[operand], 1.0));
    let expected = conv_reference(&p, into, (from[0], &wide(&a)), (from[1], &wide(&b)));
    let p = Conv { count: counts[into], ..p };
    Case::new(p.to_words(), p.count).input_floats(&a).input_floats(&b).output(expected)
}

fn conv_case(draw: &mut Draw) -> Case {
    any_conv_case(draw, 2, [0, 1])
}

fn input_grad_case(draw: &mut Draw) -> Case {
    any_conv_case(draw, 0, [2, 1])
}

fn weight_grad_case(draw: &mut Draw) -> Case {
    any_conv_case(draw, 1, [0, 2])
}

pub fn draw_pool(draw: &mut Draw) -> (avg_pool::Params, u32) {
    let (window, stride) = (draw.size(1, 3), draw.size(1, 4));
    let (height, width) = (draw.size(window, window + 6), draw.size(window, window + 6));
    let out = |size: u32| (size - window) / stride + 1;
    let (batch, channels) = (draw.size(1, 3), draw.size(1, 4));
    let p = avg_pool::Params {
        count: 0,
        height,
        width,
        channels,
        out_height: out(height),
        out_width: out(width),
        window,
        stride,
    };
    (p, batch)
}

/// Elements of x and of y.
pub fn pool_counts(p: &avg_pool::Params, batch: u32) -> [u32; 2] {
    [batch * p.height * p.width * p.channels, batch * p.out_height * p.out_width * p.channels]
}

/// The mean over windows, or its transpose: `into` is 1 for y, 0 for the gradient of x.
pub fn pool_reference(p: &avg_pool::Params, batch: u32, into: usize, from: &[f64]) -> Vec<Bounded> {
    let counts = pool_counts(p, batch);
    let mut sums = vec![Sum::default(); counts[into] as usize];
    for result in 0..counts[1] {
        let (pixel, c) = (result / p.channels, result % p.channels);
        let (line, w) = (pixel / p.out_width, pixel % p.out_width);
        let (n, h) = (line / p.out_height, line % p.out_height);
        for tap in 0..p.window * p.window {
            let (row, column) = (h * p.stride + tap / p.window, w * p.stride + tap % p.window);
            let element = ((n * p.height + row) * p.width + column) * p.channels + c;
            let pair = [element as usize, result as usize];
            sums[pair[into]].add(exact(from[pair[1 - into]]));
        }
    }
    let area = exact(f64::from(p.window * p.window));
    sums.into_iter().map(|sum| sum.total() / area).collect()
}

fn any_pool_case(draw: &mut Draw, into: usize) -> Case {
    let (p, batch) = draw_pool(draw);
    let counts = pool_counts(&p, batch);
    let from = draw.floats(counts[1 - into], 1.0);
    let expected = pool_reference(&p, batch, into, &wide(&from));
    let p = avg_pool::Params { count: counts[into], ..p };
    Case::new(p.to_words(), p.count).input_floats(&from).output(expected)
}

fn pool_case(draw: &mut Draw) -> Case {
    any_pool_case(draw, 1)
}

fn pool_grad_case(draw: &mut Draw) -> Case {
    any_pool_case(draw, 0)
}
