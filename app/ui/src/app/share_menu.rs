//! The Share menu: copy the link, export and import a file, start fresh.

use crate::{
    files,
    state::{NoticeKind, Store},
};
use js_sys::{Array, JSON, Object, Reflect};
use leptos::prelude::*;
use planner::{share, workbench::Workbench};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};

/// Largest project file that is read.
const FILE_CAP_BYTES: f64 = 65_536.0;
/// Most settings that are looked at.
const SETTINGS_CAP: usize = 256;

/// A menu in a `details` element: opens with the keyboard, needs no script.
#[component]
pub fn ShareMenu() -> impl IntoView {
    let store = Store::expect();
    let shown = RwSignal::new(false);
    let link = Signal::derive(move || store.link());
    let copied = RwSignal::new(None::<&'static str>);
    let field = NodeRef::<leptos::html::Input>::new();
    let copy = move |_| {
        spawn_local(async move {
            let text = link.get_untracked();
            copied.set(Some(if copy_text(&text).await {
                "Copied"
            } else {
                // No clipboard on plain http: the field is selected instead.
                if let Some(field) = field.get_untracked() {
                    let _ = field.focus();
                    field.select();
                }
                "Press Ctrl+C to copy the selected link"
            }));
        });
    };
    let export = move |_| {
        let json = store.workbench.with_untracked(project_file);
        if files::download("ridgepoint.json", "application/json", json.as_bytes()).is_none() {
            store.notify(
                NoticeKind::Problem,
                "The file could not be made. The link still holds everything: copy it instead.",
            );
        }
    };
    let import = move |event: leptos::ev::Event| {
        let Some(file) = files::chosen(&event).into_iter().next() else { return };
        spawn_local(async move { import_file(store, &file).await });
    };
    view! {
        <details class="menu" prop:open=move || shown.get() on:toggle=move |event| {
            shown.set(event_target::<web_sys::HtmlDetailsElement>(&event).open());
            copied.set(None);
        }>
            <summary class="button" data-testid="share-menu">"Share"</summary>
            <div class="menu-body">
                <label for="share-link">"Link to this very state"</label>
                <input id="share-link" node_ref=field type="text" readonly data-testid="share-link" prop:value=link/>
                <div class="row">
                    <button class="primary" data-testid="copy-link" on:click=copy>"Copy link"</button>
                    <span class="muted" role="status">{move || copied.get().map_or_else(|| format!("{} characters", link.get().chars().count()), str::to_owned)}</span>
                </div>
                <p class="muted small">"The link holds the page, the training settings with their seeds, and the scenario. It never holds files, your GPU's name, or results."</p>
                <div class="row">
                    <button data-testid="export-json" on:click=export>"Export file"</button>
                    <label class="button file-button">"Import file"
                        <input type="file" accept=".json,application/json" data-testid="import-json" on:change=import/>
                    </label>
                    <button on:click=move |_| store.start_fresh()>"Start fresh"</button>
                </div>
            </div>
        </details>
    }
}

async fn copy_text(text: &str) -> bool {
    // Absent on plain http pages; asking for it there would throw.
    if !window().is_secure_context() {
        return false;
    }
    JsFuture::from(window().navigator().clipboard().write_text(text)).await.is_ok()
}

/// A project file: the version, the page and every setting in the words of a link. The browser's own JSON writes
/// it, so that no JSON library is part of the page.
fn project_file(workbench: &Workbench) -> String {
    let settings = Object::new();
    for (key, value) in share::settings(workbench) {
        let _ = Reflect::set(&settings, &key.into(), &value.into());
    }
    let file = Object::new();
    let _ = Reflect::set(&file, &"ridgepoint".into(), &share::VERSION.into());
    let _ = Reflect::set(&file, &"page".into(), &workbench.page.route().into());
    let _ = Reflect::set(&file, &"settings".into(), &settings);
    let text = JSON::stringify_with_replacer_and_space(&file, &JsValue::NULL, &2.into());
    text.map(String::from).unwrap_or_default()
}

/// The state of a project file, or what is wrong with it.
fn open_project(text: &str) -> Result<Workbench, String> {
    let other = || "it is not a project file of Ridgepoint.".to_owned();
    let file = JSON::parse(text).map_err(|_| "it is not valid JSON.".to_owned())?;
    let get = |name: &str| Reflect::get(&file, &name.into()).unwrap_or_default();
    let version = get("ridgepoint").as_f64().ok_or_else(other)?;
    if version > f64::from(share::VERSION) {
        return Err(
            "it was made by a newer version of the workbench; reload the page to get the newest.".into()
        );
    }
    let settings: Object = get("settings").dyn_into().map_err(|_| other())?;
    let pairs: Vec<(String, String)> = Object::entries(&settings)
        .iter()
        .take(SETTINGS_CAP)
        .filter_map(|entry| {
            let entry: Array = entry.dyn_into().ok()?;
            let (key, value) = (entry.get(0), entry.get(1));
            // Numbers are welcome too, in files that a person wrote.
            let value = value.as_string().or_else(|| value.as_f64().map(|number| number.to_string()))?;
            Some((key.as_string()?, value))
        })
        .collect();
    let page = get("page").as_string().ok_or_else(other)?;
    share::from_settings(&page, &pairs).map_err(|error| error.to_string())
}

async fn import_file(store: Store, file: &web_sys::File) {
    let name = file.name();
    if file.size() > FILE_CAP_BYTES {
        store.notify(
            NoticeKind::Problem,
            format!("{name} is larger than 64 KiB, so it is not a Ridgepoint file. Nothing was changed."),
        );
        return;
    }
    let text = files::read(file).await.and_then(|bytes| String::from_utf8(bytes).ok());
    let opened = text.ok_or_else(|| "it is not a text file".to_owned()).and_then(|text| open_project(&text));
    match opened {
        Ok(workbench) => {
            store.open(workbench);
            store.notify(NoticeKind::Info, format!("Opened {name}. Undo brings back what was here before."));
        }
        Err(error) => {
            store.notify(NoticeKind::Problem, format!("{name} was not opened: {error} Nothing was changed."))
        }
    }
}
