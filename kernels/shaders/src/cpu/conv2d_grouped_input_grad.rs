//! Twin of `wgsl/conv2d_grouped_input_grad.wgsl`.

use crate::conv2d_grouped_input_grad::Params;

/// See the WGSL file for the formula and the shapes.
pub fn conv2d_grouped_input_grad(params: &Params, y_grad: &[f32], weight: &[f32], image_grad: &mut [f32]) {
    let p = params;
    let group_inputs = p.in_channels / p.groups;
    let group_outputs = p.out_channels / p.groups;
    for index in 0..p.count {
        let input = index % p.in_channels;
        let mut rest = index / p.in_channels;
        let column = rest % p.width + p.padding;
        rest /= p.width;
        let row = rest % p.height + p.padding;
        let n = rest / p.height;
        let c = input % group_inputs;
        let first = (input / group_inputs) * group_outputs;
        let mut sum = 0.0;
        for i in 0..p.kernel {
            if row < i || (row - i) % p.stride != 0 {
                continue;
            }
            let h = (row - i) / p.stride;
            if h >= p.out_height {
                continue;
            }
            for j in 0..p.kernel {
                if column < j || (column - j) % p.stride != 0 {
                    continue;
                }
                let w = (column - j) / p.stride;
                if w >= p.out_width {
                    continue;
                }
                let y_base = ((n * p.out_height + h) * p.out_width + w) * p.out_channels + first;
                let weight_base = ((i * p.kernel + j) * group_inputs + c) * p.out_channels + first;
                for o in 0..group_outputs {
                    sum += y_grad[(y_base + o) as usize] * weight[(weight_base + o) as usize];
                }
            }
        }
        image_grad[index as usize] = sum;
    }
}
