//! Nodes that are one kernel with a file each.

use super::{Lowering, word};
use crate::{
    EngineError,
    graph::{NodeId, Op, PoolGeometry, ReduceKind},
};
use shaders::KernelId;

impl Lowering<'_> {
    #[expect(clippy::too_many_lines, reason = "one arm an operation reads best in one place")]
    pub(super) fn fixed(&mut self, id: NodeId) -> Result<(), EngineError> {
        let node = self.graph.node(id);
        let inputs = self.places(id)?;
        let columns = node.shape.last().copied().unwrap_or(1).max(1);
        let elements = self.graph.elements(id);
        let rows = elements / columns;
        let shape_of = |at: usize| {
            node.inputs.get(at).map(|input| self.graph.shape(*input).to_vec()).unwrap_or_default()
        };
        let first = shape_of(0);
        let mut buffers = inputs;
        if node.words > 0 {
            let out = self.result(id)?;
            self.separate(&mut buffers, out);
            buffers.push(out);
        }
        match &node.op {
            Op::Reduce { kind, length, inner } => {
                let &[x, out] = buffers.as_slice() else { return Ok(()) };
                let outer = first.iter().product::<usize>() / (length * inner).max(1);
                let kernel = match kind {
                    ReduceKind::Sum => KernelId::ReduceSum,
                    ReduceKind::Max => KernelId::ReduceMax,
                };
                self.reduce(kernel, x, [outer, *length, *inner], out);
            }
            Op::SumSquares => {
                let &[x, out] = buffers.as_slice() else { return Ok(()) };
                let groups = x.words.div_ceil(128).clamp(1, 2048);
                let per_group = x.words.div_ceil(groups);
                let partial = self.temporary(groups);
                let params = shaders::sum_squares::Params {
                    count: word(groups),
                    length: word(x.words),
                    per_group: word(per_group),
                };
                self.flat(
                    KernelId::SumSquares,
                    params.to_words(),
                    vec![x, partial],
                    groups,
                    2.0 * x.words as f64,
                );
                self.sum_rows(partial, groups, 1, out);
            }
            Op::Softmax | Op::SoftmaxGrad | Op::LogSoftmax | Op::LogSoftmaxGrad => {
                let kernel = match node.op {
                    Op::Softmax => KernelId::Softmax,
                    Op::SoftmaxGrad => KernelId::SoftmaxGrad,
                    Op::LogSoftmax => KernelId::LogSoftmax,
                    _ => KernelId::LogSoftmaxGrad,
                };
                let params = shaders::softmax::Params { count: word(rows), columns: word(columns) };
                self.flat(kernel, params.to_words(), buffers, rows, 8.0 * elements as f64);
            }
            Op::CrossEntropy { smoothing } | Op::CrossEntropyGrad { smoothing } => {
                let classes = first.last().copied().unwrap_or(1);
                let rows = first.iter().product::<usize>() / classes.max(1);
                let params = shaders::cross_entropy::Params {
                    count: word(rows),
                    classes: word(classes),
                    smoothing: *smoothing,
                };
                let is_loss = matches!(node.op, Op::CrossEntropy { .. });
                let kernel = if is_loss { KernelId::CrossEntropy } else { KernelId::CrossEntropyGrad };
                self.flat(kernel, params.to_words(), buffers, rows, 8.0 * (rows * classes) as f64);
            }
            Op::TopMatch => {
                let classes = first.last().copied().unwrap_or(1);
                let params = shaders::top_match::Params { count: word(elements), classes: word(classes) };
                self.flat(
                    KernelId::TopMatch,
                    params.to_words(),
                    buffers,
                    elements,
                    (elements * classes) as f64,
                );
            }
            Op::Normalize { center, epsilon } | Op::NormalizeGrad { center, epsilon } => {
                let params = shaders::normalize::Params {
                    count: word(rows),
                    columns: word(columns),
                    center: u32::from(*center),
                    epsilon: *epsilon,
                };
                let forward = matches!(node.op, Op::Normalize { .. });
                let kernel = if forward { KernelId::Normalize } else { KernelId::NormalizeGrad };
                self.flat(kernel, params.to_words(), buffers, rows, 8.0 * elements as f64);
            }
            Op::GatherRows => {
                let table_rows = first.first().copied().unwrap_or(0);
                let params = shaders::gather_rows::Params {
                    count: word(elements),
                    columns: word(columns),
                    table_rows: word(table_rows),
                };
                self.flat(KernelId::GatherRows, params.to_words(), buffers, elements, 0.0);
            }
            Op::ScatterAddRows => {
                let ids = shape_of(1).iter().product::<usize>();
                let params = shaders::scatter_add_rows::Params {
                    count: word(elements),
                    columns: word(columns),
                    id_count: word(ids),
                };
                self.flat(
                    KernelId::ScatterAddRows,
                    params.to_words(),
                    buffers,
                    elements,
                    (ids * columns) as f64,
                );
            }
            Op::Rope { inverse } => {
                let &[_, length, heads, head_dim] = node.shape.as_slice() else { return Ok(()) };
                let params = shaders::rope::Params {
                    count: word(elements / 2),
                    heads: word(heads),
                    head_dim: word(head_dim),
                    length: word(length),
                    sign: if *inverse { -1.0 } else { 1.0 },
                };
                self.flat(KernelId::Rope, params.to_words(), buffers, elements / 2, 3.0 * elements as f64);
            }
            Op::MaxPool(g) => self.pool(KernelId::MaxPool, g, buffers, elements),
            Op::MaxPoolGrad(g) => {
                let pooled = g.out_shape().iter().product();
                if !g.height.is_multiple_of(g.window) || !g.width.is_multiple_of(g.window) {
                    let params = shaders::fill::Params { count: word(elements), offset: 0, bits: 0 };
                    let target = buffers.last().copied().into_iter().collect();
                    self.flat(KernelId::Fill, params.to_words(), target, elements, 0.0);
                }
                self.pool(KernelId::MaxPoolGrad, g, buffers, pooled);
            }
            Op::Dropout { rate, key } => {
                let quads = elements.div_ceil(4);
                let params = shaders::dropout::Params {
                    count: word(quads),
                    values: word(elements),
                    key0: key[0],
                    key1: key[1],
                    threshold: (f64::from(*rate) * 4_294_967_296.0) as u32,
                    scale: 1.0 / (1.0 - rate),
                };
                self.flat(KernelId::Dropout, params.to_words(), buffers, quads, 40.0 * quads as f64);
            }
            Op::PackF16 | Op::UnpackF16 => {
                let pairs = elements.div_ceil(2);
                let params = shaders::pack_f16::Params { count: word(pairs), values: word(elements) };
                let packs = node.op == Op::PackF16;
                let kernel = if packs { KernelId::PackF16 } else { KernelId::UnpackF16 };
                self.flat(kernel, params.to_words(), buffers, pairs, elements as f64);
            }
            Op::FirstNonFinite => {
                let values = buffers.first().map_or(0, |x| x.words);
                let count = values.div_ceil(16);
                let params = shaders::first_non_finite::Params {
                    count: word(count),
                    values: word(values),
                    slot: 0,
                    base: 0,
                };
                self.flat(KernelId::FirstNonFinite, params.to_words(), buffers, count, values as f64);
            }
            Op::StepSummary => {
                let ring = buffers.last().map_or(4, |ring| ring.words);
                let params = shaders::step_summary::Params { count: 1, ring_length: word(ring / 4) };
                self.flat(KernelId::StepSummary, params.to_words(), buffers, 1, 1.0);
            }
            Op::QuantizeInt8 { inverse_scale } => {
                let params = shaders::quantize_int8::Params {
                    count: word(node.words),
                    values: word(elements),
                    inverse_scale: *inverse_scale,
                };
                self.flat(
                    KernelId::QuantizeInt8,
                    params.to_words(),
                    buffers,
                    node.words,
                    2.0 * elements as f64,
                );
            }
            op => {
                return Err(EngineError::Shape { message: format!("{} has no kernel", op.name()) });
            }
        }
        Ok(())
    }

    fn pool(&mut self, kernel: KernelId, g: &PoolGeometry, buffers: Vec<super::Location>, count: usize) {
        let params = shaders::max_pool::Params {
            count: word(count),
            height: word(g.height),
            width: word(g.width),
            channels: word(g.channels),
            out_height: word(g.height / g.window),
            out_width: word(g.width / g.window),
            window: word(g.window),
        };
        let flops = (g.batch * g.height * g.width * g.channels) as f64;
        self.flat(kernel, params.to_words(), buffers, count, flops);
    }
}
