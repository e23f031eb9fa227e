//! Twin of `wgsl/conv2d_grouped_weight_grad.wgsl`.

use crate::conv2d_grouped_weight_grad::Params;

/// See the WGSL file for the formula and the shapes.
pub fn conv2d_grouped_weight_grad(params: &Params, image: &[f32], y_grad: &[f32], weight_grad: &mut [f32]) {
    let p = params;
    for index in 0..p.count {
        let o = index % p.out_channels;
        let mut rest = index / p.out_channels;
        let group_inputs = p.in_channels / p.groups;
        let c = rest % group_inputs;
        rest /= group_inputs;
        let j = rest % p.kernel;
        let i = rest / p.kernel;
        let input = (o / (p.out_channels / p.groups)) * group_inputs + c;
        let mut sum = 0.0;
        for n in 0..p.batch {
            for h in 0..p.out_height {
                let row = h * p.stride + i;
                if row < p.padding || row - p.padding >= p.height {
                    continue;
                }
                for w in 0..p.out_width {
                    let column = w * p.stride + j;
                    if column < p.padding || column - p.padding >= p.width {
                        continue;
                    }
                    let pixel = (n * p.height + row - p.padding) * p.width + column - p.padding;
                    let place = (n * p.out_height + h) * p.out_width + w;
                    sum += image[(pixel * p.in_channels + input) as usize]
                        * y_grad[(place * p.out_channels + o) as usize];
                }
            }
        }
        weight_grad[index as usize] = sum;
    }
}
