//! One replica of a data-parallel run: this worker trains its share of each batch, and exchanges gradients with the
//! workers before and after it over message ports.
//!
//! The page sends `{ replica: "setup", id, settings, next, previous }` and gets `{ id, ready }`; then
//! `{ replica: "train", id }` and gets `{ id, alive }` several times a second, at last `{ id, done }` with the times of
//! each step, the gradients of the first one and the weights after the last. What goes wrong is `{ id, problem }`.

mod port;
mod run;
mod subject;

use js_sys::{Array, Float32Array, Float64Array, Object, Reflect};
use port::Port;
use run::{Outcome, Run};
use std::{cell::RefCell, rc::Rc};
use subject::Settings;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DedicatedWorkerGlobalScope, MessagePort};

/// A request of the page.
#[derive(Debug)]
pub struct Request {
    kind: String,
    id: u32,
    settings: Option<Settings>,
    ports: Option<[MessagePort; 2]>,
}

impl Request {
    /// Reads a message, if it is one.
    pub fn of(message: &JsValue) -> Option<Self> {
        let value = |key: &str| Reflect::get(message, &key.into()).ok();
        let port = |key: &str| value(key)?.dyn_into::<MessagePort>().ok();
        let settings = value("settings").and_then(|settings| serde_wasm_bindgen::from_value(settings).ok());
        let ports = port("next").zip(port("previous")).map(|(next, previous)| [next, previous]);
        let id = value("id")?.as_f64()? as u32;
        Some(Self { kind: value("replica")?.as_string()?, id, settings, ports })
    }
}

/// What this worker remembers between requests.
#[derive(Debug, Default)]
pub struct Desk {
    ready: RefCell<Option<(u32, Run)>>,
}

/// Tells the page; buffers in `transfer` go over without a copy.
fn post(id: u32, fields: &[(&str, JsValue)], transfer: &Array) {
    let answer = Object::new();
    let set = |key: &str, value: &JsValue| Reflect::set(&answer, &key.into(), value).is_ok();
    let is_set = set("id", &id.into()) && fields.iter().all(|(key, value)| set(key, value));
    if let (true, Ok(scope)) = (is_set, js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>()) {
        // A page that is gone cannot be told.
        let _ = scope.post_message_with_transfer(&answer, transfer);
    }
}

/// Tells the page that the replica lives and how many steps it has done.
fn alive(id: u32, steps: u32) {
    post(id, &[("alive", steps.into())], &Array::new());
}

/// Answers a request.
pub async fn answer(desk: Rc<Desk>, request: Request) {
    let id = request.id;
    let made = match request.kind.as_str() {
        "setup" => setup(&desk, request).await,
        "train" => train(&desk, id).await,
        other => Err(format!("there is no request called {other}")),
    };
    if let Err(problem) = made {
        post(id, &[("problem", problem.into())], &Array::new());
    }
}

async fn setup(desk: &Desk, request: Request) -> Result<(), String> {
    // The run before is given up first: both at once would need twice the memory.
    desk.ready.replace(None);
    let settings = request.settings.ok_or("the settings could not be read")?;
    let link = settings.link();
    let port = request.ports.map(|[next, previous]| Port::open(next, previous, link));
    let run = Run::new(settings, port).await?;
    let ready = [
        ("ready", true.into()),
        ("words", (run.words as f64).into()),
        ("buckets", (run.buckets as f64).into()),
    ];
    desk.ready.replace(Some((request.id, run)));
    post(request.id, &ready, &Array::new());
    Ok(())
}

async fn train(desk: &Desk, id: u32) -> Result<(), String> {
    let ready = desk.ready.take();
    let Some((_, mut run)) = ready.filter(|(made, _)| *made == id) else {
        return Err("this replica was not made ready".into());
    };
    let Outcome { times, gradients, weights } = run.train(|steps| alive(id, steps)).await?;
    let gradients = Float32Array::from(gradients.as_slice());
    let weights = Float32Array::from(weights.as_slice());
    let transfer = Array::of2(&gradients.buffer(), &weights.buffer());
    let fields = [
        ("done", true.into()),
        ("times", Float64Array::from(times.as_slice()).into()),
        ("gradients", gradients.into()),
        ("weights", weights.into()),
    ];
    post(id, &fields, &transfer);
    Ok(())
}
