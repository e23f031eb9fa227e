//! Networks over 28x28 images: a dense one and a convolutional one.

use super::{Initial, Parameter, RecordContext, Recorded, Taker, classification};
use crate::{
    EngineError,
    graph::{Graph, NodeId},
};
use planner::experiment::{Experiment, ModelKind};

/// Side of an image.
pub const IMAGE_SIDE: usize = 28;
/// Pixels of an image.
pub const IMAGE_PIXELS: usize = IMAGE_SIDE * IMAGE_SIDE;
/// Classes of a digit.
pub const CLASSES: usize = 10;

/// One layer with weights. Convolutions are 3x3 with padding 1, then ReLU, then a 2x2 maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Convolution, ReLU, maximum over 2x2.
    Conv {
        /// Channels in.
        inputs: usize,
        /// Channels out.
        outputs: usize,
    },
    /// Dense.
    Dense {
        /// Values in.
        inputs: usize,
        /// Values out.
        outputs: usize,
        /// ReLU follows.
        relu: bool,
    },
}

impl Layer {
    /// Shape of the weight: `[3, 3, in, out]` or `[in, out]`.
    #[must_use]
    pub fn weight_shape(&self) -> Vec<usize> {
        match *self {
            Self::Conv { inputs, outputs } => vec![3, 3, inputs, outputs],
            Self::Dense { inputs, outputs, .. } => vec![inputs, outputs],
        }
    }

    /// Channels or values out: the length of the bias.
    #[must_use]
    pub const fn outputs(&self) -> usize {
        match *self {
            Self::Conv { outputs, .. } | Self::Dense { outputs, .. } => outputs,
        }
    }

    /// Values that one output sums over.
    #[must_use]
    pub const fn fan_in(&self) -> usize {
        match *self {
            Self::Conv { inputs, .. } => 9 * inputs,
            Self::Dense { inputs, .. } => inputs,
        }
    }
}

/// Weight and bias of each layer, f32, row-major.
pub type Weights = Vec<(Vec<f32>, Vec<f32>)>;

/// A network, from images to logits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Layers, first to last.
    pub layers: Vec<Layer>,
}

/// A network in a graph.
#[derive(Debug, Clone)]
pub struct RecordedNetwork {
    /// Images, `[batch, 28, 28, 1]`, 0 to 1.
    pub images: NodeId,
    /// What each layer reads.
    pub layer_inputs: Vec<NodeId>,
    /// `[batch, 10]`.
    pub logits: NodeId,
}

impl Network {
    /// The network of an experiment.
    #[must_use]
    pub fn of(experiment: &Experiment) -> Self {
        let width = experiment.width as usize;
        let layers = match experiment.model {
            ModelKind::Mlp => vec![
                Layer::Dense { inputs: IMAGE_PIXELS, outputs: width, relu: true },
                Layer::Dense { inputs: width, outputs: (width / 2).max(1), relu: true },
                Layer::Dense { inputs: (width / 2).max(1), outputs: CLASSES, relu: false },
            ],
            ModelKind::Cnn => vec![
                Layer::Conv { inputs: 1, outputs: width },
                Layer::Conv { inputs: width, outputs: 2 * width },
                Layer::Dense { inputs: 7 * 7 * 2 * width, outputs: CLASSES, relu: false },
            ],
        };
        Self { layers }
    }

    /// Trainable values.
    #[must_use]
    pub fn parameter_count(&self) -> usize {
        self.layers.iter().map(|layer| layer.weight_shape().iter().product::<usize>() + layer.outputs()).sum()
    }

    /// Weight and bias of each layer, uniform in plus or minus sqrt(6 / fan-in) (He et al. 2015), biases 0.
    #[must_use]
    pub fn parameters(&self) -> Vec<Parameter> {
        let layers = self.layers.iter().enumerate();
        layers
            .flat_map(|(number, layer)| {
                [
                    Parameter::weight(
                        format!("layer{number}.weight"),
                        &layer.weight_shape(),
                        layer.fan_in(),
                        6.0,
                    ),
                    Parameter::vector(format!("layer{number}.bias"), layer.outputs(), Initial::Zeros),
                ]
            })
            .collect()
    }

    /// Initial weights of a seed, layer by layer.
    #[must_use]
    pub fn initial_weights(&self, seed: u32) -> Weights {
        let layout = super::ParameterLayout::of(self.parameters());
        pairs(layout.split(&layout.initial(seed)))
    }

    /// Records the network for batches of `batch` images.
    ///
    /// # Errors
    /// [`EngineError::Shape`] where layers do not fit each other.
    pub fn record(
        &self,
        graph: &mut Graph,
        parameters: &[NodeId],
        batch: usize,
    ) -> Result<RecordedNetwork, EngineError> {
        let images = graph.input("images", &[batch, IMAGE_SIDE, IMAGE_SIDE, 1]);
        let mut taker = Taker::new(parameters);
        let mut layer_inputs = Vec::with_capacity(self.layers.len());
        let mut x = images;
        for (number, layer) in (1_u16..).zip(&self.layers) {
            graph.set_block(number);
            let (weight, bias) = (taker.next()?, taker.next()?);
            match *layer {
                Layer::Conv { .. } => {
                    layer_inputs.push(x);
                    let y = graph.conv2d(x, weight, [1, 1, 1])?;
                    let y = graph.bias_add(y, bias)?;
                    let y = graph.relu(y);
                    x = graph.max_pool(y, 2)?;
                }
                Layer::Dense { inputs, relu, .. } => {
                    x = graph.reshape(x, &[batch, inputs])?;
                    layer_inputs.push(x);
                    x = graph.linear(x, weight, Some(bias))?;
                    if relu {
                        x = graph.relu(x);
                    }
                }
            }
        }
        graph.set_block(0);
        Ok(RecordedNetwork { images, layer_inputs, logits: x })
    }

    pub(super) fn record_loss(
        &self,
        graph: &mut Graph,
        parameters: &[NodeId],
        context: &RecordContext,
    ) -> Result<Recorded, EngineError> {
        let recorded = self.record(graph, parameters, context.batch)?;
        classification(graph, recorded.images, recorded.logits, context.batch, context.smoothing)
    }
}

/// Weight and bias of each layer from parameters in order.
pub(crate) fn pairs(parts: Vec<Vec<f32>>) -> Weights {
    let mut parts = parts.into_iter();
    std::iter::from_fn(|| Some((parts.next()?, parts.next()?))).collect()
}
