//! Rows of published training runs: what a row says, and the units that it wants its answer in.
//!
//! Where a row leaves something open, the rule is the same for every row of its kind:
//! - split not stated: on TPUs every chip shares the weights; on GPUs the smallest tensor-parallel group whose
//!   weights, gradients and states fit;
//! - micro batch not stated: 1 with a pipeline, else all examples of a replica up to four;
//! - recomputation not stated: none, full where a TPU row states none;
//! - network not stated: what the generation's clusters have.
//!
//! `value`, `value2`, `mem_gib` and measured figures inside `notes` are never read here.

use super::csv::Row;
use super::shapes::{shape_of, whole};
use crate::catalog::{Accelerator, AcceleratorKind, Catalog};
use crate::scenario::Dtype;
use crate::training::{Chip, Layout, Link, Recipe, Recomputation, Sharding, Software, Tuning, Workload};

/// A run that a row describes.
#[derive(Debug, Clone)]
pub struct TrainingRun {
    /// Row id.
    pub id: String,
    /// Who published it (never read by the model).
    pub source: String,
    /// The model's name there.
    pub model: String,
    /// Catalog id of the accelerator.
    pub accelerator: &'static str,
    /// Its place in the catalog.
    pub chip_number: u32,
    /// What is trained.
    pub workload: Workload,
    /// How it is split.
    pub layout: Layout,
    /// On what.
    pub chip: Chip,
    /// 16-bit peak of the chip, for utilisation.
    pub peak: f64,
    /// Unit of the first answer.
    pub metric: Metric,
    /// Unit of the second answer.
    pub metric2: Option<Metric>,
    /// The words that the row has for its units.
    pub metric_names: [String; 2],
}

/// A unit in which a run is answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Metric {
    /// Tokens per second and accelerator.
    TokensPerSecondPerAccelerator,
    /// Seconds of a step.
    IterationSeconds,
    /// Examples per second over the system.
    ExamplesPerSecond,
    /// Accelerator-hours of a whole training of so many tokens.
    AcceleratorHours {
        /// Tokens of the training.
        tokens: f64,
    },
    /// Days of a training of so many tokens.
    Days {
        /// Tokens of the training.
        tokens: f64,
    },
    /// 10^12 operations per second and accelerator.
    Teraflops(Counting),
    /// The same as a share of the 16-bit peak, in per cent.
    Utilisation(Counting),
    /// Minutes of a whole training of so many examples.
    Minutes {
        /// Examples of the training.
        examples: f64,
    },
}

/// What a source counts as an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// Six per weight and token, attention in full (PaLM).
    Model,
    /// The same with causal attention counted by half (Megatron-Bridge).
    ModelCausal,
    /// What the hardware runs: eight per weight where layers are computed again (Narayanan et al. 2021).
    Hardware,
}

impl TrainingRun {
    /// The answer in a unit, for a step of so many seconds.
    #[must_use]
    pub fn in_units(&self, metric: Metric, step_seconds: f64) -> f64 {
        let accelerators = f64::from(self.layout.accelerator_count);
        let examples = self.examples();
        let tokens = examples * f64::from(self.workload.sequence_length);
        match metric {
            Metric::TokensPerSecondPerAccelerator => tokens / step_seconds / accelerators,
            Metric::IterationSeconds => step_seconds,
            Metric::ExamplesPerSecond => examples / step_seconds,
            Metric::AcceleratorHours { tokens: all } => all / tokens * step_seconds * accelerators / 3600.0,
            Metric::Days { tokens: all } => all / tokens * step_seconds / 86_400.0,
            Metric::Teraflops(counting) => {
                self.flops_per_token(counting) * tokens / step_seconds / accelerators / 1e12
            }
            Metric::Utilisation(counting) => {
                100.0 * self.flops_per_token(counting) * tokens / step_seconds / accelerators / self.peak
            }
            Metric::Minutes { examples: all } => all / examples * step_seconds / 60.0,
        }
    }

    /// Seconds of a step whose answer is `value` in a unit: what a published figure says.
    #[must_use]
    pub fn step_seconds(&self, metric: Metric, value: f64) -> f64 {
        let one = self.in_units(metric, 1.0);
        match metric {
            Metric::IterationSeconds
            | Metric::AcceleratorHours { .. }
            | Metric::Days { .. }
            | Metric::Minutes { .. } => value / one,
            _ => one / value,
        }
    }

    /// Examples of a step as it runs: whole micro batches on every replica.
    #[must_use]
    pub fn examples(&self) -> f64 {
        f64::from(self.workload.global_batch_size)
    }

    fn flops_per_token(&self, counting: Counting) -> f64 {
        let shape = &self.workload.shape;
        let sequence = f64::from(self.workload.sequence_length);
        let attention =
            12.0 * f64::from(shape.num_hidden_layers) * shape.score_width() * shape.attended_tokens(sequence);
        let products = 6.0 * shape.active_parameters();
        match counting {
            Counting::Model => products + attention,
            Counting::ModelCausal => products + attention / 2.0,
            Counting::Hardware => {
                let vocabulary = 6.0 * shape.vocabulary_parameters();
                let again =
                    if self.layout.recomputation == Recomputation::Full { 4.0 / 3.0 } else { 1.0 };
                (products - vocabulary + attention) * again + vocabulary
            }
        }
    }
}

/// Reads a row.
///
/// # Errors
/// A sentence that names the field and what it may be.
pub fn read_run(row: &Row<'_>, catalog: &Catalog) -> Result<TrainingRun, String> {
    let name = row.text("accelerator");
    let (accelerator, chip_number) = accelerator_of(name, catalog)?;
    let recipe = recipe_of(row.text("precision"), accelerator);
    let shape = shape_of(row)?;
    let count = whole(row, "n_accel")?.ok_or("n_accel is empty; allowed is 1 to 100000000")?;
    let on_tpu = accelerator.kind == AcceleratorKind::Tpu;
    let sharding_text = row.text("zero_fsdp");
    let notes = row.text("notes");
    let software = software_of(row, on_tpu);
    let sharding = sharding_of(sharding_text, software);
    let mut workload = Workload {
        shape,
        sequence_length: whole(row, "seq")?.unwrap_or(default_sequence(&shape)),
        global_batch_size: whole(row, "global_batch")?.unwrap_or(0),
        tuning: tuning_of(row.text("model")),
        recipe,
        flash_attention: software != Software::Megatron || !is_old(accelerator) || shape.gated_mlp,
        software,
        release: release_of(notes, accelerator, software),
    };
    let mut layout = split(row, count, &workload, accelerator, on_tpu)?;
    layout.sharding = sharding;
    layout.sharding_group = group_of(sharding_text);
    layout.recomputation = recomputation_of(row.text("recompute"), on_tpu, software);
    if row.text("seq").is_empty() && !shape.gated_mlp && row.text("recompute").is_empty() {
        // Megatron's first models checkpointed every layer (arXiv 1909.08053, section 4).
        layout.recomputation = Recomputation::Full;
    }
    layout.sequence_parallel = row.text("recompute").contains("seqpar")
        || (layout.tensor_parallel_size > 1 && !is_old(accelerator));
    layout.overlapped_tensor_parallel =
        notes.to_lowercase().contains("async tp") || notes.contains("AsyncTP") || software == Software::Megatron && !is_old(accelerator);
    batches(row, &mut workload, &mut layout, notes)?;
    layout.check(&workload).map_err(|error| error.to_string())?;
    let chip = chip_of(accelerator, row, recipe, count, notes)?;
    let metric = metric_of(row, row.text("metric"))
        .ok_or_else(|| format!("metric is \"{:.40}\"; allowed are tokens/s/GPU, iter_time_s, TFLOP/s/GPU, sequences/s, samples/s, GPU_hours_total", row.text("metric")))?;
    Ok(TrainingRun {
        id: row.text("id").to_owned(),
        source: row.text("source").to_owned(),
        model: row.text("model").to_owned(),
        accelerator: accelerator.id,
        chip_number,
        peak: chip.wide_flops,
        workload,
        layout,
        chip,
        metric,
        metric2: metric_of(row, row.text("metric2")),
        metric_names: [row.text("metric").to_owned(), row.text("metric2").to_owned()],
    })
}

/// Names that rows use, with catalog ids; first match wins.
const ACCELERATORS: [(&str, &str); 22] = [
    ("H100-96GB", "h100-96gb"),
    ("H100-PCIe", "h100-pcie"),
    ("H100-NVL", "h100-nvl"),
    ("H100", "h100-sxm"),
    ("H200", "h200"),
    ("GB300", "gb300"),
    ("GB200", "gb200"),
    ("B300", "b300"),
    ("B200", "b200"),
    ("A100-40GB", "a100-40gb"),
    ("A100", "a100-80gb"),
    ("V100", "v100-sxm2-32gb"),
    ("TPU v4", "tpu-v4"),
    ("TPU v5e", "tpu-v5e"),
    ("TPU v5p", "tpu-v5p"),
    ("TPU v6e", "tpu-v6e"),
    ("TPU v7", "tpu-v7x"),
    ("MI300X", "mi300x"),
    ("MI325X", "mi325x"),
    ("MI355X", "mi355x"),
    ("Gaudi 3", "gaudi-3"),
    ("Gaudi 2", "gaudi-2"),
];

fn accelerator_of(name: &str, catalog: &Catalog) -> Result<(&'static Accelerator, u32), String> {
    let id = ACCELERATORS.iter().find(|(known, _)| name.starts_with(known)).map_or(name, |(_, id)| *id);
    let list = catalog.accelerators();
    let at = list
        .iter()
        .position(|accelerator| accelerator.id == id || accelerator.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| {
            format!("accelerator \"{name:.40}\" is not in the catalog; `planner accelerators` lists what is allowed")
        })?;
    let accelerator = list.get(at).ok_or("accelerator is not in the catalog")?;
    Ok((accelerator, u32::try_from(at).unwrap_or(u32::MAX)))
}

/// Chips whose published Megatron runs came before fused attention.
fn is_old(accelerator: &Accelerator) -> bool {
    accelerator.id.starts_with("v100") || accelerator.id.starts_with("a100")
}

fn recipe_of(text: &str, accelerator: &Accelerator) -> Recipe {
    let text = text.to_lowercase();
    let has = |part: &str| text.contains(part);
    if has("mxfp8") || has("fp8-mx") {
        Recipe::Mxfp8
    } else if has("nvfp4") || has("fp4") {
        Recipe::Nvfp4
    } else if has("rowwise") {
        Recipe::Fp8Rowwise
    } else if has("int8") {
        Recipe::Int8
    } else if has("fp8") || has("float8") {
        Recipe::Fp8
    } else if text.is_empty() && accelerator.id.starts_with("gb3") {
        Recipe::Nvfp4
    } else if text.is_empty() && accelerator.peak_flops(Dtype::F8E4m3).is_ok() {
        // Submissions to MLPerf that leave it open use what the chip does fastest in 8 bits.
        Recipe::Fp8
    } else if text == "fp32" || text == "f32" || text == "tf32" {
        Recipe::F32
    } else if has("not stated") && is_old(accelerator)
        || has("fp16") && !has("bf16")
        || has("float16") && !has("bfloat16")
        || accelerator.id.starts_with("v100")
    {
        Recipe::F16
    } else {
        Recipe::Bf16
    }
}

fn software_of(row: &Row<'_>, on_tpu: bool) -> Software {
    let (sharding, notes) = (row.text("zero_fsdp"), row.text("notes"));
    let compiled = notes.contains("compile");
    if on_tpu || sharding.contains("FSDP8 in node") || sharding == "FSDP1" || sharding.starts_with("FSDP256") {
        Software::Xla
    } else if sharding.contains("FSDP-") || sharding == "FSDP2" {
        if compiled { Software::FsdpCompiled } else { Software::Fsdp }
    } else {
        Software::Megatron
    }
}

fn sharding_of(text: &str, software: Software) -> Sharding {
    match text {
        "FSDP-SHARD_GRAD_OP" | "ZeRO-2" => Sharding::Gradients,
        "dist-opt" | "ZeRO-1" => Sharding::OptimizerStates,
        "FSDP1" => Sharding::None,
        _ if text.contains("FSDP") || text == "ZeRO-3" => Sharding::Weights,
        _ if software == Software::Xla => Sharding::Weights,
        _ => Sharding::OptimizerStates,
    }
}

/// "FSDP64", "FSDP8 in node": weights are shared in groups of so many.
fn group_of(text: &str) -> u32 {
    let digits: String = text
        .strip_prefix("FSDP")
        .unwrap_or("")
        .chars()
        .take_while(char::is_ascii_digit)
        .collect();
    match digits.parse() {
        Ok(group) if group > 2 => group,
        _ => 0,
    }
}

fn recomputation_of(text: &str, on_tpu: bool, software: Software) -> Recomputation {
    match text {
        "full" => Recomputation::Full,
        "none" => Recomputation::None,
        "" if on_tpu && software == Software::Xla => Recomputation::Partial,
        "" => Recomputation::None,
        _ if text.starts_with("selective") => Recomputation::Selective,
        _ => Recomputation::Partial,
    }
}

fn tuning_of(model: &str) -> Tuning {
    if model.contains("LoRA") {
        Tuning::LowRank
    } else if model.contains("SFT") {
        Tuning::FullFineTuning
    } else {
        Tuning::Pretraining
    }
}

/// The year in which the software came out: "container 26.04 NeMo" says it, else the chip's generation.
fn release_of(notes: &str, accelerator: &Accelerator, software: Software) -> f64 {
    if let Some(text) = notes.split("container ").nth(1) {
        let mut numbers = text.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse::<f64>().ok());
        if let (Some(year), Some(month)) = (numbers.next(), numbers.next()) {
            return 2000.0 + year + (month - 1.0) / 12.0;
        }
    }
    match accelerator.id {
        id if id.starts_with("v100") => 2020.0,
        id if id.starts_with("a100") && software == Software::Megatron => 2021.5,
        id if id.starts_with("a100") => 2023.5,
        id if id.starts_with("h100") => 2024.5,
        "tpu-v4" | "tpu-v5e" => 2023.5,
        "tpu-v5p" => 2024.0,
        "h200" | "tpu-v6e" => 2025.0,
        _ => 2026.0,
    }
}

const fn default_sequence(shape: &crate::catalog::ModelShape) -> u32 {
    // Gated models of rows without a length are Llama 2 and later; classic ones below 10 billion weights are
    // Megatron's first, with GPT-2's length.
    if shape.gated_mlp {
        4096
    } else if shape.num_hidden_layers < 48 {
        1024
    } else {
        2048
    }
}

fn split(
    row: &Row<'_>,
    count: u32,
    workload: &Workload,
    accelerator: &Accelerator,
    on_tpu: bool,
) -> Result<Layout, String> {
    let stated_tensor = whole(row, "tp")?;
    let expert = whole(row, "ep")?.unwrap_or(1);
    let mut layout = Layout {
        accelerator_count: count,
        tensor_parallel_size: stated_tensor.unwrap_or(1),
        pipeline_parallel_size: whole(row, "pp")?.unwrap_or(1),
        virtual_pipeline_size: whole(row, "vp")?.unwrap_or(1),
        context_parallel_size: whole(row, "cp")?.unwrap_or(1),
        expert_parallel_size: expert,
        micro_batch_size: 1,
        sharding: Sharding::OptimizerStates,
        sharding_group: 0,
        sequence_parallel: false,
        recomputation: Recomputation::None,
        overlapped_tensor_parallel: false,
    };
    // Interleaving cuts a stage into chunks of whole layers: rows that state layers per chunk mean no more than that.
    let per_stage = workload.shape.num_hidden_layers.div_ceil(layout.pipeline_parallel_size.max(1));
    layout.virtual_pipeline_size = layout.virtual_pipeline_size.clamp(1, per_stage.max(1));
    if layout.pipeline_parallel_size == 1 {
        layout.virtual_pipeline_size = 1;
    }
    if stated_tensor.is_none() && !on_tpu {
        let memory = accelerator.memory().map_or(80e9, |fact| fact.value.0);
        let bytes = workload.shape.parameters() * 18.0;
        while layout.tensor_parallel_size < 8
            && bytes / f64::from(layout.tensor_parallel_size * layout.pipeline_parallel_size) > 0.6 * memory
            && count.is_multiple_of(layout.tensor_parallel_size * 2)
        {
            layout.tensor_parallel_size *= 2;
        }
    }
    Ok(layout)
}

fn batches(row: &Row<'_>, workload: &mut Workload, layout: &mut Layout, notes: &str) -> Result<(), String> {
    let replicas = layout.data_parallel_size();
    let stated = whole(row, "microbatch")?;
    if workload.global_batch_size == 0 {
        // Not stated: what the tokens of a step say, else one million tokens.
        let tokens = notes.split("tokens/step=").nth(1).and_then(|text| {
            text.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<f64>().ok()
        });
        let examples = tokens.unwrap_or(4_194_304.0) / f64::from(workload.sequence_length);
        let smallest = replicas.saturating_mul(stated.unwrap_or(1));
        workload.global_batch_size = (examples.round().clamp(1.0, 1e8) as u32).max(smallest);
    }
    // Fewer examples than replicas: each example is shared by several of them, as context parallelism does.
    if workload.global_batch_size < replicas {
        let shared = replicas.div_ceil(workload.global_batch_size.max(1));
        if replicas.is_multiple_of(shared) {
            layout.context_parallel_size = layout.context_parallel_size.saturating_mul(shared);
        } else {
            workload.global_batch_size = replicas;
        }
    }
    let per_replica = (workload.global_batch_size / layout.data_parallel_size()).max(1);
    let local = notes.contains("local batch size");
    let open = if layout.pipeline_parallel_size > 1 { 1 } else { per_replica.min(4) };
    layout.micro_batch_size = if local { 1 } else { stated.unwrap_or(open) }.min(per_replica).max(1);
    Ok(())
}

fn chip_of(
    accelerator: &'static Accelerator,
    row: &Row<'_>,
    recipe: Recipe,
    count: u32,
    notes: &str,
) -> Result<Chip, String> {
    let text = |error: crate::catalog::CatalogError| error.to_string();
    let mut chip = Chip::of(accelerator, recipe).map_err(text)?;
    if let Some(gigabits) = notes.split(" Gbps node-node").next().filter(|part| *part != notes) {
        let digits: String = gigabits.chars().rev().take_while(char::is_ascii_digit).collect();
        let number: f64 = digits.chars().rev().collect::<String>().parse().unwrap_or(0.0);
        if number > 0.0 {
            chip.between.bytes_per_second = number * 1e9 / 8.0 / f64::from(chip.domain.max(1));
        }
    }
    let sharding = row.text("zero_fsdp");
    if sharding.contains("TCPX") {
        chip.between.bytes_per_second = 200e9 * 4.0 / 8.0 / 8.0;
    }
    // "DP across 4 slice(s)": the inner network of a TPU spans one slice.
    let slices = sharding
        .split(" slice(s)")
        .next()
        .filter(|before| *before != sharding)
        .and_then(|before| before.rsplit([' ', ';']).next()?.parse::<u32>().ok())
        .unwrap_or(1);
    if accelerator.kind == AcceleratorKind::Tpu {
        chip.domain = (count / slices.max(1)).max(1);
    }
    Ok(chip)
}

impl Chip {
    /// A catalog accelerator among its like, with the network that clusters of its generation have.
    ///
    /// # Errors
    /// [`crate::catalog::CatalogError`] where a fact is missing.
    pub fn of(accelerator: &'static Accelerator, recipe: Recipe) -> Result<Self, crate::catalog::CatalogError> {
        let wide = if accelerator.peak_flops(Dtype::Bf16).is_ok() { Dtype::Bf16 } else { Dtype::F16 };
        let peak = |dtype: Dtype| accelerator.peak_flops(dtype).map(|fact| fact.value.0);
        let wide_flops = peak(wide)?;
        let narrow = match recipe {
            Recipe::F32 => peak(Dtype::F32)?,
            Recipe::Bf16 | Recipe::F16 => wide_flops,
            Recipe::Int8 => peak(Dtype::I8).unwrap_or(wide_flops),
            // A chip without 8-bit units runs such a recipe at its 16-bit rate.
            Recipe::Fp8 | Recipe::Fp8Rowwise | Recipe::Mxfp8 => peak(Dtype::F8E4m3).unwrap_or(wide_flops),
            Recipe::Nvfp4 => peak(Dtype::F8E4m3).unwrap_or(wide_flops) * 2.0,
        };
        let achievable = accelerator.achievable_flops(wide).map(|fact| fact.value.0 / wide_flops);
        let domain = accelerator.accelerators_per_node.value as u32;
        let between = match accelerator.id {
            id if id.starts_with("v100") => 100e9 / 8.0,
            id if id.starts_with("a100") => 200e9 / 8.0,
            id if id.starts_with("b300") || id.starts_with("gb300") => 800e9 / 8.0,
            _ if accelerator.kind == AcceleratorKind::Tpu => 25e9 / 8.0 * 4.0,
            _ => 400e9 / 8.0,
        };
        Ok(Self {
            wide_flops,
            recipe_flops: narrow,
            achievable,
            memory_bytes_per_second: accelerator.memory_bandwidth()?.value.0,
            memory_bytes: accelerator.memory()?.value.0,
            domain,
            inside: Link {
                bytes_per_second: accelerator.intra_node_bandwidth().map_or(between, |fact| fact.value.0),
                latency_seconds: 1e-5,
            },
            between: Link { bytes_per_second: between, latency_seconds: 2e-5 },
        })
    }
}

fn metric_of(row: &Row<'_>, name: &str) -> Option<Metric> {
    let hardware = row.text("notes").contains("hardware FLOPs")
        || row.text("recompute") == "full" && row.text("accelerator").starts_with(['A', 'V']);
    let counting = if name.starts_with("model_") {
        Counting::ModelCausal
    } else if hardware && !name.starts_with("MFU") {
        Counting::Hardware
    } else {
        Counting::Model
    };
    Some(match name {
        "iter_time_s" => Metric::IterationSeconds,
        "sequences/s" | "samples/s" => Metric::ExamplesPerSecond,
        "GPU_hours_total" => Metric::AcceleratorHours { tokens: tokens_of_training(row) },
        "days_for_300B_tokens" => Metric::Days { tokens: 300e9 },
        "time_to_train_min" => Metric::Minutes { examples: 3600.0 },
        _ if name.starts_with("tokens/s/") => Metric::TokensPerSecondPerAccelerator,
        _ if name.starts_with("MFU") || name == "pct_peak" => Metric::Utilisation(counting),
        _ if name.contains("TFLOP/s") => Metric::Teraflops(counting),
        _ => return None,
    })
}

/// Tokens of a whole training: "1.0T tokens for 7B/13B, 1.4T for 33B/65B" in the notes, picked by the model's name.
fn tokens_of_training(row: &Row<'_>) -> f64 {
    let model = row.text("model");
    let size = model.rsplit('-').next().unwrap_or(model);
    for part in row.text("notes").split([',', ';']) {
        let Some((amount, models)) = part.trim().split_once(" for ").or_else(|| part.trim().split_once("T for ")) else {
            continue;
        };
        if models.split(|c: char| !c.is_alphanumeric()).any(|name| name == size) {
            let digits: String = amount.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
            if let Ok(trillions) = digits.parse::<f64>() {
                return trillions * 1e12;
            }
        }
    }
    1e12
}
