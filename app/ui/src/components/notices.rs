//! The live region of notices.

use crate::state::{Notice, NoticeKind, Store};
use leptos::prelude::*;

/// Notices in view, each dismissable.
#[component]
pub fn NoticeList() -> impl IntoView {
    let store = Store::expect();
    view! {
        <div class="notices" role="status" aria-live="polite" data-testid="notices">
            <For each=move || store.notices.get() key=|notice| notice.id let(notice)>
                {line(store, notice)}
            </For>
        </div>
    }
}

fn line(store: Store, notice: Notice) -> impl IntoView {
    let Notice { id, kind, text } = notice;
    let class = match kind {
        NoticeKind::Info => "notice",
        NoticeKind::Problem => "notice notice-problem",
    };
    view! {
        <div class=class>
            <span>{text}</span>
            <button class="quiet" on:click=move |_| store.dismiss(id)>"Dismiss"</button>
        </div>
    }
}
