//! Long work and its errors.

use leptos::prelude::*;
use planner::{format, units::Seconds};
use protocol::WorkerError;

/// What is being done, how far, how long to go.
#[component]
pub fn ProgressBar(
    #[prop(into)] what: Signal<String>,
    /// Share done, if known.
    #[prop(into)]
    fraction: Signal<Option<f64>>,
    #[prop(into)] remaining_seconds: Signal<Option<f64>>,
) -> impl IntoView {
    let remaining = move || {
        remaining_seconds
            .get()
            .filter(|seconds| seconds.is_finite())
            .map(|seconds| format!("about {} to go", format::seconds(Seconds(seconds.ceil().max(1.0)))))
    };
    let value = move || fraction.get().map(|fraction| fraction.clamp(0.0, 1.0).to_string());
    view! {
        <div class="progress">
            <progress max="1" value=value aria-label=move || what.get()></progress>
            <div class="row spread small">
                <span>{what}</span>
                <span class="muted numbers">{remaining}</span>
            </div>
        </div>
    }
}

/// What happened, what was kept, what to do next.
#[component]
pub fn ErrorPanel(error: WorkerError) -> impl IntoView {
    let WorkerError { what, kept, next } = error;
    view! {
        <div class="error-panel" role="alert" data-testid="error">
            <p><strong>{what}</strong></p>
            <p>{kept}</p>
            <p>{next}</p>
        </div>
    }
}
