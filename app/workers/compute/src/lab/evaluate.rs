//! Measurements on held-out data, and what each kind of model has to show: a boundary, reconstructions, a confusion.

use super::{
    Flags,
    data::Data,
    events::{Evaluation, Event},
};
use engine::{
    EngineError,
    datasets::{Split, text::IGNORED_TARGET, toys},
    models::{CLASSES, IMAGE_PIXELS, Model},
    training::{Forward, Where, argmax_index, softmax},
};

/// Images, and points, of one run.
const IMAGES: usize = 100;
const POINTS: usize = 512;
/// Batches of text between two stretches of training; the last measurement reads up to all of it.
const TEXT_BATCHES: usize = 16;
const TEXT_BATCHES_AT_THE_END: usize = 400;
/// Cells a side of the picture of a boundary.
pub const SIDE: usize = 64;
/// Images that an autoencoder shows.
const SHOWN: usize = 10;

/// The forward pass of a run's model.
#[derive(Debug)]
pub struct Evaluator {
    forward: Forward,
    batch: usize,
    sequence_length: usize,
}

/// Sums over rows.
#[derive(Debug, Default)]
struct Sums {
    loss: f64,
    matches: f64,
    rows: usize,
    is_unlabelled: bool,
}

impl Evaluator {
    /// Compiles it.
    pub async fn new(model: &Model, batch: usize, place: &Where) -> Result<Self, EngineError> {
        let (batch, sequence_length) = match model {
            Model::Gpt(gpt) => (batch, gpt.sequence_length),
            Model::Toy(_) => (POINTS, 0),
            _ => (IMAGES, 0),
        };
        Ok(Self { forward: Forward::new(model, batch, place).await?, batch, sequence_length })
    }

    /// Measures parameters on held-out data and shows what there is to show.
    pub async fn evaluate(
        &mut self,
        flags: &Flags,
        data: &Data,
        parameters: &[f32],
        step: u32,
        is_last: bool,
    ) -> Result<Evaluation, EngineError> {
        self.forward.set_parameters(parameters)?;
        let sums = match data {
            Data::Plane { held_out, .. } => {
                let sums = self.points(&held_out.0, &held_out.1).await?;
                self.boundary(flags, parameters, step).await?;
                sums
            }
            Data::Digits(dataset) => self.images(flags, &dataset.held_out, step).await?,
            Data::Text(text, _) => {
                let most = if is_last { TEXT_BATCHES_AT_THE_END } else { TEXT_BATCHES };
                let mut sums = Sums::default();
                for (inputs, targets) in text.held_out_batches(self.batch, self.sequence_length).take(most) {
                    let (loss, matches) = self.forward.run(&inputs, &targets).await?;
                    let rows = targets.iter().filter(|target| **target != IGNORED_TARGET).count();
                    sums.add(loss, matches, targets.len(), rows);
                    engine::platform::yield_now().await;
                }
                sums
            }
        };
        let rows = sums.rows.max(1) as f64;
        let evaluation = Evaluation {
            step,
            loss: (sums.loss / rows) as f32,
            accuracy: (!sums.is_unlabelled).then_some((sums.matches / rows) as f32),
        };
        flags.post(&Event::Evaluated { evaluation });
        Ok(evaluation)
    }

    async fn points(&mut self, points: &[[f32; 2]], labels: &[u32]) -> Result<Sums, EngineError> {
        let mut sums = Sums::default();
        for (points, labels) in points.chunks(self.batch).zip(labels.chunks(self.batch)) {
            let mut words: Vec<u32> = points.iter().flatten().map(|value| value.to_bits()).collect();
            let mut targets = labels.to_vec();
            words.resize(self.batch * 2, 0);
            targets.resize(self.batch, IGNORED_TARGET);
            let (loss, matches) = self.forward.run(&words, &targets).await?;
            sums.add(loss, matches, self.batch, labels.len());
        }
        Ok(sums)
    }

    /// Shows which class each cell of the plane falls into.
    pub async fn boundary(
        &mut self,
        flags: &Flags,
        parameters: &[f32],
        step: u32,
    ) -> Result<(), EngineError> {
        self.forward.set_parameters(parameters)?;
        let mut bytes = Vec::with_capacity(SIDE * SIDE * 2);
        let ignored = vec![IGNORED_TARGET; self.batch];
        for cells in toys::grid(SIDE).chunks(self.batch) {
            let mut words: Vec<u32> = cells.iter().flatten().map(|value| value.to_bits()).collect();
            words.resize(self.batch * 2, 0);
            self.forward.run(&words, &ignored).await?;
            let logits = self.forward.logits().await?;
            for row in logits.chunks(logits.len() / self.batch).take(cells.len()) {
                let class = argmax_index(row);
                let share = softmax(row).get(class).copied().unwrap_or(0.0);
                bytes.extend([class as u8, (share * 255.0) as u8]);
            }
        }
        flags.post_with(&Event::Boundary { step, side: SIDE }, &bytes);
        Ok(())
    }

    async fn images(&mut self, flags: &Flags, split: &Split, step: u32) -> Result<Sums, EngineError> {
        let mut sums = Sums::default();
        let mut counts = vec![0_u32; CLASSES * CLASSES];
        let batches = split.pixels.chunks(self.batch * IMAGE_PIXELS).zip(split.labels.chunks(self.batch));
        for (number, (pixels, labels)) in batches.enumerate() {
            let mut words: Vec<u32> =
                pixels.iter().map(|pixel| (f32::from(*pixel) * (1.0 / 255.0)).to_bits()).collect();
            words.resize(self.batch * IMAGE_PIXELS, 0);
            let mut targets: Vec<u32> = labels.iter().copied().map(u32::from).collect();
            targets.resize(self.batch, IGNORED_TARGET);
            let (loss, matches) = self.forward.run(&words, &targets).await?;
            let logits = self.forward.logits().await?;
            let width = logits.len() / self.batch;
            if width == IMAGE_PIXELS {
                // An autoencoder has no labels to leave rows out by: its last, smaller batch counts whole.
                sums.add(loss, 0.0, self.batch, self.batch);
                sums.is_unlabelled = true;
                if number == 0 {
                    reconstructions(flags, step, pixels, &logits);
                }
                continue;
            }
            sums.add(loss, matches, self.batch, labels.len());
            for (row, label) in logits.chunks(width).zip(labels) {
                let place = usize::from(*label) * CLASSES + argmax_index(row);
                if let Some(count) = counts.get_mut(place) {
                    *count += 1;
                }
            }
            engine::platform::yield_now().await;
        }
        if counts.iter().any(|count| *count > 0) {
            flags.post(&Event::Confusion { step, counts });
        }
        Ok(sums)
    }
}

impl Sums {
    /// A batch: mean loss over all of its rows, of which only some count (the others have a loss of 0).
    fn add(&mut self, mean_loss: f32, matches: f32, all: usize, counted: usize) {
        self.loss += f64::from(mean_loss) * all as f64;
        self.matches += f64::from(matches);
        self.rows += counted;
    }
}

fn reconstructions(flags: &Flags, step: u32, pixels: &[u8], outputs: &[f32]) {
    let count = SHOWN.min(pixels.len() / IMAGE_PIXELS);
    let words = count * IMAGE_PIXELS;
    let mut bytes: Vec<u8> = pixels.iter().take(words).copied().collect();
    bytes.extend(outputs.iter().take(words).map(|value| (value.clamp(0.0, 1.0) * 255.0) as u8));
    flags.post_with(&Event::Reconstructions { step, count }, &bytes);
}
