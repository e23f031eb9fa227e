//! Twin of `wgsl/im2col_int8.wgsl`.

use crate::im2col_int8::Params;

/// See the WGSL file for the formula and the shapes.
pub fn im2col_int8(params: &Params, image: &[u32], columns: &mut [u32]) {
    let patch_size = params.kernel_height * params.kernel_width * params.channels;
    for index in 0..params.count {
        let mut rest = index / params.words;
        let out_x = (rest % params.out_width) * params.stride;
        rest /= params.out_width;
        let out_y = (rest % params.out_height) * params.stride;
        let n = rest / params.out_height;
        let mut word = 0;
        for lane in 0..4 {
            let element = (index % params.words) * 4 + lane;
            if element >= patch_size {
                break;
            }
            let c = element % params.channels;
            let j = (element / params.channels) % params.kernel_width;
            let i = element / (params.channels * params.kernel_width);
            let (y, x) = (out_y + i, out_x + j);
            let inside = y >= params.padding
                && x >= params.padding
                && y - params.padding < params.height
                && x - params.padding < params.width;
            if inside {
                let pixel = (n * params.height + y - params.padding) * params.width + x - params.padding;
                let at = params.image_offset + pixel * params.channels + c;
                let byte = (image[(at / 4) as usize] >> ((at % 4) * 8)) & 0xff;
                word |= byte << (lane * 8);
            }
        }
        columns[index as usize] = word;
    }
}
