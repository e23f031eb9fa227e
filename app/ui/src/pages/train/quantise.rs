//! INT8: make it, measure both side by side, say whether it paid off here.

use crate::{
    components::{Badge, BadgeKind, ErrorPanel, Panel, ProgressBar},
    lab::{Lab, backend_name},
    worker,
};
use leptos::prelude::*;
use planner::{
    format,
    units::{Bytes, Seconds},
};
use protocol::CompressionReport;

/// The button and the comparison.
#[component]
pub fn QuantisePanel() -> impl IntoView {
    let lab = Lab::expect();
    let is_idle = move || lab.quantizing.with(Option::is_none);
    let what = Signal::derive(move || {
        lab.quantizing
            .with(|activity| activity.as_ref().map(|activity| activity.what.clone()).unwrap_or_default())
    });
    let fraction = Signal::derive(move || {
        lab.quantizing.with(|activity| activity.as_ref().and_then(|activity| activity.fraction))
    });
    let cancel = move |_| {
        if let Some(activity) = lab.quantizing.get_untracked() {
            worker::cancel(activity.job);
        }
    };
    let cannot = move || lab.is_training();
    view! {
        <Panel title="Make it INT8">
            <div class="row">
                <Show when=is_idle fallback=move || view! { <button data-testid="quantize-cancel" on:click=cancel>"Cancel"</button> }>
                    <button class="primary" data-testid="quantize-start" disabled=cannot on:click=move |_| lab.quantize()>"Quantise and compare"</button>
                </Show>
                <span class="muted">"8-bit integers instead of 32-bit floats: weights per channel, inputs calibrated on training images."</span>
            </div>
            <Show when=move || !is_idle() fallback=|| ()>
                <ProgressBar what fraction remaining_seconds=Signal::derive(|| None)/>
            </Show>
            {move || lab.quantize_error.get().map(|error| view! { <ErrorPanel error/> })}
            {move || lab.compression.get().map(|report| view! { <Comparison report/> })}
        </Panel>
    }
}

#[component]
fn Comparison(report: CompressionReport) -> impl IntoView {
    let CompressionReport { float32, int8, .. } = &report;
    let times = |new: f64, old: f64| format!("{:.2}x", new / old);
    let row = |name: &'static str, testid: &'static str, a: String, b: String, difference: String| {
        view! {
            <tr data-testid=testid>
                <th scope="row">{name}</th>
                <td class="numbers">{a}</td>
                <td class="numbers">{b}</td>
                <td class="numbers muted">{difference}</td>
            </tr>
        }
    };
    let bytes = |bytes: u64| format::bytes_binary(Bytes(bytes as f64));
    let share = int8.weight_bytes as f64 / float32.weight_bytes as f64;
    let seconds = |seconds: f64| format::seconds(Seconds(seconds));
    view! {
        <p data-testid="int8-verdict"><strong>{report.verdict.clone()}</strong> " " <Badge kind=BadgeKind::Measured/></p>
        <div class="scroll" tabindex="0" role="group" aria-label="f32 against INT8">
            <table data-testid="compression">
                <thead><tr><td></td><th scope="col" class="numbers">"f32"</th><th scope="col" class="numbers">"INT8"</th><th scope="col" class="numbers">"INT8 against f32"</th></tr></thead>
                <tbody>
                    {row("Bytes", "compression-bytes", bytes(float32.weight_bytes), bytes(int8.weight_bytes), format!("{:.1} %", share * 100.0))}
                    {row("Held-out accuracy", "compression-accuracy", format!("{:.2} %", float32.accuracy * 100.0), format!("{:.2} %", int8.accuracy * 100.0), format!("{:+.2} points", (int8.accuracy - float32.accuracy) * 100.0))}
                    {row("One image, median", "compression-p50", seconds(float32.latency_p50_seconds), seconds(int8.latency_p50_seconds), times(int8.latency_p50_seconds, float32.latency_p50_seconds))}
                    {row("One image, 95th percentile", "compression-p95", seconds(float32.latency_p95_seconds), seconds(int8.latency_p95_seconds), times(int8.latency_p95_seconds, float32.latency_p95_seconds))}
                    {row("Images per second", "compression-throughput", format::count(float32.examples_per_second.round()), format::count(int8.examples_per_second.round()), times(int8.examples_per_second, float32.examples_per_second))}
                </tbody>
            </table>
        </div>
        <p class="muted small">
            {format!(
                "Both on the {}, timed in turn: {} timings of single images (means of a few runs where one is shorter than the clock), and batches of {}. Integer products: {}. Calibrated on {} training images; the models differ on {} held-out images.",
                backend_name(report.backend), report.latency_runs, report.batch_size, report.integer_path, report.calibration_count, report.disagreements
            )}
        </p>
    }
}
