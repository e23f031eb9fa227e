//! Settings of the run, bound to the workbench's experiment.

use crate::{
    components::{ErrorPanel, NumberField, Panel, SelectField},
    files,
    lab::Lab,
    state::{NoticeKind, Store},
};
use leptos::{ev, prelude::*};
use planner::experiment::{BackendChoice, DatasetChoice, Experiment, ModelKind, Optimizer};
use protocol::DataSource;
use wasm_bindgen_futures::spawn_local;

/// Most bytes of dropped files together: the worker refuses larger ones with a reason, the page does not even read them.
const FILES_CAP_BYTES: f64 = 256.0 * 1024.0 * 1024.0;

fn options(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(id, name)| ((*id).to_owned(), (*name).to_owned())).collect()
}

/// The settings.
#[component]
pub fn ExperimentForm() -> impl IntoView {
    let store = Store::expect();
    let lab = Lab::expect();
    let busy = Signal::derive(move || lab.is_training());
    let get = move |read: fn(&Experiment) -> f64| {
        Signal::derive(move || store.workbench.with(|w| read(&w.experiment)))
    };
    let set = move |write: fn(&mut Experiment, f64)| {
        Callback::new(move |value| store.edit(|w| write(&mut w.experiment, value)))
    };
    let model = Signal::derive(move || {
        store.workbench.with(|w| match w.experiment.model {
            ModelKind::Mlp => "mlp".to_owned(),
            ModelKind::Cnn => "cnn".to_owned(),
        })
    });
    let set_model = Callback::new(move |id: String| {
        store.commit(|w| {
            let model = if id == "mlp" { ModelKind::Mlp } else { ModelKind::Cnn };
            if model != w.experiment.model {
                w.experiment.model = model;
                w.experiment.width = if model == ModelKind::Mlp { 128 } else { 16 };
            }
        });
    });
    let width_range = Signal::derive(move || {
        let (low, high) = store.workbench.with(|w| Experiment::width_range(w.experiment.model));
        (f64::from(low), f64::from(high))
    });
    let optimizer = Signal::derive(move || {
        store.workbench.with(|w| match w.experiment.optimizer {
            Optimizer::Adam => "adam".to_owned(),
            Optimizer::Sgd => "sgd".to_owned(),
        })
    });
    let set_optimizer = Callback::new(move |id: String| {
        store.commit(|w| w.experiment.optimizer = if id == "sgd" { Optimizer::Sgd } else { Optimizer::Adam });
    });
    view! {
        <Panel title="Settings">
            <Show when=move || busy.get() fallback=|| ()>
                <p class="muted small">"Settings are fixed while a run is under way."</p>
            </Show>
            <DataSetting busy/>
            <div class="fields">
                <SelectField label="Model" value=model options=Signal::derive(|| options(&[("cnn", "CNN (convolutional)"), ("mlp", "MLP (dense)")])) on_change=set_model disabled=busy testid="model"/>
                <NumberField label="Width" unit="channels or units" value=get(|e| f64::from(e.width)) on_change=set(|e, v| e.width = v as u32) range=width_range integer=true disabled=busy testid="width"/>
                <NumberField label="Batch size" unit="images a step" value=get(|e| f64::from(e.batch_size)) on_change=set(|e, v| e.batch_size = v as u32) range=(1.0, 1024.0) integer=true disabled=busy testid="batch-size"/>
                <SelectField label="Optimiser" value=optimizer options=Signal::derive(|| options(&[("adam", "Adam"), ("sgd", "SGD with momentum 0.9")])) on_change=set_optimizer disabled=busy testid="optimizer"/>
                <NumberField label="Learning rate" value=get(|e| e.learning_rate) on_change=set(|e, v| e.learning_rate = v) range=(1e-6, 10.0) disabled=busy testid="learning-rate"/>
                <NumberField label="Epochs" unit="passes over the data" value=get(|e| f64::from(e.epochs)) on_change=set(|e, v| e.epochs = v as u32) range=(1.0, 100.0) integer=true disabled=busy testid="epochs"/>
                <NumberField label="Seed" value=get(|e| f64::from(e.seed)) on_change=set(|e, v| e.seed = v as u32) range=(0.0, f64::from(u32::MAX)) integer=true disabled=busy testid="seed" help="Initial weights and the order of images"/>
                <BackendSetting busy/>
            </div>
        </Panel>
    }
}

/// The backend; also on the Device page.
#[component]
pub fn BackendSetting(#[prop(into)] busy: Signal<bool>) -> impl IntoView {
    let store = Store::expect();
    let value = Signal::derive(move || {
        store.workbench.with(|w| match w.experiment.backend {
            BackendChoice::Auto => "auto".to_owned(),
            BackendChoice::Gpu => "gpu".to_owned(),
            BackendChoice::Cpu => "cpu".to_owned(),
        })
    });
    let set = Callback::new(move |id: String| {
        store.commit(|w| {
            w.experiment.backend = match id.as_str() {
                "gpu" => BackendChoice::Gpu,
                "cpu" => BackendChoice::Cpu,
                _ => BackendChoice::Auto,
            };
        });
    });
    let choices = Signal::derive(|| {
        options(&[("auto", "The faster one"), ("gpu", "GPU (WebGPU)"), ("cpu", "CPU (WASM)")])
    });
    view! { <SelectField label="Run on" value options=choices on_change=set disabled=busy testid="backend"/> }
}

/// Drawn digits with a seed, or the visitor's own files.
#[component]
fn DataSetting(#[prop(into)] busy: Signal<bool>) -> impl IntoView {
    let store = Store::expect();
    let lab = Lab::expect();
    let is_files = move || store.workbench.with(|w| w.experiment.dataset == DatasetChoice::Files);
    let value = Signal::derive(move || if is_files() { "files".to_owned() } else { "drawn".to_owned() });
    let set = Callback::new(move |id: String| {
        store.commit(|w| {
            w.experiment.dataset = if id == "files" { DatasetChoice::Files } else { DatasetChoice::Drawn }
        });
    });
    let seed = Signal::derive(move || store.workbench.with(|w| f64::from(w.experiment.data_seed)));
    let set_seed = Callback::new(move |seed: f64| store.edit(|w| w.experiment.data_seed = seed as u32));
    let choices =
        Signal::derive(|| options(&[("drawn", "Digits drawn from a seed"), ("files", "My own files")]));
    let dragged = RwSignal::new(false);
    let drop_files = move |event: ev::DragEvent| {
        event.prevent_default();
        dragged.set(false);
        if let Some(list) = event.data_transfer().and_then(|transfer| transfer.files())
            && !busy.get_untracked()
        {
            load(lab, store, files::list_of(&list));
        }
    };
    view! {
        <SelectField label="Data set" value options=choices on_change=set disabled=busy testid="dataset" help="28x28 images of digits"/>
        <Show when=move || !is_files() fallback=|| ()>
            <NumberField label="Data seed" value=seed on_change=set_seed range=(0.0, f64::from(u32::MAX)) integer=true disabled=busy testid="data-seed" help="10,000 to train on and 2,000 held out, the same for the same seed"/>
            <DrawnDigits busy/>
        </Show>
        <Show when=is_files fallback=|| ()>
            <div
                class="drop"
                class:dragged=dragged
                on:dragover=move |event| { event.prevent_default(); dragged.set(true); }
                on:dragleave=move |_| dragged.set(false)
                on:drop=drop_files
            >
                <label class="button file-button">"Choose files"
                    <input type="file" multiple data-testid="data-files" disabled=busy on:change=move |event| load(lab, store, files::chosen(&event))/>
                </label>
                <p class="muted small">"Or drop them here: MNIST-format IDX pairs (plain or gzip), or one CSV of label and 784 pixels. Files stay in this tab and are never in a link."</p>
            </div>
        </Show>
        {move || lab.loading.get().map(|activity| view! { <p class="small" role="status">{activity.what}</p> })}
        {move || lab.data_error.get().map(|error| view! { <ErrorPanel error/> })}
        {move || lab.data.with(|data| data.as_ref().filter(|_| is_files()).map(|(summary, pixels)| {
            let notes = summary.notes.join(" ");
            view! {
                <div class="small" data-testid="data-summary">
                    <p><strong>{summary.name.clone()}</strong>": " {planner::format::count(f64::from(summary.train_count))} " to train on, " {planner::format::count(f64::from(summary.held_out_count))} " held out. " {notes}</p>
                    <super::pixels::Strip pixels=pixels.clone() labels=summary.preview_labels.clone()/>
                </div>
            }
        }))}
    }
}

/// The first digits of the drawn data set, on request: drawing them is work, and a link starts none.
#[component]
fn DrawnDigits(#[prop(into)] busy: Signal<bool>) -> impl IntoView {
    let store = Store::expect();
    let lab = Lab::expect();
    let seed = move || store.workbench.with(|w| w.experiment.data_seed);
    let show = move |_| lab.load(DataSource::Drawn { seed: seed() }, vec![]);
    let strip = move || {
        lab.drawn.with(|drawn| {
            drawn.as_ref().filter(|(of, ..)| *of == seed()).map(|(_, summary, pixels)| {
                view! { <super::pixels::Strip pixels=pixels.clone() labels=summary.preview_labels.clone()/> }
            })
        })
    };
    view! {
        <button class="quiet small" data-testid="show-digits" disabled=busy on:click=show>"Show the first digits"</button>
        {strip}
    }
}

fn load(lab: Lab, store: Store, chosen: Vec<web_sys::File>) {
    if chosen.is_empty() {
        return;
    }
    let total: f64 = chosen.iter().map(|file| file.size()).sum();
    if total > FILES_CAP_BYTES {
        let words = format!(
            "These files hold {} together; at most 256 MiB are read. Nothing was changed: choose smaller files, or fewer.",
            planner::format::bytes_binary(planner::units::Bytes(total))
        );
        store.notify(NoticeKind::Problem, words);
        return;
    }
    spawn_local(async move {
        let mut names = vec![];
        let mut contents = vec![];
        for file in chosen {
            let name = file.name();
            match files::read(&file).await {
                Some(bytes) => {
                    names.push(name);
                    contents.push(bytes);
                }
                None => {
                    store.notify(
                        NoticeKind::Problem,
                        format!("{name} could not be read. It may have been moved. Nothing was changed."),
                    );
                    return;
                }
            }
        }
        lab.load(DataSource::Files { names }, contents);
    });
}
