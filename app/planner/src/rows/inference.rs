//! Rows of published inference: what a row says, and the units that it wants its answer in.
//!
//! Where a row leaves something open, the rule is the same for every row of its kind:
//! - accelerators not stated: the tensor-parallel group;
//! - lengths named by a data set: its published means;
//! - precision not stated: 16 bits, or what the model's name says;
//! - cache: 8 bits where TensorRT-LLM runs 8- or 4-bit weights, else 16.
//!
//! `value`, `value2` and figures inside `notes` are never read here.

use super::csv::Row;
use super::shapes::{shape_of, whole};
use crate::catalog::{Accelerator, Catalog};
use crate::residual::Point;
use crate::scenario::Dtype;
use crate::serving::{
    Mode, ServingChip, ServingLayout, ServingParameters, ServingPrediction, ServingWorkload, point, times,
};

/// A served model that a row describes.
#[derive(Debug, Clone)]
pub struct ServingRun {
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
    /// What is served.
    pub workload: ServingWorkload,
    /// How it is split.
    pub layout: ServingLayout,
    /// On what.
    pub chip: ServingChip,
    /// Engine, version, recipe.
    pub words: [String; 3],
    /// Units of both answers.
    pub metrics: [Option<ServingMetric>; 2],
    /// The row's words for them.
    pub metric_names: [String; 2],
}

/// A unit in which serving is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServingMetric {
    /// Milliseconds until the first token.
    FirstTokenMilliseconds,
    /// Milliseconds between tokens.
    PerTokenMilliseconds,
    /// Output tokens per second of the whole system.
    TokensPerSecond,
    /// The same per accelerator.
    TokensPerSecondPerAccelerator,
    /// Input tokens per second.
    PrefillTokensPerSecond,
    /// The same per accelerator.
    PrefillTokensPerSecondPerAccelerator,
}

impl ServingMetric {
    /// Whether it is answered by the time per token, not by the time to the first one.
    #[must_use]
    pub const fn is_per_token(self) -> bool {
        matches!(
            self,
            Self::PerTokenMilliseconds | Self::TokensPerSecond | Self::TokensPerSecondPerAccelerator
        )
    }
}

impl ServingRun {
    /// Physics of this run.
    #[must_use]
    pub fn times(&self, parameters: &ServingParameters) -> crate::serving::ServingTimes {
        times(&self.workload, &self.layout, &self.chip, parameters)
    }

    /// What the correction sees.
    #[must_use]
    pub fn point(&self, parameters: &ServingParameters) -> Point {
        let [engine, version, recipe] = &self.words;
        let physics = self.times(parameters);
        point(&self.workload, &self.layout, &self.chip, &physics, self.chip_number, [engine, version, recipe])
    }

    /// A published value as a factor on what physics says: `measured seconds / physics seconds`.
    #[must_use]
    pub fn ratio(&self, metric: ServingMetric, value: f64, parameters: &ServingParameters) -> f64 {
        let physics = self.times(parameters);
        let said = self.in_units(metric, physics.first_token, physics.per_output_token, physics.tokens_per_second);
        if matches!(metric, ServingMetric::FirstTokenMilliseconds | ServingMetric::PerTokenMilliseconds) {
            value / said
        } else {
            said / value
        }
    }

    /// A prediction in a unit: value, low, high.
    #[must_use]
    pub fn answer(&self, metric: ServingMetric, prediction: &ServingPrediction) -> [f64; 3] {
        let (first, token, rate) =
            (prediction.first_token, prediction.per_output_token, prediction.tokens_per_second);
        let unit = |f: f64, t: f64, r: f64| self.in_units(metric, f, t, r);
        let [a, b] = [unit(first.low, token.low, rate.low), unit(first.high, token.high, rate.high)];
        [unit(first.value, token.value, rate.value), a.min(b), a.max(b)]
    }

    fn in_units(&self, metric: ServingMetric, first: f64, token: f64, rate: f64) -> f64 {
        let together = if self.workload.mode == Mode::Static { self.workload.concurrency } else { 1.0 };
        let prefill = self.workload.input_tokens * together / first;
        match metric {
            ServingMetric::FirstTokenMilliseconds => first * 1e3,
            ServingMetric::PerTokenMilliseconds => token * 1e3,
            ServingMetric::TokensPerSecond => rate,
            ServingMetric::TokensPerSecondPerAccelerator => rate / self.layout.accelerator_count,
            ServingMetric::PrefillTokensPerSecond => prefill,
            ServingMetric::PrefillTokensPerSecondPerAccelerator => prefill / self.layout.accelerator_count,
        }
    }
}

/// Names that rows use, with catalog ids; first match wins.
const ACCELERATORS: [(&str, &str); 20] = [
    ("H100-NVL", "h100-nvl"),
    ("H100", "h100-sxm"),
    ("H200", "h200"),
    ("H800", "h800"),
    ("H20", "h20"),
    ("GH200", "gh200"),
    ("GB300", "gb300"),
    ("GB200", "gb200"),
    ("B300", "b300"),
    ("B200", "b200"),
    ("A100-40GB", "a100-40gb"),
    ("A100", "a100-80gb"),
    ("L40S", "l40s"),
    ("RTX PRO 6000", "rtx-pro-6000"),
    ("MI300X", "mi300x"),
    ("Jetson Orin Nano Super", "jetson-orin-nano-super"),
    ("Jetson Orin Nano", "jetson-orin-nano"),
    ("Jetson AGX Thor", "jetson-agx-thor"),
    ("Jetson AGX Orin", "jetson-agx-orin"),
    ("ARM CPU", "orange-pi-5"),
];

/// Reads a row.
///
/// # Errors
/// A sentence that names the field and what it may be.
pub fn read_serving(row: &Row<'_>, catalog: &Catalog) -> Result<ServingRun, String> {
    let name = row.text("accelerator");
    let id = ACCELERATORS.iter().find(|(known, _)| name.starts_with(known)).map_or(name, |(_, id)| *id);
    let list = catalog.accelerators();
    let at = list
        .iter()
        .position(|accelerator| accelerator.id == id || accelerator.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| {
            format!("accelerator \"{name:.40}\" is not in the catalog; `planner accelerators` lists what is allowed")
        })?;
    let accelerator = list.get(at).ok_or("accelerator is not in the catalog")?;
    let shape = shape_of(row)?;
    let recipe = recipe_of(row);
    let mode = mode_of(row);
    let layout = layout_of(row, &shape)?;
    let concurrency = match count_in(row, "batch_or_concurrency")? {
        Some(count) => count,
        None if mode == Mode::Saturated => 1024.0,
        None => 1.0,
    };
    let workload = ServingWorkload {
        shape,
        input_tokens: count_in(row, "isl")?.unwrap_or(if mode == Mode::Edge { 64.0 } else { 512.0 }),
        output_tokens: count_in(row, "osl")?.unwrap_or(if mode == Mode::Edge { 128.0 } else { 300.0 }),
        concurrency,
        mode,
        weight_bytes: recipe.weight_bytes,
        expert_bytes: recipe.expert_bytes,
        cache_bytes: if recipe.weight_bytes < 1.5 && row.text("engine").to_lowercase().starts_with("t") { 1.0 } else { 2.0 },
    };
    let chip = chip_of(accelerator, &recipe, name)?;
    let metric = metric_of(row.text("metric")).ok_or_else(|| {
        format!("metric is \"{:.40}\"; allowed are ttft_ms, tpot_ms, total_output_tokens/s, output_tokens/s/GPU, decode_tokens/s, prefill_tokens/s", row.text("metric"))
    })?;
    Ok(ServingRun {
        id: row.text("id").to_owned(),
        source: row.text("source").to_owned(),
        model: row.text("model").to_owned(),
        accelerator: accelerator.id,
        chip_number: u32::try_from(at).unwrap_or(u32::MAX),
        workload,
        layout,
        chip,
        words: [engine_of(row.text("engine")).to_owned(), row.text("engine_version").to_owned(), row.text("precision").to_owned()],
        metrics: [Some(metric), metric_of(row.text("metric2"))],
        metric_names: [row.text("metric").to_owned(), row.text("metric2").to_owned()],
    })
}

fn engine_of(text: &str) -> &'static str {
    let text = text.to_lowercase();
    ["vllm", "sglang", "llama.cpp", "mlc", "fastertransformer"]
        .into_iter()
        .find(|name| text.starts_with(name))
        .unwrap_or(if text.starts_with('t') { "trtllm" } else { "other" })
}

fn mode_of(row: &Row<'_>) -> Mode {
    match row.text("mode") {
        mode if mode.starts_with("online") => Mode::Online,
        "offline max throughput" | "MLPerf Offline" | "MLPerf Server" => Mode::Saturated,
        "offline static batch" | "first token latency" => Mode::Static,
        mode if mode.starts_with("edge") => Mode::Edge,
        _ if row.text("metric").contains("/GPU") => Mode::Saturated,
        _ => Mode::Static,
    }
}

/// A count that may stand among words ("~294 mean"); words alone ("OpenOrca", "max load") are `None`.
///
/// # Errors
/// The field and its range, for a number out of it.
fn count_in(row: &Row<'_>, column: &'static str) -> Result<Option<f64>, String> {
    let text = row.text(column);
    let wrong = || format!("{column} is \"{text:.40}\"; allowed is a number from 1 to 100000000");
    if text.eq_ignore_ascii_case("nan") || text.starts_with('-') || text.to_lowercase().contains("inf") && !text.contains("infinite") {
        return Err(wrong());
    }
    let digits: String =
        text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    if digits.is_empty() {
        return Ok(None);
    }
    let value: f64 = digits.parse().map_err(|_| wrong())?;
    if (1.0..=1e8).contains(&value) { Ok(Some(value)) } else { Err(wrong()) }
}

struct ServingRecipe {
    weight_bytes: f64,
    expert_bytes: f64,
    products: Dtype,
    four_bits: bool,
}

/// Bytes of a weight in a format, its scales included: 16 numbers share an 8-bit scale in NVFP4, 32 a 16-bit one in
/// INT4, 32 a 16-bit one in llama.cpp's Q4_0.
fn recipe_of(row: &Row<'_>) -> ServingRecipe {
    let text = row.text("precision").to_lowercase();
    let model = row.text("model").to_lowercase();
    let (dense, expert) = match text.split_once(" moe=") {
        Some((dense, expert)) => (dense.trim_start_matches("gemm=").to_owned(), expert.to_owned()),
        None => (text.clone(), text.clone()),
    };
    let named = if model.contains("fp8") { "fp8" } else { "" };
    let pick = |word: &str| {
        let word = if word.is_empty() { named } else { word };
        if word.contains("fp4") {
            (0.5625, Dtype::F8E4m3, true)
        } else if word.contains("fp8") {
            (1.0, Dtype::F8E4m3, false)
        } else if word.contains("int4") || word.contains("w4a16") || word.contains("q4_0") {
            (0.5625, Dtype::Bf16, false)
        } else if word.contains("int8") {
            (1.0, Dtype::I8, false)
        } else {
            (2.0, Dtype::Bf16, false)
        }
    };
    let ((weight_bytes, products, four_bits), (expert_bytes, _, _)) = (pick(&dense), pick(&expert));
    ServingRecipe { weight_bytes, expert_bytes, products, four_bits }
}

fn layout_of(row: &Row<'_>, shape: &crate::shape::ModelShape) -> Result<ServingLayout, String> {
    let zero_is_open = |column: &'static str| -> Result<Option<f64>, String> {
        if row.text(column) == "0" { Ok(None) } else { Ok(whole(row, column)?.map(f64::from)) }
    };
    let tensor = zero_is_open("tp")?.unwrap_or(1.0);
    let stages = zero_is_open("pp")?.unwrap_or(1.0);
    let groups = zero_is_open("dp")?.unwrap_or(1.0);
    let expert = zero_is_open("ep")?.unwrap_or(1.0);
    let heads = f64::from(shape.num_attention_heads);
    if tensor > heads {
        return Err(format!("tp is {tensor}; allowed is 1 to {heads}, the model's attention heads"));
    }
    let group = tensor * stages * groups;
    let count = zero_is_open("n_accel")?.unwrap_or(group).max(group);
    Ok(ServingLayout {
        accelerator_count: count,
        tensor_parallel_size: tensor,
        pipeline_parallel_size: stages,
        attention_data_parallel_size: groups,
        expert_parallel_size: expert,
        replicas: (count / group).floor().max(1.0),
    })
}

fn chip_of(accelerator: &'static Accelerator, recipe: &ServingRecipe, name: &str) -> Result<ServingChip, String> {
    let text = |error: crate::catalog::CatalogError| error.to_string();
    let wide = accelerator
        .peak_flops(Dtype::Bf16)
        .or_else(|_| accelerator.peak_flops(Dtype::F16))
        .or_else(|_| accelerator.peak_flops(Dtype::F32))
        .map_err(text)?
        .value
        .0;
    let mut flops = accelerator.peak_flops(recipe.products).map_or(wide, |fact| fact.value.0);
    if recipe.four_bits {
        // Generations before Blackwell unpack 4-bit weights and multiply in 8 bits.
        let native = ["b200", "b300", "gb200", "gb300", "rtx-pro-6000", "rtx-5090", "jetson-agx-thor", "mi355x"];
        flops *= if native.contains(&accelerator.id) { 2.0 } else { 1.0 };
    }
    // "3 thread(s)": a part of the cores has its part of the arithmetic, and three already fill the memory.
    let threads = name.split(", ").nth(1).and_then(|part| part.split(' ').next()?.parse::<f64>().ok());
    let (cores, stream) = threads.map_or((1.0, 1.0), |threads| ((threads / 8.0).min(1.0), (threads / 3.0).min(1.0)));
    let link = accelerator.intra_node_bandwidth().map_or(5e10, |fact| fact.value.0);
    Ok(ServingChip {
        flops: flops * cores,
        wide_flops: wide * cores,
        memory_bytes_per_second: accelerator.memory_bandwidth().map_err(text)?.value.0 * stream,
        memory_bytes: accelerator.memory().map_err(text)?.value.0,
        link_bytes_per_second: link,
        domain: accelerator.accelerators_per_node.value,
        network_bytes_per_second: 5e10,
    })
}

fn metric_of(name: &str) -> Option<ServingMetric> {
    Some(match name {
        "ttft_ms" => ServingMetric::FirstTokenMilliseconds,
        "tpot_ms" => ServingMetric::PerTokenMilliseconds,
        "total_output_tokens/s" | "decode_tokens/s" | "output_tokens/s" => ServingMetric::TokensPerSecond,
        "output_tokens/s/GPU" | "decode_tokens/s/GPU" => ServingMetric::TokensPerSecondPerAccelerator,
        "prefill_tokens/s" => ServingMetric::PrefillTokensPerSecond,
        "prefill_tokens/s/GPU" => ServingMetric::PrefillTokensPerSecondPerAccelerator,
        _ => return None,
    })
}
