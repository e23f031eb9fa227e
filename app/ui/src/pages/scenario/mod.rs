//! A system and a run: the form beside what it will cost and how fast it will be.

mod device;
mod form;
mod results;

pub use device::take_device;

use crate::{
    components::Panel,
    worker::planner::{Outcome, Planner},
};
use leptos::prelude::*;

/// The Scenario page.
#[component]
pub fn ScenarioPage() -> impl IntoView {
    let outcome = Planner::expect().wanted();
    let prediction =
        move || outcome.with(|outcome| outcome.as_ref().and_then(|outcome| outcome.clone().ok()));
    view! {
        <div class="page-head">
            <h1>"Predict a scenario"</h1>
            <p class="lead">"Describe a system and a training run. The prediction follows every change, and each figure says where it comes from. "
                <a href="plan.html">"Search all layouts"</a>", or see "<a href="accuracy.html">"how far off it is"</a>"."</p>
        </div>
        <Verdict outcome/>
        <div class="columns">
            <div class="side">
                <form::ScenarioForm/>
                <device::DevicePanel/>
            </div>
            <div class="content">
                {move || prediction().map(|prediction| view! { <results::Results prediction/> })}
            </div>
        </div>
    }
}

/// One sentence first. The element stays while its words change, so that screen readers hear the new ones.
#[component]
fn Verdict(outcome: RwSignal<Option<Outcome>>) -> impl IntoView {
    let words = move || {
        outcome.with(|outcome| match outcome {
            Some(Ok(prediction)) => prediction.verdict.clone(),
            Some(Err(error)) => error.clone(),
            None => "Fetching the planner.".into(),
        })
    };
    let is_error = move || outcome.with(|outcome| matches!(outcome, Some(Err(_))));
    let figures = move || {
        outcome
            .with(|outcome| outcome.as_ref().and_then(|outcome| outcome.as_ref().ok()).map(results::figures))
    };
    view! {
        <Panel title="Verdict" class="verdict-panel">
            <p class="verdict" class:verdict-error=is_error role="status" data-testid="verdict">{words}</p>
            {figures}
        </Panel>
    }
}
