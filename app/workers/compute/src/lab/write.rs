//! A GPT writes: token by token, each drawn from the logits at the last position.

use super::{Flags, settings::Writing};
use engine::{
    EngineError,
    datasets::text::Tokenizer,
    models::Model,
    platform::yield_now,
    random::Stream,
    training::{Forward, Where, next_token},
};

/// Stream of the draws; batches and weights use others.
const DRAWS: u32 = 0x2000_0000;

/// A GPT with a forward pass of one sequence, on the CPU: no queueing behind training on the GPU.
#[derive(Debug)]
pub struct Writer {
    forward: Forward,
    sequence_length: usize,
}

impl Writer {
    /// Compiles it; `None` for a model that does not write.
    pub async fn new(model: &Model) -> Result<Option<Self>, EngineError> {
        let Model::Gpt(gpt) = model else { return Ok(None) };
        let forward = Forward::new(model, 1, &Where::Cpu).await?;
        Ok(Some(Self { forward, sequence_length: gpt.sequence_length }))
    }

    /// What the model writes after a prompt. It sees its last `sequence_length` tokens.
    pub async fn write(
        &mut self,
        flags: &Flags,
        tokenizer: &Tokenizer,
        parameters: &[f32],
        writing: &Writing,
    ) -> Result<String, EngineError> {
        self.forward.set_parameters(parameters)?;
        let mut tokens = tokenizer.encode(writing.prompt.as_bytes());
        if tokens.is_empty() {
            // Texts begin after a line end.
            tokens = tokenizer.encode(b"\n");
        }
        let begin = tokens.len();
        let stream = Stream::new(writing.seed, DRAWS);
        for index in 0..writing.tokens as u32 {
            let from = tokens.len().saturating_sub(self.sequence_length);
            let mut window = tokens.get(from..).unwrap_or_default().to_vec();
            let last = window.len().saturating_sub(1);
            // Attention is causal: what stands after the last token changes nothing before it.
            window.resize(self.sequence_length, 0);
            self.forward.run(&window, &window).await?;
            let logits = self.forward.logits().await?;
            let width = logits.len() / self.sequence_length;
            let row = logits.get(last * width..(last + 1) * width).unwrap_or_default();
            tokens.push(next_token(row, writing.temperature, writing.top_k, stream.uniform(index)));
            yield_now().await;
            if flags.is_stopped() {
                break;
            }
        }
        Ok(tokenizer.decode(tokens.get(begin..).unwrap_or_default()))
    }
}
