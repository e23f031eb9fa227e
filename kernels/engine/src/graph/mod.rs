//! The one description of a computation: nodes in the order they were recorded, static shapes.
//!
//! A node's inputs come before it, so the order of nodes is a topological order. Values are f32 unless the
//! operation says otherwise (labels are u32, INT8 values are packed four to a u32). Images are NHWC.

mod build;
mod shapes;

pub use shapes::{ConvGeometry, PoolGeometry};

/// A node of a [`Graph`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) u32);

impl NodeId {
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a node computes. Inputs are listed in the order of [`Node::inputs`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Op {
    /// Written by the host before each run.
    Input,
    /// Kept between runs: weights, moments, counters.
    State,
    /// `[lhs, rhs]`: product of two matrices, either transposed first.
    MatMul {
        /// The left operand is k x m.
        transpose_lhs: bool,
        /// The right operand is n x k.
        transpose_rhs: bool,
    },
    /// `[x, bias]`: adds a vector along the last axis.
    BiasAdd,
    /// `[x]`: max(x, 0).
    Relu,
    /// `[y, y_grad]`: gradient of ReLU from its output.
    ReluGrad,
    /// `[image, weight]`: convolution; weight is `[kernel, kernel, in_channels, out_channels]`.
    Conv2d(ConvGeometry),
    /// `[y_grad, weight]`: gradient to the image.
    Conv2dInputGrad(ConvGeometry),
    /// `[image, y_grad]`: gradient to the weight.
    Conv2dWeightGrad(ConvGeometry),
    /// `[x]`: maximum over non-overlapping windows.
    MaxPool(PoolGeometry),
    /// `[x, y, y_grad]`: gradient of the maximum.
    MaxPoolGrad(PoolGeometry),
    /// `[x]`: the same values under another shape; costs nothing.
    Reshape,
    /// `[x]`: sum over all axes but the last.
    SumRows,
    /// `[a, b]`: elementwise sum.
    Add,
    /// `[logits, labels]`: per row (loss, read rightly).
    SoftmaxCrossEntropy,
    /// `[logits, labels]`: gradient of the mean loss.
    SoftmaxCrossEntropyGrad,
    /// `[weight, gradient, first_moment, second_moment, schedule, clock, flags]`: updates in place.
    Adam {
        /// Decay of the first moment.
        beta1: f32,
        /// Decay of the second moment.
        beta2: f32,
    },
    /// `[weight, gradient, velocity, schedule, clock, flags]`: updates in place.
    Sgd {
        /// Decay of the velocity.
        momentum: f32,
    },
    /// `[rows, flags, clock, ring]`: writes mean loss and flags to the ring and moves the clock on.
    LossSummary,
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

/// One recorded operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// From what.
    pub inputs: Vec<NodeId>,
    /// Shape of the result, in elements; empty for nodes that only update state.
    pub shape: Vec<usize>,
    /// Words (4 bytes) the result takes.
    pub words: usize,
    /// Name for people ("conv1.weight").
    pub label: String,
}

/// A recorded computation.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    nodes: Vec<Node>,
}

impl Graph {
    /// An empty graph.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All nodes, in topological order.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// One node. Ids come from this graph only.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "ids are made by this graph and nodes are never removed")]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// Shape of a node's result.
    #[must_use]
    pub fn shape(&self, id: NodeId) -> &[usize] {
        &self.node(id).shape
    }

    pub(crate) fn push(
        &mut self,
        op: Op,
        inputs: Vec<NodeId>,
        shape: Vec<usize>,
        label: impl Into<String>,
    ) -> NodeId {
        let elements: usize = shape.iter().product();
        let words = match op {
            Op::QuantizeInt8 { .. } => elements.div_ceil(4),
            _ if shape.is_empty() => 0,
            _ => elements,
        };
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        self.nodes.push(Node { op, inputs, shape, words, label: label.into() });
        id
    }
}
