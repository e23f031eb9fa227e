//! im2col, its transpose and quantisation for the CPU backend: what the twins compute, row by row.
//!
//! In NHWC the values under one row of a window are contiguous, so a window is `kernel_height` copies.

use shaders::{col2im, im2col, im2col_int8, quantize_int8};

struct Windows {
    height: usize,
    width: usize,
    channels: usize,
    out_height: usize,
    out_width: usize,
    kernel_height: usize,
    kernel_width: usize,
    stride: usize,
    padding: usize,
}

impl Windows {
    const fn patch(&self) -> usize {
        self.kernel_height * self.kernel_width * self.channels
    }

    /// For output pixel `pixel`: each kernel row as (place in the patch, place in the image, length).
    fn rows(&self, pixel: usize) -> impl Iterator<Item = (usize, usize, usize)> + '_ {
        let out_x = pixel % self.out_width;
        let out_y = pixel / self.out_width % self.out_height;
        let image = pixel / (self.out_width * self.out_height);
        let left = (out_x * self.stride) as isize - self.padding as isize;
        let top = (out_y * self.stride) as isize - self.padding as isize;
        let first = (-left).max(0) as usize;
        let last = (self.width as isize - left).clamp(0, self.kernel_width as isize) as usize;
        (0..self.kernel_height).filter_map(move |i| {
            let y = top + i as isize;
            if y < 0 || y >= self.height as isize || last <= first {
                return None;
            }
            let x = (left + first as isize) as usize;
            let source = ((image * self.height + y as usize) * self.width + x) * self.channels;
            let target = (i * self.kernel_width + first) * self.channels;
            Some((target, source, (last - first) * self.channels))
        })
    }

    fn gather<T: Copy + Default>(&self, image: &[T], columns: &mut [T], row_length: usize) {
        for (pixel, row) in columns.chunks_exact_mut(row_length).enumerate() {
            row.fill(T::default());
            for (target, source, length) in self.rows(pixel) {
                if let (Some(target), Some(source)) =
                    (row.get_mut(target..target + length), image.get(source..source + length))
                {
                    target.copy_from_slice(source);
                }
            }
        }
    }
}

macro_rules! windows {
    ($p:expr) => {
        Windows {
            height: $p.height as usize,
            width: $p.width as usize,
            channels: $p.channels as usize,
            out_height: $p.out_height as usize,
            out_width: $p.out_width as usize,
            kernel_height: $p.kernel_height as usize,
            kernel_width: $p.kernel_width as usize,
            stride: $p.stride as usize,
            padding: $p.padding as usize,
        }
    };
}

/// See `wgsl/im2col.wgsl`.
pub(super) fn im2col(params: &im2col::Params, image: &[f32], columns: &mut [f32]) {
    let windows = windows!(params);
    let image = image.get(params.image_offset as usize..).unwrap_or_default();
    let columns = columns.get_mut(..params.count as usize).unwrap_or_default();
    windows.gather(image, columns, windows.patch());
}

/// See `wgsl/im2col_int8.wgsl`.
pub(super) fn im2col_int8(params: &im2col_int8::Params, image: &[u32], columns: &mut [u32]) {
    let windows = windows!(params);
    let image: &[u8] = bytemuck::cast_slice(image);
    let image = image.get(params.image_offset as usize..).unwrap_or_default();
    let columns: &mut [u8] = bytemuck::cast_slice_mut(columns);
    let columns = columns.get_mut(..params.count as usize * 4).unwrap_or_default();
    windows.gather(image, columns, params.words as usize * 4);
}

/// See `wgsl/col2im.wgsl`; adds window by window instead of gathering, in a fixed order.
pub(super) fn col2im(params: &col2im::Params, columns: &[f32], image: &mut [f32]) {
    let windows = windows!(params);
    let begin = params.image_offset as usize;
    let Some(image) = image.get_mut(begin..begin + params.count as usize) else { return };
    image.fill(0.0);
    let images = image.len() / (windows.height * windows.width * windows.channels).max(1);
    let used = images * windows.out_height * windows.out_width * windows.patch();
    for (pixel, row) in columns.get(..used).unwrap_or_default().chunks_exact(windows.patch()).enumerate() {
        for (target, source, length) in windows.rows(pixel) {
            if let (Some(from), Some(to)) =
                (row.get(target..target + length), image.get_mut(source..source + length))
            {
                for (to, from) in to.iter_mut().zip(from) {
                    *to += from;
                }
            }
        }
    }
}

/// See `wgsl/quantize_int8.wgsl`.
pub(super) fn quantize_int8(params: &quantize_int8::Params, x: &[f32], quantized: &mut [u32]) {
    // Adding 1.5 * 2^23 leaves the integer, rounded half to even, in the low bits: it vectorises, `round` may not.
    const MAGIC: f32 = 12_582_912.0;
    let x = x.get(..params.values as usize).unwrap_or_default();
    let bytes: &mut [u8] = bytemuck::cast_slice_mut(quantized);
    let Some(bytes) = bytes.get_mut(..params.count as usize * 4) else { return };
    for (byte, x) in bytes.iter_mut().zip(x) {
        let scaled = (x * params.inverse_scale).clamp(-127.0, 127.0);
        *byte = ((scaled + MAGIC).to_bits() & 0xff) as u8;
    }
    for byte in bytes.iter_mut().skip(x.len()) {
        *byte = 0;
    }
}
