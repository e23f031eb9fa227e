//! The run: the button, what will run, progress, curves.

use crate::{
    charts::{Axis, Chart, ChartSpec, Series, SeriesKind},
    components::{ErrorPanel, Panel, ProgressBar},
    files,
    lab::{Lab, Phase, backend_name},
    state::Store,
    worker,
};
use leptos::prelude::*;
use planner::{
    experiment::{DatasetChoice, Experiment, ModelKind},
    format,
    units::{Bytes, FlopsPerSecond},
};

/// Trainable values of the network that these settings make.
fn parameter_count(experiment: &Experiment) -> f64 {
    let width = f64::from(experiment.width);
    let half = (width / 2.0).floor().max(1.0);
    match experiment.model {
        ModelKind::Mlp => 785.0 * width + (width + 1.0) * half + (half + 1.0) * 10.0,
        ModelKind::Cnn => 10.0 * width + (9.0 * width + 1.0) * 2.0 * width + (98.0 * width + 1.0) * 10.0,
    }
}

/// What would run, said before anything does.
fn plan_words(experiment: &Experiment) -> String {
    let parameters = format::count(parameter_count(experiment));
    let seed = experiment.seed;
    match experiment.dataset {
        DatasetChoice::Drawn => {
            let steps = (10_000 / experiment.batch_size.max(1)).max(1) * experiment.epochs;
            format!(
                "{parameters} parameters, {} steps of {} images, seed {seed}.",
                format::count(f64::from(steps)),
                experiment.batch_size
            )
        }
        DatasetChoice::Files => {
            format!(
                "{parameters} parameters, {} passes over your files in batches of {}, seed {seed}.",
                experiment.epochs, experiment.batch_size
            )
        }
    }
}

/// The button and everything about the run under way.
#[component]
pub fn RunPanel() -> impl IntoView {
    let store = Store::expect();
    let lab = Lab::expect();
    let words = move || store.workbench.with(|w| plan_words(&w.experiment));
    let is_idle = move || lab.phase.get() == Phase::Idle;
    let files_missing = move || {
        store.workbench.with(|w| w.experiment.dataset == DatasetChoice::Files)
            && lab.data.with(Option::is_none)
    };
    let pause_word = move || if lab.phase.get() == Phase::Paused { "Resume" } else { "Pause" };
    let cannot_pause = move || !matches!(lab.phase.get(), Phase::Running | Phase::Paused);
    let cancel = move |_| {
        if let Some(activity) = lab.training.get_untracked() {
            worker::cancel(activity.job);
        }
    };
    let train_word = move || if store.last_training.with(Option::is_some) { "Train again" } else { "Train" };
    view! {
        <Panel title="Run">
            <div class="row run-row">
                <Show
                    when=is_idle
                    fallback=move || view! {
                        <button data-testid="train-pause" disabled=cannot_pause on:click=move |_| lab.toggle_pause()>{pause_word}</button>
                        <button data-testid="train-cancel" on:click=cancel>"Cancel"</button>
                    }
                >
                    <button class="primary big" data-testid="train-start" disabled=files_missing on:click=move |_| lab.train()>{train_word}</button>
                </Show>
                <span class="muted">{words}</span>
            </div>
            <Show when=move || files_missing() && is_idle() fallback=|| ()>
                <p class="small">"These settings train on your own files: choose them on the left first."</p>
            </Show>
            {move || lab.training.with(Option::is_some).then(|| view! { <RunProgress/> })}
            {move || lab.training_error.get().map(|error| view! { <ErrorPanel error/> })}
            {move || lab.recoveries.with(|all| (!all.is_empty()).then(|| view! {
                <ul class="small" data-testid="recoveries">{all.iter().map(|words| view! { <li>{words.clone()}</li> }).collect_view()}</ul>
            }))}
            <RunFacts/>
            {move || (!lab.loss.with(crate::lab::Curve::is_empty)).then(|| view! { <Curves/> })}
        </Panel>
    }
}

#[component]
fn RunProgress() -> impl IntoView {
    let lab = Lab::expect();
    let what = Signal::derive(move || {
        let words = lab
            .training
            .with(|activity| activity.as_ref().map(|activity| activity.what.clone()).unwrap_or_default());
        if lab.phase.get() == Phase::Paused { format!("{words}, paused") } else { words }
    });
    let fraction = Signal::derive(move || {
        lab.training.with(|activity| activity.as_ref().and_then(|activity| activity.fraction))
    });
    let remaining = Signal::derive(move || {
        lab.training.with(|activity| activity.as_ref().and_then(|activity| activity.remaining_seconds))
    });
    view! { <div data-testid="train-progress"><ProgressBar what fraction remaining_seconds=remaining/></div> }
}

/// Backend and reason, rates, plan.
#[component]
fn RunFacts() -> impl IntoView {
    let lab = Lab::expect();
    let start = move || {
        lab.start.get().map(|start| {
            let words = format!(
                "{} {} per step, {} kernel calls, {} reserved once and never again.",
                start.reason,
                format::flops(planner::units::Flops(start.flops_per_step)),
                start.dispatches_per_step,
                format::bytes_binary(Bytes(start.plan_bytes as f64)),
            );
            view! {
                <p class="small" data-testid="run-backend" data-backend=backend_name(start.backend)>
                    <strong>"Runs on the " {backend_name(start.backend)} ". "</strong>{words}
                </p>
            }
        })
    };
    let rates = move || {
        lab.progress.get().map(|progress| {
            let last = progress.points.last().copied();
            let loss = last.map_or_else(String::new, |(_, loss, _)| format!("{loss:.4}"));
            view! {
                <dl class="figures">
                    <div><dt>"Loss"</dt><dd class="numbers" data-testid="loss">{loss}</dd></div>
                    <div><dt>"Images per second"</dt><dd class="numbers">{format::count(progress.examples_per_second.round())}</dd></div>
                    <div><dt>"Achieved"</dt><dd class="numbers">{format::flops_per_second(FlopsPerSecond(progress.flops_per_second))}</dd></div>
                    <div><dt>"Held-out accuracy"</dt><dd class="numbers" data-testid="heldout-accuracy">
                        {lab.evaluations.with(|all| all.last().map_or_else(|| "after the first epoch".to_owned(), |last| format!("{:.2} %", last.accuracy * 100.0)))}
                    </dd></div>
                </dl>
            }
        })
    };
    view! {
        {start}
        {rates}
    }
}

/// Loss and accuracy by step.
#[component]
fn Curves() -> impl IntoView {
    let lab = Lab::expect();
    let axis = |title: &str, log| Axis { title: title.into(), unit: String::new(), log };
    let loss = Signal::derive(move || ChartSpec {
        title: "Loss".into(),
        x: axis("Step", false),
        y: axis("Cross-entropy", true),
        series: vec![Series {
            name: "Training batch".into(),
            kind: SeriesKind::Line,
            points: lab.loss.with(crate::lab::Curve::points),
        }],
        marks: vec![],
        y_range: None,
    });
    let held_out = move || {
        lab.evaluations.with(|all| all.iter().map(|e| (f64::from(e.step), f64::from(e.accuracy))).collect())
    };
    let accuracy = Signal::derive(move || ChartSpec {
        title: "Accuracy".into(),
        x: axis("Step", false),
        y: axis("Share read rightly", false),
        series: vec![
            Series {
                name: "Training batch".into(),
                kind: SeriesKind::Line,
                points: lab.accuracy.with(crate::lab::Curve::points),
            },
            Series { name: "Held-out images".into(), kind: SeriesKind::Dots, points: held_out() },
        ],
        marks: vec![],
        y_range: Some((0.0, 1.0)),
    });
    let save = move |_| {
        let rows = lab.points.with_value(|points| {
            points
                .iter()
                .map(|(step, loss, share)| format!("{step},{loss},{share}"))
                .collect::<Vec<_>>()
                .join("\r\n")
        });
        let _ = files::download(
            "training.csv",
            "text/csv",
            format!("step,loss,batch_accuracy\r\n{rows}").as_bytes(),
        );
    };
    view! {
        <div class="charts">
            <Chart spec=loss/>
            <Chart spec=accuracy/>
        </div>
        <button class="quiet small" on:click=save>"Every step as CSV"</button>
    }
}
