//! What the trained network makes of images it has never seen.

use super::pixels::{SIDE, Tile, paint_rgba};
use crate::{
    components::{Badge, BadgeKind, Panel},
    lab::{Lab, backend_name},
    state::Store,
};
use leptos::{html::Canvas, prelude::*};
use planner::{format, units::Seconds};
use protocol::TrainingSummary;

/// Accuracy, confusion, misread images, filters, digests.
#[component]
pub fn ResultsPanel() -> impl IntoView {
    let store = Store::expect();
    let lab = Lab::expect();
    view! {
        <Panel title="Result">
            {move || store.last_training.get().map(|summary| {
                let side = summary.filters.side as usize;
                view! {
                    <Headline summary=summary.clone()/>
                    <div class="result-grid">
                        <Confusion counts=summary.confusion.clone()/>
                        <div>
                            <h3>"Misread, surest first"</h3>
                            {move || misread(&summary, &lab.misread_pixels.get())}
                            <h3>"First-layer filters"</h3>
                            {move || view! { <Filters values=lab.filters.get() side/> }}
                        </div>
                    </div>
                }
            })}
        </Panel>
    }
}

#[component]
fn Headline(summary: TrainingSummary) -> impl IntoView {
    let accuracy = format!("{:.2} %", summary.evaluation.accuracy * 100.0);
    let recovered = (summary.recoveries > 0).then(|| {
        format!(" The GPU was lost {} times on the way, and the run recovered by itself.", summary.recoveries)
    });
    view! {
        <p class="headline"><span class="numbers" data-testid="final-accuracy">{accuracy}</span>" of the held-out images read rightly " <Badge kind=BadgeKind::Measured/></p>
        <p class="small">
            "Trained in " {format::seconds(Seconds(summary.elapsed_seconds))} " on the " {backend_name(summary.backend)} "." {recovered}
        </p>
        <p class="small muted">
            "Fingerprints: loss curve " <code data-testid="loss-digest">{summary.loss_digest}</code>
            ", weights " <code data-testid="weights-digest">{summary.weights_digest}</code>
            ". The same settings and seed on the same backend of the same machine give the same fingerprints, to the bit."
        </p>
    }
}

/// True class by read class.
#[component]
fn Confusion(counts: Vec<u32>) -> impl IntoView {
    let most = counts.iter().copied().max().unwrap_or(1).max(1);
    let rows = counts.chunks(10).enumerate().map(|(label, row)| {
        let cells = row.iter().enumerate().map(|(read, count)| {
            let share = f64::from(*count) / f64::from(most);
            // Wrong readings are rare: their shade is stretched so that a single one shows.
            let shade = if label == read {
                share * 0.45
            } else if *count == 0 {
                0.0
            } else {
                (share.sqrt() * 0.6).max(0.12)
            };
            let class = if label == read { "right" } else { "wrong" };
            view! { <td class=class style:--shade=format!("{:.0}%", shade * 100.0)>{*count}</td> }
        });
        view! { <tr><th scope="row">{label}</th>{cells.collect_view()}</tr> }
    });
    let heads = (0..10).map(|digit| view! { <th scope="col">{digit}</th> });
    view! {
        <div class="scroll" tabindex="0" role="group" aria-label="Confusion matrix">
            <table class="confusion numbers" data-testid="confusion">
                <caption>"Confusion: rows are what it is, columns what was read"</caption>
                <thead><tr><td></td>{heads.collect_view()}</tr></thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
    }
}

fn misread(summary: &TrainingSummary, pixels: &[u8]) -> impl IntoView + use<> {
    if summary.misread.is_empty() {
        return view! { <p class="small">"None: every held-out image was read rightly."</p> }.into_any();
    }
    let tiles = summary.misread.iter().zip(pixels.chunks_exact(SIDE * SIDE)).map(|(misread, ink)| {
        let words = format!("a {} read as {}", misread.label, misread.predicted);
        view! {
            <figure class="misread">
                <Tile ink=ink.to_vec() label=words.clone()/>
                <figcaption class="numbers" title=format!("{words}, {:.0} % sure", misread.confidence * 100.0)>
                    {misread.label} " → " {misread.predicted}
                </figcaption>
            </figure>
        }
    });
    view! { <div class="tiles">{tiles.collect_view()}</div> }.into_any()
}

/// Weights as images: blue below zero, orange above.
#[component]
fn Filters(values: Vec<f32>, side: usize) -> impl IntoView {
    let tiles: Vec<_> = values
        .chunks_exact((side * side).max(1))
        .map(|filter| {
            let most = filter.iter().fold(f32::MIN_POSITIVE, |most, value| most.max(value.abs()));
            let rgba: Vec<u8> = filter
                .iter()
                .flat_map(|value| {
                    let strength = (value.abs() / most).min(1.0);
                    let mix = |to: f32| (255.0 - (255.0 - to) * strength) as u8;
                    if *value < 0.0 { [mix(0.0), mix(114.0), mix(178.0), 255] } else { [mix(213.0), mix(94.0), mix(0.0), 255] }
                })
                .collect();
            let canvas = NodeRef::<Canvas>::new();
            Effect::new(move || {
                if let Some(canvas) = canvas.get() {
                    paint_rgba(&canvas, &rgba, side);
                }
            });
            view! { <canvas node_ref=canvas class="tile filter" width=side height=side aria-hidden="true"></canvas> }
        })
        .collect();
    let label = format!("{} filters of {side} by {side} weights", tiles.len());
    view! {
        <div class="tiles" role="img" aria-label=label>{tiles}</div>
        <p class="muted small">"Blue weighs against ink, orange for it."</p>
    }
}
