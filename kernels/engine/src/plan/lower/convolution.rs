//! Convolutions: im2col and a product, in chunks of images so that the columns stay small; grouped ones directly.

use super::{Location, Lowering, word};
use crate::{
    EngineError,
    graph::{ConvGeometry, NodeId},
    plan::Product,
};
use shaders::KernelId;

impl Lowering<'_> {
    /// `(first image, images)` of each chunk whose columns fit the budget of `words_per_image` each. Chunks start
    /// where both sides' spans may start.
    fn chunks(&self, g: &ConvGeometry, words_per_image: usize) -> Vec<(usize, usize)> {
        let size = (self.options.columns_words / words_per_image.max(1)).clamp(1, g.batch.max(1));
        let aligned = |images: usize| {
            (images * g.pixels() * g.out_channels).is_multiple_of(self.options.span_alignment)
        };
        let size = (1..=size).rev().find(|size| aligned(*size)).unwrap_or(g.batch.max(1));
        (0..g.batch).step_by(size).map(|first| (first, size.min(g.batch - first))).collect()
    }

    fn im2col_uniform(geometry: &ConvGeometry, first: usize, count: usize) -> Vec<u32> {
        shaders::im2col::Params {
            count: word(count),
            height: word(geometry.height),
            width: word(geometry.width),
            channels: word(geometry.in_channels),
            out_height: word(geometry.out_height()),
            out_width: word(geometry.out_width()),
            kernel_height: word(geometry.kernel),
            kernel_width: word(geometry.kernel),
            stride: word(geometry.stride),
            padding: word(geometry.padding),
            image_offset: word(first * geometry.height * geometry.width * geometry.in_channels),
        }
        .to_words()
    }

    /// A product of a chunk; `is_lhs` transposed where the sum runs over its rows.
    const fn chunk_product(m: usize, n: usize, k: usize) -> Product {
        Product {
            m,
            n,
            k,
            batch: 1,
            transpose_lhs: false,
            transpose_rhs: false,
            splits: 1,
            accumulate: false,
            epilogue: None,
        }
    }

    pub(super) fn conv2d(&mut self, id: NodeId, g: ConvGeometry) -> Result<(), EngineError> {
        let [image, weight] = self.inputs(id)?;
        let (image, weight) = (self.place(image)?, self.place(weight)?);
        let out = self.result(id)?;
        if g.groups > 1 {
            self.grouped(KernelId::Conv2dGrouped, &g, [image, weight, out]);
            return Ok(());
        }
        let (per_image, out_image) = (g.pixels() * g.patch(), g.pixels() * g.out_channels);
        for (first, images) in self.chunks(&g, per_image) {
            let columns = self.columns(&g, image, first, images);
            let product = Self::chunk_product(images * g.pixels(), g.out_channels, g.patch());
            self.product(product, [columns, weight, out.part(first * out_image, images * out_image)]);
        }
        Ok(())
    }

    fn columns(&mut self, g: &ConvGeometry, image: Location, first: usize, images: usize) -> Location {
        let count = images * g.pixels() * g.patch();
        let columns = self.temporary(count);
        let rows = images * g.pixels() * g.kernel;
        let uniform = Self::im2col_uniform(g, first, rows);
        self.flat(KernelId::Im2col, uniform, vec![image, columns], rows, 0.0);
        columns
    }

    pub(super) fn conv2d_input_grad(&mut self, id: NodeId, g: ConvGeometry) -> Result<(), EngineError> {
        let [y_grad, weight] = self.inputs(id)?;
        let (y_grad, weight) = (self.place(y_grad)?, self.place(weight)?);
        let out = self.result(id)?;
        if g.groups > 1 {
            self.grouped(KernelId::Conv2dGroupedInputGrad, &g, [y_grad, weight, out]);
            return Ok(());
        }
        let (per_image, out_image) = (g.pixels() * g.patch(), g.pixels() * g.out_channels);
        for (first, images) in self.chunks(&g, per_image) {
            let columns = self.temporary(images * per_image);
            // columns = y_grad x weight^T
            let mut product = Self::chunk_product(images * g.pixels(), g.patch(), g.out_channels);
            product.transpose_rhs = true;
            self.product(product, [y_grad.part(first * out_image, images * out_image), weight, columns]);
            let count = images * g.height * g.width * g.in_channels;
            let uniform = Self::im2col_uniform(&g, first, count);
            self.flat(KernelId::Col2im, uniform, vec![columns, out], count, (images * per_image) as f64);
        }
        Ok(())
    }

    pub(super) fn conv2d_weight_grad(&mut self, id: NodeId, g: ConvGeometry) -> Result<(), EngineError> {
        let [image, y_grad] = self.inputs(id)?;
        let (image, y_grad) = (self.place(image)?, self.place(y_grad)?);
        let out = self.result(id)?;
        if g.groups > 1 {
            self.grouped(KernelId::Conv2dGroupedWeightGrad, &g, [image, y_grad, out]);
            return Ok(());
        }
        let (per_image, out_image) = (g.pixels() * g.patch(), g.pixels() * g.out_channels);
        let size = g.patch() * g.out_channels;
        let chunks = self.chunks(&g, per_image);
        let splits = chunks.first().map_or(1, |&(_, images)| {
            let wanted = self.splits(g.patch(), g.out_channels, images * g.pixels());
            if chunks.len() > 1 || !size.is_multiple_of(self.options.span_alignment) { 1 } else { wanted }
        });
        let slot = size.div_ceil(self.options.span_alignment) * self.options.span_alignment;
        let parts = if chunks.len() == 1 { splits } else { chunks.len() };
        let accumulates = chunks.len() > 1;
        let target = if splits > 1 { self.temporary(parts * slot) } else { out };
        for (index, (first, images)) in chunks.into_iter().enumerate() {
            let columns = self.columns(&g, image, first, images);
            let mut product = Self::chunk_product(g.patch(), g.out_channels, images * g.pixels());
            product.transpose_lhs = true;
            product.splits = splits;
            product.accumulate = accumulates && index > 0;
            self.product(product, [columns, y_grad.part(first * out_image, images * out_image), target]);
        }
        if splits > 1 {
            self.sum_rows(target, splits, size, out);
        }
        Ok(())
    }

    fn grouped(&mut self, id: KernelId, g: &ConvGeometry, buffers: [Location; 3]) {
        let count = buffers[2].words;
        let params = shaders::conv2d_grouped::Params {
            count: word(count),
            batch: word(g.batch),
            height: word(g.height),
            width: word(g.width),
            in_channels: word(g.in_channels),
            out_channels: word(g.out_channels),
            kernel: word(g.kernel),
            stride: word(g.stride),
            padding: word(g.padding),
            groups: word(g.groups),
            out_height: word(g.out_height()),
            out_width: word(g.out_width()),
        };
        let flops = 2.0 * (g.batch * g.pixels() * g.out_channels * g.patch()) as f64;
        self.flat(id, params.to_words(), buffers.to_vec(), count, flops);
    }

    pub(super) fn conv2d_int8(&mut self, id: NodeId, g: ConvGeometry, relu: bool) -> Result<(), EngineError> {
        let [x, weight, scale, bias] = self.inputs(id)?;
        let (x, weight) = (self.place(x)?, self.place(weight)?);
        let (scale, bias) = (self.place(scale)?, self.place(bias)?);
        let out = self.result(id)?;
        let words = g.patch().div_ceil(4);
        // A dense layer whose rows are whole words needs no rearrangement.
        let is_dense = g.kernel == 1 && g.stride == 1 && g.in_channels.is_multiple_of(4);
        let per_image = g.pixels() * words;
        let chunks = if is_dense { vec![(0, g.batch)] } else { self.chunks(&g, per_image) };
        for (first, images) in chunks {
            let m = images * g.pixels();
            let rows = if is_dense {
                x
            } else {
                let columns = self.temporary(m * words);
                let mut uniform = Self::im2col_uniform(&g, first, m * words);
                uniform.push(word(words));
                self.flat(KernelId::Im2colInt8, uniform, vec![x, columns], m * words, 0.0);
                columns
            };
            let uniform = shaders::matmul_int8::Params {
                m: word(m),
                n: word(g.out_channels),
                words: word(words),
                relu: u32::from(relu),
                y_offset: word(first * g.pixels() * g.out_channels),
            };
            let groups = [word(g.out_channels.div_ceil(8)), word(m.div_ceil(32)), 1];
            let flops = 2.0 * m as f64 * g.out_channels as f64 * g.patch() as f64;
            let kernel = super::Kernel::Fixed { id: self.options.matmul_int8, head_quads: 0 };
            self.call(kernel, uniform.to_words(), vec![rows, weight, scale, bias, out], groups, flops);
        }
        Ok(())
    }
}
