//! A pasted Hugging Face `config.json` as the shape of a model.
//!
//! Field names differ between families; each value is looked for under the names that published configs use. What a
//! config leaves open is filled by one rule and told in the notes; what it says wrongly is an error that names the
//! field, what it holds and what is allowed.

use crate::shape::{Experts, LatentAttention, ModelShape};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;

/// The most bytes of a pasted config: the largest published ones, with quantisation tables, are a fifth of it.
pub const LARGEST_CONFIG: usize = 1 << 20;

/// A value of a config, of whatever type; read from JSON or from a page's own objects.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// `true` or `false`.
    Flag(bool),
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Cell>),
    /// A nested config.
    Group(Config),
    /// `null`, and anything else.
    Other(IgnoredAny),
}

/// The fields of a config.
pub type Config = BTreeMap<String, Cell>;

/// What a config says.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadModel {
    /// `model_type`, or "model".
    pub name: String,
    /// The shape.
    pub shape: ModelShape,
    /// What was filled in or left out.
    pub notes: Vec<String>,
}

/// Families whose MLP has no gate.
const PLAIN_MLP: [&str; 14] = [
    "gpt2",
    "gpt_neo",
    "gpt_neox",
    "gptj",
    "gpt_bigcode",
    "bloom",
    "opt",
    "falcon",
    "mpt",
    "bert",
    "roberta",
    "distilbert",
    "starcoder2",
    "nemotron",
];
/// Families whose attention looks both ways.
const ENCODERS: [&str; 8] =
    ["bert", "roberta", "distilbert", "electra", "deberta", "modernbert", "xlm-roberta", "camembert"];
/// Families with a learned table of positions.
const LEARNED_POSITIONS: [&str; 7] =
    ["gpt2", "gpt_neo", "gpt_bigcode", "opt", "bert", "roberta", "distilbert"];
/// Families that share the embedding with the output unless they say otherwise.
const TIED: [&str; 13] = [
    "gpt2",
    "gpt_neo",
    "gpt_bigcode",
    "bloom",
    "opt",
    "falcon",
    "mpt",
    "bert",
    "roberta",
    "distilbert",
    "gemma",
    "gemma2",
    "gemma3_text",
];

/// Reads the text of a config.
///
/// # Errors
/// Too long, not JSON, or what [`shape_of`] refuses.
#[cfg(feature = "json")]
pub fn read(text: &str) -> Result<ReadModel, String> {
    if text.len() > LARGEST_CONFIG {
        return Err(format!(
            "The config has {} bytes; allowed are at most {LARGEST_CONFIG}. Nothing was changed. Paste the config.json \
             of the model, not its weights.",
            text.len()
        ));
    }
    let config: Config = serde_json::from_str(text).map_err(|error| {
        format!(
            "The config is not a JSON object ({error}). Nothing was changed. Paste the whole config.json."
        )
    })?;
    shape_of(&config)
}

struct Reader<'a> {
    config: &'a Config,
    notes: Vec<String>,
}

fn said(cell: &Cell) -> String {
    match cell {
        Cell::Flag(flag) => flag.to_string(),
        Cell::Number(number) => number.to_string(),
        Cell::Text(text) => format!("\"{:.40}\"", text),
        Cell::List(_) => "a list".into(),
        Cell::Group(_) => "an object".into(),
        Cell::Other(_) => "null".into(),
    }
}

impl Reader<'_> {
    /// The first of these fields that is there and not null.
    fn find(&self, names: &[&'static str]) -> Option<(&'static str, &Cell)> {
        names.iter().find_map(|name| {
            let cell = self.config.get(*name)?;
            (!matches!(cell, Cell::Other(_))).then_some((*name, cell))
        })
    }

    /// A whole number from 1 to `most` under the first of these names.
    fn whole(&self, names: &[&'static str], most: u32) -> Result<Option<u32>, String> {
        let Some((name, cell)) = self.find(names) else { return Ok(None) };
        let wrong = || {
            format!(
                "{name} is {}; allowed is a whole number from 1 to {most}. Nothing was changed.",
                said(cell)
            )
        };
        match cell {
            Cell::Number(number) if (1.0..=f64::from(most)).contains(number) && number.fract() == 0.0 => {
                Ok(Some(*number as u32))
            }
            _ => Err(wrong()),
        }
    }

    fn required(&self, names: &[&'static str], most: u32) -> Result<u32, String> {
        self.whole(names, most)?.ok_or_else(|| {
            format!(
                "{} is missing; allowed is a whole number from 1 to {most}. Nothing was changed.",
                names.join(" or ")
            )
        })
    }

    fn flag(&self, name: &'static str) -> Result<Option<bool>, String> {
        match self.find(&[name]) {
            None => Ok(None),
            Some((_, Cell::Flag(flag))) => Ok(Some(*flag)),
            Some((_, cell)) => {
                Err(format!("{name} is {}; allowed are true and false. Nothing was changed.", said(cell)))
            }
        }
    }

    fn text(&self, name: &'static str) -> &str {
        match self.find(&[name]) {
            Some((_, Cell::Text(text))) => text,
            _ => "",
        }
    }

    /// Layers whose entry of `layer_types` starts with a word.
    fn layers_of(&self, word: &str) -> Option<u32> {
        let Some((_, Cell::List(kinds))) = self.find(&["layer_types"]) else { return None };
        let count =
            kinds.iter().filter(|kind| matches!(kind, Cell::Text(text) if text.starts_with(word))).count();
        u32::try_from(count).ok()
    }
}

/// Reads the fields of a config.
///
/// # Errors
/// The first field that is missing or out of its range, with the range.
pub fn shape_of(config: &Config) -> Result<ReadModel, String> {
    // Models that also see keep their decoder in a config of its own.
    if let (None, Some(Cell::Group(text))) = (config.get("hidden_size"), config.get("text_config")) {
        let mut read = shape_of(text)?;
        read.notes.push("Only the text model (text_config) is counted, not what sees or hears.".into());
        return Ok(read);
    }
    let mut reader = Reader { config, notes: Vec::new() };
    let family = reader.text("model_type").to_lowercase();
    let is_in = |list: &[&str]| list.contains(&family.as_str());
    let hidden = reader.required(&["hidden_size", "n_embd", "d_model", "dim"], 1_000_000)?;
    let layers = reader.required(&["num_hidden_layers", "n_layer", "n_layers", "num_layers"], 10_000)?;
    let heads = reader.required(&["num_attention_heads", "n_head", "n_heads", "num_heads"], 65_536)?;
    let (key_heads, head_dim) = attention(&reader, hidden, heads)?;
    let experts = experts(&mut reader, layers, &family)?;
    let intermediate = match reader.whole(&INTERMEDIATE, 10_000_000)? {
        Some(width) => width,
        None => {
            reader.notes.push("No width of the MLP is stated: four times the model's is taken.".into());
            hidden.saturating_mul(4)
        }
    };
    let max_positions = reader.whole(&POSITIONS, 1_000_000_000)?.unwrap_or_else(|| {
        reader.notes.push("No longest sequence is stated: 2,048 tokens are taken.".into());
        2_048
    });
    let gated_mlp = gated(&mut reader, &family);
    let (sliding_window, num_windowed_layers) = window(&reader, layers, &family)?;
    let shape = ModelShape {
        hidden_size: hidden,
        intermediate_size: intermediate,
        num_hidden_layers: layers,
        num_attention_heads: heads,
        num_key_value_heads: key_heads,
        head_dim,
        vocab_size: reader.required(&["vocab_size", "padded_vocab_size"], 10_000_000)?,
        max_position_embeddings: max_positions,
        learned_position_embeddings: is_in(&LEARNED_POSITIONS),
        gated_mlp,
        tie_word_embeddings: reader.flag("tie_word_embeddings")?.unwrap_or(is_in(&TIED)),
        causal: !is_in(&ENCODERS),
        latent_attention: latent(&reader)?,
        experts,
        sliding_window,
        num_windowed_layers,
        num_recurrent_layers: reader.layers_of("linear").unwrap_or(0).min(layers.saturating_sub(1)),
    };
    if reader.find(&["quantization_config"]).is_some() {
        reader
            .notes
            .push("The weights are published quantised; the number format is set in the scenario.".into());
    }
    let name = if family.is_empty() { "model".to_owned() } else { family.chars().take(64).collect() };
    Ok(ReadModel { name, shape, notes: reader.notes })
}

const INTERMEDIATE: [&str; 6] =
    ["intermediate_size_mlp", "intermediate_size", "n_inner", "ffn_dim", "d_ff", "ffn_hidden_size"];
const POSITIONS: [&str; 6] =
    ["max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "seq_length", "max_sequence_length"];

/// Heads of keys and values, and the width of a head.
fn attention(reader: &Reader<'_>, hidden: u32, heads: u32) -> Result<(u32, u32), String> {
    let shares_one = reader.flag("multi_query")? == Some(true);
    let keys = reader.whole(&["num_key_value_heads", "num_kv_heads", "n_kv_heads"], heads)?;
    let keys = keys.unwrap_or(if shares_one { 1 } else { heads });
    if !heads.is_multiple_of(keys) {
        return Err(format!(
            "num_key_value_heads is {keys}; allowed is a divisor of num_attention_heads ({heads}). Nothing was changed."
        ));
    }
    match reader.whole(&["head_dim", "attention_head_dim", "kv_channels"], 65_536)? {
        Some(width) => Ok((keys, width)),
        None if hidden.is_multiple_of(heads) => Ok((keys, hidden / heads)),
        None => Err(format!(
            "num_attention_heads is {heads}; allowed is a divisor of hidden_size ({hidden}) where no head_dim is stated. \
             Nothing was changed."
        )),
    }
}

fn latent(reader: &Reader<'_>) -> Result<Option<LatentAttention>, String> {
    let Some(kv_lora_rank) = reader.whole(&["kv_lora_rank"], 1_000_000)? else { return Ok(None) };
    Ok(Some(LatentAttention {
        q_lora_rank: reader.whole(&["q_lora_rank"], 1_000_000)?.unwrap_or(0),
        kv_lora_rank,
        qk_nope_head_dim: reader.required(&["qk_nope_head_dim"], 65_536)?,
        qk_rope_head_dim: reader.required(&["qk_rope_head_dim"], 65_536)?,
        v_head_dim: reader.required(&["v_head_dim"], 65_536)?,
    }))
}

fn experts(reader: &mut Reader<'_>, layers: u32, family: &str) -> Result<Option<Experts>, String> {
    let names = ["num_local_experts", "n_routed_experts", "num_experts", "moe_num_experts"];
    let Some(num_experts) = reader.whole(&names, 65_536)?.filter(|count| *count > 1) else { return Ok(None) };
    let names = ["num_experts_per_tok", "num_experts_per_token", "experts_per_token", "moe_top_k", "top_k"];
    let num_experts_per_token = reader.required(&names, num_experts)?;
    let width = reader
        .required(&["moe_intermediate_size", "expert_ffn_hidden_size", "intermediate_size"], 10_000_000)?;
    let shared = match reader.whole(&["shared_expert_intermediate_size"], 10_000_000)? {
        Some(width) => width,
        // Llama 4 has one shared expert as wide as the others, without saying so.
        None if family.starts_with("llama4") => width,
        None => reader
            .whole(&["n_shared_experts", "num_shared_experts"], 1_024)?
            .unwrap_or(0)
            .saturating_mul(width),
    };
    let every = reader.whole(&["interleave_moe_layer_step", "decoder_sparse_step"], layers)?.unwrap_or(1);
    let first = reader.whole(&["first_k_dense_replace"], layers)?.unwrap_or(0);
    let dense = if every > 1 { layers - layers / every } else { first };
    Ok(Some(Experts {
        num_experts,
        num_experts_per_token,
        moe_intermediate_size: width,
        shared_expert_intermediate_size: shared,
        num_dense_layers: dense,
        latent_size: 0,
    }))
}

fn gated(reader: &mut Reader<'_>, family: &str) -> bool {
    if PLAIN_MLP.contains(&family) {
        return false;
    }
    let known = [
        "llama", "mistral", "mixtral", "qwen", "gemma", "phi3", "deepseek", "gpt_oss", "glm", "kimi", "olmo",
    ];
    if !known.iter().any(|name| family.starts_with(name)) {
        reader.notes.push("Whether the MLP has a gate is not stated: a gate is taken, as in Llama.".into());
    }
    true
}

fn window(reader: &Reader<'_>, layers: u32, family: &str) -> Result<(u32, u32), String> {
    if reader.flag("use_sliding_window")? == Some(false) {
        return Ok((0, 0));
    }
    let Some(tokens) = reader.whole(&["sliding_window"], 1_000_000_000)? else { return Ok((0, 0)) };
    let pattern = reader.whole(&["sliding_window_pattern"], 1_000)?;
    let windowed = match (reader.layers_of("sliding"), pattern) {
        (Some(count), _) => count.min(layers),
        (None, Some(pattern)) => layers - layers / pattern,
        (None, None) if family == "gemma2" => layers / 2,
        (None, None) if family.starts_with("gemma3") => layers - layers / 6,
        (None, None) => layers,
    };
    Ok((tokens, windowed))
}
