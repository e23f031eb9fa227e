//! What a run reads: made with progress, in pieces that leave room for a stop.

use super::{
    Flags,
    events::Event,
    settings::{DataChoice, Settings},
};
use crate::context::Context;
use engine::{
    datasets::{
        Dataset, DatasetError, DigitGenerator,
        text::{BpeTrainer, TextDataset, Tokenizer, TokenizerChoice, read_text},
        toys::Toy,
    },
    models::Model,
    platform::{now_seconds, yield_now},
    training::{Examples, ImageExamples, PointExamples, TextExamples},
};
use std::rc::Rc;

/// A text of a visitor may have 4 MiB: it travels in every checkpoint.
pub const LARGEST_OWN_TEXT_BYTES: usize = 4 << 20;
/// Images drawn, and tokens learnt, between two yields.
const PIECE: usize = 100;
/// Points of the plane that training never sees.
const HELD_OUT_POINTS: usize = 512;

/// Data of a run.
#[derive(Debug, Clone)]
pub enum Data {
    /// Points: to train on, and held out.
    Plane {
        /// Training points.
        points: Rc<Vec<[f32; 2]>>,
        /// Their classes.
        labels: Rc<Vec<u32>>,
        /// Points that training never sees, and their classes.
        held_out: Rc<(Vec<[f32; 2]>, Vec<u32>)>,
    },
    /// Images.
    Digits(Rc<Dataset>),
    /// A text, and the bytes that it was made from.
    Text(Rc<TextDataset>, Rc<Vec<u8>>),
}

/// A file of the page.
#[derive(Debug, Clone)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: Rc<Vec<u8>>,
    /// The tokenizer of an earlier visit, so that it need not be learnt again.
    pub tokenizer: Option<Tokenizer>,
}

fn stopped() -> DatasetError {
    DatasetError {
        what: "Stopped before the data was ready.".into(),
        next: "Start again when you like.".into(),
    }
}

impl Data {
    /// Makes the data of a run.
    ///
    /// # Errors
    /// The text is missing, too large, too short or no text; or the visitor stopped it.
    pub async fn make(
        context: &Context,
        flags: &Flags,
        settings: &Settings,
        file: Option<File>,
    ) -> Result<Self, DatasetError> {
        match settings.data {
            DataChoice::Plane(toy, count, noise, seed) => Ok(Self::plane(toy, count, noise, seed)),
            DataChoice::Digits(seed) => digits(context, flags, seed).await.map(Self::Digits),
            DataChoice::Text(choice) => {
                let missing = || {
                    DatasetError {
                    what: "These settings read a text file, and none was given.".into(),
                    next: "Choose your file again, or the text that comes with this page. Links never carry files."
                        .into(),
                }
                };
                text(flags, choice, file.ok_or_else(missing)?).await
            }
        }
    }

    fn plane(toy: Toy, count: usize, noise: f32, seed: u32) -> Self {
        let (points, labels) = toy.points(count, noise, seed);
        // Another seed: points that training never sees.
        let held_out = toy.points(HELD_OUT_POINTS, noise, seed ^ 0x5eed_0001);
        Self::Plane { points: Rc::new(points), labels: Rc::new(labels), held_out: Rc::new(held_out) }
    }

    /// Tokens of the vocabulary; 0 where there is no text.
    pub fn vocab_size(&self) -> usize {
        match self {
            Self::Text(text, _) => text.tokenizer.vocab_size(),
            _ => 0,
        }
    }

    /// Batches for a run.
    ///
    /// # Errors
    /// The text is shorter than a sequence.
    pub fn examples(&self, model: &Model, seed: u32) -> Result<Box<dyn Examples>, DatasetError> {
        Ok(match (self, model) {
            (Self::Text(text, _), Model::Gpt(gpt)) => {
                let short = || DatasetError {
                    what: format!(
                        "The text has {} tokens to train on, and a sequence needs {}.",
                        text.train.len(),
                        gpt.sequence_length + 1
                    ),
                    next: "Choose shorter sequences or a longer text.".into(),
                };
                let examples = TextExamples::new(Rc::clone(text), seed, gpt.sequence_length);
                Box::new(examples.ok_or_else(short)?)
            }
            (Self::Text(..), _) => return Err(stopped()),
            (Self::Digits(dataset), _) => Box::new(ImageExamples::new(Rc::new(dataset.train.clone()), seed)),
            (Self::Plane { points, labels, .. }, _) => {
                Box::new(PointExamples::new(Rc::clone(points), Rc::clone(labels), seed))
            }
        })
    }

    /// What was decided while making it.
    pub fn notes(&self) -> Vec<String> {
        match self {
            Self::Plane { .. } => vec![],
            Self::Digits(dataset) => dataset.notes.clone(),
            Self::Text(text, _) => {
                let mut notes = text.notes.clone();
                notes.push(format!(
                    "{}: {} tokens to train on and {} held out, {} tokens in the vocabulary, {:.2} bytes a token.",
                    text.name,
                    text.train.len(),
                    text.held_out.len(),
                    text.tokenizer.vocab_size(),
                    text.text_bytes[0] as f64 / text.train.len().max(1) as f64
                ));
                notes
            }
        }
    }
}

/// Tells what is done at most ten times a second, and stops where the visitor said so.
struct Teller<'a> {
    flags: &'a Flags,
    told: f64,
}

impl Teller<'_> {
    async fn tell(&mut self, what: impl FnOnce() -> String) -> Result<(), DatasetError> {
        if now_seconds() - self.told > 0.1 {
            self.flags.post(&Event::Progress { what: what() });
            self.told = now_seconds();
        }
        yield_now().await;
        if self.flags.is_stopped() { Err(stopped()) } else { Ok(()) }
    }
}

/// The drawn digits of a seed; made once.
async fn digits(context: &Context, flags: &Flags, seed: u32) -> Result<Rc<Dataset>, DatasetError> {
    if let Some((have, dataset)) = context.drawn.borrow().as_ref()
        && *have == seed
    {
        return Ok(Rc::clone(dataset));
    }
    let mut generator = DigitGenerator::new(seed);
    let mut teller = Teller { flags, told: f64::NEG_INFINITY };
    while generator.generate(PIECE) > 0 {
        let (done, total) = generator.progress();
        teller.tell(|| format!("Drawing digits: {done} of {total}")).await?;
    }
    let dataset = Rc::new(generator.finish());
    context.drawn.replace(Some((seed, Rc::clone(&dataset))));
    Ok(dataset)
}

async fn text(flags: &Flags, choice: TokenizerChoice, file: File) -> Result<Data, DatasetError> {
    if file.bytes.len() > LARGEST_OWN_TEXT_BYTES {
        return Err(DatasetError {
            what: format!(
                "The text has {:.1} MiB; at most 4 MiB can be read here.",
                file.bytes.len() as f64 / 1_048_576.0
            ),
            next: "Choose a shorter text.".into(),
        });
    }
    let (words, notes) = read_text(&file.name, &file.bytes)?;
    let tokenizer = match (file.tokenizer, choice) {
        (Some(tokenizer), _) => tokenizer,
        (None, TokenizerChoice::Byte) => Tokenizer::Byte,
        (None, TokenizerChoice::Bpe { vocab_size }) => {
            let mut teller = Teller { flags, told: f64::NEG_INFINITY };
            teller.tell(|| "Counting pairs of bytes".into()).await?;
            let sample = TextDataset::training_part(&words).as_bytes();
            let mut trainer = BpeTrainer::new(sample, vocab_size);
            let mut learnt = 256;
            while trainer.advance(PIECE / 4) {
                learnt += PIECE / 4;
                teller.tell(|| format!("Learning tokens: {learnt} of {vocab_size}")).await?;
            }
            Tokenizer::Bpe(trainer.finish()?)
        }
    };
    flags.post(&Event::Progress { what: "Turning the text into tokens".into() });
    yield_now().await;
    let dataset = TextDataset::with_tokenizer(&file.name, &words, tokenizer)?;
    Ok(Data::Text(Rc::new(TextDataset { notes, ..dataset }), file.bytes))
}
