//! The main job: train a model here, make it INT8, use it on a drawing, see a prediction beside it.

mod draw;
mod form;
mod pixels;
mod quantise;
mod results;
mod run;

pub use form::BackendSetting;

use crate::{components::Panel, lab::Lab, state::Store, worker::planner::Planner};
use leptos::prelude::*;
use planner::workbench::Page;

/// The Train page.
#[component]
pub fn TrainPage() -> impl IntoView {
    let store = Store::expect();
    let lab = Lab::expect();
    // While another run is under way, results of the one before would read as its own; after a cancel they are back.
    let is_trained = move || store.last_training.with(Option::is_some) && !lab.is_training();
    view! {
        <div class="page-head">
            <h1>"Train a digit reader in this tab"</h1>
            <p class="lead">"A real network, trained on your own machine. Then make it INT8, draw a digit, and see what both models read."</p>
        </div>
        <div class="columns">
            <div class="side">
                <form::ExperimentForm/>
                <PredictionBeside/>
            </div>
            <div class="content">
                <run::RunPanel/>
                <Show when=is_trained fallback=|| ()>
                    <results::ResultsPanel/>
                    <quantise::QuantisePanel/>
                    <draw::DrawPanel/>
                </Show>
            </div>
        </div>
    }
}

/// The scenario's predicted cost and time, beside the run.
#[component]
fn PredictionBeside() -> impl IntoView {
    let store = Store::expect();
    let planner = Planner::expect();
    // The planner is half as large as the engine: what the first training step needs comes before it.
    Effect::new(move || {
        if store.last_training.with(Option::is_some) {
            planner.wanted();
        }
    });
    let verdict = move || match planner.outcome().get() {
        Some(Ok(prediction)) => prediction.verdict,
        Some(Err(error)) => error,
        None => "Comes with the first result, or at once when you open the scenario.".into(),
    };
    view! {
        <Panel title="Your scenario, predicted">
            <p data-testid="scenario-verdict">{verdict}</p>
            <p class="muted small">"The same techniques at the scale of a cluster. "
                <button class="link" on:click=move |_| store.go(Page::Scenario)>"Open the scenario"</button>
            </p>
        </Panel>
    }
}
