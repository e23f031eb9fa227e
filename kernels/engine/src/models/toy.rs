//! Dense network over points of the plane, small enough to watch: its decision boundary is the lesson.

use super::{Initial, Parameter, RecordContext, Recorded, Taker, classification, vision_transformer::linear};
use crate::{
    EngineError,
    graph::{Graph, NodeId},
};
use shaders::program::Unary;

/// Sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToyNetwork {
    /// Units of each hidden layer.
    pub width: usize,
    /// Hidden layers.
    pub layers: usize,
    /// Classes.
    pub classes: usize,
}

impl ToyNetwork {
    /// Parameters in the order in which recording reads them.
    #[must_use]
    pub fn parameters(&self) -> Vec<Parameter> {
        let mut sizes = vec![2];
        sizes.extend(std::iter::repeat_n(self.width, self.layers));
        sizes.push(self.classes);
        let pairs = sizes.iter().zip(sizes.iter().skip(1)).enumerate();
        pairs
            .flat_map(|(number, (inputs, outputs))| {
                [
                    Parameter::weight(format!("layer{number}.weight"), &[*inputs, *outputs], *inputs, 3.0),
                    Parameter::vector(format!("layer{number}.bias"), *outputs, Initial::Zeros),
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
        let points = graph.input("points", &[context.batch, 2]);
        let mut taker = Taker::new(parameters);
        let mut x = points;
        for layer in 0..=self.layers {
            x = linear(graph, &mut taker, x)?;
            if layer < self.layers {
                x = graph.unary(Unary::Tanh, x);
            }
        }
        classification(graph, points, x, context.batch, context.smoothing)
    }
}
