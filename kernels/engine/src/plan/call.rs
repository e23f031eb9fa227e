//! What a plan is made of: kernel calls over ranges of the arena.

use crate::{
    EngineError,
    graph::{AttentionShape, NodeId},
};
use shaders::{KernelId, program::MapKernel};
use std::rc::Rc;

/// A range of the arena, in words of 4 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Span {
    /// First word.
    pub offset: usize,
    /// Words.
    pub words: usize,
}

impl Span {
    /// As a range of words.
    #[must_use]
    pub const fn range(self) -> std::ops::Range<usize> {
        self.offset..self.offset + self.words
    }

    /// Some words of it.
    ///
    /// # Errors
    /// [`EngineError::Shape`] where they are not all in it.
    pub fn part(self, words: std::ops::Range<usize>) -> Result<Self, EngineError> {
        if words.start > words.end || words.end > self.words {
            let message = format!("words {words:?} of a span of {}", self.words);
            return Err(EngineError::Shape { message });
        }
        Ok(Self { offset: self.offset + words.start, words: words.len() })
    }
}

/// `product[b, m, n] = sum over k of op(lhs)[b, m, k] op(rhs)[b, k, n]`, with what follows each element of it. How it
/// is computed is the backend's choice: the GPU picks a measured variant, the CPU packs and multiplies.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Product {
    /// Rows of the result.
    pub m: usize,
    /// Columns of the result.
    pub n: usize,
    /// Terms of a sum.
    pub k: usize,
    /// Products over equally many slices of each operand; 1 for a plain product.
    pub batch: usize,
    /// lhs is k x m.
    pub transpose_lhs: bool,
    /// rhs is n x k.
    pub transpose_rhs: bool,
    /// The sum over k is made in this many parts, each a slice of the result: `[splits, batch, m, n]`.
    pub splits: usize,
    /// Adds to the result instead of replacing it.
    pub accumulate: bool,
    /// Applied to each element (the program's input 0) before it is written; its other inputs are buffers after the
    /// result, reached by the element's index; it is written over input 0. Only with one split and without `accumulate`.
    pub epilogue: Option<Rc<MapKernel>>,
}

impl Product {
    /// Multiplications and additions.
    #[must_use]
    pub fn flops(&self) -> f64 {
        2.0 * self.batch as f64 * self.m as f64 * self.n as f64 * self.k as f64
    }

    /// Terms of one part of the sum, whole fours where there are several.
    #[must_use]
    pub fn split_length(&self) -> usize {
        if self.splits > 1 { self.k.div_ceil(self.splits).next_multiple_of(4) } else { self.k.max(1) }
    }
}

/// What a call runs.
#[derive(Debug, Clone, PartialEq)]
pub enum Kernel {
    /// A kernel with a file; `head_quads` is a quarter of the head dimension where it is attention, else 0.
    Fixed {
        /// Which.
        id: KernelId,
        /// Size of its register arrays.
        head_quads: u32,
    },
    /// A generated elementwise kernel over so many elements.
    Map {
        /// Program, accesses, targets.
        kernel: Rc<MapKernel>,
        /// Elements of the result.
        elements: usize,
    },
    /// A product; buffers are lhs, rhs, result, and the epilogue's.
    Product(Rc<Product>),
    /// Attention forward in one go, on the CPU: q, k, v, o, lse.
    Attention(AttentionShape),
    /// Attention backward in one go, on the CPU: q, k, v, o, lse, o_grad, q_grad, k_grad, v_grad.
    AttentionGrad(AttentionShape),
}

impl Kernel {
    /// Name for tables and traces.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fixed { id, .. } => id.kernel().name,
            Self::Map { .. } => "map",
            Self::Product(product) if product.epilogue.is_some() => "product+epilogue",
            Self::Product(_) => "product",
            Self::Attention(_) => "attention",
            Self::AttentionGrad(_) => "attention_grad",
        }
    }
}

/// One kernel call.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Kernel.
    pub kernel: Kernel,
    /// Words of its uniform; empty where the backend makes it.
    pub uniform: Vec<u32>,
    /// Its storage buffers, in the order of its bindings.
    pub buffers: Vec<Span>,
    /// Workgroups to dispatch; zeros where the backend chooses.
    pub workgroups: [u32; 3],
    /// Floating-point (or integer) operations.
    pub flops: f64,
    /// Bytes of the buffers it touches, each once.
    pub bytes: f64,
    /// The node it serves.
    pub node: NodeId,
}
