//! `[control, buffers]`: serde values through serde-wasm-bindgen, bulk data as transferred buffers.

use js_sys::{Array, ArrayBuffer, Uint8Array};
use protocol::{Command, Event, JobId};
use serde::Serialize;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{MessageEvent, Worker};

/// What a worker can say.
pub enum Message {
    /// An event with its buffers.
    Event(Event, Vec<Vec<u8>>),
    /// It stopped.
    Trap(String),
}

/// Posts a command; buffers are transferred.
pub fn post(worker: &Worker, command: &Command, buffers: &[Vec<u8>]) {
    let Ok(control) = command.serialize(&serde_wasm_bindgen::Serializer::json_compatible()) else { return };
    let transfer: Array =
        buffers.iter().map(|bytes| JsValue::from(Uint8Array::from(bytes.as_slice()).buffer())).collect();
    // A worker that is gone answers nothing; the cancel watchdog or its error event takes care.
    let _ = worker.post_message_with_transfer(&Array::of2(&control, &transfer), &transfer);
}

/// Reads a message; anything that is none is ignored.
pub fn read(event: &MessageEvent) -> Option<Message> {
    let message: Array = event.data().dyn_into().ok()?;
    if message.get(0).as_string().as_deref() == Some("trap") {
        return Some(Message::Trap(message.get(1).as_string().unwrap_or_default()));
    }
    let event = serde_wasm_bindgen::from_value(message.get(0)).ok()?;
    let buffers: Array = message.get(1).dyn_into().unwrap_or_default();
    let buffers = buffers
        .iter()
        .filter_map(|buffer| buffer.dyn_into::<ArrayBuffer>().ok())
        .map(|buffer| Uint8Array::new(&buffer).to_vec())
        .collect();
    Some(Message::Event(event, buffers))
}

/// The job of an event, and whether the event is its last.
pub const fn job_of(event: &Event) -> (Option<JobId>, bool) {
    match event {
        Event::Ready { .. } | Event::BuildMismatch { .. } => (None, false),
        Event::Progress { job, .. }
        | Event::TrainingStarted { job, .. }
        | Event::TrainingProgress { job, .. }
        | Event::Evaluated { job, .. }
        | Event::Recovered { job, .. }
        | Event::Paused { job }
        | Event::Resumed { job } => (Some(*job), false),
        Event::Probed { job, .. }
        | Event::DataReady { job, .. }
        | Event::TrainingFinished { job, .. }
        | Event::Quantized { job, .. }
        | Event::Classified { job, .. }
        | Event::Cancelled { job }
        | Event::Failed { job, .. } => (Some(*job), true),
    }
}

/// The job of a command.
pub const fn job_of_command(command: &Command) -> Option<JobId> {
    match command {
        Command::Hello { .. } => None,
        Command::Probe { job }
        | Command::LoadData { job, .. }
        | Command::Train { job, .. }
        | Command::Pause { job }
        | Command::Resume { job }
        | Command::Cancel { job }
        | Command::Quantize { job }
        | Command::Classify { job } => Some(*job),
    }
}
