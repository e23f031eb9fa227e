//! What this machine is, measured.

mod words;

use crate::{
    charts::{Axis, Chart, ChartSpec, Mark, Series, SeriesKind},
    components::{Badge, BadgeKind, ErrorPanel, Panel, ProgressBar},
    lab::Lab,
    pages::{scenario::take_device, train::BackendSetting},
    state::{NoticeKind, Store},
    worker,
};
use leptos::prelude::*;
use planner::{
    format,
    units::{Bytes, BytesPerSecond, FlopsPerSecond, Seconds},
    workbench::Page,
};
use protocol::{DeviceReport, GpuReport, GpuUnavailable, MeasuredRates};

/// The Device page.
#[component]
pub fn DevicePage() -> impl IntoView {
    let store = Store::expect();
    let lab = Lab::expect();
    let known_missing = move || {
        store
            .device_report
            .with(Option::is_none)
            .then(worker::gpu_known_missing)
            .flatten()
            .map(|reason| view! { <Unavailable reason/> })
    };
    let is_idle = move || lab.probing.with(Option::is_none);
    let what = Signal::derive(move || {
        lab.probing
            .with(|activity| activity.as_ref().map(|activity| activity.what.clone()).unwrap_or_default())
    });
    let fraction = Signal::derive(move || {
        lab.probing.with(|activity| activity.as_ref().and_then(|activity| activity.fraction))
    });
    let cancel = move |_| {
        if let Some(activity) = lab.probing.get_untracked() {
            worker::cancel(activity.job);
        }
    };
    let measure = move || {
        if store.device_report.with(Option::is_some) { "Measure again" } else { "Measure this machine" }
    };
    view! {
        <div class="page-head">
            <h1>"What this machine does"</h1>
            <p class="lead">"Arithmetic, memory and latency of your GPU and CPU, measured in this tab in a few seconds, drawn as a roofline."</p>
        </div>
        <Panel title="Measure">
            <div class="row">
                <Show when=is_idle fallback=move || view! { <button data-testid="device-cancel" on:click=cancel>"Cancel"</button> }>
                    <button class="primary" data-testid="device-measure" on:click=move |_| lab.probe()>{measure}</button>
                </Show>
                <span class="muted">"Takes about ten seconds; other work on the machine makes it slower than it is."</span>
            </div>
            <Show when=move || !is_idle() fallback=|| ()>
                <ProgressBar what fraction remaining_seconds=Signal::derive(|| None)/>
            </Show>
            {move || lab.probe_error.get().map(|error| view! { <ErrorPanel error/> })}
            {known_missing}
        </Panel>
        {move || store.device_report.get().map(|report| view! { <Report report/> })}
    }
}

/// Why there is no GPU here, and what would help.
#[component]
fn Unavailable(reason: GpuUnavailable) -> impl IntoView {
    let (what, why, remedy) = words::unavailable(&reason);
    view! {
        <div class="notice" data-testid="gpu-unavailable">
            <div><p><strong>{what}</strong></p><p>{why}</p><p>{remedy}</p></div>
        </div>
    }
}

#[component]
fn Report(report: DeviceReport) -> impl IntoView {
    let store = Store::expect();
    let lab = Lab::expect();
    let gpu = report.gpu.clone();
    let take = {
        let report = report.clone();
        move |_| {
            store.commit(|w| take_device(&mut w.scenario, &report));
            store.notify(NoticeKind::Info, "The scenario now uses this device as measured. The link carries its three figures, not its name.");
            store.go(Page::Scenario);
        }
    };
    let (tier, reason) = (words::tier(report.tier), report.reason.clone());
    let elapsed = format::seconds(Seconds(report.elapsed_seconds));
    let (roof, bands) = (roofline(&report), bandwidth(&report));
    let problem = match &gpu {
        Err(reason) => Some(view! { <Unavailable reason=reason.clone()/> }),
        Ok(_) => None,
    };
    view! {
        <Panel title="In short">
            <p class="headline" data-testid="device-tier">{tier}</p>
            {problem}
            <p data-testid="device-reason">{reason} " " <Badge kind=BadgeKind::Measured/></p>
            <div class="row">
                <button data-testid="use-device-in-scenario" on:click=take>"Use this device in the scenario"</button>
                <div class="inline-field"><BackendSetting busy=Signal::derive(move || lab.is_training())/></div>
            </div>
            <p class="muted small">"Measured in " {elapsed} "."</p>
        </Panel>
        <Panel title="Roofline">
            <Chart spec=Signal::derive(move || roof.clone())/>
            <p class="muted small">"Left of the ridge point a computation waits for memory, right of it for arithmetic. Dots: the engine's own 512x512 matrix product, from operands in memory."</p>
        </Panel>
        <Panel title="Rates"><Rates report/></Panel>
        <Panel title="Memory bandwidth by working set">
            <Chart spec=Signal::derive(move || bands.clone())/>
        </Panel>
        {gpu.ok().map(|gpu| view! { <Adapter gpu/> })}
    }
}

/// Backends of a report with their names.
fn backends(report: &DeviceReport) -> Vec<(&'static str, &MeasuredRates)> {
    let gpu = report.gpu.as_ref().ok().map(|gpu| ("GPU", &gpu.rates));
    gpu.into_iter().chain([("CPU, one thread", &report.cpu)]).collect()
}

/// FLOPs over bytes of a 512x512 product that reads both operands and writes the result once.
const PRODUCT_INTENSITY: f64 = 2.0 * 512.0 / (3.0 * 4.0);

fn roofline(report: &DeviceReport) -> ChartSpec {
    let mut series = vec![];
    let mut marks = vec![];
    for (name, rates) in backends(report) {
        let (peak, slope) = (rates.peak_f32_flops_per_second, rates.memory_bandwidth_bytes_per_second());
        if peak <= 0.0 || slope <= 0.0 {
            continue;
        }
        let ridge = peak / slope;
        let mut intensities: Vec<f64> =
            (-8..=24).map(|step| 2_f64.powf(f64::from(step) / 2.0)).filter(|x| *x < 4096.0).collect();
        intensities.push(ridge);
        intensities.sort_by(f64::total_cmp);
        let points = intensities.into_iter().map(|x| (x, (x * slope).min(peak))).collect();
        series.push(Series { name: format!("{name}: roof"), kind: SeriesKind::Line, points });
        marks.push(Mark { x: ridge, y: peak, label: format!("{name} ridge point, {ridge:.2} FLOP/byte") });
    }
    for (name, rates) in backends(report) {
        let points = vec![(PRODUCT_INTENSITY, rates.matmul_f32_flops_per_second)];
        series.push(Series { name: format!("{name}: matrix product"), kind: SeriesKind::Dots, points });
    }
    ChartSpec {
        title: "Roofline, f32".into(),
        x: Axis { title: "Arithmetic intensity".into(), unit: "FLOP/byte".into(), log: true },
        y: Axis { title: "Attainable rate".into(), unit: "FLOP/s".into(), log: true },
        series,
        marks,
        y_range: None,
    }
}

fn bandwidth(report: &DeviceReport) -> ChartSpec {
    let series = backends(report)
        .into_iter()
        .map(|(name, rates)| Series {
            name: name.into(),
            kind: SeriesKind::Line,
            points: rates
                .bandwidth
                .iter()
                .map(|point| (point.working_set_bytes, point.bytes_per_second))
                .collect(),
        })
        .collect();
    ChartSpec {
        title: "Copy bandwidth".into(),
        x: Axis { title: "Working set".into(), unit: "B".into(), log: true },
        y: Axis { title: "Bytes read and written".into(), unit: "B/s".into(), log: true },
        series,
        marks: vec![],
        y_range: None,
    }
}

/// A figure of the table: its name and how to read it from a backend's rates.
type Figure = (&'static str, fn(&MeasuredRates) -> Option<String>);

/// Every rate, both backends side by side.
#[component]
fn Rates(report: DeviceReport) -> impl IntoView {
    let figures: [Figure; 10] = [
        ("Peak f32, multiply-adds in registers", |r| {
            Some(format::flops_per_second(FlopsPerSecond(r.peak_f32_flops_per_second)))
        }),
        ("Peak f16", |r| {
            r.peak_f16_flops_per_second.map(|rate| format::flops_per_second(FlopsPerSecond(rate)))
        }),
        ("INT8 dot products", |r| {
            r.peak_int8_ops_per_second
                .map(|rate| format::flops_per_second(FlopsPerSecond(rate)).replace("FLOP", "OP"))
        }),
        ("512x512 f32 matrix product", |r| {
            Some(format::flops_per_second(FlopsPerSecond(r.matmul_f32_flops_per_second)))
        }),
        ("  its kernel", |r| Some(r.matmul_variant.clone())),
        ("Memory bandwidth, largest working set", |r| {
            Some(format::rate(BytesPerSecond(r.memory_bandwidth_bytes_per_second())))
        }),
        ("One dispatch among many", |r| {
            r.dispatch_latency_seconds.map(|time| format::seconds(Seconds(time)))
        }),
        ("Submit to result on the host", |r| r.round_trip_seconds.map(|time| format::seconds(Seconds(time)))),
        ("Upload", |r| r.upload_bytes_per_second.map(|rate| format::rate(BytesPerSecond(rate)))),
        ("Read-back", |r| r.readback_bytes_per_second.map(|rate| format::rate(BytesPerSecond(rate)))),
    ];
    let backends: Vec<(&'static str, MeasuredRates)> =
        backends(&report).into_iter().map(|(name, rates)| (name, rates.clone())).collect();
    let heads = backends
        .iter()
        .map(|(name, _)| view! { <th scope="col" class="numbers">{*name}</th> })
        .collect_view();
    let rows = figures
        .into_iter()
        .map(|(name, read)| {
            let cells = backends.iter().map(|(_, rates)| view! { <td class="numbers">{read(rates).unwrap_or_else(|| "not here".into())}</td> }).collect_view();
            view! { <tr><th scope="row">{name}</th>{cells}</tr> }
        })
        .collect_view();
    view! {
        <div class="scroll" tabindex="0" role="group" aria-label="Measured rates">
            <table data-testid="device-rates"><thead><tr><td><Badge kind=BadgeKind::Measured/></td>{heads}</tr></thead><tbody>{rows}</tbody></table>
        </div>
    }
}

/// Names, self-test, limits and features.
#[component]
fn Adapter(gpu: GpuReport) -> impl IntoView {
    let or_unknown =
        |text: &str| if text.is_empty() { "not told by the browser".to_owned() } else { text.to_owned() };
    let (passed, asked) = gpu.self_test;
    let limits = gpu
        .limits
        .iter()
        .map(|(name, value)| {
            let text = if name.contains("Size") && !name.contains("Workgroup") {
                format::bytes_binary(Bytes(*value as f64))
            } else {
                value.to_string()
            };
            view! { <tr><th scope="row"><code>{name.clone()}</code></th><td class="numbers">{text}</td></tr> }
        })
        .collect_view();
    let features = gpu.features.join(", ");
    let dot = if gpu.has_packed_int8_dot { "yes" } else { "no: emulated with 32-bit integers" };
    view! {
        <Panel title="Adapter">
            <table>
                <tbody>
                    <tr><th scope="row">"Device"</th><td>{or_unknown(&gpu.description)}</td></tr>
                    <tr><th scope="row">"Vendor"</th><td>{or_unknown(&gpu.vendor)}</td></tr>
                    <tr><th scope="row">"Architecture or driver"</th><td>{or_unknown(&gpu.architecture)}</td></tr>
                    <tr><th scope="row">"Emulated by the processor"</th><td>{if gpu.is_software { "yes" } else { "no" }}</td></tr>
                    <tr><th scope="row">"Packed INT8 dot product"</th><td>{dot}</td></tr>
                    <tr><th scope="row">"Known answers"</th><td data-testid="self-test">{format!("{passed} of {asked} kernels answered rightly")}</td></tr>
                    {(!gpu.quarantined.is_empty()).then(|| view! { <tr><th scope="row">"Not used: wrong answers here"</th><td data-testid="quarantined">{gpu.quarantined.join("; ")}</td></tr> })}
                </tbody>
            </table>
            <details><summary>"Limits that the workbench asks for"</summary><table><tbody>{limits}</tbody></table></details>
            <details><summary>"Features of the adapter"</summary><p class="small">{features}</p></details>
        </Panel>
    }
}
