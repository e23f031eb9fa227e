//! The start page: what this is, what this machine is, two things to do, and examples to start from.

use crate::state::Store;
use leptos::{ev, prelude::*};
use planner::{
    format,
    presets::{self, Preset},
    share,
    units::{BytesPerSecond, FlopsPerSecond},
    workbench::{Page, Workbench},
};
use protocol::{BackendKind, DeviceReport};

/// The Start page.
#[component]
pub fn StartPage() -> impl IntoView {
    let examples = |page: Page| {
        let chosen = presets::all().iter().filter(move |preset| preset.workbench().page == page);
        chosen.map(|preset| view! { <Example preset=*preset/> }).collect_view()
    };
    view! {
        <div class="page-head start-head">
            <h1>"An AI-infrastructure workbench in one browser tab"</h1>
            <p class="lead">
                "Train a real model on your own machine, make it INT8, and see what the same techniques cost and how fast they are on any cluster. Every number is measured here, or predicted with a stated error."
            </p>
        </div>
        <div class="actions">
            <Action page=Page::Train testid="start-train" title="Train a model here" words="One click: ten thousand digits, a small network, under a minute. Then quantise it and draw digits for it."/>
            <Action page=Page::Scenario testid="start-scenario" title="Predict a scenario" words="Describe accelerators, network and model; see time, memory, energy and cost, and what binds them."/>
        </div>
        <DeviceLine/>
        <section aria-labelledby="examples-train">
            <h2 id="examples-train">"Examples to train here"</h2>
            <ul class="gallery">{examples(Page::Train)}</ul>
        </section>
        <section aria-labelledby="examples-scenario">
            <h2 id="examples-scenario">"Examples to predict"</h2>
            <ul class="gallery">{examples(Page::Scenario)}</ul>
        </section>
        <p class="muted small start-note">"Everything that you set is in the address bar: a link reopens exactly this state. A link never starts any work by itself."</p>
    }
}

/// Whether a click is meant for this tab; a modified one opens another, as links do.
fn is_plain(event: &ev::MouseEvent) -> bool {
    !(event.ctrl_key() || event.meta_key() || event.shift_key())
}

#[component]
fn Action(page: Page, testid: &'static str, title: &'static str, words: &'static str) -> impl IntoView {
    let store = Store::expect();
    let href = move || {
        store
            .workbench
            .with(|workbench| format!("#{}", share::encode(&Workbench { page, ..workbench.clone() })))
    };
    let open = move |event: ev::MouseEvent| {
        if is_plain(&event) {
            event.prevent_default();
            store.go(page);
        }
    };
    view! {
        <a class="action" href=href data-testid=testid on:click=open>
            <span class="action-title">{title}<span aria-hidden="true" class="arrow">" →"</span></span>
            <span class="action-words">{words}</span>
        </a>
    }
}

/// This machine in one line, as far as it is known.
#[component]
fn DeviceLine() -> impl IntoView {
    let store = Store::expect();
    let words = move || {
        store
            .device_report
            .with(|report| report.as_ref().map_or_else(|| "not measured yet.".to_owned(), describe))
    };
    let verb =
        move || if store.device_report.with(Option::is_some) { "See the measurements" } else { "Measure it" };
    view! {
        <p class="device-line" data-testid="device-line">
            <strong>"Your device: "</strong>{words}" "
            <button class="link" on:click=move |_| store.go(Page::Device)>{verb}</button>
        </p>
    }
}

fn describe(report: &DeviceReport) -> String {
    let (name, rates) = match (&report.gpu, report.faster) {
        (Ok(gpu), BackendKind::Gpu) => {
            let names = [&gpu.description, &gpu.architecture, &gpu.vendor];
            let name = names.into_iter().find(|name| !name.is_empty()).map_or("a GPU", String::as_str);
            (name.to_owned(), &gpu.rates)
        }
        _ => ("the processor, through WASM SIMD".to_owned(), &report.cpu),
    };
    format!(
        "{name}, {} on f32 matrix products, {} of memory bandwidth.",
        format::flops_per_second(FlopsPerSecond(rates.matmul_f32_flops_per_second)),
        format::rate(BytesPerSecond(rates.memory_bandwidth_bytes_per_second()))
    )
}

/// An example as a real link: it can be copied, bookmarked and opened in another tab.
#[component]
fn Example(preset: Preset) -> impl IntoView {
    let store = Store::expect();
    let workbench = preset.workbench();
    let href = format!("#{}", share::encode(&workbench));
    let open = move |event: ev::MouseEvent| {
        if is_plain(&event) {
            event.prevent_default();
            store.open(workbench.clone());
        }
    };
    view! {
        <li>
            <a class="example" href=href data-preset=preset.id on:click=open>
                <span class="example-title">{preset.title}</span>
                <span class="muted small">{preset.description}</span>
            </a>
        </li>
    }
}
