//! Where a number comes from.

use leptos::prelude::*;
use planner::prediction::Provenance;

/// Kinds of provenance, for the badge.
#[derive(Debug, Clone, PartialEq)]
pub enum BadgeKind {
    /// Measured in this browser.
    Measured,
    /// As the planner says.
    Of(Provenance),
}

impl BadgeKind {
    fn word(&self) -> &'static str {
        match self {
            Self::Measured | Self::Of(Provenance::Measured) => "measured",
            Self::Of(Provenance::Catalog { .. }) => "catalog",
            Self::Of(Provenance::Model) => "model",
            Self::Of(Provenance::Assumption) => "assumption",
        }
    }

    fn explanation(&self) -> String {
        match self {
            Self::Measured | Self::Of(Provenance::Measured) => {
                "Measured on this machine, in this tab.".into()
            }
            Self::Of(Provenance::Catalog { source, retrieved_on }) => {
                format!("{source}. Retrieved on {retrieved_on}.")
            }
            Self::Of(Provenance::Model) => {
                "Predicted by a formula; the interval says how far published runs were off.".into()
            }
            Self::Of(Provenance::Assumption) => "An assumption that you can change in the form.".into(),
        }
    }
}

/// A small word that opens its source; a `details` element, so it works with the keyboard.
#[component]
pub fn Badge(kind: BadgeKind) -> impl IntoView {
    let word = kind.word();
    view! {
        <details class=format!("badge badge-{word}")>
            <summary>{word}</summary>
            <span class="badge-text">{kind.explanation()}</span>
        </details>
    }
}
