//! Twin of `wgsl/conv2d_grouped.wgsl`.

use crate::conv2d_grouped::Params;

/// See the WGSL file for the formula and the shapes.
pub fn conv2d_grouped(params: &Params, image: &[f32], weight: &[f32], y: &mut [f32]) {
    let p = params;
    for index in 0..p.count {
        let o = index % p.out_channels;
        let mut rest = index / p.out_channels;
        let w = rest % p.out_width;
        rest /= p.out_width;
        let h = rest % p.out_height;
        let n = rest / p.out_height;
        let group_inputs = p.in_channels / p.groups;
        let group = o / (p.out_channels / p.groups);
        let mut sum = 0.0;
        for i in 0..p.kernel {
            let row = h * p.stride + i;
            if row < p.padding || row - p.padding >= p.height {
                continue;
            }
            for j in 0..p.kernel {
                let column = w * p.stride + j;
                if column < p.padding || column - p.padding >= p.width {
                    continue;
                }
                let pixel = (n * p.height + row - p.padding) * p.width + column - p.padding;
                let image_base = pixel * p.in_channels + group * group_inputs;
                let weight_base = (i * p.kernel + j) * group_inputs;
                for c in 0..group_inputs {
                    sum += image[(image_base + c) as usize]
                        * weight[((weight_base + c) * p.out_channels + o) as usize];
                }
            }
        }
        y[index as usize] = sum;
    }
}
