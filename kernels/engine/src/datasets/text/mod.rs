//! Text to learn from: tokenizers that need no download, and texts divided into what is trained on and what is
//! held out.

mod bpe;
mod dataset;
mod file;
mod pairs;
mod split;
mod tokenizer;
mod trainer;

pub use bpe::{Bpe, BpeEncoder, LARGEST_BPE_VOCAB, SMALLEST_BPE_VOCAB};
pub use dataset::{HeldOutBatches, IGNORED_TARGET, TextDataset};
pub use file::{LARGEST_TEXT_BYTES, read as read_text};
pub use tokenizer::{Tokenizer, TokenizerChoice};
pub use trainer::{BpeTrainer, LARGEST_BPE_SAMPLE_BYTES};
