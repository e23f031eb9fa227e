//! Recording: one method an operation, shapes checked, both shapes named where they do not fit.

use super::{ConvGeometry, Graph, NodeId, Op, PoolGeometry};
use crate::EngineError;

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

    /// `op(lhs) op(rhs)`, m x n.
    ///
    /// # Errors
    /// Names both shapes where the inner dimensions differ or an operand is not a matrix.
    pub fn matmul(&mut self, lhs: NodeId, rhs: NodeId, transpose_lhs: bool, transpose_rhs: bool) -> Recorded {
        let (&[a0, a1], &[b0, b1]) = (self.shape(lhs), self.shape(rhs)) else {
            return self.misfit("matmul", lhs, rhs);
        };
        let (m, k) = if transpose_lhs { (a1, a0) } else { (a0, a1) };
        let (rhs_k, n) = if transpose_rhs { (b1, b0) } else { (b0, b1) };
        if k != rhs_k {
            return self.misfit("matmul", lhs, rhs);
        }
        Ok(self.push(Op::MatMul { transpose_lhs, transpose_rhs }, vec![lhs, rhs], vec![m, n], "matmul"))
    }

    /// `x + bias` along the last axis.
    ///
    /// # Errors
    /// Names both shapes where the bias is not as long as the last axis.
    pub fn bias_add(&mut self, x: NodeId, bias: NodeId) -> Recorded {
        if self.shape(x).last() != self.shape(bias).first() || self.shape(bias).len() != 1 {
            return self.misfit("bias_add", x, bias);
        }
        Ok(self.push(Op::BiasAdd, vec![x, bias], self.shape(x).to_vec(), "bias_add"))
    }

    /// max(x, 0).
    pub fn relu(&mut self, x: NodeId) -> NodeId {
        self.push(Op::Relu, vec![x], self.shape(x).to_vec(), "relu")
    }

    /// Convolution of an NHWC image with a `[kernel, kernel, in, out]` weight.
    ///
    /// # Errors
    /// Names both shapes where they do not fit.
    pub fn conv2d(&mut self, image: NodeId, weight: NodeId, stride: usize, padding: usize) -> Recorded {
        let geometry = ConvGeometry::new(self.shape(image), self.shape(weight), stride, padding)?;
        Ok(self.push(Op::Conv2d(geometry), vec![image, weight], geometry.out_shape(), "conv2d"))
    }

    /// Maximum over windows of `window` x `window`.
    ///
    /// # Errors
    /// Names the shape where it is not an image or is smaller than the window.
    pub fn max_pool(&mut self, x: NodeId, window: usize) -> Recorded {
        let &[batch, height, width, channels] = self.shape(x) else {
            return self.misfit("max_pool", x, x);
        };
        if window == 0 || height < window || width < window {
            return self.misfit("max_pool", x, x);
        }
        let geometry = PoolGeometry { batch, height, width, channels, window };
        Ok(self.push(Op::MaxPool(geometry), vec![x], geometry.out_shape(), "max_pool"))
    }

    /// The same values under another shape.
    ///
    /// # Errors
    /// Names both shapes where the number of elements differs.
    pub fn reshape(&mut self, x: NodeId, shape: &[usize]) -> Recorded {
        if self.shape(x).iter().product::<usize>() != shape.iter().product::<usize>() {
            let message = format!("reshape of {:?} to {shape:?}", self.shape(x));
            return Err(EngineError::Shape { message });
        }
        Ok(self.push(Op::Reshape, vec![x], shape.to_vec(), "reshape"))
    }

    /// Elementwise sum.
    ///
    /// # Errors
    /// Names both shapes where they differ.
    pub fn add(&mut self, a: NodeId, b: NodeId) -> Recorded {
        if self.shape(a) != self.shape(b) {
            return self.misfit("add", a, b);
        }
        Ok(self.push(Op::Add, vec![a, b], self.shape(a).to_vec(), "add"))
    }

    /// Per row of logits: loss and whether the largest is the label.
    ///
    /// # Errors
    /// Names both shapes where logits are not rows x classes with as many labels.
    pub fn softmax_cross_entropy(&mut self, logits: NodeId, labels: NodeId) -> Recorded {
        let (&[rows, _], &[label_rows]) = (self.shape(logits), self.shape(labels)) else {
            return self.misfit("softmax_cross_entropy", logits, labels);
        };
        if rows != label_rows {
            return self.misfit("softmax_cross_entropy", logits, labels);
        }
        Ok(self.push(Op::SoftmaxCrossEntropy, vec![logits, labels], vec![rows, 2], "softmax_cross_entropy"))
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
            && self.node(scale).words == geometry.out_channels
            && self.node(bias).words == geometry.out_channels
            && self.shape(x).iter().product::<usize>() == geometry.image_shape().iter().product::<usize>();
        if !fits {
            return self.misfit("conv2d_int8", x, weight);
        }
        let op = Op::Conv2dInt8 { geometry, relu };
        Ok(self.push(op, vec![x, weight, scale, bias], geometry.out_shape(), "conv2d_int8"))
    }

    fn misfit(&self, operation: &str, a: NodeId, b: NodeId) -> Recorded {
        let (a, b) = (self.node(a), self.node(b));
        let message = format!("{operation} of {} {:?} with {} {:?}", a.label, a.shape, b.label, b.shape);
        Err(EngineError::Shape { message })
    }
}
