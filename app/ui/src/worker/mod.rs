//! The compute worker, seen from the page: started on first use, restarted after a trap, events by job.
//!
//! Messages are `[control, buffers]` (see `protocol`). Handles of the browser live in a thread-local: they are
//! neither `Send` nor part of the reactive state.

pub mod planner;
mod wire;

use crate::state::BUILD_ID;
use leptos::prelude::{TimeoutHandle, document, set_timeout, set_timeout_with_handle, window};
use protocol::{COMPUTE_LOADER, Command, Event, JobId, WorkerError};
use std::{cell::RefCell, rc::Rc, time::Duration};
use wasm_bindgen::{JsCast, closure::Closure};
use web_sys::{MessageEvent, Worker, WorkerOptions, WorkerType};

/// Longest that the worker may take to load and answer.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Longest that a cancel may go unanswered before the worker is replaced.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);

/// Called with each event of a job and its buffers.
pub type Handler = Rc<dyn Fn(Event, Vec<Vec<u8>>)>;

#[derive(Default)]
struct Engine {
    worker: Option<Worker>,
    is_ready: bool,
    /// Sent once the handshake is done.
    waiting: Vec<(Command, Vec<Vec<u8>>)>,
    /// A handful at most: searched in order.
    handlers: Vec<(JobId, Handler)>,
    next_job: u32,
    closures: Vec<Closure<dyn FnMut(MessageEvent)>>,
    start_timer: Option<TimeoutHandle>,
    on_lost: Option<Rc<dyn Fn()>>,
}

thread_local! {
    static ENGINE: RefCell<Engine> = RefCell::default();
}

/// What to do when a worker goes away with everything in it (the trained model among it).
pub fn on_lost(action: impl Fn() + 'static) {
    ENGINE.with_borrow_mut(|engine| engine.on_lost = Some(Rc::new(action)));
}

/// Starts a job: `command` is made with its id, `handler` gets its events.
pub fn submit(
    command: impl FnOnce(JobId) -> Command,
    buffers: Vec<Vec<u8>>,
    handler: impl Fn(Event, Vec<Vec<u8>>) + 'static,
) -> JobId {
    let job = ENGINE.with_borrow_mut(|engine| {
        engine.next_job += 1;
        let job = JobId(engine.next_job);
        engine.handlers.push((job, Rc::new(handler)));
        job
    });
    send(command(job), buffers);
    job
}

/// Sends a command of a running job (pause, resume).
pub fn control(command: Command) {
    send(command, vec![]);
}

/// Stops a job. A worker that does not answer is replaced, and the job counts as cancelled all the same.
pub fn cancel(job: JobId) {
    if ENGINE.with_borrow(|engine| !engine.is_ready) {
        // Nothing was sent yet: the job is taken back, and the worker goes on loading for the next one.
        ENGINE.with_borrow_mut(|engine| {
            engine.waiting.retain(|(command, _)| wire::job_of_command(command) != Some(job))
        });
        if let Some(handler) = handler_of(job) {
            forget(job);
            handler(Event::Cancelled { job }, vec![]);
        }
        return;
    }
    send(Command::Cancel { job }, vec![]);
    set_timeout(
        move || {
            if let Some(handler) = handler_of(job) {
                end_worker();
                forget(job);
                handler(Event::Cancelled { job }, vec![]);
                fail_all("The compute worker did not answer and was replaced.");
            }
        },
        CANCEL_TIMEOUT,
    );
}

fn send(command: Command, buffers: Vec<Vec<u8>>) {
    let ready = ENGINE.with_borrow(|engine| engine.is_ready.then(|| engine.worker.clone()).flatten());
    if let Some(worker) = ready {
        wire::post(&worker, &command, &buffers);
        return;
    }
    ENGINE.with_borrow_mut(|engine| engine.waiting.push((command, buffers)));
    if ENGINE.with_borrow(|engine| engine.worker.is_none()) {
        start();
    }
}

fn start() {
    let base = document().base_uri().ok().flatten().unwrap_or_default();
    let address =
        web_sys::Url::new_with_base(&format!("{COMPUTE_LOADER}?v={BUILD_ID}"), &base).map(|url| url.href());
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    let worker = address.and_then(|address| Worker::new_with_options(&address, &options));
    let Ok(worker) = worker else {
        fail_all("This browser could not start a module worker.");
        return;
    };
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(|event: MessageEvent| receive(&event));
    let on_error = Closure::<dyn FnMut(MessageEvent)>::new(|event: MessageEvent| {
        event.prevent_default();
        lost("The compute worker stopped because of an error in it.");
    });
    worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
    wire::post(&worker, &Command::Hello { build_id: BUILD_ID.into() }, &[]);
    let timer = set_timeout_with_handle(
        || {
            if ENGINE.with_borrow(|engine| !engine.is_ready && engine.worker.is_some()) {
                lost("The compute worker did not start within 30 seconds.");
            }
        },
        START_TIMEOUT,
    );
    ENGINE.with_borrow_mut(|engine| {
        engine.worker = Some(worker);
        engine.closures = vec![on_message, on_error];
        engine.start_timer = timer.ok();
    });
}

fn receive(event: &MessageEvent) {
    match wire::read(event) {
        Some(wire::Message::Event(event, buffers)) => dispatch(event, buffers),
        Some(wire::Message::Trap(message)) => {
            lost(&format!("The compute worker stopped because of an error in it ({message})."));
        }
        None => {}
    }
}

fn dispatch(event: Event, buffers: Vec<Vec<u8>>) {
    match event {
        Event::Ready { .. } => ready(),
        Event::BuildMismatch { .. } => {
            end_worker();
            fail_all(
                "This page and its compute worker are of different versions. Reload the page to get both anew.",
            );
        }
        event => {
            let (job, is_last) = wire::job_of(&event);
            // Events of jobs that ended are dropped.
            let Some(handler) = job.and_then(handler_of) else { return };
            if let (Some(job), true) = (job, is_last) {
                forget(job);
            }
            handler(event, buffers);
        }
    }
}

fn ready() {
    let (worker, waiting) = ENGINE.with_borrow_mut(|engine| {
        engine.is_ready = true;
        if let Some(timer) = engine.start_timer.take() {
            timer.clear();
        }
        (engine.worker.clone(), std::mem::take(&mut engine.waiting))
    });
    if let Some(worker) = worker {
        for (command, buffers) in waiting {
            wire::post(&worker, &command, &buffers);
        }
    }
}

fn handler_of(job: JobId) -> Option<Handler> {
    ENGINE.with_borrow(|engine| {
        engine.handlers.iter().find(|(of, _)| *of == job).map(|(_, handler)| Rc::clone(handler))
    })
}

fn forget(job: JobId) {
    ENGINE.with_borrow_mut(|engine| engine.handlers.retain(|(of, _)| *of != job));
}

fn lost(what: &str) {
    end_worker();
    fail_all(what);
}

/// Ends the worker; the next command starts a new one.
fn end_worker() {
    let (worker, on_lost) = ENGINE.with_borrow_mut(|engine| {
        engine.is_ready = false;
        engine.waiting.clear();
        (engine.worker.take(), engine.on_lost.clone())
    });
    if let Some(worker) = worker {
        worker.set_onmessage(None);
        worker.set_onerror(None);
        worker.terminate();
        if let Some(action) = on_lost {
            action();
        }
    }
}

/// Every running job fails with the same words.
fn fail_all(what: &str) {
    let handlers = ENGINE.with_borrow_mut(|engine| {
        engine.waiting.clear();
        std::mem::take(&mut engine.handlers)
    });
    for (job, handler) in handlers {
        let error = WorkerError {
            what: what.into(),
            kept: "Your settings and the scenario are kept; a model that was trained in the worker is gone."
                .into(),
            next: "Start again: a new worker is made. If it happens again, reload the page.".into(),
        };
        handler(Event::Failed { job, error }, vec![]);
    }
}

/// Why this page can have no WebGPU, as far as the page itself can tell before anything is measured.
pub fn gpu_known_missing() -> Option<protocol::GpuUnavailable> {
    if !window().is_secure_context() {
        return Some(protocol::GpuUnavailable::InsecureOrigin);
    }
    let navigator = window().navigator();
    let gpu = js_sys::Reflect::get(&navigator, &"gpu".into()).unwrap_or_default();
    gpu.is_falsy().then_some(protocol::GpuUnavailable::NoWebGpu)
}
