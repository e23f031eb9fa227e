//! The run that is kept in the browser: what a checkpoint holds besides the session's own state, saving, finding,
//! going on, export and import.

use super::{
    Flags, Trouble,
    data::File,
    events::{Evaluation, Event, Kept},
    settings::{Fields, Settings},
    store::BrowserStore,
};
use crate::BUILD_ID;
use engine::{
    backends::gpu::TuneTable,
    checkpoint::{
        Checkpoint, CheckpointHead,
        generations::{Generations, GenerationsError, Store},
    },
    datasets::text::Tokenizer,
    training::Session,
};
use std::{cell::RefCell, rc::Rc};

const RUN: &str = "run";
const EVALUATIONS: &str = "evaluations";
const TOKENIZER: &str = "tokenizer";
const TEXT: &str = "text";
const TEXT_NAME: &str = "text_name";
/// A head has at most 64 KiB; tile choices that would fill it are measured again instead.
const LARGEST_TUNING_BYTES: usize = 32 << 10;

/// What belongs to a run besides its session.
#[derive(Debug)]
pub struct Belongings<'a> {
    /// Settings.
    pub settings: &'a Settings,
    /// Model in words.
    pub model: &'a str,
    /// "cpu" or "gpu".
    pub backend: &'a str,
    /// Seconds of training so far.
    pub seconds: f64,
    /// Kernels chosen by measuring.
    pub tuning: TuneTable,
    /// Measurements so far.
    pub evaluations: &'a [Evaluation],
    /// Text with its name and tokenizer.
    pub text: Option<(&'a str, &'a [u8], &'a Tokenizer)>,
}

/// Saves and finds the run. One run is kept at a time.
#[derive(Debug, Default)]
pub struct Keeper {
    store: RefCell<Option<BrowserStore>>,
    /// The newest checkpoint, where the storage did not take it.
    unsaved: RefCell<Option<Rc<Checkpoint>>>,
}

/// A checkpoint that was found, and the damaged files before it.
type Found = (Rc<Checkpoint>, Vec<String>);

impl Keeper {
    async fn store(&self) -> Result<BrowserStore, String> {
        if let Some(store) = self.store.borrow().as_ref() {
            return Ok(store.clone());
        }
        let store = BrowserStore::open().await.map_err(|error| error.what)?;
        self.store.replace(Some(store.clone()));
        Ok(store)
    }

    async fn generations(&self) -> Result<Generations<BrowserStore>, String> {
        Ok(Generations::new(self.store().await?, RUN))
    }

    /// Saves the last snapshot of a session; training goes on where the storage fails, and the page is told.
    pub async fn save(&self, flags: &Flags, session: &Session, belongings: &Belongings<'_>) {
        let checkpoint = Rc::new(checkpoint(session, belongings));
        let step = session.snapshot().step;
        let bytes = checkpoint.blobs.iter().map(|(_, words)| words.len() * 4).sum();
        let saved = match self.generations().await {
            Ok(generations) => generations.save(&checkpoint).await.map_err(|error| error.to_string()),
            Err(message) => Err(message),
        };
        match saved {
            Ok(generation) => {
                self.unsaved.replace(None);
                flags.post(&Event::Saved { step, bytes, generation });
            }
            Err(message) => {
                self.unsaved.replace(Some(checkpoint));
                flags.post(&Event::Unsaved { message });
            }
        }
    }

    async fn find(&self) -> Result<Option<Found>, String> {
        if let Some(checkpoint) = self.unsaved.borrow().as_ref() {
            return Ok(Some((Rc::clone(checkpoint), vec![])));
        }
        let loaded = match self.generations().await?.load_latest().await {
            Ok(loaded) => loaded,
            Err(GenerationsError::Checkpoint(error)) => {
                return Err(format!("a run was kept, but none of its files is whole ({error})"));
            }
            Err(error) => return Err(error.to_string()),
        };
        Ok(loaded.map(|loaded| {
            let skipped = loaded.skipped.iter().map(|(name, error)| format!("{name}: {error}")).collect();
            (Rc::new(loaded.checkpoint), skipped)
        }))
    }

    /// Says which run is kept.
    pub async fn look(&self) -> Event {
        match self.find().await {
            Ok(found) => {
                let kept = found.map(|(checkpoint, skipped)| kept(&checkpoint.head, skipped));
                Event::Found { kept, problem: None }
            }
            Err(message) => Event::Found { kept: None, problem: Some(message) },
        }
    }

    /// What a run needs to go on: its settings, its text, its checkpoint. `rate`, where it is given, replaces the
    /// learning rate.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub async fn take_up(
        &self,
        query: &str,
    ) -> Result<(Settings, Option<File>, Option<Rc<Checkpoint>>), Trouble> {
        let lost = |message: String| Trouble::new(sentence(&message), "Start a new run.");
        let (checkpoint, _) = self
            .find()
            .await
            .map_err(lost)?
            .ok_or_else(|| Trouble::new("No run is kept in this browser.", "Start a new run."))?;
        let mut kept_query = line(&checkpoint.head, 0).to_owned();
        let rate = Fields::of(query).word("rate").to_owned();
        if !rate.is_empty() {
            let others = kept_query.split('&').filter(|pair| !pair.starts_with("rate="));
            kept_query = others.chain([format!("rate={rate}").as_str()]).collect::<Vec<_>>().join("&");
        }
        let file = unpacked(&checkpoint, TEXT).map(|bytes| File {
            name: unpacked(&checkpoint, TEXT_NAME)
                .map_or_else(|| "The text".into(), |name| String::from_utf8_lossy(&name).into_owned()),
            bytes: Rc::new(bytes),
            tokenizer: unpacked(&checkpoint, TOKENIZER).and_then(|bytes| Tokenizer::from_bytes(&bytes).ok()),
        });
        Ok((Settings::of(&kept_query), file, Some(checkpoint)))
    }

    /// Removes the kept run.
    ///
    /// # Errors
    /// The storage failed.
    pub async fn discard(&self) -> Result<(), Trouble> {
        self.unsaved.replace(None);
        let Ok(generations) = self.generations().await else { return Ok(()) };
        let failed = |error: GenerationsError| Trouble::new(sentence(&error.to_string()), "Try again.");
        generations.clear().await.map_err(failed)
    }

    /// The kept run as a file.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub async fn export(&self) -> Result<(String, Vec<u8>), Trouble> {
        let failed = |message: String| Trouble::new(sentence(&message), "Train for a moment and try again.");
        let found = self.find().await.map_err(failed)?;
        let (checkpoint, _) = found.ok_or_else(|| failed("no run is kept in this browser".into()))?;
        let bytes = checkpoint.to_bytes().map_err(|error| failed(error.to_string()))?;
        let model = Fields::of(line(&checkpoint.head, 0)).word("model").to_owned();
        let model: String = model.chars().filter(char::is_ascii_alphanumeric).collect();
        Ok((format!("ridgepoint-{model}-step-{}.checkpoint", checkpoint.head.step), bytes))
    }

    /// Takes a file in as the kept run; what was kept before becomes the generation before.
    ///
    /// # Errors
    /// It is no checkpoint, or a damaged one; then nothing has changed.
    pub async fn import(&self, bytes: &[u8]) -> Result<(), Trouble> {
        let refused = |message: String| Trouble::new(sentence(&message), "Choose another file.");
        let checkpoint = Checkpoint::from_bytes(bytes).map_err(|error| refused(error.to_string()))?;
        match self.generations().await {
            Ok(generations) => {
                generations.save(&checkpoint).await.map_err(|error| refused(error.to_string()))?;
                self.unsaved.replace(None);
            }
            Err(_) => {
                self.unsaved.replace(Some(Rc::new(checkpoint)));
            }
        }
        Ok(())
    }

    /// What was measured on an adapter by this build.
    pub async fn tuning(&self, adapter: &str) -> Option<TuneTable> {
        let bytes = self.store().await.ok()?.read(&tuning_name(adapter)).await.ok()??;
        Some(TuneTable::from_text(&String::from_utf8(bytes).ok()?))
    }

    /// Keeps what was measured on an adapter; it can be measured again, so a failure is nobody's worry.
    pub async fn keep_tuning(&self, adapter: &str, table: &TuneTable) {
        let Ok(store) = self.store().await else { return };
        let name = tuning_name(adapter);
        for other in store.list().await.unwrap_or_default() {
            if other.starts_with("tuning.") && !other.ends_with(build_id()) {
                let _ = store.remove(&other).await;
            }
        }
        let _ = store.write(&name, table.to_text().as_bytes()).await;
    }
}

/// A file for each adapter and build.
fn tuning_name(adapter: &str) -> String {
    let digest = engine::training::digest(adapter.bytes().map(u32::from));
    format!("tuning.{digest}.{}", build_id())
}

/// An error of the storage as a sentence.
fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// Lines of a head's settings: the query, the backend, milliseconds since 1970, seconds of training.
fn line(head: &CheckpointHead, number: usize) -> &str {
    head.settings.lines().nth(number).unwrap_or_default()
}

/// The backend that a checkpoint was made on.
pub fn ran_on_gpu(head: &CheckpointHead) -> bool {
    line(head, 1) == "gpu"
}

/// Seconds of training before a checkpoint.
pub fn seconds_before(head: &CheckpointHead) -> f64 {
    line(head, 3).parse().ok().filter(|seconds: &f64| seconds.is_finite()).unwrap_or(0.0)
}

fn kept(head: &CheckpointHead, skipped: Vec<String>) -> Kept {
    let query = line(head, 0).to_owned();
    Kept {
        step: head.step,
        steps: Settings::of(&query).steps,
        saved_milliseconds: line(head, 2).parse().unwrap_or(0.0),
        model: head.model.clone(),
        query,
        other_build: (head.build_id != build_id()).then(|| head.build_id.clone()),
        skipped,
    }
}

fn checkpoint(session: &Session, belongings: &Belongings<'_>) -> Checkpoint {
    let Belongings { settings, model, backend, seconds, tuning, evaluations, text } = belongings;
    let tuning = tuning.to_text();
    let head = CheckpointHead {
        build_id: build_id().into(),
        model: (*model).into(),
        settings: format!("{}\n{backend}\n{}\n{seconds}", settings.query, js_sys::Date::now()),
        tuning: if tuning.len() > LARGEST_TUNING_BYTES { String::new() } else { tuning },
        ..CheckpointHead::default()
    };
    let mut checkpoint = session.checkpoint(head);
    let step = session.snapshot().step;
    let done = evaluations.iter().filter(|evaluation| evaluation.step <= step);
    let words = done.flat_map(|evaluation| {
        let accuracy = evaluation.accuracy.unwrap_or(f32::NAN);
        [evaluation.step, evaluation.loss.to_bits(), accuracy.to_bits()]
    });
    checkpoint.blobs.push((EVALUATIONS.into(), words.collect()));
    if let Some((name, bytes, tokenizer)) = text {
        checkpoint.blobs.push((TEXT_NAME.into(), packed(name.as_bytes())));
        checkpoint.blobs.push((TEXT.into(), packed(bytes)));
        checkpoint.blobs.push((TOKENIZER.into(), packed(&tokenizer.to_bytes())));
    }
    checkpoint
}

/// Measurements of a checkpoint.
pub fn evaluations(checkpoint: &Checkpoint) -> Vec<Evaluation> {
    let words = checkpoint.blob(EVALUATIONS).unwrap_or_default();
    let measurement = |&[step, loss, accuracy]: &[u32; 3]| {
        let accuracy = Some(f32::from_bits(accuracy)).filter(|value| !value.is_nan());
        Evaluation { step, loss: f32::from_bits(loss), accuracy }
    };
    words.as_chunks::<3>().0.iter().map(measurement).collect()
}

/// Bytes as words: their number, then four to a word.
fn packed(bytes: &[u8]) -> Vec<u32> {
    let mut words = vec![u32::try_from(bytes.len()).unwrap_or(u32::MAX)];
    words.extend(bytes.chunks(4).map(|chunk| {
        let mut word = [0; 4];
        word.iter_mut().zip(chunk).for_each(|(place, byte)| *place = *byte);
        u32::from_le_bytes(word)
    }));
    words
}

fn unpacked(checkpoint: &Checkpoint, name: &str) -> Option<Vec<u8>> {
    let (count, words) = checkpoint.blob(name)?.split_first()?;
    let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.truncate(*count as usize);
    Some(bytes)
}

/// The build's id, read as data: compiled into instructions it could not be changed in a module, which is how the
/// journeys make another build of this one.
fn build_id() -> &'static str {
    std::hint::black_box(BUILD_ID)
}
