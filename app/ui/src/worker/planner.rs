//! The planner worker, seen from the page: fetched when the first prediction is asked for, and asked about the newest
//! scenario only. While a new answer is on its way the last one stays.

use crate::state::{BUILD_ID, Store};
use js_sys::Array;
use leptos::prelude::*;
use planner::{prediction::Prediction, scenario::Scenario};
use serde::Serialize;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{MessageEvent, Worker, WorkerOptions, WorkerType};

/// The worker's loader file, relative to the page.
const PLANNER_LOADER: &str = "planner-loader.js";

/// A prediction, or why there is none.
pub type Outcome = Result<Prediction, String>;

/// What the planner says of the scenario, kept up to date while a page shows it.
#[derive(Clone, Copy)]
pub struct Planner {
    outcome: RwSignal<Option<Outcome>>,
    asked: StoredValue<u32>,
    worker: StoredValue<Option<Worker>, LocalStorage>,
    /// Turned on by the first page that shows a prediction.
    is_wanted: RwSignal<bool>,
}

impl Planner {
    /// Starts to follow the scenario. Called once.
    pub fn start(store: Store) {
        let planner = Self {
            outcome: RwSignal::new(None),
            asked: StoredValue::new(0),
            worker: StoredValue::new_local(None),
            is_wanted: RwSignal::new(false),
        };
        provide_context(planner);
        let scenario = Memo::new(move |_| store.workbench.with(|workbench| workbench.scenario.clone()));
        Effect::new(move || {
            if planner.is_wanted.get() {
                scenario.with(|scenario| planner.ask(scenario));
            }
        });
    }

    /// The planner of this page. For components only: handlers and timers have no context.
    pub fn expect() -> Self {
        expect_context()
    }

    /// Wants predictions from now on, and gives the place of the newest.
    pub fn wanted(self) -> RwSignal<Option<Outcome>> {
        self.is_wanted.set(true);
        self.outcome
    }

    /// The newest answer; `None` before the first.
    pub const fn outcome(self) -> RwSignal<Option<Outcome>> {
        self.outcome
    }

    fn ask(self, scenario: &Scenario) {
        self.asked.update_value(|asked| *asked += 1);
        let id = JsValue::from_f64(f64::from(self.asked.get_value()));
        let Ok(content) = scenario.serialize(&serde_wasm_bindgen::Serializer::json_compatible()) else {
            return;
        };
        if self.worker.with_value(Option::is_none) {
            self.start_worker();
        }
        self.worker.with_value(|worker| {
            if let Some(worker) = worker {
                // A worker that is gone says so through its error event.
                let _ = worker.post_message(&Array::of3(&id, &JsValue::from_str("evaluate"), &content));
            }
        });
    }

    fn start_worker(self) {
        let base = document().base_uri().ok().flatten().unwrap_or_default();
        let address = web_sys::Url::new_with_base(&format!("{PLANNER_LOADER}?v={BUILD_ID}"), &base)
            .map(|url| url.href());
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let Ok(worker) = address.and_then(|address| Worker::new_with_options(&address, &options)) else {
            self.lost("This browser could not start a module worker");
            return;
        };
        let on_message =
            Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| self.hear(&event));
        let on_error = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            event.prevent_default();
            self.lost("The planner did not load");
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        // Both live as long as the page: there is one worker, or after an error another.
        on_message.forget();
        on_error.forget();
        self.worker.set_value(Some(worker));
    }

    fn hear(self, event: &MessageEvent) {
        let Ok(message) = event.data().dyn_into::<Array>() else { return };
        let word = message.get(1).as_string().unwrap_or_default();
        if word == "trap" {
            self.lost(&message.get(2).as_string().unwrap_or_default());
            return;
        }
        if message.get(0).as_f64() != Some(f64::from(self.asked.get_value())) {
            return;
        }
        let outcome = if word == "done" {
            serde_wasm_bindgen::from_value(message.get(2)).map_err(|error| error.to_string())
        } else {
            Err(message.get(2).as_string().unwrap_or_default())
        };
        self.outcome.set(Some(outcome));
    }

    fn lost(self, why: &str) {
        if let Some(worker) = self.worker.with_value(Clone::clone) {
            worker.terminate();
        }
        self.worker.set_value(None);
        self.outcome.set(Some(Err(format!(
            "The prediction stopped ({why}). Your settings are kept. Change a value to try again, or reload the page."
        ))));
    }
}
