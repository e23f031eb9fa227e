//! "Use my device": a measurement enters the scenario only when the visitor says so.

use crate::{components::Panel, state::Store};
use leptos::prelude::*;
use planner::{
    format,
    scenario::{Dtype, MeasuredDevice, Scenario, THIS_DEVICE},
    units::{Bytes, BytesPerSecond, FlopsPerSecond},
    workbench::Page,
};
use protocol::{BackendKind, DeviceReport};

/// Address space of a 32-bit WASM module, in bytes: what the CPU backend may use at most.
const WASM_HEAP_BYTES: f64 = 4_294_967_296.0;

/// The measured machine as the planner knows it: the backend that measured faster.
fn measured(report: &DeviceReport) -> MeasuredDevice {
    let (rates, memory_bytes) = match (&report.gpu, report.faster) {
        (Ok(gpu), BackendKind::Gpu) => {
            let limit = gpu
                .limits
                .iter()
                .find(|(name, _)| name.replace('_', "").eq_ignore_ascii_case("maxbuffersize"));
            (&gpu.rates, limit.map_or(WASM_HEAP_BYTES, |(_, bytes)| *bytes as f64))
        }
        _ => (&report.cpu, WASM_HEAP_BYTES),
    };
    MeasuredDevice {
        peak_f32_flops_per_second: rates.matmul_f32_flops_per_second,
        memory_bandwidth_bytes_per_second: rates.memory_bandwidth_bytes_per_second(),
        memory_bytes,
    }
    .sanitised()
}

/// One accelerator of the kind that was measured.
pub fn take_device(scenario: &mut Scenario, report: &DeviceReport) {
    scenario.measured_device = Some(measured(report));
    scenario.accelerator = THIS_DEVICE.into();
    // One machine in one tab: nothing to split the model over.
    scenario.accelerator_count = 1;
    scenario.tensor_parallel_size = 1;
    scenario.pipeline_parallel_size = 1;
    scenario.precision = Dtype::F32;
}

fn words(device: &MeasuredDevice) -> String {
    format!(
        "{} on f32 matrix products, {} of memory bandwidth, {} for this tab.",
        format::flops_per_second(FlopsPerSecond(device.peak_f32_flops_per_second)),
        format::rate(BytesPerSecond(device.memory_bandwidth_bytes_per_second)),
        format::bytes_binary(Bytes(device.memory_bytes))
    )
}

/// The measured machine and the button that takes it in.
#[component]
pub fn DevicePanel() -> impl IntoView {
    let store = Store::expect();
    let measured_here =
        Signal::derive(move || store.device_report.with(|report| report.as_ref().map(measured)));
    let taken = Signal::derive(move || store.workbench.with(|workbench| workbench.scenario.measured_device));
    let take = move |_| {
        if let Some(report) = store.device_report.get_untracked() {
            store.commit(|workbench| take_device(&mut workbench.scenario, &report));
        }
    };
    let line = move || match (measured_here.get(), taken.get()) {
        (Some(device), _) => words(&device),
        (None, Some(device)) => format!("In this scenario, as it was measured: {}", words(&device)),
        (None, None) => {
            "Not measured yet. Measure it first; then it can stand in for the accelerator.".to_owned()
        }
    };
    view! {
        <Panel title="My device">
            <p class="small" data-testid="my-device">{line}</p>
            <div class="row">
                <button data-testid="use-my-device" disabled=move || measured_here.read().is_none() on:click=take>"Use my device"</button>
                {move || measured_here.read().is_none().then(|| view! {
                    <button class="link" on:click=move |_| store.go(Page::Device)>"Measure it on the Device page"</button>
                })}
            </div>
        </Panel>
    }
}
