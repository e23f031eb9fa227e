//! Scenario in, prediction out.

use crate::catalog::{
    ASSUMPTIONS, AcceleratorKind, CALIBRATION, Catalog, CatalogError, INTERVAL, Interconnect, Model,
};
use crate::cost::{Budget, Runner, budget};
use crate::format;
use crate::machine::{MachineFacts, assumed_fact, catalog_fact, catalog_machine, measured_machine};
use crate::memory::memory_parts;
use crate::performance::{Layout, StepBreakdown, step_breakdown};
use crate::prediction::{Estimate, FactUnit, FactUse, Prediction, Provenance, Resource, StepPart};
use crate::scenario::{Dtype, Scenario, THIS_DEVICE};
use crate::units::{Bytes, JOULES_PER_KILOWATT_HOUR, Seconds, Usd};
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
                 pipeline parallel size). Your settings are kept. Choose a count that is a multiple of \
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
pub fn evaluate(scenario: &Scenario, catalog: &Catalog) -> Result<Prediction, EvaluateError> {
    let mut scenario = scenario.clone().sanitised();
    let mut notes = Vec::new();
    let model = catalog.model(&scenario.model)?;
    let interconnect = catalog.interconnect(&scenario.interconnect)?;
    let runner = runner(&mut scenario, catalog, &mut notes)?;
    let layout = layout(&scenario, model, &mut notes)?;
    let (mut facts, capacity, reserve) = machine(&scenario, runner, interconnect, &mut notes)?;
    if f64::from(scenario.accelerator_count) <= facts.machine.topology.accelerators_per_node {
        facts.facts.retain(|fact| fact.label != interconnect.name);
    }
    facts.facts.push(catalog_fact(
        format!("Parameters of {}", model.name),
        FactUnit::Count,
        model.parameters,
        |count| count,
    ));
    let step = step_breakdown(&model.shape, &layout, &facts.machine, &CALIBRATION);
    let step_count = (scenario.training_tokens / layout.step_tokens()).ceil().max(1.0);
    let time = step.total * step_count;
    let money = budget(&scenario, catalog, runner, &step, time)?;
    facts.facts.extend(money.facts.iter().cloned());
    notes_of_extrapolation(&scenario, model, &facts, &mut notes);
    Ok(assemble(
        &Inputs { scenario, model, layout, facts, step, step_count, capacity, reserve, money, runner },
        notes,
    ))
}

/// Everything that [`assemble`] puts together.
struct Inputs {
    scenario: Scenario,
    model: &'static Model,
    layout: Layout,
    facts: MachineFacts,
    step: StepBreakdown,
    step_count: f64,
    capacity: Bytes,
    reserve: Bytes,
    money: Budget,
    runner: Runner,
}

fn runner(
    scenario: &mut Scenario,
    catalog: &Catalog,
    notes: &mut Vec<String>,
) -> Result<Runner, EvaluateError> {
    if scenario.accelerator != THIS_DEVICE {
        return Ok(Runner::Catalog(catalog.accelerator(&scenario.accelerator)?));
    }
    if scenario.precision != Dtype::F32 {
        notes.push(format!(
            "This device was measured in F32: time and memory are those of F32, not of {}.",
            scenario.precision.name()
        ));
        scenario.precision = Dtype::F32;
    }
    Ok(Runner::ThisDevice)
}

fn layout(scenario: &Scenario, model: &Model, notes: &mut Vec<String>) -> Result<Layout, EvaluateError> {
    let (tensor, pipeline) = (scenario.tensor_parallel_size, scenario.pipeline_parallel_size);
    if pipeline > model.shape.num_hidden_layers {
        return Err(EvaluateError::MoreStagesThanLayers {
            pipeline_parallel_size: pipeline,
            num_hidden_layers: model.shape.num_hidden_layers,
        });
    }
    if tensor > model.shape.num_attention_heads {
        return Err(EvaluateError::MoreRanksThanHeads {
            tensor_parallel_size: tensor,
            num_attention_heads: model.shape.num_attention_heads,
        });
    }
    let model_parallel_size = tensor.saturating_mul(pipeline);
    if !scenario.accelerator_count.is_multiple_of(model_parallel_size) {
        return Err(EvaluateError::ParallelismDoesNotDivide {
            accelerator_count: scenario.accelerator_count,
            model_parallel_size,
        });
    }
    let replicas = scenario.accelerator_count / model_parallel_size;
    let examples = u64::from(replicas) * u64::from(scenario.micro_batch_size);
    let global = u64::from(scenario.global_batch_size);
    if examples > global {
        return Err(EvaluateError::BatchTooSmall {
            global_batch_size: scenario.global_batch_size,
            data_parallel_size: replicas,
            micro_batch_size: scenario.micro_batch_size,
        });
    }
    let micro_batch_count = u32::try_from(global.div_ceil(examples)).unwrap_or(u32::MAX);
    let rounded = u64::from(micro_batch_count) * examples;
    if rounded != global {
        notes.push(format!(
            "The global batch is rounded up from {global} to {rounded}, a multiple of {replicas} replicas x micro \
             batch {}.",
            scenario.micro_batch_size
        ));
    }
    Ok(Layout {
        tensor_parallel_size: tensor,
        pipeline_parallel_size: pipeline,
        virtual_pipeline_size: 1,
        data_parallel_size: replicas,
        micro_batch_size: scenario.micro_batch_size,
        micro_batch_count,
        sequence_length: scenario.sequence_length,
        zero_stage: scenario.zero_stage,
        full_recomputation: scenario.full_recomputation,
        precision: scenario.precision,
    })
}

/// The machine, the memory of one accelerator, and the part of it that the framework keeps.
fn machine(
    scenario: &Scenario,
    runner: Runner,
    interconnect: &'static Interconnect,
    notes: &mut Vec<String>,
) -> Result<(MachineFacts, Bytes, Bytes), EvaluateError> {
    match runner {
        Runner::Catalog(accelerator) => {
            let mut facts = catalog_machine(accelerator, interconnect, scenario.precision, &CALIBRATION)?;
            let memory = accelerator.memory()?;
            facts.facts.push(catalog_fact(
                format!("Memory of {}", accelerator.name),
                FactUnit::Bytes,
                memory,
                |bytes| bytes.0,
            ));
            let reserve = ASSUMPTIONS.framework_reserve_bytes;
            facts.facts.push(assumed_fact("Framework reserve", FactUnit::Bytes, reserve));
            if facts.assumed_matrix_rate {
                notes.push(format!(
                    "No measured matrix product of {} is published: {} of its peak is taken as reachable.",
                    accelerator.name,
                    format::percent(CALIBRATION.default_achievable_fraction)
                ));
            }
            if accelerator.kind == AcceleratorKind::Cpu {
                notes.push(
                    "The model was calibrated on GPUs and TPUs; for a CPU it is an extrapolation.".into(),
                );
            }
            Ok((facts, memory.value, Bytes(reserve.value)))
        }
        Runner::ThisDevice => {
            let device = scenario.measured_device.ok_or(EvaluateError::MissingMeasuredDevice)?;
            let mut facts = measured_machine(&device, interconnect, &CALIBRATION);
            facts.facts.push(FactUse {
                label: "Memory that a tab may use on this device".into(),
                value: device.memory_bytes,
                unit: FactUnit::Bytes,
                provenance: Provenance::Measured,
            });
            let reserve = Bytes(device.memory_bytes) * ASSUMPTIONS.this_device_reserve_share.value;
            Ok((facts, Bytes(device.memory_bytes), reserve))
        }
    }
}

/// Validated: an accelerator with at least five published rows, and more than one of it.
fn is_validated(scenario: &Scenario) -> bool {
    scenario.accelerator_count > 1 && INTERVAL.covered_accelerators.contains(&scenario.accelerator.as_str())
}

fn notes_of_extrapolation(scenario: &Scenario, model: &Model, facts: &MachineFacts, notes: &mut Vec<String>) {
    if !is_validated(scenario) {
        let why = if scenario.accelerator == THIS_DEVICE {
            "no published run used this device"
        } else if scenario.accelerator_count == 1 {
            "published runs use several accelerators"
        } else {
            "fewer than five published runs used this accelerator"
        };
        notes.push(format!("Extrapolated ({why}): the interval is a wider assumption, not a measurement."));
    }
    if scenario.sequence_length > model.shape.max_position_embeddings {
        notes.push(format!(
            "{} was made for sequences of at most {} tokens.",
            model.name, model.shape.max_position_embeddings
        ));
    }
    if scenario.pipeline_parallel_size > 1 {
        notes.push("The pipeline runs plain 1F1B; interleaved stages would shrink its bubble.".into());
    }
    if matches!(scenario.precision, Dtype::F8E4m3 | Dtype::I8) {
        notes.push("Attention, the output projection and the optimizer stay in 16 and 32 bits.".into());
    }
    if scenario.precision == Dtype::F32 && facts.assumed_matrix_rate {
        notes.push("F32 means true F32 arithmetic; TF32 units are not assumed.".into());
    }
    notes.push(
        "Left out: input pipeline, checkpoints, failures and restarts, expert and context parallelism, staff, \
         storage, egress."
            .into(),
    );
}

fn assemble(inputs: &Inputs, mut notes: Vec<String>) -> Prediction {
    let Inputs { scenario, model, layout, facts, step, step_count, capacity, reserve, money, .. } = inputs;
    let (low, high, interval_basis) = interval(scenario);
    let estimate = |value: f64| (value, value * low, value * high);
    let time = step.total * *step_count;
    let memory_parts = memory_parts(&model.shape, layout, *reserve);
    let memory_total: Bytes = memory_parts.iter().map(|part| part.bytes).sum();
    let cost: Usd = money.cost_parts.iter().map(|part| part.cost).sum();
    let step_flops = model.shape.training_flops_per_token(layout.sequence_length).0 * layout.step_tokens();
    notes.extend(money.notes.iter().cloned());
    notes.push(format!(
        "About {} of CO2 equivalent at the average grid of AWS regions (cloud-carbon-footprint).",
        mass(money.energy.0 / JOULES_PER_KILOWATT_HOUR * money.grams_co2e)
    ));
    let mut prediction = Prediction {
        step_time: spread(estimate(step.total.0), Seconds),
        step_parts: merged(step),
        bound_by: step.bound_by(),
        step_count: *step_count,
        time_to_train: spread(estimate(time.0), Seconds),
        tokens_per_second: layout.step_tokens() / step.total.0,
        model_flops_utilization: step_flops / (step.total.0 * layout.accelerator_count() * facts.peak.0),
        fits: memory_total <= *capacity,
        memory_parts,
        memory_total,
        memory_capacity: *capacity,
        energy: spread(estimate(money.energy.0), crate::units::Joules),
        cost: spread(estimate(cost.0), Usd),
        cost_parts: money.cost_parts.clone(),
        facts: facts.facts.clone(),
        notes,
        verdict: String::new(),
        interval_basis,
    };
    prediction.verdict = verdict(inputs, &prediction);
    prediction
}

fn spread<T>((value, low, high): (f64, f64, f64), wrap: impl Fn(f64) -> T) -> Estimate<T> {
    Estimate { value: wrap(value), low: wrap(low), high: wrap(high) }
}

fn merged(step: &StepBreakdown) -> Vec<StepPart> {
    step.parts.iter().map(|(_, part)| part.clone()).collect()
}

fn interval(scenario: &Scenario) -> (f64, f64, String) {
    if is_validated(scenario) {
        let basis = format!(
            "80 % interval from {} published training runs, each predicted without the runs of its own source: one in \
             ten was faster than the low end, one in ten slower than the high end. Prices and power are taken as \
             stated.",
            INTERVAL.rows
        );
        return (INTERVAL.low_factor, INTERVAL.high_factor, basis);
    }
    let basis = format!(
        "Outside the validated range: {} to {} of the central value is an assumption, wider than the 80 % interval \
         ({} to {}) of {} published runs.",
        format::percent(INTERVAL.extrapolated_low_factor),
        format::percent(INTERVAL.extrapolated_high_factor),
        format::percent(INTERVAL.low_factor),
        format::percent(INTERVAL.high_factor),
        INTERVAL.rows
    );
    (INTERVAL.extrapolated_low_factor, INTERVAL.extrapolated_high_factor, basis)
}

fn verdict(inputs: &Inputs, prediction: &Prediction) -> String {
    let name = match inputs.runner {
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
        inputs.model.name,
        format::count(inputs.scenario.training_tokens),
        format::seconds(prediction.time_to_train.value),
        format::interval(&prediction.time_to_train, format::seconds),
        format::usd(prediction.cost.value),
    );
    if prediction.fits {
        return run;
    }
    format!(
        "It does not fit: {} are needed, {} are there. If it did: {run}",
        format::bytes_binary(prediction.memory_total),
        format::bytes_binary(prediction.memory_capacity)
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
