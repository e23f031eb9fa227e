//! The operations of a graph. Inputs are listed in the order of [`super::Node::inputs`].

use super::{ConvGeometry, PoolGeometry};
use shaders::program::Program;
use std::rc::Rc;

/// What a node computes.
#[derive(Debug, Clone, PartialEq)]
pub enum Op {
    /// Written by the host before each run.
    Input,
    /// Kept between runs: weights, gradients, moments, counters.
    State,
    /// Words that never change, written once.
    Constant(Rc<[u32]>),
    /// `[x]`: a contiguous part of x (or all of it under another shape), from word `offset` on; costs nothing.
    View {
        /// First word.
        offset: usize,
    },
    /// `[lhs, rhs]`: product of matrices over equal leading axes, either transposed first.
    MatMul {
        /// The left operand is k x m.
        transpose_lhs: bool,
        /// The right operand is n x k.
        transpose_rhs: bool,
    },
    /// Elementwise, inputs broadcast to the result's shape.
    Map(Rc<Program>),
    /// Elementwise; output number i replaces input number i, which is a state or a view of one.
    Update(Rc<Program>),
    /// `[state, value]`: writes the value over the state's words from `offset` on, or adds it.
    Store {
        /// First word.
        offset: usize,
        /// Adds instead of replacing, unless the third input, one value, is 0.
        accumulate: bool,
    },
    /// `[x]`: over the middle axis of `[outer, length, inner]`.
    Reduce {
        /// Sum or maximum.
        kind: ReduceKind,
        /// Elements that one result reads.
        length: usize,
        /// Elements between two that one result reads.
        inner: usize,
    },
    /// `[x]`: sum of squares of all elements, one value.
    SumSquares,
    /// `[x]`: over rows of the last axis.
    Softmax,
    /// `[y, y_grad]`
    SoftmaxGrad,
    /// `[x]`: logarithm of the softmax.
    LogSoftmax,
    /// `[y, y_grad]`
    LogSoftmaxGrad,
    /// `[logits, labels]`: a loss a row; labels past the classes are ignored.
    CrossEntropy {
        /// Share of the target that is spread over all classes (label smoothing, Szegedy et al. 2016).
        smoothing: f32,
    },
    /// `[logits, labels, upstream]`
    CrossEntropyGrad {
        /// As of the loss.
        smoothing: f32,
    },
    /// `[logits, labels]`: 1 a row where the largest logit is the label.
    TopMatch,
    /// `[x]`: (x - mean) / sqrt(variance + epsilon) over the last axis; without `center`, x / sqrt(mean of squares +
    /// epsilon).
    Normalize {
        /// Subtracts the mean.
        center: bool,
        /// Added to the variance.
        epsilon: f32,
    },
    /// `[x, y_grad]`
    NormalizeGrad {
        /// As of the operation.
        center: bool,
        /// As of the operation.
        epsilon: f32,
    },
    /// `[table, ids]`: rows of the table.
    GatherRows,
    /// `[rows_grad, ids]`: gradient to the table.
    ScatterAddRows,
    /// `[x, table]`: rotary position embedding of `[batch, length, heads, head_dim]` (Su et al. 2021).
    Rope {
        /// Turns back: the gradient.
        inverse: bool,
    },
    /// `[q, k, v]`: attention output followed by the logarithms of the softmax denominators; see [`AttentionShape`].
    Attention(AttentionShape),
    /// `[q, k, v, attention, o_grad]`: gradients to q, k and v, one after the other.
    AttentionGrad(AttentionShape),
    /// `[x]`: elements by strides: transposes, slices, expansions.
    Gather(StridedCopy),
    /// `[x...]`: each input to its place in a zeroed result: concatenation and padding.
    Scatter(Vec<StridedCopy>),
    /// `[image, weight]`: convolution; weight is `[kernel, kernel, in_channels / groups, out_channels]`.
    Conv2d(ConvGeometry),
    /// `[y_grad, weight]`: gradient to the image.
    Conv2dInputGrad(ConvGeometry),
    /// `[image, y_grad]`: gradient to the weight.
    Conv2dWeightGrad(ConvGeometry),
    /// `[x]`: maximum over non-overlapping windows.
    MaxPool(PoolGeometry),
    /// `[x, y, y_grad]`: gradient of the maximum.
    MaxPoolGrad(PoolGeometry),
    /// `[x, clock]`: zeroes a share of the values and scales the rest; the mask follows from key and clock.
    Dropout {
        /// Share that is zeroed.
        rate: f32,
        /// Seed and number of the layer.
        key: [u32; 2],
    },
    /// `[x]`: rounds to 16-bit floats, packed two to a word.
    PackF16,
    /// `[x]`: the opposite of [`Self::PackF16`].
    UnpackF16,
    /// `[x, flags]`: keeps the lowest index of an element that is not finite.
    FirstNonFinite,
    /// `[losses, matches, norm, clock, ring]`: writes a record of the step to the ring and moves the clock on.
    StepSummary,
    /// `[x]`: INT8 values of x, packed; rounds half to even, symmetric.
    QuantizeInt8 {
        /// 127 / calibrated maximum.
        inverse_scale: f32,
    },
    /// `[x_int8, weight_int8, scale, bias]`: convolution in integers, then scale, bias and optional ReLU in f32.
    Conv2dInt8 {
        /// Geometry of the f32 convolution.
        geometry: ConvGeometry,
        /// ReLU follows.
        relu: bool,
    },
}

/// How many become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReduceKind {
    /// Sum.
    Sum,
    /// Maximum.
    Max,
}

/// Sizes of an attention: q and o are `[batch, length, heads, head_dim]`, k and v have `kv_heads`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttentionShape {
    /// Sequences.
    pub batch: usize,
    /// Positions of a sequence.
    pub length: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Values of a head, a multiple of 4.
    pub head_dim: usize,
    /// A position sees itself and those before it.
    pub causal: bool,
    /// Factor of the scores.
    pub scale: f32,
}

impl AttentionShape {
    /// Elements of q, of o.
    #[must_use]
    pub const fn query_words(&self) -> usize {
        self.batch * self.length * self.heads * self.head_dim
    }

    /// Elements of k, of v.
    #[must_use]
    pub const fn key_words(&self) -> usize {
        self.batch * self.length * self.kv_heads * self.head_dim
    }

    /// Logarithms of denominators.
    #[must_use]
    pub const fn row_words(&self) -> usize {
        self.batch * self.length * self.heads
    }

    /// Multiply-adds of the scores and of the mixing, twice each, halved where causal (Dao 2023, section 3).
    #[must_use]
    pub fn forward_flops(&self) -> f64 {
        let full = 4.0 * (self.batch * self.heads * self.length * self.length * self.head_dim) as f64;
        if self.causal { full / 2.0 } else { full }
    }
}

/// A copy of a block of up to five axes from one place to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StridedCopy {
    /// Elements along each axis.
    pub sizes: [usize; 5],
    /// Distance of neighbours in the source; 0 repeats.
    pub in_strides: [usize; 5],
    /// First element in the source.
    pub in_offset: usize,
    /// Distance of neighbours in the result.
    pub out_strides: [usize; 5],
    /// First element in the result.
    pub out_offset: usize,
}

impl StridedCopy {
    /// Elements copied.
    #[must_use]
    pub fn count(&self) -> usize {
        self.sizes.iter().product()
    }
}

impl Op {
    /// Changes memory that outlives the run: never dead, never merged, never moved.
    #[must_use]
    pub const fn has_effect(&self) -> bool {
        matches!(self, Self::Update(_) | Self::Store { .. } | Self::FirstNonFinite | Self::StepSummary)
    }

    /// Holds a value that the host or an earlier run made.
    #[must_use]
    pub const fn is_source(&self) -> bool {
        matches!(self, Self::Input | Self::State | Self::Constant(_))
    }

    /// Short name for tables.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::State => "state",
            Self::Constant(_) => "constant",
            Self::View { .. } => "view",
            Self::MatMul { .. } => "matmul",
            Self::Map(_) => "map",
            Self::Update(_) => "update",
            Self::Store { .. } => "store",
            Self::Reduce { .. } => "reduce",
            Self::SumSquares => "sum_squares",
            Self::Softmax => "softmax",
            Self::SoftmaxGrad => "softmax_grad",
            Self::LogSoftmax => "log_softmax",
            Self::LogSoftmaxGrad => "log_softmax_grad",
            Self::CrossEntropy { .. } => "cross_entropy",
            Self::CrossEntropyGrad { .. } => "cross_entropy_grad",
            Self::TopMatch => "top_match",
            Self::Normalize { .. } => "normalize",
            Self::NormalizeGrad { .. } => "normalize_grad",
            Self::GatherRows => "gather_rows",
            Self::ScatterAddRows => "scatter_add_rows",
            Self::Rope { .. } => "rope",
            Self::Attention(_) => "attention",
            Self::AttentionGrad(_) => "attention_grad",
            Self::Gather(_) => "gather",
            Self::Scatter(_) => "scatter",
            Self::Conv2d(_) => "conv2d",
            Self::Conv2dInputGrad(_) => "conv2d_input_grad",
            Self::Conv2dWeightGrad(_) => "conv2d_weight_grad",
            Self::MaxPool(_) => "max_pool",
            Self::MaxPoolGrad(_) => "max_pool_grad",
            Self::Dropout { .. } => "dropout",
            Self::PackF16 => "pack_f16",
            Self::UnpackF16 => "unpack_f16",
            Self::FirstNonFinite => "first_non_finite",
            Self::StepSummary => "step_summary",
            Self::QuantizeInt8 { .. } => "quantize_int8",
            Self::Conv2dInt8 { .. } => "conv2d_int8",
        }
    }
}
