//! Recording: one method an operation, shapes checked, both shapes named where they do not fit.

use super::{AttentionShape, ConvGeometry, Graph, NodeId, Op, PoolGeometry};
use crate::EngineError;
use std::rc::Rc;

type Recorded = Result<NodeId, EngineError>;

impl Graph {
    /// A value that the host writes before each run.
    pub fn input(&mut self, label: &str, shape: &[usize]) -> NodeId {
        self.push(Op::Input, vec![], shape.to_vec(), label)
    }

    /// A value that is kept between runs.
    pub fn state(&mut self, label: &str, shape: &[usize]) -> NodeId {
        self.push(Op::State, vec![], shape.to_vec(), label)
    }

    /// Values that never change.
    pub fn constant(&mut self, label: &str, shape: &[usize], values: &[f32]) -> NodeId {
        let words: Rc<[u32]> = values.iter().map(|value| value.to_bits()).collect();
        self.push(Op::Constant(words), vec![], shape.to_vec(), label)
    }

    /// `op(lhs) op(rhs)`: `[.., m, k]` by `[.., k, n]` with equal leading axes; a right operand without leading axes
    /// serves all of them.
    ///
    /// # Errors
    /// Names both shapes where the dimensions do not fit.
    pub fn matmul(&mut self, lhs: NodeId, rhs: NodeId, transpose_lhs: bool, transpose_rhs: bool) -> Recorded {
        let (left, right) = (self.shape(lhs).to_vec(), self.shape(rhs).to_vec());
        let ([batch @ .., a0, a1], [rhs_batch @ .., b0, b1]) = (left.as_slice(), right.as_slice()) else {
            return Err(self.misfit("matmul", lhs, rhs));
        };
        let (m, k) = if transpose_lhs { (*a1, *a0) } else { (*a0, *a1) };
        let (rhs_k, n) = if transpose_rhs { (*b1, *b0) } else { (*b0, *b1) };
        if k != rhs_k || (rhs_batch != batch && !rhs_batch.is_empty()) {
            return Err(self.misfit("matmul", lhs, rhs));
        }
        let op = Op::MatMul { transpose_lhs, transpose_rhs };
        let mut shape = batch.to_vec();
        shape.extend([m, n]);
        if rhs_batch == batch {
            return Ok(self.push(op, vec![lhs, rhs], shape, "matmul"));
        }
        if transpose_lhs {
            return Err(self.misfit("matmul", lhs, rhs));
        }
        let rows = batch.iter().product::<usize>() * m;
        let flat = self.reshape(lhs, &[rows, k])?;
        let product = self.push(op, vec![flat, rhs], vec![rows, n], "matmul");
        self.reshape(product, &shape)
    }

    /// Dense layer: `x weight + bias` over the last axis.
    ///
    /// # Errors
    /// Names both shapes where they do not fit.
    pub fn linear(&mut self, x: NodeId, weight: NodeId, bias: Option<NodeId>) -> Recorded {
        let y = self.matmul(x, weight, false, false)?;
        bias.map_or(Ok(y), |bias| self.bias_add(y, bias))
    }

    /// Convolution of an NHWC image with a `[kernel, kernel, in / groups, out]` weight.
    ///
    /// # Errors
    /// Names both shapes where they do not fit.
    pub fn conv2d(
        &mut self,
        image: NodeId,
        weight: NodeId,
        [stride, padding, groups]: [usize; 3],
    ) -> Recorded {
        let geometry = ConvGeometry::new(self.shape(image), self.shape(weight), stride, padding, groups)?;
        Ok(self.push(Op::Conv2d(geometry), vec![image, weight], geometry.out_shape(), "conv2d"))
    }

    /// Maximum over windows of `window` x `window`.
    ///
    /// # Errors
    /// Names the shape where it is not an image or is smaller than the window.
    pub fn max_pool(&mut self, x: NodeId, window: usize) -> Recorded {
        let geometry =
            PoolGeometry::new(self.shape(x), window).ok_or_else(|| self.misfit("max_pool", x, x))?;
        Ok(self.push(Op::MaxPool(geometry), vec![x], geometry.out_shape(), "max_pool"))
    }

    /// Mean over windows of `window` x `window`; height and width are multiples of it.
    ///
    /// # Errors
    /// Names the shape where it does not divide.
    pub fn avg_pool(&mut self, x: NodeId, window: usize) -> Recorded {
        let &[batch, height, width, channels] = self.shape(x) else {
            return Err(self.misfit("avg_pool", x, x));
        };
        if window == 0 || !height.is_multiple_of(window) || !width.is_multiple_of(window) {
            return Err(self.misfit("avg_pool", x, x));
        }
        let (rows, columns) = (height / window, width / window);
        let split = self.reshape(x, &[batch * rows, window, columns, window, channels])?;
        let rows_summed = self.reduce(super::ReduceKind::Sum, split, 1)?;
        let summed = self.reduce(super::ReduceKind::Sum, rows_summed, 2)?;
        let mean = self.scale(summed, 1.0 / (window * window) as f32);
        self.reshape(mean, &[batch, rows, columns, channels])
    }

    /// Softmax over the last axis.
    pub fn softmax(&mut self, x: NodeId) -> NodeId {
        let shape = self.shape(x).to_vec();
        self.push(Op::Softmax, vec![x], shape, "softmax")
    }

    /// Logarithm of the softmax over the last axis.
    pub fn log_softmax(&mut self, x: NodeId) -> NodeId {
        let shape = self.shape(x).to_vec();
        self.push(Op::LogSoftmax, vec![x], shape, "log_softmax")
    }

    /// A loss a row of logits; labels are u32, those past the classes are ignored (loss 0).
    ///
    /// # Errors
    /// Names both shapes where logits are not rows x classes with as many labels.
    pub fn cross_entropy(&mut self, logits: NodeId, labels: NodeId, smoothing: f32) -> Recorded {
        let rows = self.rows_with(logits, labels, "cross_entropy")?;
        Ok(self.push(Op::CrossEntropy { smoothing }, vec![logits, labels], vec![rows], "cross_entropy"))
    }

    /// 1 a row where the largest logit is the label.
    ///
    /// # Errors
    /// As [`Self::cross_entropy`].
    pub fn top_match(&mut self, logits: NodeId, labels: NodeId) -> Recorded {
        let rows = self.rows_with(logits, labels, "top_match")?;
        Ok(self.push(Op::TopMatch, vec![logits, labels], vec![rows], "top_match"))
    }

    fn rows_with(&self, logits: NodeId, labels: NodeId, operation: &str) -> Result<usize, EngineError> {
        match self.shape(logits) {
            &[rows, _] if rows == self.elements(labels) => Ok(rows),
            _ => Err(self.misfit(operation, logits, labels)),
        }
    }

    /// Layer normalisation without gain and bias (Ba et al. 2016).
    pub fn layer_normalize(&mut self, x: NodeId, epsilon: f32) -> NodeId {
        let shape = self.shape(x).to_vec();
        self.push(Op::Normalize { center: true, epsilon }, vec![x], shape, "layer_norm")
    }

    /// Root-mean-square normalisation without gain (Zhang and Sennrich 2019).
    pub fn rms_normalize(&mut self, x: NodeId, epsilon: f32) -> NodeId {
        let shape = self.shape(x).to_vec();
        self.push(Op::Normalize { center: false, epsilon }, vec![x], shape, "rms_norm")
    }

    /// Rows of `table` (`[rows, columns]`) for u32 ids of any shape.
    ///
    /// # Errors
    /// Names the shapes where the table is no matrix.
    pub fn gather_rows(&mut self, table: NodeId, ids: NodeId) -> Recorded {
        let &[_, columns] = self.shape(table) else { return Err(self.misfit("gather_rows", table, ids)) };
        let mut shape = self.shape(ids).to_vec();
        shape.push(columns);
        Ok(self.push(Op::GatherRows, vec![table, ids], shape, "gather_rows"))
    }

    /// Rotary position embedding of `[batch, length, heads, head_dim]` with `base` (10,000 in Su et al. 2021).
    ///
    /// # Errors
    /// Names the shape where it has other axes or an odd `head_dim`.
    pub fn rope(&mut self, x: NodeId, base: f64) -> Recorded {
        let &[_, length, _, head_dim] = self.shape(x) else { return Err(self.misfit("rope", x, x)) };
        if !head_dim.is_multiple_of(2) {
            return Err(self.misfit("rope", x, x));
        }
        let half = head_dim / 2;
        let mut table = Vec::with_capacity(length * head_dim);
        for position in 0..length {
            for pair in 0..half {
                let angle = position as f64 * base.powf(-(pair as f64) / half as f64);
                table.extend([angle.cos() as f32, angle.sin() as f32]);
            }
        }
        let table = self.constant("rope.table", &[length, half, 2], &table);
        let shape = self.shape(x).to_vec();
        Ok(self.push(Op::Rope { inverse: false }, vec![x, table], shape, "rope"))
    }

    /// Scaled dot-product attention without materialised scores; `[batch, length, heads, head_dim]`.
    ///
    /// # Errors
    /// Names the shapes where they do not fit or `head_dim` is no multiple of 4.
    pub fn attention(&mut self, q: NodeId, k: NodeId, v: NodeId, causal: bool) -> Recorded {
        let &[batch, length, heads, head_dim] = self.shape(q) else {
            return Err(self.misfit("attention", q, k));
        };
        let kv_heads = self.shape(k).get(2).copied().unwrap_or(0);
        let expected = [batch, length, kv_heads, head_dim];
        let fits = self.shape(k) == expected
            && self.shape(v) == expected
            && kv_heads > 0
            && heads.is_multiple_of(kv_heads)
            && head_dim.is_multiple_of(4);
        if !fits {
            return Err(self.misfit("attention", q, k));
        }
        let scale = (1.0 / (head_dim as f64).sqrt()) as f32;
        let shape = AttentionShape { batch, length, heads, kv_heads, head_dim, causal, scale };
        let words = super::layout::aligned(shape.query_words()) + shape.row_words();
        let both = self.push(Op::Attention(shape), vec![q, k, v], vec![words], "attention");
        self.view(both, 0, &[batch, length, heads, head_dim])
    }

    /// Zeroes each value with probability `rate` and divides the rest by `1 - rate` (Srivastava et al. 2014); `clock`
    /// is the state whose first word counts steps.
    pub fn dropout(&mut self, x: NodeId, clock: NodeId, rate: f32, key: [u32; 2]) -> NodeId {
        let shape = self.shape(x).to_vec();
        self.push(Op::Dropout { rate, key }, vec![x, clock], shape, "dropout")
    }

    /// Rounds to 16-bit floats and back: f16 storage, f32 arithmetic.
    pub fn through_f16(&mut self, x: NodeId) -> NodeId {
        let shape = self.shape(x).to_vec();
        let packed = self.push(Op::PackF16, vec![x], shape.clone(), "pack_f16");
        self.push(Op::UnpackF16, vec![packed], shape, "unpack_f16")
    }

    /// INT8 values of x, packed four to a word.
    pub fn quantize_int8(&mut self, x: NodeId, inverse_scale: f32) -> NodeId {
        self.push(Op::QuantizeInt8 { inverse_scale }, vec![x], self.shape(x).to_vec(), "quantize_int8")
    }

    /// Convolution in integers. `weight` holds `out_channels` rows of `ceil(patch / 4)` words; a dense layer is a
    /// 1x1 convolution over a 1x1 image.
    ///
    /// # Errors
    /// Names the shapes where the sizes do not fit the geometry.
    pub fn conv2d_int8(
        &mut self,
        x: NodeId,
        weights: [NodeId; 3],
        geometry: ConvGeometry,
        relu: bool,
    ) -> Recorded {
        let [weight, scale, bias] = weights;
        let words = geometry.out_channels * geometry.patch().div_ceil(4);
        let fits = self.node(weight).words == words
            && geometry.groups == 1
            && self.node(scale).words == geometry.out_channels
            && self.node(bias).words == geometry.out_channels
            && self.elements(x) == geometry.image_shape().iter().product::<usize>();
        if !fits {
            return Err(self.misfit("conv2d_int8", x, weight));
        }
        let op = Op::Conv2dInt8 { geometry, relu };
        Ok(self.push(op, vec![x, weight, scale, bias], geometry.out_shape(), "conv2d_int8"))
    }

    /// Elementwise program over states: output `i` replaces `inputs[i]`; the rest are read.
    ///
    /// # Errors
    /// Names two shapes that do not broadcast to the first input's.
    pub fn update(
        &mut self,
        label: &str,
        inputs: &[NodeId],
        program: &shaders::program::Program,
    ) -> Result<(), EngineError> {
        let (inputs, program) = super::elementwise::without_repeats(inputs, program);
        let Some(first) = inputs.first() else { return Ok(()) };
        let shape = self.shape(*first).to_vec();
        for input in &inputs {
            let reached = super::elementwise::broadcast(&shape, self.shape(*input));
            if reached.as_ref() != Some(&shape) {
                return Err(self.misfit(label, *first, *input));
            }
        }
        self.push(Op::Update(Rc::new(program)), inputs, shape, label);
        Ok(())
    }

    /// Writes `value` over words of `state` from `offset` on.
    pub fn store(&mut self, state: NodeId, offset: usize, value: NodeId) {
        let op = Op::Store { offset, accumulate: false };
        self.push(op, vec![state, value], vec![], "store");
    }

    /// Adds `value` to words of `state` from `offset` on, or writes it where `keep` (one value) is 0.
    pub fn accumulate(&mut self, state: NodeId, offset: usize, value: NodeId, keep: NodeId) {
        let op = Op::Store { offset, accumulate: true };
        self.push(op, vec![state, value, keep], vec![], "accumulate");
    }
}
