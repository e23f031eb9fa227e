//! Small parts that every page uses: fields, badges, panels, progress, errors, notices.

mod badge;
mod fields;
mod notices;
mod progress;

pub use badge::{Badge, BadgeKind};
pub use fields::{NumberField, SelectField, TextField};
pub use notices::NoticeList;
pub use progress::{ErrorPanel, ProgressBar};

use leptos::prelude::*;

/// A titled box.
#[component]
pub fn Panel(
    #[prop(into)] title: String,
    #[prop(optional, into)] class: String,
    children: Children,
) -> impl IntoView {
    view! {
        <section class=format!("panel {class}")>
            <h2>{title}</h2>
            {children()}
        </section>
    }
}
