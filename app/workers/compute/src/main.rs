//! The compute worker: commands in, events out. Everything heavy happens here, so that the page stays responsive,
//! and a trap costs this worker, not the page.

mod bench;
mod compress;
mod context;
mod data;
mod device;
mod inspect;
mod lab;
mod messages;
mod prepare;
mod replicas;
mod report;
mod train;

use context::Context;
use protocol::{Command, Event, JobId};
use std::rc::Rc;
use wasm_bindgen::{JsCast, closure::Closure};
use wasm_bindgen_futures::spawn_local;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

/// Ties this worker to the page that was built with it.
pub const BUILD_ID: &str = match option_env!("RIDGEPOINT_BUILD_ID") {
    Some(id) => id,
    None => "dev",
};

fn main() {
    std::panic::set_hook(Box::new(|info| messages::post_trap(&info.to_string())));
    let Ok(scope) = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>() else { return };
    let context = Rc::new(Context::default());
    let desk = Rc::new(lab::Desk::default());
    let replicas = Rc::new(replicas::Desk::default());
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
        if let Some((command, buffers)) = messages::read(&event) {
            dispatch(&context, command, buffers);
        } else if let Some(request) = inspect::Request::of(&event.data()) {
            spawn_local(inspect::answer(Rc::clone(&context), request));
        } else if let Some(request) = lab::Request::of(&event.data()) {
            spawn_local(lab::answer(Rc::clone(&context), Rc::clone(&desk), request));
        } else if let Some(request) = replicas::Request::of(&event.data()) {
            spawn_local(replicas::answer(Rc::clone(&replicas), request));
        }
    });
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // The handler lives as long as the worker.
    on_message.forget();
}

/// The loader says whether this module may run its relaxed SIMD functions.
#[wasm_bindgen::prelude::wasm_bindgen(js_name = useFused)]
pub fn use_fused(fused: bool) {
    engine::backends::cpu::simd::use_relaxed(fused);
}

/// Short commands are answered at once, even while a job awaits the GPU; heavy ones wait their turn.
fn dispatch(context: &Rc<Context>, command: Command, buffers: Vec<Vec<u8>>) {
    match command {
        Command::Hello { build_id } => {
            let own = BUILD_ID.to_owned();
            let event = if build_id == own {
                Event::Ready { build_id: own }
            } else {
                Event::BuildMismatch { build_id: own }
            };
            messages::post(&event, vec![]);
        }
        Command::Pause { job } => context.set_paused(job, true),
        Command::Resume { job } => context.set_paused(job, false),
        Command::Cancel { job } => context.cancel(job),
        Command::Classify { job } => {
            let context = Rc::clone(context);
            spawn_local(async move { compress::classify(&context, job, &buffers).await });
        }
        Command::Probe { job } => run(context, job, async |context, job| device::probe(&context, job).await),
        Command::LoadData { job, source } => {
            run(context, job, async move |context, job| data::load(&context, job, source, buffers).await);
        }
        Command::Train { job, experiment } => {
            run(context, job, async move |context, job| train::train(&context, job, experiment).await);
        }
        Command::Quantize { job } => {
            run(context, job, async |context, job| compress::quantize(&context, job).await)
        }
    }
}

/// Runs a heavy job after those before it; its error becomes an event, unless the visitor cancelled it.
fn run<F>(context: &Rc<Context>, job: JobId, work: F)
where
    F: AsyncFnOnce(Rc<Context>, JobId) -> Result<(), protocol::WorkerError> + 'static,
{
    context.start(job);
    let context = Rc::clone(context);
    spawn_local(async move {
        let turn = Rc::clone(&context);
        let _turn = turn.turn.lock().await;
        if !context.is_cancelled(job)
            && let Err(error) = work(Rc::clone(&context), job).await
        {
            context.post(job, &Event::Failed { job, error }, vec![]);
        }
        context.end(job);
    });
}
