//! A system and a run: the form beside what it will cost and how fast it will be.

mod device;
mod form;
mod results;

pub use device::take_device;

use crate::{components::Panel, state::Store};
use leptos::prelude::*;
use planner::{catalog::Catalog, prediction::Prediction};

/// A prediction, or why there is none.
type Outcome = Result<Prediction, String>;

/// The Scenario page.
#[component]
pub fn ScenarioPage() -> impl IntoView {
    let store = Store::expect();
    let scenario = Memo::new(move |_| store.workbench.with(|workbench| workbench.scenario.clone()));
    let outcome: Memo<Outcome> = Memo::new_with_compare(
        move |_| {
            scenario.with(|scenario| {
                planner::evaluate(scenario, Catalog::builtin()).map_err(|error| error.to_string())
            })
        },
        // It follows from the scenario, which is compared; comparing predictions would be code for nothing.
        |_, _| true,
    );
    let prediction = move || outcome.with(|outcome| outcome.clone().ok());
    view! {
        <div class="page-head">
            <h1>"Predict a scenario"</h1>
            <p class="lead">"Describe a system and a training run. The prediction follows every change, and each figure says where it comes from."</p>
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
fn Verdict(outcome: Memo<Outcome>) -> impl IntoView {
    let words = move || {
        outcome.with(|outcome| match outcome {
            Ok(prediction) => prediction.verdict.clone(),
            Err(error) => error.clone(),
        })
    };
    let is_error = move || outcome.with(Result::is_err);
    let figures = move || outcome.with(|outcome| outcome.as_ref().ok().map(results::figures));
    view! {
        <Panel title="Verdict" class="verdict-panel">
            <p class="verdict" class:verdict-error=is_error role="status" data-testid="verdict">{words}</p>
            {figures}
        </Panel>
    }
}
