//! Post-training INT8: symmetric, per-channel weights, one calibrated scale for each layer's input.
//!
//! q = clamp(round(x / scale), -127, 127). A product of INT8 values is an exact 32-bit integer, times
//! (weight scale * input scale) of its channel, plus the f32 bias. Sums cannot overflow: 127^2 * 133,000 < 2^31,
//! and no layer here sums over that many. Zero points are left out on purpose: inputs of layers are not negative,
//! so the symmetric range loses one bit and saves a correction term.

use crate::{
    EngineError,
    backends::Executor,
    graph::{ConvGeometry, Graph, NodeId},
    models::{IMAGE_PIXELS, IMAGE_SIDE, Layer, Network, ParameterLayout, Weights},
    plan::{Plan, PlanOptions},
};
use std::rc::Rc;

/// One quantised layer.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantizedLayer {
    /// Geometry without batch and image size.
    pub layer: Layer,
    /// One row an output channel: signed bytes, padded to whole words.
    pub weight: Vec<u32>,
    /// Weight scale times input scale, by output channel.
    pub scale: Vec<f32>,
    /// Bias, by output channel.
    pub bias: Vec<f32>,
    /// 127 / largest calibrated input.
    pub inverse_input_scale: f32,
}

/// A quantised network.
#[derive(Debug, Clone, PartialEq)]
pub struct QuantizedNetwork {
    /// Layers, first to last.
    pub layers: Vec<QuantizedLayer>,
}

/// A quantised network in a graph.
#[derive(Debug, Clone)]
pub struct RecordedQuantized {
    /// Images, f32.
    pub images: NodeId,
    /// Weight, scale and bias of each layer.
    pub parameters: Vec<[NodeId; 3]>,
    /// `[batch, 10]`.
    pub logits: NodeId,
}

impl QuantizedNetwork {
    /// Quantises weights; `ranges` are the largest absolute inputs of the layers, from [`calibrate`].
    #[must_use]
    pub fn quantize(network: &Network, weights: &Weights, ranges: &[f32]) -> Self {
        let layers = network
            .layers
            .iter()
            .zip(weights)
            .zip(ranges)
            .map(|((layer, (weight, bias)), range)| quantize_layer(*layer, weight, bias, *range))
            .collect();
        Self { layers }
    }

    /// Bytes of weights, scales and biases, and the input scale of each layer.
    #[must_use]
    pub fn weight_bytes(&self) -> u64 {
        let words = |layer: &QuantizedLayer| layer.weight.len() + layer.scale.len() + layer.bias.len() + 1;
        self.layers.iter().map(|layer| words(layer) as u64 * 4).sum()
    }

    /// Records the network for batches of `batch` images.
    ///
    /// # Errors
    /// [`EngineError::Shape`] where layers do not fit each other.
    pub fn record(&self, graph: &mut Graph, batch: usize) -> Result<RecordedQuantized, EngineError> {
        let images = graph.input("images", &[batch, IMAGE_SIDE, IMAGE_SIDE, 1]);
        let mut parameters = Vec::with_capacity(self.layers.len());
        for (number, layer) in self.layers.iter().enumerate() {
            parameters.push([
                graph.state(&format!("layer{number}.weight_int8"), &[layer.weight.len()]),
                graph.state(&format!("layer{number}.scale"), &[layer.scale.len()]),
                graph.state(&format!("layer{number}.bias"), &[layer.bias.len()]),
            ]);
        }
        let mut x = images;
        for (quantized, nodes) in self.layers.iter().zip(&parameters) {
            let (geometry, relu) = match quantized.layer {
                Layer::Conv { .. } => {
                    let shape = quantized.layer.weight_shape();
                    (ConvGeometry::new(graph.shape(x), &shape, 1, 1, 1)?, true)
                }
                Layer::Dense { inputs, outputs, relu } => {
                    (ConvGeometry::new(&[batch, 1, 1, inputs], &[1, 1, inputs, outputs], 1, 0, 1)?, relu)
                }
            };
            let q = graph.quantize_int8(x, quantized.inverse_input_scale);
            x = graph.conv2d_int8(q, *nodes, geometry, relu)?;
            if matches!(quantized.layer, Layer::Conv { .. }) {
                x = graph.max_pool(x, 2)?;
            }
        }
        Ok(RecordedQuantized { images, parameters, logits: x })
    }
}

fn quantize_layer(layer: Layer, weight: &[f32], bias: &[f32], range: f32) -> QuantizedLayer {
    let (patch, outputs) = (layer.fan_in(), layer.outputs());
    let row_bytes = patch.div_ceil(4) * 4;
    // A layer whose inputs were all zero quantises to zeros at any scale.
    let range = if range > 0.0 { range } else { 1.0 };
    let mut bytes = vec![0_u8; row_bytes * outputs];
    let mut scale = Vec::with_capacity(outputs);
    for (channel, row) in bytes.chunks_exact_mut(row_bytes).enumerate() {
        let column = || weight.iter().skip(channel).step_by(outputs);
        let largest = column().fold(0.0_f32, |largest, value| largest.max(value.abs()));
        let inverse = if largest > 0.0 { 127.0 / largest } else { 0.0 };
        for (byte, value) in row.iter_mut().zip(column()) {
            *byte = ((value * inverse).round_ties_even().clamp(-127.0, 127.0) as i8).cast_unsigned();
        }
        scale.push(largest / 127.0 * (range / 127.0));
    }
    let weight = bytes.chunks_exact(4).map(|word| word.try_into().map_or(0, u32::from_le_bytes)).collect();
    QuantizedLayer { layer, weight, scale, bias: bias.to_vec(), inverse_input_scale: 127.0 / range }
}

/// The largest absolute input of each layer over calibration images (784 bytes each), on the CPU.
///
/// # Errors
/// As [`Plan::compile`].
pub async fn calibrate(network: &Network, weights: &Weights, pixels: &[u8]) -> Result<Vec<f32>, EngineError> {
    const BATCH: usize = 64;
    let mut graph = Graph::new();
    let layout = ParameterLayout::of(network.parameters());
    let (flat, parameters) = layout.declare(&mut graph)?;
    let recorded = network.record(&mut graph, &parameters, BATCH)?;
    let plan = Rc::new(Plan::compile(&graph, &recorded.layer_inputs, &PlanOptions::cpu())?);
    let mut executor = Executor::cpu(Rc::clone(&plan));
    let parts: Vec<Vec<f32>> =
        weights.iter().flat_map(|(weight, bias)| [weight.clone(), bias.clone()]).collect();
    executor.write(plan.span(flat)?, bytemuck::cast_slice(&layout.join(&parts)))?;
    let mut ranges = vec![0.0_f32; network.layers.len()];
    for chunk in pixels.chunks(BATCH * IMAGE_PIXELS) {
        let mut images: Vec<f32> = chunk.iter().map(|pixel| f32::from(*pixel) * (1.0 / 255.0)).collect();
        // A last, smaller chunk: the rest of the batch is blank.
        images.resize(BATCH * IMAGE_PIXELS, 0.0);
        executor.write(plan.span(recorded.images)?, bytemuck::cast_slice(&images))?;
        executor.run().await?;
        for (range, node) in ranges.iter_mut().zip(&recorded.layer_inputs) {
            let values = executor.read_f32(plan.span(*node)?).await?;
            *range = values.iter().fold(*range, |largest, value| largest.max(value.abs()));
        }
    }
    Ok(ranges)
}
