//! Twin of `wgsl/im2col.wgsl`.

use crate::im2col::Params;

/// See the WGSL file for the formula and the shapes.
pub fn im2col(params: &Params, image: &[f32], columns: &mut [f32]) {
    for index in 0..params.count {
        let i = index % params.kernel_height;
        let mut rest = index / params.kernel_height;
        let left = (rest % params.out_width) * params.stride;
        rest /= params.out_width;
        let y = (rest % params.out_height) * params.stride + i;
        let n = rest / params.out_height;
        let inside = y >= params.padding && y - params.padding < params.height;
        let mut to = (index * params.kernel_width * params.channels) as usize;
        for j in 0..params.kernel_width {
            let x = left + j;
            let target = &mut columns[to..to + params.channels as usize];
            if inside && x >= params.padding && x - params.padding < params.width {
                let line = (n * params.height + y - params.padding) * params.width;
                let at = (params.image_offset + (line + x - params.padding) * params.channels) as usize;
                target.copy_from_slice(&image[at..at + params.channels as usize]);
            } else {
                target.fill(0.0);
            }
            to += params.channels as usize;
        }
    }
}
