//! Vision transformer: patches as tokens, bidirectional attention, mean over tokens (Dosovitskiy et al. 2021).

use super::{
    IMAGE_SIDE, Initial, Parameter, RecordContext, Recorded, Taker, classification,
    gpt::{dropped, layer_norm},
    network::CLASSES,
};
use crate::{
    EngineError,
    graph::{Graph, NodeId, ReduceKind},
};

/// Sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VisionTransformer {
    /// Side of a patch; divides 28.
    pub patch_size: usize,
    /// Width.
    pub hidden_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Heads.
    pub num_attention_heads: usize,
    /// Width of the feed-forward part.
    pub intermediate_size: usize,
}

impl VisionTransformer {
    const fn tokens(&self) -> usize {
        (IMAGE_SIDE / self.patch_size) * (IMAGE_SIDE / self.patch_size)
    }

    /// Parameters in the order in which recording reads them.
    #[must_use]
    pub fn parameters(&self) -> Vec<Parameter> {
        let (d, patch) = (self.hidden_size, self.patch_size * self.patch_size);
        let mut list = vec![];
        let linear = |list: &mut Vec<Parameter>, name: &str, inputs: usize, outputs: usize| {
            list.push(Parameter::weight(format!("{name}.weight"), &[inputs, outputs], inputs, 1.0));
            list.push(Parameter::vector(format!("{name}.bias"), outputs, Initial::Zeros));
        };
        let norm = |list: &mut Vec<Parameter>, name: &str| {
            list.push(Parameter::vector(format!("{name}.gain"), d, Initial::Ones));
            list.push(Parameter::vector(format!("{name}.bias"), d, Initial::Zeros));
        };
        linear(&mut list, "patches", patch, d);
        list.push(Parameter {
            name: "positions.weight".into(),
            shape: vec![self.tokens(), d],
            initial: Initial::Uniform(0.05),
            decays: false,
        });
        for block in 0..self.num_hidden_layers {
            norm(&mut list, &format!("blocks.{block}.norm1"));
            linear(&mut list, &format!("blocks.{block}.attention.qkv"), d, 3 * d);
            linear(&mut list, &format!("blocks.{block}.attention.out"), d, d);
            norm(&mut list, &format!("blocks.{block}.norm2"));
            linear(&mut list, &format!("blocks.{block}.mlp.up"), d, self.intermediate_size);
            linear(&mut list, &format!("blocks.{block}.mlp.down"), self.intermediate_size, d);
        }
        norm(&mut list, "norm");
        linear(&mut list, "head", d, CLASSES);
        list
    }

    pub(super) fn record_loss(
        &self,
        graph: &mut Graph,
        parameters: &[NodeId],
        context: &RecordContext,
    ) -> Result<Recorded, EngineError> {
        let (batch, d, tokens) = (context.batch, self.hidden_size, self.tokens());
        let images = graph.input("images", &[batch, IMAGE_SIDE, IMAGE_SIDE, 1]);
        let mut taker = Taker::new(parameters);
        let (side, patch) = (IMAGE_SIDE / self.patch_size, self.patch_size);
        let split = graph.reshape(images, &[batch, side, patch, side, patch])?;
        let patches = graph.permute(split, &[0, 1, 3, 2, 4])?;
        let patches = graph.reshape(patches, &[batch * tokens, patch * patch])?;
        let x = linear(graph, &mut taker, patches)?;
        let x = graph.reshape(x, &[batch, tokens, d])?;
        let positions = taker.next()?;
        let x = graph.add(x, positions)?;
        let mut x = graph.reshape(x, &[batch * tokens, d])?;
        for block in 0..self.num_hidden_layers {
            graph.set_block(block as u16 + 1);
            x = self.block(graph, &mut taker, x, context, block as u32)?;
        }
        graph.set_block(0);
        let (gain, bias) = (taker.next()?, taker.next()?);
        let x = layer_norm(graph, x, gain, bias)?;
        let x = graph.reshape(x, &[batch, tokens, d])?;
        let x = graph.reduce(ReduceKind::Sum, x, 1)?;
        let x = graph.scale(x, 1.0 / tokens as f32);
        let logits = linear(graph, &mut taker, x)?;
        classification(graph, images, logits, batch, context.smoothing)
    }

    fn block(
        &self,
        graph: &mut Graph,
        taker: &mut Taker<'_>,
        x: NodeId,
        context: &RecordContext,
        number: u32,
    ) -> Result<NodeId, EngineError> {
        let (heads, d, tokens) = (self.num_attention_heads, self.hidden_size, self.tokens());
        let (gain, bias) = (taker.next()?, taker.next()?);
        let normed = layer_norm(graph, x, gain, bias)?;
        let qkv = linear(graph, taker, normed)?;
        let mut parts = vec![];
        for part in 0..3 {
            let slice = graph.slice(qkv, 1, part * d, d)?;
            parts.push(graph.reshape(slice, &[context.batch, tokens, heads, d / heads])?);
        }
        let &[q, k, v] = parts.as_slice() else {
            return Err(EngineError::Shape { message: "q, k and v".into() });
        };
        let mixed = graph.attention(q, k, v, false)?;
        let mixed = graph.reshape(mixed, &[context.batch * tokens, d])?;
        let out = linear(graph, taker, mixed)?;
        let out = dropped(graph, out, context, number * 2);
        let x = graph.add(x, out)?;
        let (gain, bias) = (taker.next()?, taker.next()?);
        let normed = layer_norm(graph, x, gain, bias)?;
        let up = linear(graph, taker, normed)?;
        let hidden = graph.gelu(up);
        let down = linear(graph, taker, hidden)?;
        let down = dropped(graph, down, context, number * 2 + 1);
        graph.add(x, down)
    }
}

/// A dense layer with its next weight and bias.
pub(super) fn linear(graph: &mut Graph, taker: &mut Taker<'_>, x: NodeId) -> Result<NodeId, EngineError> {
    let (weight, bias) = (taker.next()?, taker.next()?);
    graph.linear(x, weight, Some(bias))
}
