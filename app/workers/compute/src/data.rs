//! Making or reading the training data.

use crate::context::Context;
use engine::{
    datasets::{Dataset, DigitGenerator, load_files},
    platform,
};
use protocol::{DataSource, DataSummary, Event, JobId, WorkerError};
use std::rc::Rc;

/// Images shown as a preview.
const PREVIEW: usize = 30;
/// Images drawn between two yields; a few milliseconds of work.
const DRAWN_AT_A_TIME: usize = 100;

/// Answers [`protocol::Command::LoadData`].
pub async fn load(
    context: &Rc<Context>,
    job: JobId,
    source: DataSource,
    buffers: Vec<Vec<u8>>,
) -> Result<(), WorkerError> {
    let begin = platform::now_seconds();
    let dataset = match &source {
        DataSource::Drawn { seed } => draw(context, job, *seed).await?,
        DataSource::Files { names } => {
            context.progress(job, "Reading files", None);
            let files: Vec<_> = names.iter().cloned().zip(buffers).collect();
            let dataset = load_files(&files).map_err(|error| WorkerError {
                what: error.what,
                kept: "The data set and the model that were here before are unchanged.".into(),
                next: error.next,
            })?;
            let dataset = Rc::new(dataset);
            context.files.replace(Some(Rc::clone(&dataset)));
            dataset
        }
    };
    let shown = PREVIEW.min(dataset.train.len());
    let summary = DataSummary {
        name: dataset.name.clone(),
        train_count: count(dataset.train.len()),
        held_out_count: count(dataset.held_out.len()),
        class_count: count(engine::models::CLASSES),
        preview_labels: dataset.train.labels.iter().take(shown).copied().collect(),
        elapsed_seconds: platform::now_seconds() - begin,
        notes: dataset.notes.clone(),
    };
    let pixels = dataset.train.pixels.iter().take(shown * engine::models::IMAGE_PIXELS).copied().collect();
    context.post(job, &Event::DataReady { job, summary }, vec![pixels]);
    Ok(())
}

/// The drawn data set of a seed; made once.
pub async fn draw(context: &Rc<Context>, job: JobId, seed: u32) -> Result<Rc<Dataset>, WorkerError> {
    if let Some((have, dataset)) = context.drawn.borrow().as_ref()
        && *have == seed
    {
        return Ok(Rc::clone(dataset));
    }
    let mut generator = DigitGenerator::new(seed);
    let mut told = f64::NEG_INFINITY;
    while generator.generate(DRAWN_AT_A_TIME) > 0 {
        if platform::now_seconds() - told > 0.1 {
            let (done, total) = generator.progress();
            context.progress(job, "Drawing digits", Some(done as f32 / total as f32));
            told = platform::now_seconds();
        }
        platform::yield_now().await;
        if context.is_cancelled(job) {
            return Err(WorkerError {
                what: "Stopped while drawing digits.".into(),
                kept: "The model that was here before is unchanged.".into(),
                next: "Start again when you like.".into(),
            });
        }
    }
    let dataset = Rc::new(generator.finish());
    context.drawn.replace(Some((seed, Rc::clone(&dataset))));
    Ok(dataset)
}

/// As the protocol counts.
pub fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
