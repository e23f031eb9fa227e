//! The address bar is the document: the fragment holds the whole state; storage holds a copy of the last one.

use super::{NoticeKind, Store};
use leptos::{ev, prelude::*};
use planner::share;
use std::time::Duration;
use wasm_bindgen::JsValue;

const AUTOSAVE: &str = "ridgepoint.autosave";
/// Live edits reach the address bar after this pause, so that dragging a slider does not flood it.
const PAUSE: Duration = Duration::from_millis(250);

/// Milliseconds since the page was opened.
pub fn now() -> f64 {
    window().performance().map_or(0.0, |performance| performance.now())
}

/// The page's storage, where the browser gives one.
pub fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

fn fragment() -> String {
    let hash = window().location().hash().unwrap_or_default();
    hash.strip_prefix('#').unwrap_or(&hash).to_owned()
}

/// The whole link of a fragment.
pub fn link_of(fragment: &str) -> String {
    let location = window().location();
    let part = |value: Result<String, JsValue>| value.unwrap_or_default();
    format!("{}{}{}#{fragment}", part(location.origin()), part(location.pathname()), part(location.search()))
}

/// Opens what the address bar or the autosave holds, and keeps both up to date from then on.
pub fn start(store: Store) {
    let given = fragment();
    if given.is_empty() {
        restore(store);
    } else {
        open(store, &given);
    }
    for event in ["hashchange", "popstate"] {
        let handle = window_event_listener_untyped(event, move |_| {
            let shown = fragment();
            if shown != store.workbench.with_untracked(share::encode) {
                open(store, &shown);
            }
        });
        // The page listens as long as it lives.
        std::mem::forget(handle);
    }
    let pending = StoredValue::new(None::<TimeoutHandle>);
    Effect::new(move || {
        store.workbench.track();
        store.link_is_broken.track();
        pending.update_value(|pending| {
            if let Some(handle) = pending.take() {
                handle.clear();
            }
            *pending = set_timeout_with_handle(move || write_now(store), PAUSE).ok();
        });
    });
    let leaving = window_event_listener(ev::pagehide, move |_| write_now(store));
    std::mem::forget(leaving);
}

fn open(store: Store, fragment: &str) {
    if fragment.is_empty() {
        return;
    }
    match share::decode(fragment) {
        Ok(workbench) => {
            store.link_is_broken.set(false);
            store.workbench.set(workbench);
        }
        // A bare route opens that page and keeps everything else.
        Err(share::ShareError::RouteOnly { page }) => {
            store.workbench.update(|workbench| workbench.page = page)
        }
        Err(error) => {
            store.link_is_broken.set(true);
            store.notify(NoticeKind::Problem, error.to_string());
        }
    }
}

fn restore(store: Store) {
    let saved = storage().and_then(|storage| storage.get_item(AUTOSAVE).ok().flatten());
    let Some(workbench) = saved.and_then(|saved| share::decode(&saved).ok()) else { return };
    if workbench != planner::workbench::Workbench::default() {
        store.workbench.set(workbench);
        store.notify(
            NoticeKind::Info,
            "Your last session was restored from this browser. Undo, redo and links work as before; \"Start fresh\" is in the Share menu.",
        );
    }
}

/// Brings the address bar and the autosave up to date, without a new history entry.
pub fn write_now(store: Store) {
    if store.link_is_broken.get_untracked() {
        return;
    }
    let fragment = store.workbench.with_untracked(share::encode);
    if let Some(storage) = storage() {
        // A full or denied storage costs the autosave only; the link still holds everything.
        let _ = storage.set_item(AUTOSAVE, &fragment);
    }
    if let Ok(history) = window().history() {
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(&format!("#{fragment}")));
    }
}

/// A new history entry for the state as it is now.
pub fn push(store: Store) {
    if store.link_is_broken.get_untracked() {
        return;
    }
    let fragment = store.workbench.with_untracked(share::encode);
    if let Ok(history) = window().history() {
        let _ = history.push_state_with_url(&JsValue::NULL, "", Some(&format!("#{fragment}")));
    }
    window().scroll_to_with_x_and_y(0.0, 0.0);
}
