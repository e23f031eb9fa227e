//! The frame around every page: header, notices, the open page, footer.

use crate::{
    components::NoticeList,
    pages::{device::DevicePage, scenario::ScenarioPage, start::StartPage, train::TrainPage},
    state::{BUILD_ID, Store, address_storage},
};
use leptos::{ev, prelude::*};
use planner::workbench::Page;
use wasm_bindgen::JsCast;

mod share_menu;

use share_menu::ShareMenu;

/// The whole page.
#[component]
pub fn App() -> impl IntoView {
    let store = Store::start();
    // Here, so that runs and results outlive the page that started them.
    crate::lab::Lab::start();
    crate::worker::planner::Planner::start(store);
    let page = Memo::new(move |_| store.workbench.with(|workbench| workbench.page));
    listen_for_undo(store);
    Effect::new(move || document().set_title(&format!("{} · Ridgepoint", title(page.get()))));
    view! {
        <a class="skip-link" href="#main" on:click=skip>"Skip to content"</a>
        <header class="top">
            <span class="brand"><span class="brand-mark" aria-hidden="true"></span>"Ridgepoint"</span>
            <nav aria-label="Pages">
                <NavLink to=Page::Start page/>
                <NavLink to=Page::Device page/>
                <NavLink to=Page::Train page/>
                <NavLink to=Page::Scenario page/>
                // Plain pages, beside this one.
                <a href="plan.html">"Plan"</a>
                <a href="accuracy.html">"Accuracy"</a>
                <a href="lab.html">"Lab"</a>
                <a href="engine.html">"Engine"</a>
                <a href="parallel.html">"Replicas"</a>
                <a href="bench.html">"Bench"</a>
            </nav>
            <div class="tools">
                <button class="quiet" title="Undo (Ctrl+Z)" data-testid="undo" disabled=move || !store.can_undo() on:click=move |_| store.undo()>"Undo"</button>
                <button class="quiet" title="Redo (Ctrl+Shift+Z)" data-testid="redo" disabled=move || !store.can_redo() on:click=move |_| store.redo()>"Redo"</button>
                <ShareMenu/>
                <ThemeButton/>
            </div>
        </header>
        <NoticeList/>
        <main id="main" tabindex="-1">
            {move || match page.get() {
                Page::Start => view! { <StartPage/> }.into_any(),
                Page::Device => view! { <DevicePage/> }.into_any(),
                Page::Train => view! { <TrainPage/> }.into_any(),
                Page::Scenario => view! { <ScenarioPage/> }.into_any(),
            }}
        </main>
        <footer class="bottom">
            <span>"Nothing you do here leaves this tab: no server, no account, no telemetry."</span>
            <span class="muted">"Version " {env!("CARGO_PKG_VERSION")} ", build " {BUILD_ID}</span>
        </footer>
    }
}

const fn title(page: Page) -> &'static str {
    match page {
        Page::Start => "Start",
        Page::Device => "Device",
        Page::Train => "Train",
        Page::Scenario => "Scenario",
    }
}

/// Moves the focus without touching the fragment, which holds the state.
fn skip(event: ev::MouseEvent) {
    event.prevent_default();
    if let Some(main) =
        document().get_element_by_id("main").and_then(|main| main.dyn_into::<web_sys::HtmlElement>().ok())
    {
        let _ = main.focus();
    }
}

#[component]
fn NavLink(to: Page, page: Memo<Page>) -> impl IntoView {
    let store = Store::expect();
    let href = move || {
        let workbench = store.workbench.get();
        format!("#{}", planner::share::encode(&planner::workbench::Workbench { page: to, ..workbench }))
    };
    let open = move |event: ev::MouseEvent| {
        // A modified click opens the same state in another tab, as links do.
        if !event.ctrl_key() && !event.meta_key() && !event.shift_key() {
            event.prevent_default();
            store.go(to);
        }
    };
    let current = move || (page.get() == to).then_some("page");
    view! { <a href=href aria-current=current on:click=open>{title(to)}</a> }
}

/// Ctrl+Z and Ctrl+Shift+Z, except where text is being typed: fields have their own undo.
fn listen_for_undo(store: Store) {
    let handle = window_event_listener(ev::keydown, move |event| {
        let typing = event
            .target()
            .and_then(|target| target.dyn_into::<web_sys::HtmlElement>().ok())
            .is_some_and(|element| {
                let is_field = matches!(element.tag_name().as_str(), "INPUT" | "TEXTAREA");
                let is_check = element.get_attribute("type").as_deref() == Some("checkbox");
                (is_field && !is_check) || element.is_content_editable()
            });
        if typing || !(event.ctrl_key() || event.meta_key()) || !event.key().eq_ignore_ascii_case("z") {
            return;
        }
        event.prevent_default();
        if event.shift_key() {
            store.redo();
        } else {
            store.undo();
        }
    });
    std::mem::forget(handle);
}

/// Automatic, light, dark.
#[component]
fn ThemeButton() -> impl IntoView {
    let saved = address_storage().and_then(|storage| storage.get_item("ridgepoint.theme").ok().flatten());
    let theme = RwSignal::new(saved.filter(|theme| theme == "light" || theme == "dark"));
    let turn = move |_| {
        theme.update(|theme| {
            *theme = match theme.as_deref() {
                None => Some("light".into()),
                Some("light") => Some("dark".into()),
                Some(_) => None,
            };
        });
        let chosen = theme.get_untracked();
        if let Some(storage) = address_storage() {
            let _ = match &chosen {
                Some(theme) => storage.set_item("ridgepoint.theme", theme),
                None => storage.remove_item("ridgepoint.theme"),
            };
        }
        if let Some(root) = document().document_element() {
            let _ = match &chosen {
                Some(theme) => root.set_attribute("data-theme", theme),
                None => root.remove_attribute("data-theme"),
            };
        }
    };
    let name = move || match theme.get().as_deref() {
        None => "Theme: auto",
        Some("light") => "Theme: light",
        Some(_) => "Theme: dark",
    };
    view! { <button class="quiet" title="Change the colour theme" data-testid="theme" on:click=turn>{name}</button> }
}

/// What the visitor sees when the page itself panics; plain DOM, since leptos may be the one that stopped.
pub fn stopped(details: &str) {
    let document = document();
    let make = |tag: &str, text: &str| {
        let element = document.create_element(tag).ok()?;
        element.set_text_content(Some(text));
        Some(element)
    };
    let (Some(body), Some(panel)) = (document.body(), make("section", "")) else { return };
    panel.set_class_name("boot-message");
    let _ = panel.set_attribute("role", "alert");
    let words = "The page stopped because of an error in it. Your settings are kept in the address bar: reload the page to go on. Please report the lines below.";
    for element in
        [make("p", words), make("pre", &format!("build {BUILD_ID}\n{details}"))].into_iter().flatten()
    {
        let _ = panel.append_child(&element);
    }
    let _ = body.prepend_with_node_1(&panel);
}
