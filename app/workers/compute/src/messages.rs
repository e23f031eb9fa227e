//! The wire: `[control, buffers]`, control through serde-wasm-bindgen, buffers transferred.

use js_sys::{Array, ArrayBuffer, Uint8Array};
use protocol::{Command, Event};
use serde::Serialize;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

fn scope() -> Option<DedicatedWorkerGlobalScope> {
    js_sys::global().dyn_into().ok()
}

/// A command with its buffers; anything else is ignored.
pub fn read(event: &MessageEvent) -> Option<(Command, Vec<Vec<u8>>)> {
    let message: Array = event.data().dyn_into().ok()?;
    let command = serde_wasm_bindgen::from_value(message.get(0)).ok()?;
    let buffers: Array = message.get(1).dyn_into().unwrap_or_default();
    let buffers = buffers
        .iter()
        .filter_map(|buffer| buffer.dyn_into::<ArrayBuffer>().ok())
        .map(|buffer| Uint8Array::new(&buffer).to_vec())
        .collect();
    Some((command, buffers))
}

/// Posts an event; the buffers are transferred, not copied again.
pub fn post(event: &Event, buffers: Vec<Vec<u8>>) {
    let Some(scope) = scope() else { return };
    let Ok(control) = event.serialize(&serde_wasm_bindgen::Serializer::json_compatible()) else { return };
    let transfer: Array =
        buffers.iter().map(|bytes| JsValue::from(Uint8Array::from(bytes.as_slice()).buffer())).collect();
    drop(buffers);
    let message = Array::of2(&control, &transfer);
    // A page that is gone cannot be told.
    let _ = scope.post_message_with_transfer(&message, &transfer);
}

/// Tells the page that this worker is about to stop; the page starts a new one on next use.
pub fn post_trap(message: &str) {
    if let Some(scope) = scope() {
        let _ = scope.post_message(&Array::of2(&"trap".into(), &message.into()));
    }
}
