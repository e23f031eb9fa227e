//! Dense autoencoder over images: squeezes 784 pixels into a few values and back; the loss is the mean square.

use super::{
    IMAGE_PIXELS, IMAGE_SIDE, Initial, Parameter, RecordContext, Recorded, Taker, vision_transformer::linear,
};
use crate::{
    EngineError,
    graph::{Graph, NodeId},
};
use shaders::program::{Binary, Unary};

/// Sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Autoencoder {
    /// Width of the layer on either side.
    pub width: usize,
    /// Values in the middle.
    pub latent: usize,
}

impl Autoencoder {
    const fn sizes(&self) -> [usize; 5] {
        [IMAGE_PIXELS, self.width, self.latent, self.width, IMAGE_PIXELS]
    }

    /// Parameters in the order in which recording reads them.
    #[must_use]
    pub fn parameters(&self) -> Vec<Parameter> {
        let sizes = self.sizes();
        let layers = sizes.windows(2).enumerate();
        layers
            .flat_map(|(number, pair)| {
                let (inputs, outputs) =
                    (pair.first().copied().unwrap_or(1), pair.last().copied().unwrap_or(1));
                [
                    Parameter::weight(format!("layer{number}.weight"), &[inputs, outputs], inputs, 3.0),
                    Parameter::vector(format!("layer{number}.bias"), outputs, Initial::Zeros),
                ]
            })
            .collect()
    }

    pub(super) fn record_loss(
        &self,
        graph: &mut Graph,
        parameters: &[NodeId],
        context: &RecordContext,
    ) -> Result<Recorded, EngineError> {
        let images = graph.input("images", &[context.batch, IMAGE_SIDE, IMAGE_SIDE, 1]);
        let flat = graph.reshape(images, &[context.batch, IMAGE_PIXELS])?;
        let mut taker = Taker::new(parameters);
        let mut x = flat;
        for layer in 0..4_u16 {
            graph.set_block(layer + 1);
            x = linear(graph, &mut taker, x)?;
            x = match layer {
                0 | 2 => graph.relu(x),
                3 => graph.unary(Unary::Sigmoid, x),
                _ => x,
            };
        }
        graph.set_block(0);
        let error = graph.binary(Binary::Subtract, x, flat)?;
        let square = graph.multiply(error, error)?;
        let loss = graph.mean(square)?;
        let matches = graph.constant("no matches", &[], &[0.0]);
        Ok(Recorded { examples: images, labels: images, logits: x, loss, matches })
    }
}
