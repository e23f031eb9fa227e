//! The engine seen from inside: passes before and after, a step's profile, its memory, predictions and known answers.
//!
//! The page sends `{ inspect, id, query }` and gets `{ progress }` and then `{ report }` or `{ problem }` with the same
//! id. Reports are text, so that a page without any WASM can draw them.

mod json;
mod profile_view;
mod subject;

use crate::{context::Context, device};
use engine::{EngineError, passes, platform, probe, profile, training::Where};
use js_sys::{Object, Reflect};
use json::{Cell, Section, report};
use std::{collections::HashMap, rc::Rc};
use subject::{Subject, pairs};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::DedicatedWorkerGlobalScope;

/// A request of the page, if the message is one.
#[derive(Debug)]
pub struct Request {
    kind: String,
    id: f64,
    query: String,
}

impl Request {
    /// Reads a message.
    pub fn of(message: &JsValue) -> Option<Self> {
        let text = |key: &str| Reflect::get(message, &key.into()).ok()?.as_string();
        let id = Reflect::get(message, &"id".into()).ok()?.as_f64()?;
        Some(Self { kind: text("inspect")?, id, query: text("query").unwrap_or_default() })
    }

    fn post(&self, key: &str, value: &str) {
        let answer = Object::new();
        let set = |key: &str, value: JsValue| Reflect::set(&answer, &key.into(), &value).is_ok();
        let is_set = set("id", self.id.into()) && set(key, value.into());
        if let (true, Ok(scope)) = (is_set, js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>()) {
            // A page that is gone cannot be told.
            let _ = scope.post_message(&answer);
        }
    }

    fn progress(&self, what: &str) {
        self.post("progress", what);
    }
}

/// Answers a request.
pub async fn answer(context: Rc<Context>, request: Request) {
    let _turn = context.turn.lock().await;
    let query = pairs(&request.query);
    let place = match place(&context, &request, &query).await {
        Ok(place) => place,
        Err(problem) => return request.post("problem", &problem),
    };
    let subject = Subject::of(&query);
    let made = match request.kind.as_str() {
        "passes" => passes_report(&request, &subject, &place).await,
        "profile" => profile_view::report(&request, &subject, &place).await,
        "memory" => memory_report(&subject, &place).await,
        "predict" => predict_report(&request, &subject, &place).await,
        "kernels" => kernels_report(&request, &place).await,
        other => return request.post("problem", &format!("There is no view called {other}.")),
    };
    match made {
        Ok(report) => request.post("report", &report),
        Err(error) => request.post(
            "problem",
            &format!("This view could not be made: {error}. Choose a smaller batch or the other backend."),
        ),
    }
}

async fn place(
    context: &Context,
    request: &Request,
    query: &HashMap<String, String>,
) -> Result<Where, String> {
    if query.get("backend").is_none_or(|backend| backend != "gpu") {
        return Ok(Where::Cpu);
    }
    request.progress("Looking for a GPU and asking its kernels known questions");
    let gpu = device::acquire(context).await.map_err(|reason| {
        format!("There is no GPU backend here: {}. Choose the CPU.", crate::context::unavailable(&reason))
    })?;
    Ok(Where::Gpu { device: Rc::clone(&gpu.device), kernels: gpu.kernels })
}

fn backend(place: &Where) -> &'static str {
    match place {
        Where::Cpu => "WASM SIMD, one thread",
        Where::Gpu { .. } => "WebGPU",
    }
}

/// Seconds of a step: the best of a few.
async fn step_seconds(subject: &Subject, place: &Where) -> Result<f64, EngineError> {
    let mut session = subject.session(place).await?;
    session.advance(1).await?;
    let mut best = f64::INFINITY;
    let begin = platform::now_seconds();
    for _ in 0..8 {
        let from = platform::now_seconds();
        session.advance(1).await?;
        best = best.min(platform::now_seconds() - from);
        if platform::now_seconds() - begin > 1.5 {
            break;
        }
    }
    Ok(best)
}

async fn passes_report(request: &Request, subject: &Subject, place: &Where) -> Result<String, EngineError> {
    request.progress("Compiling the step after each pass");
    let found = passes::reports(&subject.model, &subject.settings, &place.options())?;
    let pair = |before: f64, after: f64| [Cell::Number(before), Cell::Number(after)];
    let mut rows = vec![];
    for entry in &found {
        let (a, b) = (&entry.before, &entry.after);
        let mut row = vec![Cell::text(entry.title)];
        row.extend(pair(a.nodes as f64, b.nodes as f64));
        row.extend(pair(a.calls as f64, b.calls as f64));
        row.extend(pair(a.bytes / 1e6, b.bytes / 1e6));
        row.extend(pair(a.arena_bytes as f64 / 1e6, b.arena_bytes as f64 / 1e6));
        rows.push(row);
    }
    request.progress("Timing the step without any pass");
    let mut plain = subject.clone();
    plain.settings.passes = passes::PassSet::none();
    plain.settings.recompute = false;
    let before = step_seconds(&plain, place).await?;
    request.progress("Timing the step with the chosen passes");
    let after = step_seconds(subject, place).await?;
    let columns = [
        ("Pass", ""),
        ("Nodes before", ""),
        ("Nodes after", ""),
        ("Kernel calls before", ""),
        ("Kernel calls after", ""),
        ("Moved before", "MB"),
        ("Moved after", "MB"),
        ("Memory before", "MB"),
        ("Memory after", "MB"),
    ];
    let timing = vec![
        vec![Cell::text("No pass"), Cell::Number(before * 1e3)],
        vec![Cell::text("The chosen passes"), Cell::Number(after * 1e3)],
    ];
    let sections = [
        Section::new("Pass by pass", "Counted in the compiled plan. Moved bytes are those of all buffers that a call touches, caches aside.").table(&columns, &rows),
        Section::new("What it buys", "Measured here: the best step of a few, training on seeded examples.").table(&[("Step", ""), ("Time", "ms")], &timing),
    ];
    let lead = format!("On {}: {:.2} times as fast as without passes.", backend(place), before / after);
    Ok(report("Passes", &lead, &sections))
}

async fn memory_report(subject: &Subject, place: &Where) -> Result<String, EngineError> {
    let session = subject.session(place).await?;
    let (plan, recorded) = (session.plan(), session.recorded());
    let timeline = profile::memory_timeline(plan, &recorded.graph, recorded.boundary);
    let series = |name: &str, value: fn(&profile::MemoryPoint) -> u64| {
        let points = timeline.points.iter().enumerate();
        (name.to_owned(), points.map(|(index, point)| [index as f64, value(point) as f64 / 1e6]).collect())
    };
    let lines = [
        series("State: weights, moments, gradients", |point| point.state_bytes),
        series("Inputs and constants", |point| point.input_bytes),
        series("Activations", |point| point.activation_bytes),
        series("Gradients of activations", |point| point.gradient_bytes),
        series("Temporary", |point| point.temporary_bytes),
    ];
    let section = Section::new(
        "What is alive at each kernel call",
        "From the plan. The backend allocates the arena once and nothing else; the peak is its size to the byte.",
    );
    let rows = vec![
        vec![Cell::text("Planned peak"), Cell::Number(timeline.peak_bytes as f64 / 1e6)],
        vec![Cell::text("Allocated arena"), Cell::Number(plan.bytes() as f64 / 1e6)],
        vec![Cell::text("Most alive at once"), Cell::Number(timeline.most_alive_bytes() as f64 / 1e6)],
    ];
    let sections = [
        section.lines(["Kernel call", "MB"], true, &lines),
        Section::new(
            "Plan against allocation",
            "Gaps between values of different sizes are the difference between the last two.",
        )
        .table(&[("Which", ""), ("Memory", "MB")], &rows),
    ];
    let lead = format!(
        "On {}: {:.2} MB for {} parameters.",
        backend(place),
        plan.bytes() as f64 / 1e6,
        recorded.layout.count()
    );
    Ok(report("Memory", &lead, &sections))
}

/// On a GPU, the rates that choosing kernels for the plan measured belong to what is known beforehand.
fn with_tuning(calibration: &profile::Calibration, place: &Where) -> profile::Calibration {
    match place {
        Where::Cpu => calibration.clone(),
        Where::Gpu { device, .. } => calibration.clone().with_tuning(&device.tuning()),
    }
}

async fn predict_report(request: &Request, subject: &Subject, place: &Where) -> Result<String, EngineError> {
    request.progress("Measuring this backend's rates");
    let calibration = profile::calibrate(place).await?;
    let mut rows = vec![];
    let mut errors = vec![];
    let base = subject.settings.micro_batch_size;
    for batch in [base.div_ceil(4), base.div_ceil(2), base, base * 2] {
        request.progress(&format!("Predicting and running a batch of {batch}"));
        let own = subject.with_batch(batch);
        let session = own.session(place).await?;
        let known = with_tuning(&calibration, place);
        let predicted =
            profile::predict(session.plan(), own.settings.gradient_accumulation_steps, &known).seconds;
        drop(session);
        let measured = step_seconds(&own, place).await?;
        let error = predicted / measured - 1.0;
        errors.push(error.abs());
        rows.push(vec![
            Cell::Number(batch as f64),
            Cell::Number(predicted * 1e3),
            Cell::Number(measured * 1e3),
            Cell::Number(error * 100.0),
        ]);
    }
    errors.sort_by(f64::total_cmp);
    let median = errors.get(errors.len() / 2).copied().unwrap_or(f64::NAN);
    let columns = [("Batch", ""), ("Predicted", "ms"), ("Measured", "ms"), ("Error", "%")];
    let note = "Predicted from the graph and rates measured in a second before anything of this model ran; measured as the best step of a few.";
    let sections = [Section::new("Predicted and measured steps", note).table(&columns, &rows)];
    let lead = format!("On {}: median error {:.0} %.", backend(place), median * 100.0);
    Ok(report("Prediction", &lead, &sections))
}

/// Variants of the product that are not used because they answered wrongly.
fn quarantined(device: &engine::backends::gpu::GpuDevice) -> impl Iterator<Item = Vec<Cell>> {
    let variants = device.quarantined().into_iter();
    variants.map(|(variant, message)| vec![Cell::text(format!("product, {variant}")), Cell::text(&message)])
}

async fn kernels_report(request: &Request, place: &Where) -> Result<String, EngineError> {
    let Where::Gpu { device, .. } = place else {
        let lead =
            "The CPU backend has one variant of each kernel. Choose the GPU to see what was measured there.";
        return Ok(report("Kernels", lead, &[]));
    };
    request.progress("Asking every kernel known questions");
    let begin = platform::now_seconds();
    let found = probe::self_test(device).await?;
    let seconds = platform::now_seconds() - begin;
    let answers: Vec<Vec<Cell>> = found
        .failures
        .iter()
        .map(|(kernel, message)| vec![Cell::text(kernel), Cell::text(message)])
        .chain(quarantined(device))
        .collect();
    let tuned: Vec<Vec<Cell>> = device
        .tuning()
        .choices
        .iter()
        .map(|(class, choice)| {
            let side = |transposed: bool| if transposed { "transposed" } else { "plain" };
            let form = format!("{} by {}", side(class.transposes[0]), side(class.transposes[1]));
            vec![Cell::text(form), Cell::text(&choice.reason), Cell::Number(choice.seconds * 1e3)]
        })
        .collect();
    let mut sections = vec![
        Section::new(
            "Products chosen by measuring on this adapter",
            "One row for each class of shapes that a plan needed so far; profile a model to fill it.",
        )
        .table(&[("Operands", ""), ("Why it was chosen", ""), ("Time", "ms")], &tuned),
    ];
    if !answers.is_empty() {
        sections.push(
            Section::new(
                "Kernels that answered wrongly",
                "They are not used: another variant does their work, or the CPU.",
            )
            .table(&[("Kernel", ""), ("What it said", "")], &answers),
        );
    }
    let lead = format!(
        "{} of {} kernels answered known questions rightly, in {seconds:.2} s.",
        found.passed, found.total
    );
    Ok(report("Kernels", &lead, &sections))
}
