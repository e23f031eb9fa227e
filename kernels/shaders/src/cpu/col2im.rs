//! Twin of `wgsl/col2im.wgsl`.

use crate::col2im::Params;

/// See the WGSL file for the formula and the shapes.
pub fn col2im(params: &Params, columns: &[f32], image: &mut [f32]) {
    let patch_size = params.kernel_height * params.kernel_width * params.channels;
    for index in 0..params.count {
        let c = index % params.channels;
        let mut rest = index / params.channels;
        let w = rest % params.width + params.padding;
        rest /= params.width;
        let h = rest % params.height + params.padding;
        let n = rest / params.height;
        let mut sum = 0.0;
        for i in 0..params.kernel_height {
            if h < i || (h - i) % params.stride != 0 {
                continue;
            }
            let y = (h - i) / params.stride;
            if y >= params.out_height {
                continue;
            }
            for j in 0..params.kernel_width {
                if w < j || (w - j) % params.stride != 0 {
                    continue;
                }
                let x = (w - j) / params.stride;
                if x >= params.out_width {
                    continue;
                }
                let pixel = (n * params.out_height + y) * params.out_width + x;
                sum += columns
                    [(pixel * patch_size + (i * params.kernel_width + j) * params.channels + c) as usize];
            }
        }
        image[(params.image_offset + index) as usize] = sum;
    }
}
