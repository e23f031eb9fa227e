//! Turns a scenario into what the training model reads, and lists the facts that it used.

use crate::catalog::{Accelerator, AcceleratorKind, Catalog, CatalogError, Interconnect, Model};
use crate::cost::Runner;
use crate::evaluate::EvaluateError;
use crate::facts::Desk;
use crate::prediction::{FactUnit, Provenance};
use crate::scenario::{Dtype, MeasuredDevice, Scenario, THIS_DEVICE};
use crate::training::{Chip, Layout, Link, Recipe, Recomputation, Sharding, Software, Tuning, Workload};

/// Software of a scenario: hand-written parallel layers with fused attention, as published runs of this date.
const RELEASE: f64 = 2025.5;

/// A scenario as the model reads it.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) model: &'static Model,
    pub(crate) workload: Workload,
    pub(crate) layout: Layout,
    pub(crate) chip: Chip,
    /// Place of the accelerator in the catalog; the last number for this device.
    pub(crate) chip_number: u32,
    pub(crate) runner: Runner,
    /// Peak in the run's number format: the denominator of model FLOPs utilisation.
    pub(crate) peak: f64,
    pub(crate) desk: Desk,
}

/// Reads a scenario whose numbers are in their ranges.
///
/// # Errors
/// What the catalog lacks. Sizes are checked by [`check`].
pub(crate) fn setup(scenario: &Scenario, catalog: &Catalog) -> Result<Setup, EvaluateError> {
    let model = catalog.model(&scenario.model)?;
    let interconnect = catalog.interconnect(&scenario.interconnect)?;
    let mut desk = Desk::new(&scenario.own_facts);
    let (recipe, runner, chip_number, chip) = machine(scenario, catalog, interconnect, &mut desk)?;
    let label = format!("Parameters of {}", model.name);
    let provenance = Provenance::Catalog {
        source: model.parameters.source.into(),
        retrieved_on: model.parameters.retrieved_on.into(),
    };
    desk.tell(label, FactUnit::Count, model.parameters.value, provenance);
    let layout = layout(scenario, &mut desk.notes);
    let workload = Workload {
        shape: model.shape,
        sequence_length: scenario.sequence_length,
        global_batch_size: scenario.global_batch_size,
        tuning: Tuning::Pretraining,
        recipe,
        flash_attention: true,
        software: software(runner),
        release: RELEASE,
    };
    Ok(Setup { model, workload, layout, chip, chip_number, runner, peak: chip.recipe_flops, desk })
}

fn software(runner: Runner) -> Software {
    match runner {
        Runner::Catalog(accelerator) if accelerator.kind == AcceleratorKind::Tpu => Software::Xla,
        Runner::Catalog(_) => Software::Megatron,
        Runner::ThisDevice => Software::Fsdp,
    }
}

const fn recipe(precision: Dtype) -> Recipe {
    match precision {
        Dtype::F32 => Recipe::F32,
        Dtype::Bf16 => Recipe::Bf16,
        Dtype::F16 => Recipe::F16,
        Dtype::F8E4m3 => Recipe::Fp8,
        Dtype::I8 => Recipe::Int8,
    }
}

type Parts = (Recipe, Runner, u32, Chip);

fn machine(
    scenario: &Scenario,
    catalog: &Catalog,
    interconnect: &'static Interconnect,
    desk: &mut Desk,
) -> Result<Parts, EvaluateError> {
    if scenario.accelerator == THIS_DEVICE {
        let device = scenario.measured_device.ok_or(EvaluateError::MissingMeasuredDevice)?;
        if scenario.precision != Dtype::F32 {
            desk.notes.push(format!(
                "This device was measured in F32: time and memory are those of F32, not of {}.",
                scenario.precision.name()
            ));
        }
        let chip = measured_chip(&device, interconnect, desk);
        return Ok((Recipe::F32, Runner::ThisDevice, u32::MAX, chip));
    }
    let accelerator = catalog.accelerator(&scenario.accelerator)?;
    let number = catalog.accelerators().iter().position(|other| other.id == accelerator.id).unwrap_or(0);
    let recipe = recipe(scenario.precision);
    accelerator.peak_flops(scenario.precision)?;
    let mut chip = Chip::of(accelerator, recipe)?;
    catalog_facts(accelerator, scenario, interconnect, &mut chip, desk)?;
    if accelerator.kind == AcceleratorKind::Tpu {
        // The inner network of a TPU spans the slice.
        chip.domain = scenario.accelerator_count.clamp(1, 9_216);
    }
    Ok((recipe, Runner::Catalog(accelerator), u32::try_from(number).unwrap_or(u32::MAX), chip))
}

/// A measured device: its rates are what a kernel reaches already, so that the model's shares are undone.
fn measured_chip(device: &MeasuredDevice, interconnect: &Interconnect, desk: &mut Desk) -> Chip {
    let mut measured = |label: &str, unit, value: f64| {
        desk.tell(label.to_owned(), unit, value, Provenance::Measured);
        value
    };
    let rate = measured(
        "Measured F32 matrix rate of this device",
        FactUnit::FlopsPerSecond,
        device.peak_f32_flops_per_second,
    );
    let bandwidth = measured(
        "Measured memory bandwidth of this device",
        FactUnit::BytesPerSecond,
        device.memory_bandwidth_bytes_per_second,
    );
    let memory = measured("Memory that a tab may use on this device", FactUnit::Bytes, device.memory_bytes);
    let link =
        Link { bytes_per_second: interconnect.bandwidth_per_accelerator.value.0, latency_seconds: 2e-5 };
    Chip {
        wide_flops: rate,
        recipe_flops: rate,
        achievable: Some(1.0),
        memory_bytes_per_second: bandwidth / 0.6,
        memory_bytes: memory,
        domain: 1,
        inside: link,
        between: link,
    }
}

/// Takes the facts of a chip, the visitor's own where there are any, and puts them into it.
fn catalog_facts(
    accelerator: &'static Accelerator,
    scenario: &Scenario,
    interconnect: &'static Interconnect,
    chip: &mut Chip,
    desk: &mut Desk,
) -> Result<(), CatalogError> {
    let (name, precision) = (accelerator.name, scenario.precision);
    let peak = accelerator.peak_flops(precision)?;
    let label = format!("Peak {} rate of {name}", precision.name());
    let is_wide = (chip.recipe_flops - chip.wide_flops).abs() < 1.0;
    chip.recipe_flops = desk.catalog("peak", label, FactUnit::FlopsPerSecond, chip.recipe_flops, &peak);
    if is_wide {
        chip.wide_flops = chip.recipe_flops;
    }
    match accelerator.achievable_flops(Dtype::Bf16) {
        Some(best) => {
            let label = format!("Best measured BF16 matrix product of {name}");
            let rate = desk.catalog("best-product", label, FactUnit::FlopsPerSecond, best.value.0, &best);
            chip.achievable = Some((rate / chip.wide_flops).min(1.0));
        }
        None => desk.notes.push(format!(
            "No measured matrix product of {name} is published: the fitted share of the peak is taken as reachable."
        )),
    }
    let bandwidth = accelerator.memory_bandwidth()?;
    let label = format!("Memory bandwidth of {name}");
    chip.memory_bytes_per_second =
        desk.catalog("memory-bandwidth", label, FactUnit::BytesPerSecond, bandwidth.value.0, &bandwidth);
    let memory = accelerator.memory()?;
    let label = format!("Memory of {name}");
    let size = desk.catalog("memory", label, FactUnit::Bytes, memory.value.0, &memory);
    chip.memory_bytes *= size / memory.value.0;
    let per_node = accelerator.accelerators_per_node.value;
    if let (true, Ok(link)) = (per_node > 1.0, accelerator.intra_node_bandwidth()) {
        let label = format!("Link inside a node of {per_node} {name}");
        chip.inside.bytes_per_second =
            desk.catalog("inner-link", label, FactUnit::BytesPerSecond, link.value.0, &link);
    }
    let link = interconnect.bandwidth_per_accelerator;
    chip.between.bytes_per_second = link.value.0;
    if f64::from(scenario.accelerator_count) > per_node {
        let label = interconnect.name.to_owned();
        chip.between.bytes_per_second =
            desk.catalog("network", label, FactUnit::BytesPerSecond, link.value.0, &link);
    }
    if accelerator.kind == AcceleratorKind::Cpu {
        desk.notes.push("The model was fitted on GPUs and TPUs; for a CPU it is an extrapolation.".into());
    }
    Ok(())
}

fn layout(scenario: &Scenario, notes: &mut Vec<String>) -> Layout {
    let recomputation = if scenario.full_recomputation {
        Recomputation::Full
    } else if scenario.selective_recomputation {
        Recomputation::Selective
    } else {
        Recomputation::None
    };
    if scenario.virtual_pipeline_size > 1 && scenario.pipeline_parallel_size == 1 {
        notes.push("Interleaved chunks count only where there is a pipeline.".into());
    }
    let pipelined = scenario.pipeline_parallel_size > 1;
    Layout {
        accelerator_count: scenario.accelerator_count,
        tensor_parallel_size: scenario.tensor_parallel_size,
        pipeline_parallel_size: scenario.pipeline_parallel_size,
        virtual_pipeline_size: if pipelined { scenario.virtual_pipeline_size } else { 1 },
        context_parallel_size: scenario.context_parallel_size,
        expert_parallel_size: scenario.expert_parallel_size,
        micro_batch_size: scenario.micro_batch_size,
        sharding: match scenario.zero_stage {
            0 => Sharding::None,
            1 => Sharding::OptimizerStates,
            2 => Sharding::Gradients,
            _ => Sharding::Weights,
        },
        sharding_group: 0,
        sequence_parallel: scenario.tensor_parallel_size > 1,
        recomputation,
        overlapped_tensor_parallel: true,
    }
}

/// Whether the sizes of a scenario fit each other.
///
/// # Errors
/// The first that does not, with what is allowed.
pub(crate) fn check(scenario: &Scenario, setup: &Setup) -> Result<(), EvaluateError> {
    let Setup { model, layout, workload, .. } = setup;
    let (tensor, pipeline) = (layout.tensor_parallel_size, layout.pipeline_parallel_size);
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
    let model_parallel_size = layout.model_parallel_size();
    if !scenario.accelerator_count.is_multiple_of(model_parallel_size) {
        return Err(EvaluateError::ParallelismDoesNotDivide {
            accelerator_count: scenario.accelerator_count,
            model_parallel_size,
        });
    }
    let replicas = layout.data_parallel_size();
    let examples = u64::from(replicas) * u64::from(scenario.micro_batch_size);
    if examples > u64::from(scenario.global_batch_size) {
        return Err(EvaluateError::BatchTooSmall {
            global_batch_size: scenario.global_batch_size,
            data_parallel_size: replicas,
            micro_batch_size: scenario.micro_batch_size,
        });
    }
    layout.check(workload).map_err(EvaluateError::Layout)
}
