//! im2col, its transpose and quantisation for the CPU backend: what the twins compute, row by row.
//!
//! In NHWC the values under one row of a window are contiguous, so a window is `kernel_height` copies.

use super::rows;
use shaders::{col2im, first_non_finite, im2col, im2col_int8, quantize_int8};

/// Values that [`first_non_finite`] looks at together.
const STRETCH: usize = 1024;

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
    let row = (params.kernel_width * params.channels) as usize;
    let columns = columns.get_mut(..params.count as usize * row).unwrap_or_default();
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

/// Rows of a table, one copy each; rows that are not in the table are 0.
pub(super) fn gather_rows(p: &shaders::gather_rows::Params, table: &[f32], ids: &[u32], rows: &mut [f32]) {
    let columns = p.columns as usize;
    for (row, id) in rows.chunks_exact_mut(columns).zip(ids) {
        let begin = *id as usize * columns;
        match table.get(begin..begin + columns).filter(|_| *id < p.table_rows) {
            Some(source) => row.copy_from_slice(source),
            None => row.fill(0.0),
        }
    }
}

/// Adds each row to its row of the table, in the order of the ids: the order in which the kernel sums.
pub(super) fn scatter_add_rows(
    p: &shaders::scatter_add_rows::Params,
    rows: &[f32],
    ids: &[u32],
    table: &mut [f32],
) {
    let columns = p.columns as usize;
    let Some(table) = table.get_mut(..p.count as usize) else { return };
    table.fill(0.0);
    for (row, id) in rows.chunks_exact(columns).zip(ids).take(p.id_count as usize) {
        let begin = *id as usize * columns;
        if let Some(target) = table.get_mut(begin..begin + columns) {
            for (target, value) in target.iter_mut().zip(row) {
                *target += value;
            }
        }
    }
}

/// Copies by strides; runs of neighbours go as a whole.
pub(super) fn copy_strided(p: &shaders::copy_strided::Params, x: &[f32], y: &mut [f32]) {
    let inner = p.size4.max(1) as usize;
    let sizes = [p.size1, p.size2, p.size3].map(|size| size.max(1) as usize);
    for outer in 0..p.count as usize / inner {
        let (c3, rest) = (outer % sizes[2], outer / sizes[2]);
        let (c2, rest) = (rest % sizes[1], rest / sizes[1]);
        let (c1, c0) = (rest % sizes[0], rest / sizes[0]);
        let at = |offset: u32, strides: [u32; 4]| {
            let [s0, s1, s2, s3] = strides.map(|stride| stride as usize);
            offset as usize + c0 * s0 + c1 * s1 + c2 * s2 + c3 * s3
        };
        let from = at(p.in_offset, [p.in_stride0, p.in_stride1, p.in_stride2, p.in_stride3]);
        let to = at(p.out_offset, [p.out_stride0, p.out_stride1, p.out_stride2, p.out_stride3]);
        let (in_step, out_step) = (p.in_stride4 as usize, p.out_stride4 as usize);
        if in_step == 1 && out_step == 1 {
            if let (Some(source), Some(target)) = (x.get(from..from + inner), y.get_mut(to..to + inner)) {
                target.copy_from_slice(source);
            }
            continue;
        }
        for index in 0..inner {
            if let (Some(source), Some(target)) =
                (x.get(from + index * in_step), y.get_mut(to + index * out_step))
            {
                *target = *source;
            }
        }
    }
}

/// Sums over the middle axis, whole rows of the inner axis at a time: the order of each sum is the kernel's.
pub(super) fn reduce_sum(p: &shaders::reduce_sum::Params, x: &[f32], y: &mut [f32]) {
    let (length, inner) = (p.length as usize, p.inner as usize);
    let (groups, per_group) = (p.groups as usize, p.per_group as usize);
    if groups == 1 && inner == 1 {
        return rows::row_sums(x, y, length);
    }
    if groups == 1 {
        let slices = x.chunks_exact((length * inner).max(1)).zip(y.chunks_exact_mut(inner.max(1)));
        return slices.for_each(|(x, sums)| rows::column_sums(x, sums));
    }
    for (slot, sums) in y.chunks_exact_mut(inner).take(p.count as usize / inner.max(1)).enumerate() {
        let (outer, group) = (slot / groups, slot % groups);
        let (begin, end) = (group * per_group, ((group + 1) * per_group).min(length));
        if inner == 1 {
            let values = x.get(outer * length + begin..outer * length + end).unwrap_or_default();
            sums.fill(values.iter().sum());
            continue;
        }
        sums.fill(0.0);
        let rows =
            x.get((outer * length + begin) * inner..(outer * length + end) * inner).unwrap_or_default();
        for row in rows.chunks_exact(inner) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
    }
}

/// Sums of squares, one stride apart: whole rows at a time.
pub(super) fn sum_squares(p: &shaders::sum_squares::Params, x: &[f32], y: &mut [f32]) {
    let sums = y.get_mut(..p.count as usize).unwrap_or_default();
    sums.fill(0.0);
    for row in x.get(..p.length as usize).unwrap_or_default().chunks(p.count.max(1) as usize) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value * value;
        }
    }
}

/// See `wgsl/first_non_finite.wgsl`; looks closer only at stretches that hold one.
pub(super) fn first_non_finite(p: &first_non_finite::Params, x: &[f32], flags: &mut [u32]) {
    const MAGNITUDE: u32 = 0x7fff_ffff;
    const INFINITY: u32 = 0x7f80_0000;
    let Some(flag) = flags.get_mut(p.slot as usize) else { return };
    let stretches = x.get(..p.values as usize).unwrap_or_default().chunks(STRETCH);
    for (begin, stretch) in (p.base..).step_by(STRETCH).zip(stretches) {
        let largest = stretch.iter().fold(0, |largest, x| (x.to_bits() & MAGNITUDE).max(largest));
        if largest >= INFINITY {
            let first = (begin..).zip(stretch).find(|(_, x)| !x.is_finite());
            *flag = first.map_or(*flag, |(index, _)| index.min(*flag));
            return;
        }
    }
}

/// Gradient of the maximum over windows: each window's goes to its first maximum, all channels of a place at once.
pub(super) fn max_pool_grad(
    p: &shaders::max_pool_grad::Params,
    x: &[f32],
    y: &[f32],
    y_grad: &[f32],
    x_grad: &mut [f32],
) {
    let (width, height, channels) = (p.width as usize, p.height as usize, p.channels as usize);
    let (out_height, out_width, window) = (p.out_height as usize, p.out_width as usize, p.window as usize);
    x_grad.fill(0.0);
    // What is left of each channel's gradient once its maximum was found.
    let mut left = vec![0.0_f32; channels];
    for pooled in 0..y.len() / channels.max(1) {
        let (w, h, n) =
            (pooled % out_width, pooled / out_width % out_height, pooled / (out_width * out_height));
        let at = pooled * channels..(pooled + 1) * channels;
        let (Some(best), Some(grad)) = (y.get(at.clone()), y_grad.get(at)) else { return };
        left.copy_from_slice(grad);
        let corner = ((n * height + h * window) * width + w * window) * channels;
        for rank in 0..window * window {
            let begin = corner + (rank / window * width + rank % window) * channels;
            let (Some(x), Some(x_grad)) =
                (x.get(begin..begin + channels), x_grad.get_mut(begin..begin + channels))
            else {
                return;
            };
            for (((x, x_grad), best), left) in x.iter().zip(x_grad).zip(best).zip(&mut left) {
                let is_best = *x >= *best;
                *x_grad = if is_best { *left } else { 0.0 };
                *left = if is_best { 0.0 } else { *left };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{STRETCH, first_non_finite};
    use shaders::first_non_finite::Params;

    #[test]
    fn the_first_value_that_is_not_finite_is_found_in_every_stretch() {
        let length = 2 * STRETCH + 3;
        for at in [0, 1, STRETCH - 1, STRETCH, 2 * STRETCH, length - 1] {
            for value in [f32::NAN, -f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                let mut x = vec![-f32::MAX; length];
                x[at] = value;
                x[length - 1] = value;
                let params = Params { count: 1, values: length as u32, base: 7, slot: 1 };
                let mut found = [u32::MAX; 2];
                first_non_finite(&params, &x, &mut found);
                assert_eq!(found, [u32::MAX, 7 + at as u32]);
                let mut earlier = [u32::MAX, 5];
                first_non_finite(&params, &x, &mut earlier);
                assert_eq!(earlier[1], 5);
            }
        }
        let mut untouched = [u32::MAX];
        let params = Params { count: 1, values: 3, base: 0, slot: 0 };
        first_non_finite(&params, &[0.0, f32::MAX, -1e-45, f32::NAN], &mut untouched);
        assert_eq!(untouched, [u32::MAX]);
    }
}
