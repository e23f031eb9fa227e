//! From the cells of a row to a [`ModelShape`]: stated dimensions first, then what the model's name says, then what
//! its parameter count implies.

use super::csv::Row;
use crate::catalog::ModelShape;
use crate::shape::{Experts, LatentAttention};

/// Dimensions of models that rows name without stating them, by published config values.
struct Named {
    /// Lower-case parts that the name must contain, all of them.
    parts: &'static [&'static str],
    shape: ModelShape,
}

const fn dense(
    hidden_size: u32,
    num_hidden_layers: u32,
    num_attention_heads: u32,
    num_key_value_heads: u32,
    intermediate_size: u32,
    vocab_size: u32,
) -> ModelShape {
    ModelShape {
        hidden_size,
        num_hidden_layers,
        num_attention_heads,
        num_key_value_heads,
        head_dim: hidden_size / num_attention_heads,
        intermediate_size,
        vocab_size,
        ..ModelShape::DENSE
    }
}

const fn experts(num_experts: u32, per_token: u32, width: u32, shared: u32, dense_layers: u32) -> Option<Experts> {
    Some(Experts {
        num_experts,
        num_experts_per_token: per_token,
        moe_intermediate_size: width,
        shared_expert_intermediate_size: shared,
        num_dense_layers: dense_layers,
        latent_size: 0,
    })
}

/// DeepSeek-V3's attention (config.json of deepseek-ai/DeepSeek-V3); Kimi K2 shares it.
const LATENT: LatentAttention = LatentAttention {
    q_lora_rank: 1536,
    kv_lora_rank: 512,
    qk_nope_head_dim: 128,
    qk_rope_head_dim: 64,
    v_head_dim: 128,
};

/// First match wins: narrower names stand before wider ones. Values from each model's config.json or paper.
static NAMED: &[Named] = &[
    Named {
        parts: &["deepseek", "v4", "flash"],
        // Not published as a config that could be read: sized as a smaller DeepSeek-V3 (284B total, 13B active).
        shape: ModelShape {
            latent_attention: Some(LATENT),
            experts: experts(256, 6, 2048, 2048, 1),
            head_dim: 128,
            ..dense(4096, 43, 64, 64, 2048, 129_280)
        },
    },
    Named {
        parts: &["deepseek"],
        shape: ModelShape {
            latent_attention: Some(LATENT),
            experts: experts(256, 8, 2048, 2048, 3),
            head_dim: 128,
            ..dense(7168, 61, 128, 128, 18432, 129_280)
        },
    },
    Named {
        parts: &["kimi"],
        shape: ModelShape {
            latent_attention: Some(LATENT),
            experts: experts(384, 8, 2048, 2048, 1),
            head_dim: 128,
            ..dense(7168, 61, 64, 64, 18432, 163_840)
        },
    },
    Named {
        parts: &["glm", "5"],
        shape: ModelShape {
            latent_attention: Some(LatentAttention { q_lora_rank: 2048, qk_nope_head_dim: 192, v_head_dim: 256, ..LATENT }),
            experts: experts(256, 8, 2048, 2048, 3),
            head_dim: 256,
            ..dense(6144, 78, 64, 64, 12288, 154_880)
        },
    },
    Named {
        parts: &["qwen3.5", "397b"],
        shape: ModelShape {
            experts: experts(512, 10, 1024, 1024, 0),
            head_dim: 256,
            num_recurrent_layers: 45,
            ..dense(4096, 60, 32, 2, 1024, 248_320)
        },
    },
    Named {
        parts: &["nemotron", "super"],
        // 120B total, 12B active: 40 layers of latent experts, 40 of Mamba-2, 8 of attention, counted as pairs of a
        // mixer and an MLP.
        shape: ModelShape {
            experts: Some(Experts {
                num_experts: 512,
                num_experts_per_token: 22,
                moe_intermediate_size: 2688,
                shared_expert_intermediate_size: 5376,
                num_dense_layers: 4,
                latent_size: 1024,
            }),
            head_dim: 128,
            gated_mlp: false,
            num_recurrent_layers: 38,
            ..dense(4096, 44, 32, 2, 4096, 131_072)
        },
    },
    Named {
        parts: &["nemotron", "nano"],
        // 31.6B total, 3.6B active, 23 Mamba-2, 23 expert and 6 attention layers.
        shape: ModelShape {
            experts: experts(128, 6, 1856, 3712, 0),
            head_dim: 128,
            gated_mlp: false,
            num_recurrent_layers: 17,
            ..dense(2688, 23, 32, 2, 1856, 131_072)
        },
    },
    Named {
        parts: &["nemotron", "lightning"],
        shape: ModelShape {
            experts: experts(128, 6, 1856, 3712, 0),
            head_dim: 128,
            gated_mlp: false,
            num_recurrent_layers: 17,
            ..dense(2688, 23, 32, 2, 1856, 131_072)
        },
    },
    Named { parts: &["nemotron", "340b"], shape: ModelShape { gated_mlp: false, ..dense(18432, 96, 96, 8, 73728, 256_000) } },
    Named { parts: &["nemotron", "22b"], shape: ModelShape { gated_mlp: false, ..dense(6144, 40, 48, 8, 24576, 256_000) } },
    Named { parts: &["gpt", "126m"], shape: ModelShape { gated_mlp: false, ..dense(768, 12, 12, 12, 3072, 51_200) } },
    Named { parts: &["gpt3-5b"], shape: ModelShape { gated_mlp: false, ..dense(4096, 24, 32, 32, 16384, 51_200) } },
    Named { parts: &["gpt-5b"], shape: ModelShape { gated_mlp: false, ..dense(4096, 24, 32, 32, 16384, 51_200) } },
    Named { parts: &["gpt3-20b"], shape: ModelShape { gated_mlp: false, ..dense(6144, 44, 48, 48, 24576, 51_200) } },
    Named {
        parts: &["gpt", "oss"],
        shape: ModelShape {
            sliding_window: 128,
            num_windowed_layers: 18,
            experts: experts(128, 4, 2880, 0, 0),
            head_dim: 64,
            ..dense(2880, 36, 64, 8, 2880, 201_088)
        },
    },
    Named {
        parts: &["gemma4-26b"],
        shape: ModelShape {
            sliding_window: 1024,
            num_windowed_layers: 25,
            experts: experts(128, 8, 704, 2112, 0),
            head_dim: 256,
            tie_word_embeddings: true,
            ..dense(2816, 30, 16, 8, 2112, 262_144)
        },
    },
    Named {
        parts: &["gemma4-31b"],
        shape: ModelShape { sliding_window: 1024, num_windowed_layers: 50, head_dim: 256, tie_word_embeddings: true, ..dense(5376, 60, 32, 16, 21504, 262_144) },
    },
    Named {
        parts: &["gemma4-4b"],
        shape: ModelShape { sliding_window: 512, num_windowed_layers: 35, head_dim: 256, tie_word_embeddings: true, ..dense(2560, 42, 8, 2, 10240, 262_144) },
    },
    Named {
        parts: &["gemma3-12b"],
        shape: ModelShape { sliding_window: 1024, num_windowed_layers: 40, head_dim: 256, tie_word_embeddings: true, ..dense(3840, 48, 16, 8, 15360, 262_144) },
    },
    Named { parts: &["qwen3", "30b"], shape: ModelShape { head_dim: 128, experts: experts(128, 8, 768, 0, 0), ..dense(2048, 48, 32, 4, 6144, 151_936) } },
    Named { parts: &["qwen3", "235b"], shape: ModelShape { head_dim: 128, experts: experts(128, 8, 1536, 0, 0), ..dense(4096, 94, 64, 4, 12288, 151_936) } },
    Named { parts: &["qwen3", "32b"], shape: ModelShape { head_dim: 128, ..dense(5120, 64, 64, 8, 25600, 151_936) } },
    Named { parts: &["minimax-m2"], shape: ModelShape { head_dim: 128, experts: experts(256, 8, 1536, 0, 0), ..dense(3072, 62, 48, 8, 1536, 200_064) } },
    Named {
        parts: &["llama", "4", "maverick"],
        shape: ModelShape { head_dim: 128, experts: experts(128, 1, 8192, 8192, 24), ..dense(5120, 48, 40, 8, 16384, 202_048) },
    },
    Named {
        parts: &["llama", "4", "scout"],
        shape: ModelShape { head_dim: 128, experts: experts(16, 1, 8192, 8192, 0), ..dense(5120, 48, 40, 8, 8192, 202_048) },
    },
    Named { parts: &["qwen3", "8b"], shape: ModelShape { head_dim: 128, ..dense(4096, 36, 32, 8, 12288, 151_936) } },
    Named { parts: &["qwen2.5", "7b"], shape: dense(3584, 28, 28, 4, 18944, 152_064) },
    Named { parts: &["gemma", "2", "2b"], shape: ModelShape { head_dim: 256, tie_word_embeddings: true, ..dense(2304, 26, 8, 4, 9216, 256_000) } },
    Named { parts: &["gemma", "2", "9b"], shape: ModelShape { head_dim: 256, tie_word_embeddings: true, ..dense(3584, 42, 16, 8, 14336, 256_000) } },
    Named { parts: &["phi", "3.5"], shape: dense(3072, 32, 32, 32, 8192, 32_064) },
    Named { parts: &["smollm2"], shape: ModelShape { tie_word_embeddings: true, ..dense(2048, 24, 32, 32, 8192, 49_152) } },
    Named { parts: &["llama", "1b"], shape: ModelShape { tie_word_embeddings: true, ..dense(2048, 16, 32, 8, 8192, 128_256) } },
    Named { parts: &["llama", "3b"], shape: ModelShape { tie_word_embeddings: true, ..dense(3072, 28, 24, 8, 8192, 128_256) } },
    Named { parts: &["13b"], shape: dense(5120, 40, 40, 40, 13824, 32_000) },
];

/// What a row says of its model, with the rules for what it leaves open.
///
/// # Errors
/// A sentence that names the cells that would be needed.
pub fn shape_of(row: &Row<'_>) -> Result<ModelShape, String> {
    let name = row.text("model").to_lowercase();
    let named = NAMED.iter().find(|entry| entry.parts.iter().all(|part| name.contains(part))).map(|entry| entry.shape);
    let published = parameters_of(row.text("params"));
    let ffn = Ffn::of(row.text("ffn"));
    let (hidden, stated_heads) = (whole(row, "hidden")?, whole(row, "heads")?);
    let Some(hidden) = hidden.or(named.map(|shape| shape.hidden_size)) else {
        return published.map(of_parameters).ok_or_else(|| {
            format!(
                "the model {} is in no preset, and its row states neither dimensions nor a parameter count",
                row.text("model")
            )
        });
    };
    if let (None, Some(shape)) = (whole(row, "layers")?, named) {
        return Ok(shape);
    }
    let heads = stated_heads.or(named.map(|shape| shape.num_attention_heads)).unwrap_or((hidden / 128).max(1));
    let mut shape = ModelShape {
        hidden_size: hidden,
        num_attention_heads: heads,
        num_key_value_heads: whole(row, "kv_heads")?.or(named.map(|s| s.num_key_value_heads)).unwrap_or(heads),
        head_dim: named.map_or(hidden / heads.max(1), |shape| shape.head_dim).max(1),
        // The GPT-2 vocabulary as Megatron pads it: sources without one train GPT models.
        vocab_size: whole(row, "vocab")?.or(named.map(|s| s.vocab_size)).unwrap_or(51_200),
        intermediate_size: ffn.dense.or(ffn.expert).unwrap_or(hidden.saturating_mul(4)),
        ..named.unwrap_or(ModelShape::DENSE)
    };
    if named.is_none() {
        shape.experts = ffn.experts();
    } else if let Some(shape_of_name) = named {
        // A cell that states only the experts' width leaves the dense layers to the preset.
        shape.intermediate_size = ffn.dense.unwrap_or(shape_of_name.intermediate_size);
    }
    let classic = ["gpt-", "gpt3", "megatron", "turing", "mt-nlg", "bloom", "mpt", "falcon"];
    shape.gated_mlp = !classic.iter().any(|part| name.starts_with(part)) || name.starts_with("gpt-oss");
    if let Some(layers) = whole(row, "layers")? {
        shape.num_hidden_layers = layers;
    } else if let Some(published) = published {
        let each = shape.layer_parameters().max(1.0);
        let layers = ((published - shape.vocabulary_parameters()) / each).round().clamp(1.0, 2000.0);
        shape.num_hidden_layers = layers as u32;
    } else {
        return Err("layers is empty and no parameter count stands beside it".into());
    }
    if named.is_none() {
        settle(&mut shape, published);
    }
    Ok(shape)
}

/// Chooses gate, head width and tied vocabulary so that the parameter count is nearest to the published one.
fn settle(shape: &mut ModelShape, published: Option<f64>) {
    let heads = shape.num_attention_heads.max(1);
    let natural = (shape.hidden_size / heads).max(1);
    let Some(published) = published else {
        if shape.experts.is_some() {
            shape.head_dim = if natural < 64 { 128 } else { natural };
        }
        return;
    };
    let base = *shape;
    let mut least = f64::INFINITY;
    // A natural choice wins unless another is nearer by more than rounding explains.
    for (penalty, gated_mlp) in [(0.0, base.gated_mlp), (0.02, !base.gated_mlp)] {
        for (extra, head_dim) in [(0.0, natural), (0.01, 128), (0.015, 64), (0.015, 256)] {
            for (more, tie_word_embeddings) in [(0.0, false), (0.005, true)] {
                let candidate = ModelShape { gated_mlp, head_dim, tie_word_embeddings, ..base };
                let error = libm::log(candidate.parameters() / published).abs() + penalty + extra + more;
                if error < least {
                    (*shape, least) = (candidate, error);
                }
            }
        }
    }
}

/// A model of which only the parameter count is known: a gated decoder with the usual ratio of width to depth.
fn of_parameters(parameters: f64) -> ModelShape {
    let mut best = dense(128, 2, 1, 1, 352, 32_000);
    for step in 1..=200_u32 {
        let hidden = step * 128;
        // Published models: width is about 128 per layer up to 80 layers (Kaplan et al. 2020, arXiv 2001.08361).
        let layers = (hidden / 128).clamp(2, 96);
        let shape = dense(hidden, layers, step, step.div_ceil(4).max(1), hidden / 8 * 22 / 8 * 8, 32_000);
        if (shape.parameters() - parameters).abs() < (best.parameters() - parameters).abs() {
            best = shape;
        }
    }
    best
}

/// The `ffn` cell: "28672", "768 moe (128e top8)", "18432 / 2048 moe (256e top8)", "18432 dense / 2048 moe".
#[derive(Default)]
struct Ffn {
    dense: Option<u32>,
    expert: Option<u32>,
    count: Option<u32>,
    per_token: Option<u32>,
}

impl Ffn {
    fn of(text: &str) -> Self {
        let mut ffn = Self::default();
        let moe = text.contains("moe");
        let (widths, chosen) = text.split_once('(').unwrap_or((text, ""));
        let numbers: Vec<u32> = digits(widths);
        match (moe, numbers.as_slice()) {
            (true, [width]) => ffn.expert = Some(*width),
            (true, [dense, width, ..]) => (ffn.dense, ffn.expert) = (Some(*dense), Some(*width)),
            (false, [width, ..]) => ffn.dense = Some(*width),
            _ => {}
        }
        if let [count, per_token, ..] = digits(chosen).as_slice() {
            (ffn.count, ffn.per_token) = (Some(*count), Some(*per_token));
        }
        ffn
    }

    fn experts(&self) -> Option<Experts> {
        let (width, count, per_token) = (self.expert?, self.count?, self.per_token?);
        // DeepSeek and Llama 4 pass every token through one shared expert; where a dense width stands beside the
        // experts' one, some layers are dense: three of DeepSeek's, every second of Llama 4 Maverick's.
        let shared = if per_token == 1 || count == 256 && self.dense.is_some() { width } else { 0 };
        let dense_layers = match (self.dense, per_token) {
            (None, _) => 0,
            (Some(_), 1) => 24,
            (Some(_), _) => 3,
        };
        experts(count, per_token, width, shared, dense_layers)
    }
}

fn digits(text: &str) -> Vec<u32> {
    text.split(|character: char| !character.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

/// The total of "405853388800", "22B", "400B total / 17B active", "126M".
#[must_use]
pub fn parameters_of(text: &str) -> Option<f64> {
    let first = text.trim().split(|character: char| character.is_whitespace() || character == '/').next()?;
    let (number, unit) = match first.char_indices().find(|(_, c)| !(c.is_ascii_digit() || *c == '.')) {
        Some((at, _)) => first.split_at(at),
        None => (first, ""),
    };
    let scale = match unit.to_ascii_uppercase().as_str() {
        "" => 1.0,
        "M" => 1e6,
        "B" => 1e9,
        "T" => 1e12,
        _ => return None,
    };
    let value: f64 = number.parse().ok()?;
    let parameters = value * scale;
    (parameters.is_finite() && parameters > 1e4).then_some(parameters)
}

/// A cell as a count: empty is `None`.
///
/// # Errors
/// The column, its text and the allowed range.
pub fn whole(row: &Row<'_>, column: &'static str) -> Result<Option<u32>, String> {
    let text = row.text(column);
    if text.is_empty() {
        return Ok(None);
    }
    let value: f64 = text.parse().map_err(|_| format!("{column} is \"{text:.40}\"; allowed is a whole number, 1 to 100000000"))?;
    if value.fract() == 0.0 && (1.0..=1e8).contains(&value) {
        Ok(Some(value as u32))
    } else {
        Err(format!("{column} is {text:.40}; allowed is a whole number, 1 to 100000000"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::csv::{Table, read};
    use super::*;

    fn table(cells: &str) -> Table {
        read(&format!("model,layers,hidden,heads,kv_heads,ffn,vocab,params\n{cells}\n")).unwrap()
    }

    fn shape(cells: &str) -> Result<ModelShape, String> {
        shape_of(&table(cells).iter().next().unwrap())
    }

    #[test]
    fn stated_dimensions_give_the_published_count() {
        for (cells, published) in [
            ("MPT-70b,80,8192,64,64,32768,50368,64862437376", 64.86e9),
            ("LLAMA3_70B,80,8192,64,8,28672,128256,70553706496", 70.55e9),
            ("BLOOM-like-195B,,14400,,,57600,250000,195B", 195e9),
            ("MaxText-16B,32,4096,64,64,28672,32000,16B", 16e9),
            ("Qwen3_30B_a3B,48,2048,32,4,768 moe (128e top8),151936,30B total / 3B active", 30.5e9),
            ("openai/gpt-oss-120b,36,2880,64,8,2880 moe (128e top4),201088,120B", 117e9),
            ("deepseek-ai/DeepSeek-R1,61,7168,128,128,18432 / 2048 moe (256e top8),129280,671B/37B active", 671e9),
            ("Llama 4 Maverick,48,5120,40,8,16384/8192 moe (128e top1),202048,400B/17B active", 400e9),
            ("Llama 4 Scout,48,5120,40,8,8192 moe (16e top1),202048,109B/17B active", 109e9),
            ("Nemotron_3_Super,,,,,,,", 120e9),
            ("Nemotron_3_Nano,,,,,,,", 31.6e9),
            ("Kimi_K2,61,7168,64,64,2048 moe (384e top8),163840,", 1.04e12),
            ("Qwen/Qwen3.5-397B-A17B,,,,,,,", 397e9),
            ("something new,,,,,,,13B", 13e9),
        ] {
            let counted = shape(cells).unwrap().parameters();
            assert!((counted / published - 1.0).abs() < 0.08, "{cells}: {counted:e}");
        }
    }

    #[test]
    fn a_cell_out_of_range_is_named() {
        assert!(shape("x,NaN,8192,64,8,28672,128256,").unwrap_err().contains("layers"));
        assert!(shape("x,80,-8192,64,8,28672,128256,").unwrap_err().contains("hidden is -8192"));
        assert!(shape("unheard of,,,,,,,").unwrap_err().contains("no preset"));
    }
}
