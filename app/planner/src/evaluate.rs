//! Scenario in, prediction out.

use crate::catalog::{Catalog, CatalogError};
use crate::cost::{Budget, Runner, budget};
use crate::format;
use crate::prediction::{Estimate, MemoryPart, Prediction, Resource, StepPart};
use crate::scenario::Scenario;
use crate::setup::{Setup, check, setup};
use crate::training::{LayoutError, Recipe, TrainingModel, TrainingPrediction};
use crate::units::{Bytes, JOULES_PER_KILOWATT_HOUR, Joules, Seconds, Usd};
use std::fmt;

/// Why a scenario has no prediction. The message says what, what is kept, and what to do.
#[derive(Debug, Clone, PartialEq)]
pub enum EvaluateError {
    /// The catalog lacks a fact.
    Catalog(CatalogError),
    /// "This device" was chosen but nothing was measured.
    MissingMeasuredDevice,
    /// Tensor times pipeline parallelism does not divide the accelerators.
    ParallelismDoesNotDivide {
        /// Accelerators in all.
        accelerator_count: u32,
        /// Accelerators of one replica.
        model_parallel_size: u32,
    },
    /// The global batch is smaller than one micro batch per replica.
    BatchTooSmall {
        /// Examples of a step.
        global_batch_size: u32,
        /// Replicas.
        data_parallel_size: u32,
        /// Examples of a micro batch.
        micro_batch_size: u32,
    },
    /// More pipeline stages than layers.
    MoreStagesThanLayers {
        /// Stages.
        pipeline_parallel_size: u32,
        /// Layers.
        num_hidden_layers: u32,
    },
    /// A layout that cannot be run.
    Layout(LayoutError),
    /// More tensor-parallel ranks than attention heads.
    MoreRanksThanHeads {
        /// Ranks.
        tensor_parallel_size: u32,
        /// Heads.
        num_attention_heads: u32,
    },
}

impl From<CatalogError> for EvaluateError {
    fn from(error: CatalogError) -> Self {
        Self::Catalog(error)
    }
}

impl fmt::Display for EvaluateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Catalog(error) => error.fmt(f),
            Self::MissingMeasuredDevice => f.write_str(
                "This device has not been measured yet. Your other settings are kept. Open the Device page, measure \
                 it, and choose \"use my device\".",
            ),
            Self::ParallelismDoesNotDivide { accelerator_count, model_parallel_size } => write!(
                f,
                "{accelerator_count} accelerators cannot be split into replicas of {model_parallel_size} (tensor x \
                 pipeline x context parallel size). Your settings are kept. Choose a count that is a multiple of \
                 {model_parallel_size}, or smaller parallel sizes."
            ),
            Self::BatchTooSmall { global_batch_size, data_parallel_size, micro_batch_size } => write!(
                f,
                "A global batch of {global_batch_size} does not give each of {data_parallel_size} replicas a micro \
                 batch of {micro_batch_size}. Your settings are kept. Raise the global batch to at least {}, or use \
                 fewer replicas.",
                u64::from(*data_parallel_size) * u64::from(*micro_batch_size)
            ),
            Self::MoreStagesThanLayers { pipeline_parallel_size, num_hidden_layers } => write!(
                f,
                "{pipeline_parallel_size} pipeline stages are more than the model's {num_hidden_layers} layers. Your \
                 settings are kept. Choose at most {num_hidden_layers} stages."
            ),
            Self::Layout(error) => {
                write!(f, "{error}. Your settings are kept. Choose a value in that range.")
            }
            Self::MoreRanksThanHeads { tensor_parallel_size, num_attention_heads } => write!(
                f,
                "A tensor parallel size of {tensor_parallel_size} is more than the model's {num_attention_heads} \
                 attention heads. Your settings are kept. Choose at most {num_attention_heads}."
            ),
        }
    }
}

impl std::error::Error for EvaluateError {}

/// Predicts time, memory, energy and cost of a scenario. Numbers out of range are first forced into it.
///
/// # Errors
/// [`EvaluateError`] where a fact is missing or the parallel sizes cannot be met.
pub fn evaluate(
    scenario: &Scenario,
    catalog: &Catalog,
    model: &TrainingModel,
) -> Result<Prediction, EvaluateError> {
    let scenario = scenario.clone().sanitised();
    let mut setup = setup(&scenario, catalog)?;
    check(&scenario, &setup)?;
    let predicted = model.predict_checked(&setup.workload, &setup.layout, &setup.chip, setup.chip_number);
    let tokens = rounded_tokens(&scenario, &mut setup);
    let step_count = (scenario.training_tokens / tokens).ceil().max(1.0);
    let time = Seconds(predicted.seconds * step_count);
    let mut desk = setup.desk.clone();
    let money = budget(&scenario, catalog, setup.runner, &predicted.step, time, &mut desk)?;
    setup.desk = desk;
    notes_of_extrapolation(&scenario, &mut setup, &predicted);
    Ok(assemble(&Inputs { scenario, setup, predicted, tokens, step_count, money, model }))
}

/// Tokens of a step: the global batch rounded up to whole micro batches of every replica.
fn rounded_tokens(scenario: &Scenario, setup: &mut Setup) -> f64 {
    let replicas = setup.layout.data_parallel_size();
    let micro_batches = setup.layout.micro_batch_count(scenario.global_batch_size);
    let examples = micro_batches * f64::from(replicas) * f64::from(scenario.micro_batch_size);
    if examples > f64::from(scenario.global_batch_size) {
        setup.desk.notes.push(format!(
            "The global batch is rounded up from {} to {examples}, a multiple of {replicas} replicas x micro batch {}.",
            scenario.global_batch_size, scenario.micro_batch_size
        ));
    }
    examples * f64::from(scenario.sequence_length)
}

/// Everything that [`assemble`] puts together.
struct Inputs<'a> {
    scenario: Scenario,
    setup: Setup,
    predicted: TrainingPrediction,
    tokens: f64,
    step_count: f64,
    money: Budget,
    model: &'a TrainingModel,
}

fn notes_of_extrapolation(scenario: &Scenario, setup: &mut Setup, predicted: &TrainingPrediction) {
    let notes = &mut setup.desk.notes;
    if predicted.nearness < FAR {
        notes.push(
            "No published run resembles this one: the interval is as wide as on runs of unseen sources."
                .into(),
        );
    }
    if scenario.sequence_length > setup.model.shape.max_position_embeddings {
        notes.push(format!(
            "{} was made for sequences of at most {} tokens.",
            setup.model.name, setup.model.shape.max_position_embeddings
        ));
    }
    if setup.layout.pipeline_parallel_size > 1 && setup.layout.virtual_pipeline_size == 1 {
        notes.push("The pipeline runs plain 1F1B; interleaved stages would shrink its bubble.".into());
    }
    if setup.workload.recipe.is_narrow() {
        notes.push("Attention, the output projection and the optimizer stay in 16 and 32 bits.".into());
    }
    if setup.workload.recipe == Recipe::F32 && matches!(setup.runner, Runner::Catalog(_)) {
        notes.push("F32 means true F32 arithmetic; TF32 units are not assumed.".into());
    }
    notes.push("Left out of this figure: input pipeline, checkpoints, failures and restarts, staff, storage, egress.".into());
}

/// Nearness below which no published run says anything.
const FAR: f64 = 0.2;

fn assemble(inputs: &Inputs<'_>) -> Prediction {
    let Inputs { scenario, setup, predicted, tokens, step_count, money, model } = inputs;
    let (low, high) = (predicted.low / predicted.seconds, predicted.high / predicted.seconds);
    let estimate = |value: f64| (value, value * low, value * high);
    let cost: Usd = money.cost_parts.iter().map(|part| part.cost).sum();
    let flops = setup.workload.shape.training_flops_per_token(scenario.sequence_length).0 * tokens;
    let mut notes = setup.desk.notes.clone();
    notes.push(format!(
        "About {} of CO2 equivalent at the average grid of AWS regions (cloud-carbon-footprint).",
        mass(money.energy.0 / JOULES_PER_KILOWATT_HOUR * money.grams_co2e)
    ));
    let count = f64::from(scenario.accelerator_count);
    let facts = setup.desk.facts.clone();
    let mut prediction = Prediction {
        step_time: spread(estimate(predicted.seconds), Seconds),
        step_parts: step_parts(predicted),
        bound_by: predicted.step.bound_by(),
        step_count: *step_count,
        time_to_train: spread(estimate(predicted.seconds * step_count), Seconds),
        tokens_per_second: tokens / predicted.seconds,
        model_flops_utilization: flops / (predicted.seconds * count * setup.peak),
        fits: predicted.fits,
        memory_parts: memory_parts(predicted),
        memory_total: Bytes(predicted.memory_bytes),
        memory_capacity: Bytes(setup.chip.memory_bytes),
        energy: spread(estimate(money.energy.0), Joules),
        cost: spread(estimate(cost.0), Usd),
        cost_parts: money.cost_parts.clone(),
        facts,
        notes,
        verdict: String::new(),
        interval_basis: interval_basis(predicted, model),
    };
    prediction.verdict = verdict(inputs, &prediction);
    prediction
}

fn step_parts(predicted: &TrainingPrediction) -> Vec<StepPart> {
    let parts = predicted.step.parts();
    let shown = parts.into_iter().filter(|part| part.2 > 0.0);
    shown
        .map(|(label, resource, time)| StepPart { label: label.into(), resource, time: Seconds(time) })
        .collect()
}

fn memory_parts(predicted: &TrainingPrediction) -> Vec<MemoryPart> {
    let parts = predicted.memory.parts();
    parts.into_iter().map(|(label, bytes)| MemoryPart { label: label.into(), bytes: Bytes(bytes) }).collect()
}

fn spread<T>((value, low, high): (f64, f64, f64), wrap: impl Fn(f64) -> T) -> Estimate<T> {
    Estimate { value: wrap(value), low: wrap(low), high: wrap(high) }
}

fn interval_basis(predicted: &TrainingPrediction, model: &TrainingModel) -> String {
    let how = if predicted.nearness < FAR { "far from" } else { "as near as this to" };
    format!(
        "80 % interval from {} published training runs, each predicted without itself: the error of those that are \
         {how} other published runs. Prices and power are taken as stated.",
        model.time.anchors.len()
    )
}

fn verdict(inputs: &Inputs<'_>, prediction: &Prediction) -> String {
    let name = match inputs.setup.runner {
        Runner::Catalog(accelerator) => accelerator.name,
        Runner::ThisDevice => "of this device",
    };
    let waits = match prediction.bound_by {
        Resource::Compute => "arithmetic",
        Resource::Memory => "memory bandwidth",
        Resource::IntraNodeNetwork => "the links inside a node",
        Resource::InterNodeNetwork => "the network between nodes",
        Resource::PipelineBubble => "idle pipeline stages",
    };
    let run = format!(
        "{} {name} train {} on {} tokens in about {} ({}) for about {}; most of a step waits for {waits}.",
        format::count(f64::from(inputs.scenario.accelerator_count)),
        inputs.setup.model.name,
        format::count(inputs.scenario.training_tokens),
        format::seconds(prediction.time_to_train.value),
        format::interval(&prediction.time_to_train, format::seconds),
        format::usd(prediction.cost.value),
    );
    if prediction.fits {
        return run;
    }
    format!(
        "It does not fit: {} are needed, {} are there, of which a run can use about {}. If it did: {run}",
        format::bytes_binary(prediction.memory_total),
        format::bytes_binary(prediction.memory_capacity),
        format::percent(crate::training::USABLE)
    )
}

/// `12 kg`, `3.4 t`.
fn mass(grams: f64) -> String {
    if grams < 1e6 {
        format!("{} kg", format::number(grams / 1e3))
    } else {
        format!("{} t", format::number(grams / 1e6))
    }
}
