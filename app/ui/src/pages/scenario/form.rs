//! Every field of the scenario.

use crate::{
    components::{NumberField, Panel, SelectField, TextField},
    state::Store,
    worker::planner::{Outcome, Planner},
};
use leptos::prelude::*;
use planner::{
    names, plain_text,
    prediction::FactUnit,
    presets,
    scenario::{Deployment, Dtype, Scenario, THIS_DEVICE},
    workbench::{Page, Workbench},
};

type Options = Vec<(String, String)>;

/// Typed access to one field of the scenario.
#[derive(Clone, Copy)]
struct Access(Store);

impl Access {
    fn get<T: PartialEq + Clone + Send + Sync + 'static>(self, read: fn(&Scenario) -> T) -> Signal<T> {
        Memo::new(move |_| self.0.workbench.with(|workbench| read(&workbench.scenario))).into()
    }

    /// For what is typed: changes in quick succession are one undo step.
    fn typed<T: 'static>(self, write: fn(&mut Scenario, T)) -> Callback<T> {
        Callback::new(move |value| self.0.edit(|workbench| write(&mut workbench.scenario, value)))
    }

    /// For what is chosen: each choice is an undo step.
    fn chosen(self, write: fn(&mut Scenario, String)) -> Callback<String> {
        Callback::new(move |value| self.0.commit(|workbench| write(&mut workbench.scenario, value)))
    }
}

/// Choices of the catalog, and the chosen one even where this catalog does not know it (from a newer link).
fn with_unknown(mut options: Options, chosen: &str) -> Options {
    if !options.iter().any(|(id, _)| id == chosen) {
        options.push((chosen.to_owned(), format!("{chosen} (not in this catalog)")));
    }
    options
}

fn pairs(list: &[(&str, &str)]) -> Options {
    list.iter().map(|(id, name)| ((*id).to_owned(), (*name).to_owned())).collect()
}

/// Without the last digits that scaling by a hundred leaves behind (0.333 instead of 0.33299999999999996).
fn tidy(value: f64) -> f64 {
    (value * 1e9).round() / 1e9
}

/// A whole number of the form; the field's range keeps it inside u32.
fn whole(value: f64) -> u32 {
    value as u32
}

/// The form, in four groups.
#[component]
pub fn ScenarioForm() -> impl IntoView {
    view! {
        <Panel title="Scenario" class="form-panel">
            <Preset/>
            <System/>
            <Run/>
            <Parallelism/>
            <Prices/>
        </Panel>
    }
}

/// Name and starting point.
#[component]
fn Preset() -> impl IntoView {
    let store = Store::expect();
    let at = Access(store);
    let scenarios = || presets::all().iter().filter(|preset| preset.workbench().page == Page::Scenario);
    let options = Signal::derive(move || {
        let own = ("".to_owned(), "My own settings".to_owned());
        std::iter::once(own)
            .chain(scenarios().map(|preset| (preset.id.to_owned(), preset.title.to_owned())))
            .collect::<Options>()
    });
    let value = Memo::new(move |_| {
        store.workbench.with(|workbench| {
            let same = scenarios().find(|preset| preset.workbench().scenario == workbench.scenario);
            same.map_or_else(String::new, |preset| preset.id.to_owned())
        })
    });
    let choose = Callback::new(move |id: String| {
        if let Some(preset) = presets::by_id(&id) {
            let Workbench { scenario, .. } = preset.workbench();
            store.commit(|workbench| workbench.scenario = scenario);
        }
    });
    view! {
        <SelectField label="Start from a preset" value options on_change=choose testid="preset" help="Choosing one replaces every field below; undo brings yours back."/>
        <TextField
            label="Name"
            value=at.get(|s| s.name.clone())
            on_change=at.typed(|s, name: String| s.name = plain_text(&name, planner::NAME_CHARACTERS))
            testid="scenario-name"
            help="Optional; it is in the link."
        />
    }
}

/// Accelerators, network, deployment.
#[component]
fn System() -> impl IntoView {
    let at = Access(Store::expect());
    let accelerator = at.get(|s| s.accelerator.clone());
    let has_device = at.get(|s| s.measured_device.is_some());
    let accelerators = Signal::derive(move || {
        let mut options: Options = pairs(names::ACCELERATORS);
        let chosen = accelerator.get();
        if has_device.get() || chosen == THIS_DEVICE {
            options.insert(0, (THIS_DEVICE.to_owned(), "This device, as measured".to_owned()));
        }
        with_unknown(options, &chosen)
    });
    let interconnect = at.get(|s| s.interconnect.clone());
    let interconnects = Signal::derive(move || {
        let options = pairs(names::INTERCONNECTS);
        with_unknown(options, &interconnect.get())
    });
    let deployment = at.get(|s| match s.deployment {
        Deployment::OnPremises => "on_premises".to_owned(),
        Deployment::Cloud => "cloud".to_owned(),
        Deployment::Hybrid => "hybrid".to_owned(),
    });
    let deployments = Signal::derive(|| {
        pairs(&[("cloud", "Cloud, rented"), ("on_premises", "On premises, owned"), ("hybrid", "Hybrid")])
    });
    let is_hybrid = at.get(|s| s.deployment == Deployment::Hybrid);
    view! {
        <h3>"System"</h3>
        <SelectField label="Accelerator" value=accelerator options=accelerators on_change=at.chosen(|s, id| s.accelerator = id) testid="accelerator"/>
        <div class="fields">
            <NumberField label="Accelerators" unit="in all" value=at.get(|s| f64::from(s.accelerator_count)) on_change=at.typed(|s, v| s.accelerator_count = whole(v)) range=(1.0, 1e6) integer=true testid="accelerator-count"/>
            <SelectField label="Deployment" value=deployment options=deployments on_change=at.chosen(|s, id| s.deployment = match id.as_str() {
                "on_premises" => Deployment::OnPremises,
                "hybrid" => Deployment::Hybrid,
                _ => Deployment::Cloud,
            }) testid="deployment"/>
        </div>
        <SelectField label="Network between nodes" value=interconnect options=interconnects on_change=at.chosen(|s, id| s.interconnect = id) testid="interconnect"/>
        <Show when=move || is_hybrid.get() fallback=|| ()>
            <NumberField label="Rented share" unit="% of accelerator-hours" value=at.get(|s| tidy(s.cloud_fraction * 100.0)) on_change=at.typed(|s, v: f64| s.cloud_fraction = tidy(v / 100.0)) range=(0.0, 100.0) testid="cloud-fraction"/>
        </Show>
    }
}

/// Model, precision, batch, length.
#[component]
fn Run() -> impl IntoView {
    let at = Access(Store::expect());
    let model = at.get(|s| s.model.clone());
    let models = Signal::derive(move || {
        let options = pairs(names::MODELS);
        with_unknown(options, &model.get())
    });
    let precisions = Signal::derive(|| {
        Dtype::ALL.iter().map(|dtype| (dtype.name().to_owned(), dtype.name().to_owned())).collect::<Options>()
    });
    let set_precision = at.chosen(|s, id| {
        if let Some(dtype) = Dtype::ALL.into_iter().find(|dtype| dtype.name() == id) {
            s.precision = dtype;
        }
    });
    view! {
        <h3>"Model and run"</h3>
        <div class="fields">
            <SelectField label="Model" value=model options=models on_change=at.chosen(|s, id| s.model = id) testid="scenario-model"/>
            <SelectField label="Precision" value=at.get(|s| s.precision.name().to_owned()) options=precisions on_change=set_precision testid="precision"/>
            <NumberField label="Training tokens" value=at.get(|s| s.training_tokens) on_change=at.typed(|s, v| s.training_tokens = v) range=(1.0, 1e16) testid="training-tokens" help="1e12 is a trillion"/>
            <NumberField label="Sequence length" unit="tokens" value=at.get(|s| f64::from(s.sequence_length)) on_change=at.typed(|s, v| s.sequence_length = whole(v)) range=(1.0, 1e7) integer=true testid="sequence-length"/>
            <NumberField label="Global batch" unit="examples" value=at.get(|s| f64::from(s.global_batch_size)) on_change=at.typed(|s, v| s.global_batch_size = whole(v)) range=(1.0, 1e7) integer=true testid="global-batch-size" help="Per optimizer step, all replicas"/>
            <NumberField label="Micro batch" unit="examples" value=at.get(|s| f64::from(s.micro_batch_size)) on_change=at.typed(|s, v| s.micro_batch_size = whole(v)) range=(1.0, 65_536.0) integer=true testid="micro-batch-size" help="Per forward pass, one replica"/>
        </div>
    }
}

/// How the model and its states are split.
#[component]
fn Parallelism() -> impl IntoView {
    let at = Access(Store::expect());
    let stages = Signal::derive(|| {
        pairs(&[("0", "0: nothing"), ("1", "1: optimizer"), ("2", "2: + gradients"), ("3", "3: + weights")])
    });
    let recomputation = at.get(|s| match (s.full_recomputation, s.selective_recomputation) {
        (true, _) => "full".to_owned(),
        (false, true) => "selective".to_owned(),
        (false, false) => "none".to_owned(),
    });
    let recomputations = Signal::derive(|| {
        pairs(&[("none", "Keep all"), ("selective", "Recompute attention"), ("full", "Recompute all")])
    });
    view! {
        <h3>"Parallelism and memory"</h3>
        <div class="fields">
            <NumberField label="Tensor parallel" unit="ways" value=at.get(|s| f64::from(s.tensor_parallel_size)) on_change=at.typed(|s, v| s.tensor_parallel_size = whole(v)) range=(1.0, 64.0) integer=true testid="tensor-parallel-size" help="Splits each layer; keep it inside a node"/>
            <NumberField label="Pipeline parallel" unit="stages" value=at.get(|s| f64::from(s.pipeline_parallel_size)) on_change=at.typed(|s, v| s.pipeline_parallel_size = whole(v)) range=(1.0, 256.0) integer=true testid="pipeline-parallel-size" help="Splits the layers into stages"/>
            <NumberField label="Interleaved chunks" unit="per stage" value=at.get(|s| f64::from(s.virtual_pipeline_size)) on_change=at.typed(|s, v| s.virtual_pipeline_size = whole(v)) range=(1.0, 64.0) integer=true testid="virtual-pipeline-size" help="Shrinks the pipeline's bubble"/>
            <NumberField label="Context parallel" unit="ways" value=at.get(|s| f64::from(s.context_parallel_size)) on_change=at.typed(|s, v| s.context_parallel_size = whole(v)) range=(1.0, 256.0) integer=true testid="context-parallel-size" help="Splits each sequence"/>
            <NumberField label="Expert parallel" unit="ways" value=at.get(|s| f64::from(s.expert_parallel_size)) on_change=at.typed(|s, v| s.expert_parallel_size = whole(v)) range=(1.0, 1_024.0) integer=true testid="expert-parallel-size" help="Mixtures of experts only"/>
            <SelectField label="ZeRO stage" value=at.get(|s| s.zero_stage.to_string()) options=stages on_change=at.chosen(|s, id| s.zero_stage = id.parse().unwrap_or(s.zero_stage)) testid="zero-stage" help="What is split over the replicas; 3 is FSDP"/>
            <SelectField label="Activations" value=recomputation options=recomputations on_change=at.chosen(|s, id| (s.full_recomputation, s.selective_recomputation) = (id == "full", id == "selective")) testid="full-recomputation" help="Recomputing saves memory, costs time"/>
        </div>
    }
}

/// The rent that the newest prediction used, USD per hour; what a price of the visitor's own starts from.
fn predicted_rent(outcome: RwSignal<Option<Outcome>>) -> Option<f64> {
    let prediction = outcome.get_untracked()?.ok()?;
    prediction.facts.iter().find(|fact| fact.unit == FactUnit::UsdPerHour).map(|fact| fact.value)
}

/// Prices; the visitor's own replace the catalog's.
#[component]
fn Prices() -> impl IntoView {
    let at = Access(Store::expect());
    let has_own = at.get(|s| s.usd_per_accelerator_hour.is_some());
    let source = at
        .get(|s| if s.usd_per_accelerator_hour.is_some() { "own".to_owned() } else { "catalog".to_owned() });
    let sources = Signal::derive(|| pairs(&[("catalog", "Catalog"), ("own", "My own")]));
    let store = Store::expect();
    let outcome = Planner::expect().outcome();
    let set_source = Callback::new(move |id: String| {
        let rent = predicted_rent(outcome);
        store.commit(|workbench| {
            let price = &mut workbench.scenario.usd_per_accelerator_hour;
            *price = (id == "own").then(|| price.or(rent).unwrap_or(1.0));
        });
    });
    view! {
        <h3>"Prices"</h3>
        <div class="fields">
            <SelectField label="Accelerator price" value=source options=sources on_change=set_source testid="price-source"/>
            <Show when=move || has_own.get() fallback=|| ()>
                <NumberField label="My price" unit="USD per accelerator-hour" value=at.get(|s| s.usd_per_accelerator_hour.unwrap_or_default()) on_change=at.typed(|s, v| s.usd_per_accelerator_hour = Some(v)) range=(0.0, 10_000.0) testid="usd-per-accelerator-hour"/>
            </Show>
            <NumberField label="Electricity" unit="USD per kWh" value=at.get(|s| s.usd_per_kilowatt_hour) on_change=at.typed(|s, v| s.usd_per_kilowatt_hour = v) range=(0.0, 10.0) testid="usd-per-kilowatt-hour"/>
            <NumberField label="Write-off" unit="years" value=at.get(|s| s.amortisation_years) on_change=at.typed(|s, v| s.amortisation_years = v) range=(0.1, 20.0) testid="amortisation-years" help="Owned hardware only"/>
        </div>
    }
}
