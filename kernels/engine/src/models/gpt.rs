//! Decoder transformer: pre-norm, learned or rotary positions, grouped-query attention, GELU or SwiGLU, tied or own
//! head (Radford et al. 2019; Touvron et al. 2023).

use super::{Initial, Parameter, RecordContext, Recorded, Taker, classification};
use crate::{
    EngineError,
    graph::{Graph, NodeId},
};

/// How positions enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Positions {
    /// A learned vector a position.
    Learned,
    /// Rotary (Su et al. 2021), base 10,000.
    Rotary,
}

/// The feed-forward part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// Two matrices with GELU between.
    Gelu,
    /// Three matrices: silu(x gate) (x up), then down (Shazeer 2020).
    SwiGlu,
}

/// The normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Norm {
    /// Layer normalisation with gain and bias.
    Layer,
    /// Root mean square with gain.
    Rms,
}

/// Sizes and choices, in Hugging Face's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gpt {
    /// Tokens of the vocabulary.
    pub vocab_size: usize,
    /// Positions of a sequence.
    pub sequence_length: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Width.
    pub hidden_size: usize,
    /// Width of the feed-forward part.
    pub intermediate_size: usize,
    /// Query heads.
    pub num_attention_heads: usize,
    /// Key and value heads.
    pub num_key_value_heads: usize,
    /// Positions.
    pub positions: Positions,
    /// Feed-forward part.
    pub activation: Activation,
    /// Normalisation.
    pub norm: Norm,
    /// The head is the transposed embedding.
    pub tie_word_embeddings: bool,
    /// Linear layers have biases.
    pub has_bias: bool,
}

/// Added to variances.
const EPSILON: f32 = 1e-5;

impl Gpt {
    /// Values of a head.
    #[must_use]
    pub const fn head_dim(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }

    const fn key_value_width(&self) -> usize {
        self.num_key_value_heads * self.head_dim()
    }

    /// Parameters in the order in which recording reads them.
    #[must_use]
    pub fn parameters(&self) -> Vec<Parameter> {
        let d = self.hidden_size;
        let mut list = vec![embedding("embedding.weight", self.vocab_size, d)];
        if self.positions == Positions::Learned {
            list.push(embedding("positions.weight", self.sequence_length, d));
        }
        let linear = |list: &mut Vec<Parameter>, name: String, inputs: usize, outputs: usize| {
            list.push(Parameter::weight(format!("{name}.weight"), &[inputs, outputs], inputs, 1.0));
            if self.has_bias {
                list.push(Parameter::vector(format!("{name}.bias"), outputs, Initial::Zeros));
            }
        };
        for block in 0..self.num_hidden_layers {
            self.norm_parameters(&mut list, &format!("blocks.{block}.norm1"));
            let qkv = d + 2 * self.key_value_width();
            linear(&mut list, format!("blocks.{block}.attention.qkv"), d, qkv);
            linear(&mut list, format!("blocks.{block}.attention.out"), d, d);
            self.norm_parameters(&mut list, &format!("blocks.{block}.norm2"));
            if self.activation == Activation::SwiGlu {
                linear(&mut list, format!("blocks.{block}.mlp.gate"), d, self.intermediate_size);
            }
            linear(&mut list, format!("blocks.{block}.mlp.up"), d, self.intermediate_size);
            linear(&mut list, format!("blocks.{block}.mlp.down"), self.intermediate_size, d);
        }
        self.norm_parameters(&mut list, "norm");
        if !self.tie_word_embeddings {
            list.push(Parameter::weight("head.weight", &[d, self.vocab_size], d, 1.0));
        }
        list
    }

    fn norm_parameters(&self, list: &mut Vec<Parameter>, name: &str) {
        list.push(Parameter::vector(format!("{name}.gain"), self.hidden_size, Initial::Ones));
        if self.norm == Norm::Layer {
            list.push(Parameter::vector(format!("{name}.bias"), self.hidden_size, Initial::Zeros));
        }
    }

    pub(super) fn record_loss(
        &self,
        graph: &mut Graph,
        parameters: &[NodeId],
        context: &RecordContext,
    ) -> Result<Recorded, EngineError> {
        let rows = context.batch * self.sequence_length;
        let tokens = graph.input("tokens", &[rows]);
        let logits = self.logits(graph, parameters, tokens, context)?;
        classification(graph, tokens, logits, rows, context.smoothing)
    }

    /// Logits of every position, `[batch * sequence_length, vocab_size]`.
    ///
    /// # Errors
    /// [`EngineError::Shape`] where sizes do not fit each other.
    pub fn logits(
        &self,
        graph: &mut Graph,
        parameters: &[NodeId],
        tokens: NodeId,
        context: &RecordContext,
    ) -> Result<NodeId, EngineError> {
        let mut taker = Taker::new(parameters);
        let (batch, length, d) = (context.batch, self.sequence_length, self.hidden_size);
        let table = taker.next()?;
        let mut x = graph.gather_rows(table, tokens)?;
        if self.positions == Positions::Learned {
            let positions = taker.next()?;
            let split = graph.reshape(x, &[batch, length, d])?;
            let sum = graph.add(split, positions)?;
            x = graph.reshape(sum, &[batch * length, d])?;
        }
        for block in 0..self.num_hidden_layers {
            graph.set_block(block as u16 + 1);
            x = self.block(graph, &mut taker, x, context, block as u32)?;
        }
        graph.set_block(0);
        let x = self.normalised(graph, &mut taker, x)?;
        if self.tie_word_embeddings {
            graph.matmul(x, table, false, true)
        } else {
            let head = taker.next()?;
            graph.matmul(x, head, false, false)
        }
    }

    fn block(
        &self,
        graph: &mut Graph,
        taker: &mut Taker<'_>,
        x: NodeId,
        context: &RecordContext,
        number: u32,
    ) -> Result<NodeId, EngineError> {
        let normed = self.normalised(graph, taker, x)?;
        let qkv = self.linear(graph, taker, normed)?;
        let mixed = self.attend(graph, qkv, context.batch)?;
        let out = self.linear(graph, taker, mixed)?;
        let out = dropped(graph, out, context, number * 2);
        let x = graph.add(x, out)?;
        let normed = self.normalised(graph, taker, x)?;
        let hidden = match self.activation {
            Activation::Gelu => {
                let up = self.linear(graph, taker, normed)?;
                graph.gelu(up)
            }
            Activation::SwiGlu => {
                let gate = self.linear(graph, taker, normed)?;
                let up = self.linear(graph, taker, normed)?;
                graph.swiglu(gate, up)?
            }
        };
        let down = self.linear(graph, taker, hidden)?;
        let down = dropped(graph, down, context, number * 2 + 1);
        graph.add(x, down)
    }

    fn attend(&self, graph: &mut Graph, qkv: NodeId, batch: usize) -> Result<NodeId, EngineError> {
        let (length, head_dim) = (self.sequence_length, self.head_dim());
        let (heads, kv_heads) = (self.num_attention_heads, self.num_key_value_heads);
        let mut parts = vec![];
        let mut begin = 0;
        for heads in [heads, kv_heads, kv_heads] {
            let part = graph.slice(qkv, 1, begin, heads * head_dim)?;
            parts.push(graph.reshape(part, &[batch, length, heads, head_dim])?);
            begin += heads * head_dim;
        }
        let &[mut q, mut k, v] = parts.as_slice() else {
            return Err(EngineError::Shape { message: "q, k and v".into() });
        };
        if self.positions == Positions::Rotary {
            q = graph.rope(q, 10_000.0)?;
            k = graph.rope(k, 10_000.0)?;
        }
        let mixed = graph.attention(q, k, v, true)?;
        graph.reshape(mixed, &[batch * length, heads * head_dim])
    }

    fn linear(&self, graph: &mut Graph, taker: &mut Taker<'_>, x: NodeId) -> Result<NodeId, EngineError> {
        let weight = taker.next()?;
        let bias = if self.has_bias { Some(taker.next()?) } else { None };
        graph.linear(x, weight, bias)
    }

    fn normalised(&self, graph: &mut Graph, taker: &mut Taker<'_>, x: NodeId) -> Result<NodeId, EngineError> {
        let gain = taker.next()?;
        match self.norm {
            Norm::Layer => {
                let bias = taker.next()?;
                layer_norm(graph, x, gain, bias)
            }
            Norm::Rms => {
                let y = graph.rms_normalize(x, EPSILON);
                graph.multiply(y, gain)
            }
        }
    }
}

/// Layer normalisation with gain and bias.
pub(super) fn layer_norm(
    graph: &mut Graph,
    x: NodeId,
    gain: NodeId,
    bias: NodeId,
) -> Result<NodeId, EngineError> {
    let y = graph.layer_normalize(x, EPSILON);
    let y = graph.multiply(y, gain)?;
    graph.add(y, bias)
}

/// A table of vectors, uniform in plus or minus 0.05, without decay.
fn embedding(name: &str, rows: usize, columns: usize) -> Parameter {
    Parameter {
        name: name.into(),
        shape: vec![rows, columns],
        initial: Initial::Uniform(0.05),
        decays: false,
    }
}

/// Dropout of one place of the model, where there is any.
pub(super) fn dropped(graph: &mut Graph, x: NodeId, context: &RecordContext, place: u32) -> NodeId {
    if context.dropout > 0.0 {
        graph.dropout(x, context.counter, context.dropout, [context.seed, place])
    } else {
        x
    }
}
