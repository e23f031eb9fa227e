//! Lowering: each live node becomes kernel calls over virtual buffers.
//!
//! Convolutions are im2col and a product, in chunks of images so that the columns stay small; products with few
//! tiles are split along k and summed in a fixed order.

use super::{Call, PlanOptions, Span};
use crate::{
    EngineError,
    graph::{ConvGeometry, Graph, NodeId, Op},
};
use shaders::KernelId;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BufferId(pub usize);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    State,
    Input,
    Output,
    InputAndOutput,
    Temporary,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Buffer {
    pub words: usize,
    pub kind: Kind,
}

#[derive(Debug)]
pub(super) struct VirtualCall {
    kernel: KernelId,
    uniform: Vec<u32>,
    pub buffers: Vec<BufferId>,
    workgroups: [u32; 3],
    flops: f64,
    node: NodeId,
}

impl VirtualCall {
    pub fn resolve(self, spans: &[Span]) -> Call {
        let Self { kernel, uniform, buffers, workgroups, flops, node } = self;
        let buffers = buffers.iter().map(|id| spans.get(id.0).copied().unwrap_or_default()).collect();
        Call { kernel, uniform, buffers, workgroups, flops, node }
    }
}

pub(super) struct Lowered {
    pub buffers: Vec<Buffer>,
    pub calls: Vec<VirtualCall>,
    pub of_node: Vec<Option<BufferId>>,
}

pub(super) fn lower(
    graph: &Graph,
    live: &[bool],
    outputs: &[NodeId],
    options: &PlanOptions,
) -> Result<Lowered, EngineError> {
    let mut lowering = Lowering {
        graph,
        options,
        out: Lowered { buffers: vec![], calls: vec![], of_node: vec![None; graph.nodes().len()] },
        node: NodeId(0),
    };
    for (index, node) in graph.nodes().iter().enumerate() {
        if !live.get(index).copied().unwrap_or(false) {
            continue;
        }
        let id = NodeId(u32::try_from(index).unwrap_or(u32::MAX));
        lowering.node = id;
        let buffer = match node.op {
            Op::Reshape => node.inputs.first().map(|input| lowering.buffer(*input)),
            _ if node.words == 0 => None,
            Op::State => Some(lowering.allocate(node.words, Kind::State)),
            Op::Input => Some(lowering.allocate(node.words, Kind::Input)),
            _ => Some(lowering.allocate(node.words, Kind::Temporary)),
        };
        if let Some(slot) = lowering.out.of_node.get_mut(index) {
            *slot = buffer;
        }
        lowering.node_calls(id)?;
    }
    for output in outputs {
        let id = lowering.buffer(*output);
        if let Some(buffer) = lowering.out.buffers.get_mut(id.0) {
            buffer.kind = match buffer.kind {
                Kind::State => Kind::State,
                Kind::Input | Kind::InputAndOutput => Kind::InputAndOutput,
                Kind::Output | Kind::Temporary => Kind::Output,
            };
        }
    }
    Ok(lowering.out)
}

struct Lowering<'a> {
    graph: &'a Graph,
    options: &'a PlanOptions,
    out: Lowered,
    node: NodeId,
}

/// A product as strides, before it is split.
struct Product {
    sizes: [usize; 3],
    lhs: BufferId,
    rhs: BufferId,
    lhs_strides: [usize; 2],
    rhs_strides: [usize; 2],
    rhs_offset: usize,
}

impl Lowering<'_> {
    fn allocate(&mut self, words: usize, kind: Kind) -> BufferId {
        self.out.buffers.push(Buffer { words, kind });
        BufferId(self.out.buffers.len() - 1)
    }

    fn buffer(&self, id: NodeId) -> BufferId {
        self.out.of_node.get(id.index()).copied().flatten().unwrap_or(BufferId(usize::MAX))
    }

    fn call(
        &mut self,
        kernel: KernelId,
        uniform: Vec<u32>,
        buffers: Vec<BufferId>,
        workgroups: [u32; 3],
        flops: f64,
    ) {
        self.out.calls.push(VirtualCall { kernel, uniform, buffers, workgroups, flops, node: self.node });
    }

    /// One invocation an element, rows of 65,535 workgroups.
    fn flat(
        &mut self,
        kernel: KernelId,
        uniform: Vec<u32>,
        buffers: Vec<BufferId>,
        count: usize,
        flops: f64,
    ) {
        let groups = word(count.div_ceil(64)).max(1);
        let x = groups.min(65_535);
        self.call(kernel, uniform, buffers, [x, groups.div_ceil(x), 1], flops);
    }

    #[expect(clippy::too_many_lines, reason = "one arm an operation reads best in one place")]
    fn node_calls(&mut self, id: NodeId) -> Result<(), EngineError> {
        let node = self.graph.node(id);
        let inputs: Vec<BufferId> = node.inputs.iter().map(|input| self.buffer(*input)).collect();
        let mut with_result = inputs.clone();
        with_result.push(self.buffer(id));
        let count = node.shape.iter().product::<usize>();
        let last = node.shape.last().copied().unwrap_or(1);
        match node.op {
            Op::Input | Op::State | Op::Reshape => {}
            Op::MatMul { transpose_lhs, transpose_rhs } => self.matmul(id, transpose_lhs, transpose_rhs),
            Op::BiasAdd => {
                let uniform =
                    shaders::bias_add::Params { count: word(count), columns: word(last) }.to_words();
                self.flat(KernelId::BiasAdd, uniform, with_result, count, count as f64);
            }
            Op::Relu => {
                let uniform = shaders::relu::Params { count: word(count) }.to_words();
                self.flat(KernelId::Relu, uniform, with_result, count, count as f64);
            }
            Op::ReluGrad => {
                let uniform = shaders::relu_grad::Params { count: word(count) }.to_words();
                self.flat(KernelId::ReluGrad, uniform, with_result, count, count as f64);
            }
            Op::Add => {
                let uniform = shaders::add::Params { count: word(count) }.to_words();
                self.flat(KernelId::Add, uniform, with_result, count, count as f64);
            }
            Op::Conv2d(geometry) => self.conv2d(id, geometry),
            Op::Conv2dInputGrad(geometry) => self.conv2d_input_grad(id, geometry),
            Op::Conv2dWeightGrad(geometry) => self.conv2d_weight_grad(id, geometry),
            Op::Conv2dInt8 { geometry, relu } => self.conv2d_int8(id, geometry, relu),
            Op::MaxPool(geometry) => {
                let &[_, out_height, out_width, _] = node.shape.as_slice() else { return Ok(()) };
                let uniform = shaders::max_pool::Params {
                    count: word(count),
                    height: word(geometry.height),
                    width: word(geometry.width),
                    channels: word(geometry.channels),
                    out_height: word(out_height),
                    out_width: word(out_width),
                    window: word(geometry.window),
                };
                let flops = (count * geometry.window * geometry.window) as f64;
                self.flat(KernelId::MaxPool, uniform.to_words(), with_result, count, flops);
            }
            Op::MaxPoolGrad(geometry) => {
                let uniform = shaders::max_pool_grad::Params {
                    count: word(count),
                    height: word(geometry.height),
                    width: word(geometry.width),
                    channels: word(geometry.channels),
                    out_height: word(geometry.height / geometry.window),
                    out_width: word(geometry.width / geometry.window),
                    window: word(geometry.window),
                };
                self.flat(KernelId::MaxPoolGrad, uniform.to_words(), with_result, count, count as f64);
            }
            Op::SumRows => {
                if let (Some(&x), Some(&input)) = (inputs.first(), node.inputs.first()) {
                    let rows = self.graph.shape(input).iter().product::<usize>() / last;
                    self.sum_rows(x, rows, last, self.buffer(id));
                }
            }
            Op::SoftmaxCrossEntropy => {
                let (rows, classes) = self.rows_and_classes(id);
                let uniform =
                    shaders::softmax_cross_entropy::Params { count: word(rows), classes: word(classes) };
                let flops = (rows * classes * 4) as f64;
                self.flat(KernelId::SoftmaxCrossEntropy, uniform.to_words(), with_result, rows, flops);
            }
            Op::SoftmaxCrossEntropyGrad => {
                let (rows, classes) = self.rows_and_classes(id);
                let uniform = shaders::softmax_cross_entropy_grad::Params {
                    count: word(rows),
                    classes: word(classes),
                    scale: 1.0 / rows as f32,
                };
                let flops = (rows * classes * 5) as f64;
                self.flat(KernelId::SoftmaxCrossEntropyGrad, uniform.to_words(), with_result, rows, flops);
            }
            Op::Adam { beta1, beta2 } => {
                let (count, schedule_length) = self.update_sizes(id, 4);
                let uniform = shaders::adam::Params { count: word(count), beta1, beta2, schedule_length };
                self.flat(KernelId::Adam, uniform.to_words(), inputs, count, count as f64 * 12.0);
            }
            Op::Sgd { momentum } => {
                let (count, schedule_length) = self.update_sizes(id, 3);
                let uniform = shaders::sgd::Params { count: word(count), momentum, schedule_length };
                self.flat(KernelId::Sgd, uniform.to_words(), inputs, count, count as f64 * 4.0);
            }
            Op::LossSummary => {
                let words = |at: usize| node.inputs.get(at).map_or(0, |input| self.graph.node(*input).words);
                let examples = words(0) / 2;
                let uniform = shaders::loss_summary::Params {
                    count: 1,
                    examples: word(examples),
                    ring_length: word(words(3) / 4),
                };
                self.flat(KernelId::LossSummary, uniform.to_words(), inputs, 1, examples as f64 * 2.0);
            }
            Op::QuantizeInt8 { inverse_scale } => {
                let uniform = shaders::quantize_int8::Params {
                    count: word(node.words),
                    values: word(count),
                    inverse_scale,
                };
                self.flat(
                    KernelId::QuantizeInt8,
                    uniform.to_words(),
                    with_result,
                    node.words,
                    count as f64 * 2.0,
                );
            }
        }
        Ok(())
    }

    fn rows_and_classes(&self, id: NodeId) -> (usize, usize) {
        match self.graph.node(id).inputs.first().map(|logits| self.graph.shape(*logits)) {
            Some(&[rows, classes]) => (rows, classes),
            _ => (0, 1),
        }
    }

    /// Values of the weight, and length of the schedule, which is the input number `schedule`.
    fn update_sizes(&self, id: NodeId, schedule: usize) -> (usize, u32) {
        let words =
            |at: usize| self.graph.node(id).inputs.get(at).map_or(0, |input| self.graph.node(*input).words);
        (words(0), word(words(schedule) / 2))
    }

    fn matmul(&mut self, id: NodeId, transpose_lhs: bool, transpose_rhs: bool) {
        let node = self.graph.node(id);
        let (&[lhs, rhs], &[m, n]) = (node.inputs.as_slice(), node.shape.as_slice()) else { return };
        let k = self.graph.node(lhs).words / m.max(1);
        let product = Product {
            sizes: [m, n, k],
            lhs: self.buffer(lhs),
            rhs: self.buffer(rhs),
            lhs_strides: if transpose_lhs { [1, m] } else { [k, 1] },
            rhs_strides: if transpose_rhs { [1, k] } else { [n, 1] },
            rhs_offset: 0,
        };
        let out = self.buffer(id);
        let splits = self.splits(&product.sizes);
        if splits == 1 {
            self.product(&product, out, 0, 1);
        } else {
            let partial = self.allocate(splits * m * n, Kind::Temporary);
            self.product(&product, partial, 0, splits);
            self.sum_rows(partial, splits, m * n, out);
        }
    }

    /// How many parts the sum over k is made in, so that a product with few tiles fills the adapter.
    fn splits(&self, &[m, n, k]: &[usize; 3]) -> usize {
        let tiles = m.div_ceil(32) * n.div_ceil(32);
        let wanted = self.options.min_tiles.div_ceil(tiles.max(1)).min(k / 128).max(1);
        k.div_ceil(k.div_ceil(wanted).max(1)).max(1)
    }

    fn product(&mut self, product: &Product, out: BufferId, out_offset: usize, splits: usize) {
        let [m, n, k] = product.sizes;
        let uniform = shaders::matmul_register::Params {
            m: word(m),
            n: word(n),
            k: word(k),
            lhs_row_stride: word(product.lhs_strides[0]),
            lhs_col_stride: word(product.lhs_strides[1]),
            rhs_row_stride: word(product.rhs_strides[0]),
            rhs_col_stride: word(product.rhs_strides[1]),
            lhs_offset: 0,
            rhs_offset: word(product.rhs_offset),
            product_offset: word(out_offset),
            split_length: word(k.div_ceil(splits)),
        };
        let groups = [word(n.div_ceil(32)), word(m.div_ceil(32)), word(splits)];
        let flops = 2.0 * m as f64 * n as f64 * k as f64;
        self.call(
            self.options.matmul,
            uniform.to_words(),
            vec![product.lhs, product.rhs, out],
            groups,
            flops,
        );
    }

    /// Sums rows in groups, and the groups' sums again, so that the order is fixed and no column waits long.
    fn sum_rows(&mut self, x: BufferId, rows: usize, columns: usize, out: BufferId) {
        let per_group = self.options.rows_per_group.min(rows).max(1);
        let groups = rows.div_ceil(per_group);
        let (target, rest) = if groups > 1 {
            (self.allocate(groups * columns, Kind::Temporary), Some(groups))
        } else {
            (out, None)
        };
        let count = groups * columns;
        let uniform = shaders::sum_rows::Params {
            count: word(count),
            columns: word(columns),
            rows: word(rows),
            rows_per_group: word(per_group),
        };
        self.flat(KernelId::SumRows, uniform.to_words(), vec![x, target], count, (rows * columns) as f64);
        if let Some(groups) = rest {
            self.sum_rows(target, groups, columns, out);
        }
    }

    /// `(first image, images)` of each chunk whose columns fit the budget of `words_per_image` each.
    fn chunks(&self, batch: usize, words_per_image: usize) -> Vec<(usize, usize)> {
        let size = (self.options.columns_words / words_per_image.max(1)).clamp(1, batch.max(1));
        (0..batch).step_by(size).map(|first| (first, size.min(batch - first))).collect()
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

    fn conv2d(&mut self, id: NodeId, g: ConvGeometry) {
        let &[image, weight] = self.graph.node(id).inputs.as_slice() else { return };
        let (image, weight, out) = (self.buffer(image), self.buffer(weight), self.buffer(id));
        let per_image = g.pixels() * g.patch();
        for (first, images) in self.chunks(g.batch, per_image) {
            let count = images * per_image;
            let columns = self.allocate(count, Kind::Temporary);
            let uniform = Self::im2col_uniform(&g, first, count);
            self.flat(KernelId::Im2col, uniform, vec![image, columns], count, 0.0);
            let product = Product {
                sizes: [images * g.pixels(), g.out_channels, g.patch()],
                lhs: columns,
                rhs: weight,
                lhs_strides: [g.patch(), 1],
                rhs_strides: [g.out_channels, 1],
                rhs_offset: 0,
            };
            self.product(&product, out, first * g.pixels() * g.out_channels, 1);
        }
    }

    fn conv2d_input_grad(&mut self, id: NodeId, g: ConvGeometry) {
        let &[y_grad, weight] = self.graph.node(id).inputs.as_slice() else { return };
        let (y_grad, weight, out) = (self.buffer(y_grad), self.buffer(weight), self.buffer(id));
        let per_image = g.pixels() * g.patch();
        for (first, images) in self.chunks(g.batch, per_image) {
            let columns = self.allocate(images * per_image, Kind::Temporary);
            // columns = y_grad x weight^T; the chunk of y_grad is the left operand, so it carries the offset.
            let [m, n, k] = [images * g.pixels(), g.patch(), g.out_channels];
            let uniform = shaders::matmul_register::Params {
                m: word(m),
                n: word(n),
                k: word(k),
                lhs_row_stride: word(k),
                lhs_col_stride: 1,
                rhs_row_stride: 1,
                rhs_col_stride: word(k),
                lhs_offset: word(first * g.pixels() * k),
                rhs_offset: 0,
                product_offset: 0,
                split_length: word(k),
            };
            let groups = [word(n.div_ceil(32)), word(m.div_ceil(32)), 1];
            let flops = 2.0 * m as f64 * n as f64 * k as f64;
            self.call(self.options.matmul, uniform.to_words(), vec![y_grad, weight, columns], groups, flops);
            let count = images * g.height * g.width * g.in_channels;
            let uniform = Self::im2col_uniform(&g, first, count);
            self.flat(KernelId::Col2im, uniform, vec![columns, out], count, (images * per_image) as f64);
        }
    }

    fn conv2d_weight_grad(&mut self, id: NodeId, g: ConvGeometry) {
        let &[image, y_grad] = self.graph.node(id).inputs.as_slice() else { return };
        let (image, y_grad, out) = (self.buffer(image), self.buffer(y_grad), self.buffer(id));
        let per_image = g.pixels() * g.patch();
        let size = g.patch() * g.out_channels;
        let chunks = self.chunks(g.batch, per_image);
        let sizes = |images: usize| [g.patch(), g.out_channels, images * g.pixels()];
        let parts: usize = chunks.iter().map(|&(_, images)| self.splits(&sizes(images))).sum();
        let target = if parts == 1 { out } else { self.allocate(parts * size, Kind::Temporary) };
        let mut part = 0;
        for (first, images) in chunks {
            let count = images * per_image;
            let columns = self.allocate(count, Kind::Temporary);
            let uniform = Self::im2col_uniform(&g, first, count);
            self.flat(KernelId::Im2col, uniform, vec![image, columns], count, 0.0);
            let product = Product {
                sizes: sizes(images),
                lhs: columns,
                rhs: y_grad,
                lhs_strides: [1, g.patch()],
                rhs_strides: [g.out_channels, 1],
                rhs_offset: first * g.pixels() * g.out_channels,
            };
            let splits = self.splits(&product.sizes);
            self.product(&product, target, part * size, splits);
            part += splits;
        }
        if parts > 1 {
            self.sum_rows(target, parts, size, out);
        }
    }

    fn conv2d_int8(&mut self, id: NodeId, g: ConvGeometry, relu: bool) {
        let &[x, weight, scale, bias] = self.graph.node(id).inputs.as_slice() else { return };
        let [x, weight, scale, bias] = [x, weight, scale, bias].map(|input| self.buffer(input));
        let out = self.buffer(id);
        let words = g.patch().div_ceil(4);
        // A dense layer whose rows are whole words needs no rearrangement.
        let is_dense = g.kernel == 1 && g.stride == 1 && g.in_channels.is_multiple_of(4);
        let per_image = g.pixels() * words;
        let chunks = if is_dense { vec![(0, g.batch)] } else { self.chunks(g.batch, per_image) };
        for (first, images) in chunks {
            let m = images * g.pixels();
            let rows = if is_dense {
                x
            } else {
                let columns = self.allocate(m * words, Kind::Temporary);
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
            let buffers = vec![rows, weight, scale, bias, out];
            self.call(self.options.matmul_int8, uniform.to_words(), buffers, groups, flops);
        }
    }
}

/// Sizes are checked against `max_buffer_words` (far below 2^32) when the arena is packed.
fn word(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}
