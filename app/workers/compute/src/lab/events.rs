//! What the laboratory tells its page: `{ lab, id, .. }`, sometimes with bytes.

use js_sys::{Array, Reflect, Uint8Array};
use serde::Serialize;
use wasm_bindgen::JsCast;
use web_sys::DedicatedWorkerGlobalScope;

/// A step of the loss curve: step, loss, accuracy, norm of the gradients, learning rate.
pub type Row = [f64; 5];

/// A measurement on data that training never sees.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Evaluation {
    /// Steps done.
    pub step: u32,
    /// Mean loss.
    pub loss: f32,
    /// Share read rightly, 0 to 1; not there for an autoencoder.
    pub accuracy: Option<f32>,
}

/// A run that is kept in the browser.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Kept {
    /// Steps done.
    pub step: u64,
    /// Steps of the whole run.
    pub steps: u32,
    /// When it was saved, in milliseconds since 1970.
    pub saved_milliseconds: f64,
    /// Model in words.
    pub model: String,
    /// Its settings, as the page sent them.
    pub query: String,
    /// Build that saved it, where it is not this one.
    pub other_build: Option<String>,
    /// Newer files that were damaged, in words.
    pub skipped: Vec<String>,
}

/// Everything that the page is told.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "lab", rename_all = "snake_case")]
pub enum Event {
    /// Something takes a while.
    Progress {
        /// In words.
        what: String,
    },
    /// A run begins, or goes on.
    Started {
        /// "cpu" or "gpu".
        backend: &'static str,
        /// Why this backend.
        reason: String,
        /// Trainable values.
        parameters: usize,
        /// Step that it begins with.
        step: u32,
        /// Steps of the whole run.
        steps: u32,
        /// Bytes of the plan.
        plan_bytes: u64,
        /// What a rate counts: "tokens", "images", "points".
        unit: &'static str,
        /// Loss curve so far.
        points: Vec<Row>,
        /// Measurements so far.
        evaluations: Vec<Evaluation>,
        /// What was decided on the way, in sentences.
        notes: Vec<String>,
        /// Settings of the run, as the page sent them.
        query: String,
        /// Points of the plane with their classes, three values a point.
        plane: Vec<f32>,
    },
    /// Steps were done.
    Steps {
        /// New points.
        points: Vec<Row>,
        /// Tokens or examples a second.
        per_second: f64,
        /// Seconds to go at this rate.
        remaining_seconds: f64,
    },
    /// Held-out data was measured.
    Evaluated {
        /// What came out.
        evaluation: Evaluation,
    },
    /// Classes over the plane: a byte of class and a byte of confidence a cell, from the top left.
    Boundary {
        /// Steps done.
        step: u32,
        /// Cells a side.
        side: usize,
    },
    /// Images and what the autoencoder makes of them: `count` images of 784 bytes, then as many reconstructions.
    Reconstructions {
        /// Steps done.
        step: u32,
        /// Images.
        count: usize,
    },
    /// True class by read class.
    Confusion {
        /// Steps done.
        step: u32,
        /// 100 counts, row by row.
        counts: Vec<u32>,
    },
    /// A text that the model wrote.
    Sample {
        /// Steps done.
        step: u32,
        /// What it was given.
        prompt: String,
        /// What it wrote.
        text: String,
    },
    /// A pause was heard; the steps that are under way are brought to an end.
    Pausing,
    /// The run is held.
    Paused {
        /// Steps done.
        step: u32,
    },
    /// It goes on.
    Resumed,
    /// A stop was heard; what is running is brought to an end and kept.
    Stopping,
    /// The run is over before its end; it can go on from its checkpoint.
    Stopped {
        /// Steps done.
        step: u32,
    },
    /// A checkpoint is in the browser's storage.
    Saved {
        /// Steps done.
        step: u32,
        /// Size of the file.
        bytes: usize,
        /// Its number.
        generation: u64,
    },
    /// The storage does not take checkpoints; training goes on.
    Unsaved {
        /// In words.
        message: String,
    },
    /// The GPU was lost and the run goes on.
    Recovered {
        /// The browser's words.
        cause: String,
        /// Step that it goes on from.
        step: u32,
        /// "cpu" or "gpu".
        backend: &'static str,
    },
    /// The last step is done.
    Finished {
        /// Steps done.
        step: u32,
        /// It ended because held-out loss no longer fell: the step of the best measurement.
        best_step: Option<u32>,
        /// Digest of the loss curve.
        loss_digest: String,
        /// Digest of the weights.
        weights_digest: String,
        /// Seconds of training.
        seconds: f64,
    },
    /// A run that is kept, if there is one.
    Found {
        /// It.
        kept: Option<Kept>,
        /// What is wrong with the storage or with what is in it.
        problem: Option<String>,
    },
    /// The kept run as a file; the bytes come with it.
    File {
        /// Its name.
        name: String,
    },
    /// It cannot be done.
    Failed {
        /// What happened.
        what: String,
        /// What is still there.
        kept: String,
        /// What to do next.
        next: String,
    },
}

/// Posts an event of a request, with bytes that are handed over.
pub fn post(id: f64, event: &Event, bytes: Option<&[u8]>) {
    let Ok(scope) = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>() else { return };
    let Ok(message) = event.serialize(&serde_wasm_bindgen::Serializer::json_compatible()) else { return };
    let mut is_whole = Reflect::set(&message, &"id".into(), &id.into()).is_ok();
    let transfer = Array::new();
    if let Some(bytes) = bytes {
        let array = Uint8Array::from(bytes);
        transfer.push(&array.buffer());
        is_whole &= Reflect::set(&message, &"bytes".into(), &array).is_ok();
    }
    if is_whole {
        // A page that is gone cannot be told.
        let _ = scope.post_message_with_transfer(&message, &transfer);
    }
}
