//! Predicts published training runs and compares. Pure: the caller reads the file.
//!
//! The file has the columns of `validation/training.csv`: one published result per row. A row is used when its
//! source states a dense transformer's dimensions, the number format, the split and the batch, and the catalog
//! knows the accelerator; every other row is skipped with the reason. Where a source leaves something open, the
//! rule is the same for all its rows:
//! - micro batch not stated: 1 on GPUs, all examples of a replica at once on TPUs;
//! - network not stated: the one of the source's cluster (see [`network_of`]), or the generation's InfiniBand;
//! - recomputation not stated: none on GPUs, full on TPUs (MaxText's default);
//! - gated MLP and head size: the combination whose parameter count is nearest to the published one.

mod fit;

pub use fit::{FITTED, FittedParameter, compare_all, fit, unseen_ratios};

use crate::catalog::{Calibration, Catalog, ModelShape};
use crate::machine::catalog_machine;
use crate::performance::{Layout, StepBreakdown, step_breakdown};
use crate::scenario::Dtype;
use crate::units::Seconds;
use std::collections::BTreeMap;

/// A published run that the model can predict.
#[derive(Debug, Clone)]
pub struct PublishedRun {
    /// Row id.
    pub id: String,
    /// Who published it.
    pub source: String,
    /// Name of the model there.
    pub model: String,
    /// Catalog id of the accelerator.
    pub accelerator: &'static str,
    /// Catalog id of the network.
    pub interconnect: &'static str,
    /// Dimensions.
    pub shape: ModelShape,
    /// Split and batch.
    pub layout: Layout,
    /// Accelerators joined by the inner link, where slices make it smaller than the catalog's.
    pub accelerators_per_node: Option<f64>,
    /// Published time of one step.
    pub measured: Seconds,
}

/// A row with its prediction.
#[derive(Debug, Clone)]
pub struct Comparison {
    /// The run.
    pub run: PublishedRun,
    /// Predicted step.
    pub predicted: StepBreakdown,
    /// Measured over predicted step time.
    pub ratio: f64,
}

/// Rows that were used and the reasons for which others were not, with their counts.
#[derive(Debug, Clone, Default)]
pub struct Runs {
    /// Usable rows.
    pub runs: Vec<PublishedRun>,
    /// Reason and count of skipped rows.
    pub skipped: BTreeMap<String, usize>,
}

/// Reads a CSV of published runs.
///
/// # Errors
/// A sentence that names the first malformed line.
pub fn read_runs(text: &str) -> Result<Runs, String> {
    let mut lines = text.lines();
    let header = fields(lines.next().unwrap_or_default())?;
    let mut out = Runs::default();
    for (number, line) in lines.enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let values = fields(line)?;
        if values.len() != header.len() {
            return Err(format!(
                "Line {} has {} fields, the header has {}. Nothing was predicted. Check the quotes of that line.",
                number + 2,
                values.len(),
                header.len()
            ));
        }
        let row: BTreeMap<_, _> =
            header.iter().map(String::as_str).zip(values.iter().map(String::as_str)).collect();
        match Row(row).run() {
            Ok(run) => out.runs.push(run),
            Err(reason) => *out.skipped.entry(reason).or_default() += 1,
        }
    }
    Ok(out)
}

/// Predicts a run with the given parameters.
///
/// # Errors
/// The catalog's message where a fact is missing.
pub fn compare(
    run: &PublishedRun,
    catalog: &Catalog,
    calibration: &Calibration,
) -> Result<Comparison, String> {
    let accelerator = catalog.accelerator(run.accelerator).map_err(|error| error.to_string())?;
    let interconnect = catalog.interconnect(run.interconnect).map_err(|error| error.to_string())?;
    let mut facts = catalog_machine(accelerator, interconnect, run.layout.precision, calibration)
        .map_err(|error| error.to_string())?;
    if let Some(size) = run.accelerators_per_node {
        facts.machine.topology.accelerators_per_node = size;
    }
    let predicted = step_breakdown(&run.shape, &run.layout, &facts.machine, calibration);
    let ratio = run.measured / predicted.total;
    Ok(Comparison { run: run.clone(), predicted, ratio })
}

/// The `share` quantile (0 to 1) by linear interpolation of the sorted values; `None` for no values.
#[must_use]
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let position = share.clamp(0.0, 1.0) * sorted.len().checked_sub(1)? as f64;
    let low = sorted.get(position.floor() as usize)?;
    let high = sorted.get(position.ceil() as usize)?;
    Some(low + (high - low) * position.fract())
}

/// Splits a CSV line (RFC 4180 without line breaks inside fields).
fn fields(line: &str) -> Result<Vec<String>, String> {
    let mut out = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, quoted) {
            ('"', true) if characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            ('"', _) => quoted = !quoted,
            (',', false) => out.push(std::mem::take(&mut field)),
            _ => field.push(character),
        }
    }
    if quoted {
        return Err(format!(
            "A quote is not closed in the line that starts \"{:.40}\". Nothing was predicted.",
            line
        ));
    }
    out.push(field);
    Ok(out)
}

struct Row<'a>(BTreeMap<&'a str, &'a str>);

impl Row<'_> {
    fn text(&self, key: &str) -> &str {
        self.0.get(key).copied().unwrap_or_default()
    }

    fn number(&self, key: &str) -> Option<f64> {
        self.text(key).parse().ok().filter(|value: &f64| value.is_finite() && *value > 0.0)
    }

    fn whole(&self, key: &str) -> Option<u32> {
        self.text(key).parse().ok().filter(|value| *value > 0)
    }

    fn need(&self, key: &str) -> Result<u32, String> {
        self.whole(key).ok_or_else(|| format!("{key} not stated as one number"))
    }

    fn run(&self) -> Result<PublishedRun, String> {
        let model = self.text("model");
        if ["LoRA", "SFT"].iter().any(|word| model.contains(word)) {
            return Err("fine-tuning, not training".into());
        }
        if self.whole("ep").is_some_and(|size| size > 1) || self.whole("cp").is_some_and(|size| size > 1) {
            return Err("expert or context parallelism".into());
        }
        let accelerator = accelerator_of(self.text("accelerator")).ok_or("accelerator not in the catalog")?;
        let on_tpu = accelerator.starts_with("tpu");
        let precision =
            precision_of(self.text("precision")).ok_or("number format not stated or not modelled")?;
        let count = self.need("n_accel")?;
        let (tensor, pipeline) = match (self.whole("tp"), self.whole("pp")) {
            (Some(tensor), Some(pipeline)) => (tensor, pipeline),
            _ if on_tpu => (1, 1),
            _ => return Err("split not stated".into()),
        };
        let replicas = count / tensor / pipeline;
        if replicas * tensor * pipeline != count || replicas == 0 {
            return Err("split does not multiply to the accelerators".into());
        }
        if self.text("notes").contains("local batch size") {
            return Err("micro batch not stated".into());
        }
        let global_batch = self.need("global_batch")?;
        let per_replica = global_batch / replicas;
        let micro_batch =
            self.whole("microbatch").unwrap_or(if on_tpu { per_replica } else { 1 }).min(per_replica);
        if micro_batch == 0 {
            return Err("batch smaller than one example per replica".into());
        }
        let recompute = match self.text("recompute") {
            "full" | "qkv_proj_offloaded" => true,
            "custom" => return Err("custom recomputation".into()),
            "" => on_tpu,
            _ => false,
        };
        let layout = Layout {
            tensor_parallel_size: tensor,
            pipeline_parallel_size: pipeline,
            virtual_pipeline_size: self.whole("vp").unwrap_or(1),
            data_parallel_size: replicas,
            micro_batch_size: micro_batch,
            micro_batch_count: per_replica.div_ceil(micro_batch),
            sequence_length: self.need("seq")?,
            zero_stage: zero_stage_of(self.text("zero_fsdp"), on_tpu),
            full_recomputation: recompute,
            precision,
        };
        let shape = self.shape()?;
        Ok(PublishedRun {
            id: self.text("id").to_owned(),
            source: self.text("source").to_owned(),
            model: model.to_owned(),
            accelerator,
            interconnect: network_of(self.text("source"), accelerator),
            accelerators_per_node: self.slices().map(|slices| f64::from(count) / slices),
            measured: self.measured(&shape, &layout)?,
            shape,
            layout,
        })
    }

    /// "across 4 slice(s)": the inner network spans one slice.
    fn slices(&self) -> Option<f64> {
        let before = self
            .text("zero_fsdp")
            .split(" slice(s)")
            .next()
            .filter(|text| *text != self.text("zero_fsdp"))?;
        before.rsplit([' ', ';']).next()?.parse().ok().filter(|slices| *slices > 1.0)
    }

    fn shape(&self) -> Result<ModelShape, String> {
        let hidden = self.need("hidden")?;
        let heads = self.need("heads")?;
        let published = parameters_of(self.text("params"));
        let base = ModelShape {
            hidden_size: hidden,
            intermediate_size: self.need("ffn")?,
            num_hidden_layers: self.need("layers")?,
            num_attention_heads: heads,
            num_key_value_heads: self.whole("kv_heads").unwrap_or(heads),
            head_dim: hidden / heads,
            // The GPT-2 vocabulary as Megatron pads it: the sources without a vocabulary are GPT models.
            vocab_size: self.whole("vocab").unwrap_or(51_200),
            max_position_embeddings: 1,
            learned_position_embeddings: false,
            gated_mlp: true,
            tie_word_embeddings: false,
            ..ModelShape::DENSE
        };
        let Some(published) = published else {
            let classic = self.text("model").starts_with("GPT") || self.text("model").starts_with("megatron");
            return Ok(ModelShape { gated_mlp: !classic, ..base });
        };
        let candidates = [true, false].into_iter().flat_map(|gated_mlp| {
            [hidden / heads, 128, 256].map(|head_dim| ModelShape { gated_mlp, head_dim, ..base })
        });
        let error = |shape: &ModelShape| (shape.parameters() / published).ln().abs();
        candidates
            .min_by(|left, right| error(left).total_cmp(&error(right)))
            .filter(|shape| error(shape) < 0.15)
            .ok_or_else(|| "dimensions do not give the published parameter count".into())
    }

    fn measured(&self, shape: &ModelShape, layout: &Layout) -> Result<Seconds, String> {
        let value = self.number("value").ok_or("no published value")?;
        let count = layout.accelerator_count();
        let tokens = layout.step_tokens();
        let hardware = self.text("notes").contains("hardware FLOPs")
            || self.text("source").starts_with("Megatron-LM 2021");
        let seconds = match self.text("metric") {
            "tokens/s/GPU" => tokens / (value * count),
            "iter_time_s" => value,
            "sequences/s" => tokens / f64::from(layout.sequence_length) / value,
            "TFLOP/s/GPU" | "TFLOP/s/chip" if hardware => {
                megatron_flops(shape, layout) / (value * 1e12 * count)
            }
            "TFLOP/s/GPU" | "TFLOP/s/chip" => {
                shape.training_flops_per_token(layout.sequence_length).0 * tokens / (value * 1e12 * count)
            }
            _ => return Err("figure is not a step time or a rate".into()),
        };
        Ok(Seconds(seconds))
    }
}

/// Hardware FLOPs of a step with full recomputation as Narayanan et al. 2021 count them:
/// `96 B s l h^2 (1 + s / 6h + V / 16 l h)`.
fn megatron_flops(shape: &ModelShape, layout: &Layout) -> f64 {
    let (hidden, layers) = (f64::from(shape.hidden_size), f64::from(shape.num_hidden_layers));
    let attention = f64::from(layout.sequence_length) / (6.0 * hidden);
    let vocabulary = f64::from(shape.vocab_size) / (16.0 * layers * hidden);
    96.0 * layout.step_tokens() * layers * hidden * hidden * (1.0 + attention + vocabulary)
}

fn accelerator_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "A100-80GB" => "a100-80gb",
        "A100-40GB" => "a100-40gb",
        "H100-80GB" => "h100-sxm",
        "H100-96GB-HBM2e-500W" => "h100-96gb",
        "H200" => "h200",
        "B200" => "b200",
        "B300" => "b300",
        "GB200" => "gb200",
        "GB300" => "gb300",
        "TPU v4" => "tpu-v4",
        "TPU v5e" => "tpu-v5e",
        "TPU v5p" => "tpu-v5p",
        "TPU v6e" => "tpu-v6e",
        _ => return None,
    })
}

/// The network of the cluster on which a source measured.
fn network_of(source: &str, accelerator: &str) -> &'static str {
    match (source, accelerator) {
        (_, tpu) if tpu.starts_with("tpu") => "tpu-dcn",
        ("mosaicml/llm-foundry", "a100-40gb" | "a100-80gb") => "roce-200g",
        ("BigScience BLOOM prequel", _) => "omni-path-4x100",
        (_, "h100-96gb") => "roce-400g",
        (_, "a100-40gb" | "a100-80gb") => "infiniband-hdr",
        (_, "gb300" | "b300") => "infiniband-xdr",
        _ => "infiniband-ndr",
    }
}

fn precision_of(name: &str) -> Option<Dtype> {
    let lower = name.to_lowercase();
    if lower.is_empty() || lower.contains("int8") || lower.contains("fp4") {
        return None;
    }
    if lower.contains("fp8") || lower.contains("float8") {
        return Some(Dtype::F8E4m3);
    }
    // Sources that leave fp16 or bf16 open ran at the same rate in either.
    Some(if lower == "fp16" || lower == "float16" { Dtype::F16 } else { Dtype::Bf16 })
}

fn zero_stage_of(name: &str, on_tpu: bool) -> u8 {
    if name.contains("SHARD_GRAD_OP") {
        2
    } else if name.contains("FSDP") || name == "ZeRO-3" || on_tpu {
        3
    } else {
        u8::from(name == "dist-opt" || name == "ZeRO-1")
    }
}

/// `8030261248`, `7.2B`, `126M`.
fn parameters_of(text: &str) -> Option<f64> {
    let (digits, scale) = match text.as_bytes().last()? {
        b'B' => (text.trim_end_matches('B'), 1e9),
        b'M' => (text.trim_end_matches('M'), 1e6),
        _ => (text, 1.0),
    };
    digits.parse::<f64>().ok().filter(|value| value.is_finite() && *value > 0.0).map(|value| value * scale)
}
