//! Pasted configs: published ones give their published counts, broken ones a reason.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop where it stands")]

use planner::models::config::{LARGEST_CONFIG, read};

/// The fields of published configs that matter, and the published counts.
const PUBLISHED: [(&str, &str, f64); 8] = [
    (
        "gpt2",
        r#"{"model_type":"gpt2","n_embd":768,"n_layer":12,"n_head":12,"n_positions":1024,"vocab_size":50257}"#,
        124.4e6,
    ),
    (
        "llama 3.1 8B",
        r#"{"model_type":"llama","hidden_size":4096,"intermediate_size":14336,"num_hidden_layers":32,
        "num_attention_heads":32,"num_key_value_heads":8,"vocab_size":128256,"max_position_embeddings":131072,
        "tie_word_embeddings":false,"torch_dtype":"bfloat16","rope_scaling":{"factor":8.0,"type":"llama3"}}"#,
        8.03e9,
    ),
    (
        "mixtral 8x7B",
        r#"{"model_type":"mixtral","hidden_size":4096,"intermediate_size":14336,"num_hidden_layers":32,
        "num_attention_heads":32,"num_key_value_heads":8,"vocab_size":32000,"max_position_embeddings":32768,
        "num_local_experts":8,"num_experts_per_tok":2,"sliding_window":null,"tie_word_embeddings":false}"#,
        46.7e9,
    ),
    (
        "deepseek v3",
        r#"{"model_type":"deepseek_v3","hidden_size":7168,"intermediate_size":18432,"moe_intermediate_size":2048,
        "num_hidden_layers":61,"num_attention_heads":128,"num_key_value_heads":128,"vocab_size":129280,
        "n_routed_experts":256,"n_shared_experts":1,"num_experts_per_tok":8,"first_k_dense_replace":3,
        "q_lora_rank":1536,"kv_lora_rank":512,"qk_nope_head_dim":128,"qk_rope_head_dim":64,"v_head_dim":128,
        "max_position_embeddings":163840,"tie_word_embeddings":false,"quantization_config":{"bits":8}}"#,
        671.0e9,
    ),
    (
        "qwen3 30B-A3B",
        r#"{"model_type":"qwen3_moe","hidden_size":2048,"intermediate_size":6144,"moe_intermediate_size":768,
        "num_hidden_layers":48,"num_attention_heads":32,"num_key_value_heads":4,"head_dim":128,"num_experts":128,
        "num_experts_per_tok":8,"vocab_size":151936,"max_position_embeddings":40960,"decoder_sparse_step":1,
        "use_sliding_window":false,"sliding_window":4096,"tie_word_embeddings":false}"#,
        30.5e9,
    ),
    (
        "llama 4 maverick",
        r#"{"model_type":"llama4","text_config":{"model_type":"llama4_text","hidden_size":5120,
        "intermediate_size":8192,"intermediate_size_mlp":16384,"num_hidden_layers":48,"num_attention_heads":40,
        "num_key_value_heads":8,"head_dim":128,"num_local_experts":128,"num_experts_per_tok":1,
        "interleave_moe_layer_step":2,"vocab_size":202048,"max_position_embeddings":1048576,
        "tie_word_embeddings":false},"vision_config":{"hidden_size":1408}}"#,
        400.0e9,
    ),
    (
        "gemma 2 9B",
        r#"{"model_type":"gemma2","hidden_size":3584,"intermediate_size":14336,"num_hidden_layers":42,
        "num_attention_heads":16,"num_key_value_heads":8,"head_dim":256,"vocab_size":256000,"sliding_window":4096,
        "max_position_embeddings":8192}"#,
        9.24e9,
    ),
    (
        "falcon 40B",
        r#"{"model_type":"falcon","hidden_size":8192,"num_hidden_layers":60,"num_attention_heads":128,
        "num_kv_heads":8,"vocab_size":65024}"#,
        41.3e9,
    ),
];

#[test]
fn published_configs_give_their_published_counts() {
    for (name, text, published) in PUBLISHED {
        let model = read(text).expect(name);
        let counted = model.shape.parameters();
        assert!((counted / published - 1.0).abs() < 0.01, "{name}: {counted:.4e}, published {published:.4e}");
    }
}

#[test]
fn windows_and_gaps_are_told() {
    let gemma = read(PUBLISHED[6].1).unwrap();
    assert_eq!((gemma.shape.sliding_window, gemma.shape.num_windowed_layers), (4_096, 21));
    let qwen = read(PUBLISHED[4].1).unwrap();
    assert_eq!(qwen.shape.sliding_window, 0);
    let falcon = read(PUBLISHED[7].1).unwrap();
    assert!(falcon.notes.iter().any(|note| note.contains("four times")), "{:?}", falcon.notes);
    let maverick = read(PUBLISHED[5].1).unwrap();
    assert!(maverick.notes.iter().any(|note| note.contains("text_config")), "{:?}", maverick.notes);
}

#[test]
fn broken_configs_name_field_and_range() {
    let base = PUBLISHED[1].1;
    for (from, to, needles) in [
        ("\"hidden_size\":4096", "\"hidden_size\":-4096", ["hidden_size", "1 to 1000000"]),
        ("\"hidden_size\":4096", "\"hidden_size\":\"wide\"", ["hidden_size", "\"wide\""]),
        ("\"hidden_size\":4096", "\"hidden_size\":4096.5", ["hidden_size", "4096.5"]),
        ("\"hidden_size\":4096", "\"hidden_size\":1e300", ["hidden_size", "1 to 1000000"]),
        ("\"hidden_size\":4096,", "", ["hidden_size", "missing"]),
        ("\"num_key_value_heads\":8", "\"num_key_value_heads\":7", ["num_key_value_heads", "divisor"]),
        ("\"num_key_value_heads\":8", "\"num_key_value_heads\":64", ["num_key_value_heads", "1 to 32"]),
        ("\"num_attention_heads\":32", "\"num_attention_heads\":31", ["num_key_value_heads", "divisor"]),
        (
            "\"tie_word_embeddings\":false",
            "\"tie_word_embeddings\":3",
            ["tie_word_embeddings", "true and false"],
        ),
        ("\"vocab_size\":128256,", "", ["vocab_size", "missing"]),
        ("{\"model_type\"", "[{\"model_type\"", ["JSON", "config.json"]),
    ] {
        assert!(base.contains(from), "{from}");
        let error = read(&base.replace(from, to)).expect_err(to);
        assert!(needles.iter().all(|needle| error.contains(needle)), "{to}: {error}");
    }
    assert!(read(&" ".repeat(LARGEST_CONFIG + 1)).unwrap_err().contains("at most"));
}

#[test]
fn every_field_survives_every_hostile_value() {
    for (_, text, _) in PUBLISHED {
        let fields: Vec<&str> = text.split('"').skip(1).step_by(2).collect();
        for field in fields {
            for value in
                ["null", "-1", "0", "1e308", "true", "\"x\"", "[]", "{}", "[[[[]]]]", "0.5", "4294967296"]
            {
                let start = text.find(&format!("\"{field}\":"));
                let Some(start) = start else { continue };
                let tail = &text[start..];
                let end = tail.find([',', '}']).unwrap_or(tail.len());
                let changed = format!("{}\"{field}\":{value}{}", &text[..start], &tail[end..]);
                match read(&changed) {
                    Ok(model) => assert!(model.shape.parameters().is_finite()),
                    Err(reason) => assert!(reason.contains("Nothing was changed"), "{reason}"),
                }
            }
        }
    }
}
