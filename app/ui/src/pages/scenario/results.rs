//! The prediction in figures, parts and sources.

use crate::{
    charts::{BarPart, StackedBar},
    components::{Badge, BadgeKind, Panel},
    state::Store,
};
use leptos::prelude::*;
use planner::{
    format,
    prediction::{CostPart, FactUse, Prediction, Provenance, Resource},
    units::Usd,
};

/// What a part of the step waits for, in plain words.
const fn waits_for(resource: Resource) -> &'static str {
    match resource {
        Resource::Compute => "arithmetic",
        Resource::Memory => "memory",
        Resource::IntraNodeNetwork => "links inside the node",
        Resource::InterNodeNetwork => "the network between nodes",
        Resource::PipelineBubble => "other pipeline stages",
    }
}

/// The main figures with their intervals.
pub fn figures(prediction: &Prediction) -> impl IntoView + use<> {
    let figure = |name: &'static str, testid: &'static str, value: String, beside: String| {
        view! {
            <div>
                <dt>{name}</dt>
                <dd class="numbers" data-testid=testid>{value}</dd>
                <dd class="muted small numbers">{beside}</dd>
            </div>
        }
    };
    let capacity = format::bytes_binary(prediction.memory_capacity);
    let fits = if prediction.fits {
        format!("of {capacity}: fits, reserve included")
    } else {
        format!("of {capacity}: does not fit")
    };
    // Whole tokens, except for a machine so slow that only fractions are left.
    let rate = prediction.tokens_per_second;
    let rate = if rate >= 100.0 { rate.round() } else { rate };
    view! {
        <dl class="figures">
            {figure("Time to train", "time-to-train", format::seconds(prediction.time_to_train.value), format::interval(&prediction.time_to_train, format::seconds))}
            {figure("Cost of the run", "cost", format::usd(prediction.cost.value), format::interval(&prediction.cost, format::usd))}
            {figure("Energy", "energy", format::energy(prediction.energy.value), format::interval(&prediction.energy, format::energy))}
            {figure("Optimizer step", "step-time", format::seconds(prediction.step_time.value), format::interval(&prediction.step_time, format::seconds))}
            {figure("Tokens per second", "tokens-per-second", format::count(rate), format!("over {} steps", format::count(prediction.step_count)))}
            {figure("Model FLOPs utilisation", "mfu", format::percent(prediction.model_flops_utilization), format!("waits most for {}", waits_for(prediction.bound_by)))}
            {figure("Memory per accelerator", "memory", format::bytes_binary(prediction.memory_total), fits)}
        </dl>
        <div class="basis small muted"><Badge kind=BadgeKind::Of(Provenance::Model)/><span>{prediction.interval_basis.clone()}</span></div>
    }
}

/// Everything below the verdict.
#[component]
pub fn Results(prediction: Prediction) -> impl IntoView {
    let step: Vec<BarPart> = prediction
        .step_parts
        .iter()
        .map(|part| BarPart {
            label: format!("{} (waits for {})", sentence(&part.label), waits_for(part.resource)),
            value: part.time.0,
            text: format::seconds(part.time),
        })
        .collect();
    let memory: Vec<BarPart> = prediction
        .memory_parts
        .iter()
        .map(|part| BarPart {
            label: sentence(&part.label),
            value: part.bytes.0,
            text: format::bytes_binary(part.bytes),
        })
        .collect();
    let capacity = (
        prediction.memory_capacity.0,
        format!("The line: {} on the accelerator", format::bytes_binary(prediction.memory_capacity)),
    );
    let step_title = format!("One step: {}", format::seconds(prediction.step_time.value));
    let memory_title = format!("Fullest accelerator: {}", format::bytes_binary(prediction.memory_total));
    view! {
        <div class="pair">
            <Panel title="Where the step's time goes">
                <StackedBar title=step_title parts=Signal::derive(move || step.clone()) capacity=Signal::derive(|| None)/>
            </Panel>
            <Panel title="Memory of one accelerator">
                <StackedBar title=memory_title parts=Signal::derive(move || memory.clone()) capacity=Signal::derive(move || Some(capacity.clone()))/>
            </Panel>
        </div>
        <Panel title="Cost">{cost_table(&prediction.cost_parts, prediction.cost.value)}</Panel>
        <Panel title="What went in">{facts_table(&prediction.facts)}</Panel>
        <Panel title="Notes">
            <ul class="notes" data-testid="notes">{prediction.notes.iter().map(|note| view! { <li>{note.clone()}</li> }).collect_view()}</ul>
        </Panel>
    }
}

fn cost_table(parts: &[CostPart], total: Usd) -> impl IntoView + use<> {
    let rows = parts
        .iter()
        .map(|part| {
            let share = if total.0 > 0.0 { format::percent(part.cost.0 / total.0) } else { String::new() };
            view! {
                <tr>
                    <th scope="row">{sentence(&part.label)}</th>
                    <td class="numbers">{format::usd(part.cost)}</td>
                    <td class="numbers muted">{share}</td>
                    <td><Badge kind=BadgeKind::Of(part.provenance.clone())/></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <table class="facts" data-testid="cost-parts">
            <thead><tr><th scope="col">"Part"</th><th scope="col" class="numbers">"Cost"</th><th scope="col" class="numbers">"Share"</th><th scope="col">"Price from"</th></tr></thead>
            <tbody>{rows}</tbody>
            <tfoot><tr><th scope="row">"Whole run"</th><td class="numbers">{format::usd(total)}</td><td></td><td></td></tr></tfoot>
        </table>
    }
}

fn facts_table(facts: &[FactUse]) -> impl IntoView + use<> {
    let store = Store::expect();
    let rows = facts
        .iter()
        .map(|fact| {
            let own = fact.key.clone().map(|key| own_value(store, key.into_owned(), fact));
            view! {
                <tr>
                    <th scope="row">{fact.label.clone()}</th>
                    <td class="numbers">{format::fact(fact.value, fact.unit)}</td>
                    <td><Badge kind=BadgeKind::Of(fact.provenance.clone())/></td>
                    <td>{own}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="facts-wide" tabindex="0" role="region" aria-label="What went in">
            <table class="facts" data-testid="facts">
                <thead><tr><th scope="col">"Fact"</th><th scope="col" class="numbers">"Value"</th><th scope="col">"Source"</th><th scope="col">"What if"</th></tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

/// A field that replaces a fact of the catalog; emptied, it gives the catalog's back.
fn own_value(store: Store, key: String, fact: &FactUse) -> impl IntoView + use<> {
    let (scale, unit) = format::typed_unit(fact.unit);
    let own = store.workbench.with_untracked(|workbench| workbench.scenario.own_facts.get(&key));
    let value = own.map(|own| (own / scale * 1e9).round() / 1e9);
    let label = format!("Your own value of {}{}{unit}", fact.label, if unit.is_empty() { "" } else { ", " });
    let testid = format!("own-{key}");
    let change = move |event: leptos::ev::Event| {
        let typed =
            event_target_value(&event).parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0);
        store.commit(|workbench| match typed {
            Some(typed) => workbench.scenario.own_facts.set(&key, typed * scale),
            None => workbench.scenario.own_facts.remove(&key),
        });
    };
    view! {
        <span class="own-value">
            <input type="number" min="0" step="any" aria-label=label data-testid=testid prop:value=value.map(|value| value.to_string()) on:change=change/>
            <span class="muted small">{unit}</span>
        </span>
    }
}

fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| {
        std::iter::once(first.to_ascii_uppercase()).chain(letters).collect()
    })
}
