//! Patches of images and max pooling, and the summary of a step: nothing is rounded, so that bits must be equal. Sums
//! over patches are the exception.

use super::{
    bounds::{Sum, exact},
    case::{Case, Draw, Spec, UNTOUCHED, bits, wide},
};
use shaders::{KernelId, col2im, cpu, im2col, im2col_int8, max_pool, max_pool_grad, step_summary};

pub fn specs() -> Vec<Spec> {
    vec![
        Spec {
            kernel: KernelId::Im2col,
            case: im2col_case,
            twin: |case, memory| {
                let p = im2col::Params::from_words(&case.uniform).expect("enough words");
                let image = memory.floats(0);
                memory.write(1, |columns| cpu::im2col(&p, &image, columns));
            },
        },
        Spec {
            kernel: KernelId::Col2im,
            case: col2im_case,
            twin: |case, memory| {
                let p = col2im::Params::from_words(&case.uniform).expect("enough words");
                let columns = memory.floats(0);
                memory.write(1, |image| cpu::col2im(&p, &columns, image));
            },
        },
        Spec {
            kernel: KernelId::Im2colInt8,
            case: im2col_int8_case,
            twin: |case, memory| {
                let p = im2col_int8::Params::from_words(&case.uniform).expect("enough words");
                let image = memory.0[0].clone();
                cpu::im2col_int8(&p, &image, &mut memory.0[1]);
            },
        },
        Spec {
            kernel: KernelId::MaxPool,
            case: max_pool_case,
            twin: |case, memory| {
                let p = max_pool::Params::from_words(&case.uniform).expect("enough words");
                let x = memory.floats(0);
                memory.write(1, |y| cpu::max_pool(&p, &x, y));
            },
        },
        Spec {
            kernel: KernelId::MaxPoolGrad,
            case: max_pool_grad_case,
            twin: |case, memory| {
                let p = max_pool_grad::Params::from_words(&case.uniform).expect("enough words");
                let (x, y, y_grad) = (memory.floats(0), memory.floats(1), memory.floats(2));
                memory.write(3, |x_grad| cpu::max_pool_grad(&p, &x, &y, &y_grad, x_grad));
            },
        },
        Spec {
            kernel: KernelId::StepSummary,
            case: summary_case,
            twin: |case, memory| {
                let p = step_summary::Params::from_words(&case.uniform).expect("enough words");
                let [loss, matches, norm, mut clock, mut ring] =
                    std::array::from_fn(|buffer| memory.0[buffer].clone());
                cpu::step_summary(&p, [&loss, &matches, &norm], &mut clock, &mut ring);
                memory.0[3] = clock;
                memory.0[4] = ring;
            },
        },
    ]
}

/// Sizes of a patch kernel and how many images there are; `count` is of no kernel yet.
fn patches(draw: &mut Draw) -> (im2col::Params, u32) {
    let (kernel_height, kernel_width) = (draw.size(1, 3), draw.size(1, 3));
    let (stride, padding) = (draw.size(1, 3), draw.size(0, kernel_height.min(kernel_width) - 1));
    let (height, width) = (draw.size(kernel_height, 8), draw.size(kernel_width, 8));
    let p = im2col::Params {
        count: 0,
        height,
        width,
        channels: draw.size(1, 4),
        out_height: (height + 2 * padding - kernel_height) / stride + 1,
        out_width: (width + 2 * padding - kernel_width) / stride + 1,
        kernel_height,
        kernel_width,
        stride,
        padding,
        image_offset: draw.size(0, 6),
    };
    (p, draw.size(1, 3))
}

/// The element of the image (without its offset) behind each element of the columns; `None` outside of the image.
fn sources(p: &im2col::Params, batch: u32) -> Vec<Option<u32>> {
    let inside = |place: u32, offset: u32, size: u32| {
        let at = i64::from(place * p.stride + offset) - i64::from(p.padding);
        u32::try_from(at).ok().filter(|at| *at < size)
    };
    let mut sources = vec![];
    for n in 0..batch {
        for pixel in 0..p.out_height * p.out_width {
            for tap in 0..p.kernel_height * p.kernel_width {
                let row = inside(pixel / p.out_width, tap / p.kernel_width, p.height);
                let column = inside(pixel % p.out_width, tap % p.kernel_width, p.width);
                for c in 0..p.channels {
                    let pair = row.zip(column);
                    sources.push(
                        pair.map(|(row, column)| ((n * p.height + row) * p.width + column) * p.channels + c),
                    );
                }
            }
        }
    }
    sources
}

fn im2col_case(draw: &mut Draw) -> Case {
    let (p, batch) = patches(draw);
    let image = draw.floats(p.image_offset + batch * p.height * p.width * p.channels, 1.0);
    let value = |source: Option<u32>| source.map_or(0.0, |at| image[(p.image_offset + at) as usize]);
    let expected: Vec<f32> = sources(&p, batch).into_iter().map(value).collect();
    let rows = batch * p.out_height * p.out_width * p.kernel_height;
    let p = im2col::Params { count: rows, ..p };
    let case = Case::new(p.to_words(), p.count).input_floats(&image);
    case.output_bits(vec![UNTOUCHED; expected.len()], &bits(&expected))
}

fn col2im_case(draw: &mut Draw) -> Case {
    let (p, batch) = patches(draw);
    let sources = sources(&p, batch);
    let columns = draw.floats(sources.len() as u32, 1.0);
    let count = batch * p.height * p.width * p.channels;
    let mut sums = vec![Sum::default(); count as usize];
    for (source, value) in sources.into_iter().zip(wide(&columns)) {
        if let Some(at) = source {
            sums[at as usize].add(exact(value));
        }
    }
    let expected = sums.into_iter().map(Sum::total).collect();
    let uniform = im2col::Params { count, ..p }.to_words();
    Case::new(uniform, count).input_floats(&columns).output_from(p.image_offset, expected)
}

fn packed(bytes: &[u8]) -> Vec<u32> {
    let word = |four: &[u8]| four.iter().rev().fold(0, |word, byte| (word << 8) | u32::from(*byte));
    bytes.chunks(4).map(word).collect()
}

fn im2col_int8_case(draw: &mut Draw) -> Case {
    let (p, batch) = patches(draw);
    let size = p.image_offset + batch * p.height * p.width * p.channels;
    let image: Vec<u8> = (0..size).map(|_| draw.word() as u8).collect();
    let patch = p.kernel_height * p.kernel_width * p.channels;
    let words = patch.div_ceil(4);
    let byte = |source: &Option<u32>| source.map_or(0, |at| image[(p.image_offset + at) as usize]);
    let rows = sources(&p, batch);
    let rows = rows.chunks_exact(patch as usize).map(|row| row.iter().map(byte).collect::<Vec<u8>>());
    let expected: Vec<u32> = rows.flat_map(|row| packed(&row)).collect();
    let count = expected.len() as u32;
    let uniform = [im2col::Params { count, ..p }.to_words(), vec![words]].concat();
    let case = Case::new(uniform, count).input(packed(&image));
    case.output_bits(vec![UNTOUCHED; expected.len()], &expected)
}

/// Sizes, images, x, and for each element of y the elements of its window.
fn pooling(draw: &mut Draw) -> (max_pool::Params, Vec<f32>, Vec<Vec<usize>>) {
    let window = draw.size(1, 3);
    let (height, width) = (draw.size(window, 9), draw.size(window, 9));
    let (channels, batch) = (draw.size(1, 4), draw.size(1, 3));
    let (out_height, out_width) = (height / window, width / window);
    let p = max_pool::Params { count: 0, height, width, channels, out_height, out_width, window };
    // Few values, so that equal ones meet in a window.
    let offset = draw.pick(&[0.0, -20.0]);
    let x = (0..batch * height * width * channels).map(|_| offset + draw.size(0, 7) as f32).collect();
    let mut windows = vec![];
    for result in 0..batch * out_height * out_width * channels {
        let (pixel, c) = (result / channels, result % channels);
        let (line, w) = (pixel / out_width, pixel % out_width);
        let (n, h) = (line / out_height, line % out_height);
        let at = |tap: u32| {
            let (row, column) = (h * window + tap / window, w * window + tap % window);
            (((n * height + row) * width + column) * channels + c) as usize
        };
        windows.push((0..window * window).map(at).collect());
    }
    (p, x, windows)
}

/// The first of the elements that holds the largest value.
fn first_largest(x: &[f32], window: &[usize]) -> usize {
    window.iter().copied().reduce(|best, at| if x[at] > x[best] { at } else { best }).expect("a window")
}

fn max_pool_case(draw: &mut Draw) -> Case {
    let (p, x, windows) = pooling(draw);
    let expected: Vec<f32> = windows.iter().map(|window| x[first_largest(&x, window)]).collect();
    let p = max_pool::Params { count: expected.len() as u32, ..p };
    let case = Case::new(p.to_words(), p.count).input_floats(&x);
    case.output_bits(vec![UNTOUCHED; expected.len()], &bits(&expected))
}

fn max_pool_grad_case(draw: &mut Draw) -> Case {
    let (p, x, windows) = pooling(draw);
    let y: Vec<f32> = windows.iter().map(|window| x[first_largest(&x, window)]).collect();
    let y_grad = draw.floats(y.len() as u32, 1.0);
    let mut expected = vec![0.0; x.len()];
    for (window, gradient) in windows.iter().zip(&y_grad) {
        expected[first_largest(&x, window)] = *gradient;
    }
    let p = max_pool::Params { count: y.len() as u32, ..p };
    let case = Case::new(p.to_words(), p.count).input_floats(&x).input_floats(&y).input_floats(&y_grad);
    // The caller has zeroed what lies past the last whole window.
    let inside: std::collections::BTreeSet<usize> = windows.iter().flatten().copied().collect();
    let before = (0..x.len()).map(|at| if inside.contains(&at) { UNTOUCHED } else { 0 }).collect();
    case.output_bits(before, &bits(&expected))
}

fn summary_case(draw: &mut Draw) -> Case {
    let p = step_summary::Params { count: 1, ring_length: draw.size(1, 9) };
    let [loss, matches, norm, step, other] = [0; 5].map(|_| draw.word());
    let step = step % 1000;
    let before: Vec<u32> = (0..p.ring_length * 4).map(|_| draw.word()).collect();
    let mut ring = before.clone();
    let slot = (step % p.ring_length) as usize * 4;
    ring[slot..slot + 4].copy_from_slice(&[loss, matches, norm, step]);
    let mut case = Case::new(p.to_words(), 1).input(vec![loss]).input(vec![matches]).input(vec![norm]);
    case.workgroups = [1, 1, 1];
    case.output_bits(vec![step, other], &[step + 1, other]).output_bits(before, &ring)
}
