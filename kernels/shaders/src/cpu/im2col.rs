//! Twin of `wgsl/im2col.wgsl`.

use crate::im2col::Params;

/// See the WGSL file for the formula and the shapes.
pub fn im2col(params: &Params, image: &[f32], columns: &mut [f32]) {
    for index in 0..params.count {
        let c = index % params.channels;
        let mut rest = index / params.channels;
        let j = rest % params.kernel_width;
        rest /= params.kernel_width;
        let i = rest % params.kernel_height;
        rest /= params.kernel_height;
        let x = (rest % params.out_width) * params.stride + j;
        rest /= params.out_width;
        let y = (rest % params.out_height) * params.stride + i;
        let n = rest / params.out_height;
        let mut value = 0.0;
        let inside = y >= params.padding
            && x >= params.padding
            && y - params.padding < params.height
            && x - params.padding < params.width;
        if inside {
            let pixel = (n * params.height + y - params.padding) * params.width + x - params.padding;
            value = image[(params.image_offset + pixel * params.channels + c) as usize];
        }
        columns[index as usize] = value;
    }
}
