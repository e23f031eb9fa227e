//! The laboratory: any model of the engine is trained in the worker, kept in the browser's storage, and goes on where
//! it stopped.
//!
//! The page sends `{ lab, id, query, .. }` (see [`Request`]) and gets [`events::Event`]s with the same id.

mod data;
mod evaluate;
mod events;
mod keep;
mod place;
mod run;
mod settings;
mod store;
mod write;

use crate::context::Context;
use data::File;
use engine::{datasets::text::Tokenizer, models::Model};
use events::{Event, post};
use js_sys::{Reflect, Uint8Array};
use settings::{Fields, Settings, Writing};
use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
};
use wasm_bindgen::{JsCast, JsValue};

/// A request of the page.
#[derive(Debug)]
pub struct Request {
    kind: String,
    id: f64,
    query: String,
    file: Option<File>,
}

impl Request {
    /// Reads a message, if it is one.
    pub fn of(message: &JsValue) -> Option<Self> {
        let value = |key: &str| Reflect::get(message, &key.into()).ok();
        let text = |key: &str| value(key)?.as_string();
        let file = value("bytes").and_then(|bytes| bytes.dyn_into::<Uint8Array>().ok()).map(|bytes| File {
            name: text("name").unwrap_or_else(|| "The text".into()),
            bytes: Rc::new(bytes.to_vec()),
            tokenizer: None,
        });
        let id = value("id")?.as_f64()?;
        Some(Self { kind: text("lab")?, id, query: text("query").unwrap_or_default(), file })
    }
}

/// What a run listens to while it works.
#[derive(Debug, Default)]
pub struct Flags {
    id: f64,
    stopped: Cell<bool>,
    paused: Cell<bool>,
    writings: RefCell<VecDeque<Writing>>,
}

impl Flags {
    fn new(id: f64) -> Self {
        Self { id, ..Self::default() }
    }

    /// The visitor stopped it.
    pub fn is_stopped(&self) -> bool {
        self.stopped.get()
    }

    /// The visitor holds it.
    pub fn is_paused(&self) -> bool {
        self.paused.get() && !self.stopped.get()
    }

    /// The next text that the visitor asked for.
    pub fn next_writing(&self) -> Option<Writing> {
        self.writings.borrow_mut().pop_front()
    }

    /// Tells the page.
    pub fn post(&self, event: &Event) {
        post(self.id, event, None);
    }

    /// Tells the page, with bytes.
    pub fn post_with(&self, event: &Event, bytes: &[u8]) {
        post(self.id, event, Some(bytes));
    }

    fn fail(&self, trouble: Trouble) {
        let Trouble { what, kept, next } = trouble;
        self.post(&Event::Failed { what, kept, next });
    }
}

/// Why something cannot be done, what is still there, what to do next.
#[derive(Debug, Clone)]
pub struct Trouble {
    /// What happened.
    pub what: String,
    /// What is still there.
    pub kept: String,
    /// What to do next.
    pub next: String,
}

impl Trouble {
    fn new(what: impl Into<String>, next: impl Into<String>) -> Self {
        let kept = "Your settings, and the run that is kept, if any, are unchanged.";
        Self { what: what.into(), kept: kept.into(), next: next.into() }
    }
}

/// The last parameters of a run that can write, for texts after its end.
#[derive(Debug)]
pub struct Trained {
    /// Model.
    pub model: Model,
    /// Tokenizer.
    pub tokenizer: Tokenizer,
    /// Flat parameters.
    pub parameters: Vec<f32>,
    /// Steps done.
    pub step: u32,
}

/// What the laboratory remembers between requests.
#[derive(Debug, Default)]
pub struct Desk {
    current: RefCell<Option<Rc<Flags>>>,
    trained: RefCell<Option<Rc<Trained>>>,
    keeper: keep::Keeper,
}

/// Answers a request. Those that a running job listens to are heard at once; the others wait their turn.
pub async fn answer(context: Rc<Context>, desk: Rc<Desk>, request: Request) {
    let current = desk.current.borrow().clone();
    match (request.kind.as_str(), current) {
        ("pause", Some(flags)) => {
            flags.paused.set(true);
            flags.post(&Event::Pausing);
        }
        ("resume", Some(flags)) => flags.paused.set(false),
        ("stop", Some(flags)) => {
            flags.stopped.set(true);
            flags.post(&Event::Stopping);
        }
        ("write", Some(flags)) => {
            let writing = Writing::of(&Fields::of(&request.query));
            flags.writings.borrow_mut().push_back(writing);
        }
        ("start" | "continue", Some(_)) => Flags::new(request.id)
            .fail(Trouble::new("A run is under way in this tab.", "Stop it before you start another.")),
        ("start" | "continue", None) => {
            let flags = Rc::new(Flags::new(request.id));
            desk.current.replace(Some(Rc::clone(&flags)));
            let _turn = context.turn.lock().await;
            begin(&context, &desk, &flags, request).await;
            desk.current.replace(None);
        }
        ("write", None) => write(&desk, &request).await,
        (_, _) => desk_work(&desk, request).await,
    }
}

async fn begin(context: &Rc<Context>, desk: &Rc<Desk>, flags: &Rc<Flags>, request: Request) {
    let made = if request.kind == "continue" {
        desk.keeper.take_up(&request.query).await
    } else {
        Ok((Settings::of(&request.query), request.file, None))
    };
    match made {
        Ok((settings, file, checkpoint)) => {
            run::run(context, desk, flags, settings, file, checkpoint).await;
        }
        Err(trouble) => flags.fail(trouble),
    }
}

/// What needs the storage alone: no run is touched.
async fn desk_work(desk: &Desk, request: Request) {
    let flags = Flags::new(request.id);
    let keeper = &desk.keeper;
    match request.kind.as_str() {
        "look" => flags.post(&keeper.look().await),
        "discard" => match keeper.discard().await {
            Ok(()) => flags.post(&keeper.look().await),
            Err(trouble) => flags.fail(trouble),
        },
        "export" => match keeper.export().await {
            Ok((name, bytes)) => flags.post_with(&Event::File { name }, &bytes),
            Err(trouble) => flags.fail(trouble),
        },
        "import" => {
            let bytes = request.file.map(|file| file.bytes).unwrap_or_default();
            match keeper.import(&bytes).await {
                Ok(()) => flags.post(&keeper.look().await),
                Err(trouble) => flags.fail(trouble),
            }
        }
        // A pause or a stop that comes after the end of its run.
        _ => {}
    }
}

/// A text of the last model, after its run.
async fn write(desk: &Desk, request: &Request) {
    let flags = Flags::new(request.id);
    let trained = desk.trained.borrow().clone();
    let Some(trained) = trained else {
        return flags
            .fail(Trouble::new("No model of this visit can write.", "Train a GPT, or continue one."));
    };
    let writing = Writing::of(&Fields::of(&request.query));
    let made = async {
        let Some(mut writer) = write::Writer::new(&trained.model).await? else { return Ok(None) };
        writer.write(&flags, &trained.tokenizer, &trained.parameters, &writing).await.map(Some)
    };
    match made.await {
        Ok(Some(text)) => flags.post(&Event::Sample { step: trained.step, prompt: writing.prompt, text }),
        Ok(None) => {}
        Err(error) => flags.fail(run::trouble(&error, "The model is unchanged.")),
    }
}
