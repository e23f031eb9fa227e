//! Small residual network over images: convolution, batch normalisation, ReLU, with shortcuts (He et al. 2016).

use super::{CLASSES, IMAGE_SIDE, Initial, Parameter, RecordContext, Recorded, Taker, classification};
use crate::{
    EngineError,
    graph::{Graph, NodeId, ReduceKind},
};
use shaders::program::{Binary, Unary};

/// Added to variances.
const EPSILON: f32 = 1e-5;

/// Sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResidualNetwork {
    /// Channels of the first stage; the second has twice as many.
    pub width: usize,
    /// Blocks of each stage.
    pub blocks: usize,
}

impl ResidualNetwork {
    /// Channels in, channels out and stride of each block.
    fn plan(&self) -> Vec<[usize; 3]> {
        let mut plan = vec![];
        let mut channels = self.width;
        for (stage, outputs) in [self.width, 2 * self.width].into_iter().enumerate() {
            for block in 0..self.blocks {
                plan.push([channels, outputs, if stage > 0 && block == 0 { 2 } else { 1 }]);
                channels = outputs;
            }
        }
        plan
    }

    /// Parameters in the order in which recording reads them.
    #[must_use]
    pub fn parameters(&self) -> Vec<Parameter> {
        let conv = |list: &mut Vec<Parameter>, name: String, kernel: usize, inputs: usize, outputs: usize| {
            let shape = [kernel, kernel, inputs, outputs];
            list.push(Parameter::weight(format!("{name}.weight"), &shape, kernel * kernel * inputs, 6.0));
            list.push(Parameter::vector(format!("{name}.gain"), outputs, Initial::Ones));
            list.push(Parameter::vector(format!("{name}.bias"), outputs, Initial::Zeros));
        };
        let mut list = vec![];
        conv(&mut list, "stem".into(), 3, 1, self.width);
        for (number, [inputs, outputs, stride]) in self.plan().into_iter().enumerate() {
            conv(&mut list, format!("blocks.{number}.conv1"), 3, inputs, outputs);
            conv(&mut list, format!("blocks.{number}.conv2"), 3, outputs, outputs);
            if stride != 1 || inputs != outputs {
                conv(&mut list, format!("blocks.{number}.shortcut"), 1, inputs, outputs);
            }
        }
        list.push(Parameter::weight("head.weight", &[2 * self.width, CLASSES], 2 * self.width, 3.0));
        list.push(Parameter::vector("head.bias", CLASSES, Initial::Zeros));
        list
    }

    pub(super) fn record_loss(
        &self,
        graph: &mut Graph,
        parameters: &[NodeId],
        context: &RecordContext,
    ) -> Result<Recorded, EngineError> {
        let images = graph.input("images", &[context.batch, IMAGE_SIDE, IMAGE_SIDE, 1]);
        let mut taker = Taker::new(parameters);
        let stem = normed_conv(graph, &mut taker, images, [1, 1])?;
        let stem = graph.relu(stem);
        let mut x = graph.max_pool(stem, 2)?;
        for (number, [inputs, outputs, stride]) in (1_u16..).zip(self.plan()) {
            graph.set_block(number);
            let y = normed_conv(graph, &mut taker, x, [stride, 1])?;
            let y = graph.relu(y);
            let y = normed_conv(graph, &mut taker, y, [1, 1])?;
            let shortcut = if stride != 1 || inputs != outputs {
                normed_conv(graph, &mut taker, x, [stride, 0])?
            } else {
                x
            };
            let sum = graph.add(y, shortcut)?;
            x = graph.relu(sum);
        }
        graph.set_block(0);
        let &[batch, height, width, channels] = graph.shape(x) else {
            return Err(EngineError::Shape { message: "images".into() });
        };
        let flat = graph.reshape(x, &[batch, height * width, channels])?;
        let mean = graph.reduce(ReduceKind::Sum, flat, 1)?;
        let mean = graph.scale(mean, 1.0 / (height * width) as f32);
        let (weight, bias) = (taker.next()?, taker.next()?);
        let logits = graph.linear(mean, weight, Some(bias))?;
        classification(graph, images, logits, context.batch, context.smoothing)
    }
}

/// Convolution, then batch normalisation over the batch itself.
fn normed_conv(
    graph: &mut Graph,
    taker: &mut Taker<'_>,
    x: NodeId,
    [stride, padding]: [usize; 2],
) -> Result<NodeId, EngineError> {
    let (weight, gain, bias) = (taker.next()?, taker.next()?, taker.next()?);
    let y = graph.conv2d(x, weight, [stride, padding, 1])?;
    batch_norm(graph, y, gain, bias)
}

/// Batch normalisation over all axes but the last (Ioffe and Szegedy 2015), with the statistics of the batch. Held-out
/// data is read in batches too, so that running averages are not needed.
pub(crate) fn batch_norm(
    graph: &mut Graph,
    x: NodeId,
    gain: NodeId,
    bias: NodeId,
) -> Result<NodeId, EngineError> {
    let shape = graph.shape(x).to_vec();
    let channels = shape.last().copied().unwrap_or(1);
    let rows = graph.elements(x) / channels.max(1);
    let flat = graph.reshape(x, &[rows, channels])?;
    let sum = graph.reduce(ReduceKind::Sum, flat, 0)?;
    let mean = graph.scale(sum, 1.0 / rows as f32);
    let centred = graph.binary(Binary::Subtract, flat, mean)?;
    let square = graph.multiply(centred, centred)?;
    let variance = graph.reduce(ReduceKind::Sum, square, 0)?;
    let variance = graph.scale(variance, 1.0 / rows as f32);
    let epsilon = graph.constant("epsilon", &[1], &[EPSILON]);
    let shifted = graph.add(variance, epsilon)?;
    let scale = graph.unary(Unary::ReciprocalSqrt, shifted);
    let scale = graph.multiply(scale, gain)?;
    let y = graph.multiply(centred, scale)?;
    let y = graph.add(y, bias)?;
    graph.reshape(y, &shape)
}
