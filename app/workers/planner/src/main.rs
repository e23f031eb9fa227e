//! The planner worker: a question `[id, kind, content]` in, `[id, word, content]` out, where `word` is `progress`,
//! `done` or `failed`. The planner with its published rows is larger than the whole page: it is fetched when the
//! first number is asked for, and a long search never blocks the page. A page that no longer wants an answer ends the
//! worker and starts another.

mod answers;

use js_sys::Array;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

fn main() {
    std::panic::set_hook(Box::new(|info| {
        post(&JsValue::from_f64(-1.0), "trap", &JsValue::from_str(&info.to_string()));
    }));
    let Ok(scope) = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>() else { return };
    let on_message = Closure::<dyn FnMut(MessageEvent)>::new(|event: MessageEvent| {
        let Ok(message) = event.data().dyn_into::<Array>() else { return };
        let (id, kind, content) =
            (message.get(0), message.get(1).as_string().unwrap_or_default(), message.get(2));
        let mut progress = |content: &JsValue| post(&id, "progress", content);
        match answers::answer(&kind, content, &mut progress) {
            Ok(answer) => post(&id, "done", &answer),
            Err(reason) => post(&id, "failed", &JsValue::from_str(&reason)),
        }
    });
    scope.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    // The handler lives as long as the worker.
    on_message.forget();
}

fn post(id: &JsValue, word: &str, content: &JsValue) {
    if let Ok(scope) = js_sys::global().dyn_into::<DedicatedWorkerGlobalScope>() {
        // A page that is gone hears nothing.
        let _ = scope.post_message(&Array::of3(id, &JsValue::from_str(word), content));
    }
}
