//! The shape of a model, in the field names of a Hugging Face `config.json`, and the counts that follow from it.

use crate::units::Flops;

/// Latent attention (DeepSeek-V2, arXiv 2405.04434): keys and values are kept as one low-rank vector a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatentAttention {
    /// Rank of the query's compression; 0 where the query is not compressed.
    pub q_lora_rank: u32,
    /// Rank of the shared compression of keys and values: what the cache holds, beside the rotated part.
    pub kv_lora_rank: u32,
    /// Width of a head's part without rotation.
    pub qk_nope_head_dim: u32,
    /// Width of a head's rotated part, shared by all heads among the keys.
    pub qk_rope_head_dim: u32,
    /// Width of a head's value.
    pub v_head_dim: u32,
}

/// Mixture of experts: each token passes some of many MLPs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Experts {
    /// Routed experts of a layer.
    pub num_experts: u32,
    /// Routed experts that a token passes.
    pub num_experts_per_token: u32,
    /// Width inside one routed expert.
    pub moe_intermediate_size: u32,
    /// Width inside the MLP that every token passes beside them; 0 for none.
    pub shared_expert_intermediate_size: u32,
    /// Layers whose MLP is dense ([`ModelShape::intermediate_size`] wide).
    pub num_dense_layers: u32,
    /// Width in which tokens meet the routed experts, where it is less than the model's (latent experts); 0 otherwise.
    pub latent_size: u32,
}

/// The shape of a transformer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ModelShape {
    /// Width of the residual stream.
    pub hidden_size: u32,
    /// Width inside the MLP (of dense layers).
    pub intermediate_size: u32,
    /// Layers.
    pub num_hidden_layers: u32,
    /// Query heads.
    pub num_attention_heads: u32,
    /// Key and value heads.
    pub num_key_value_heads: u32,
    /// Width of one head.
    pub head_dim: u32,
    /// Rows of the embedding.
    pub vocab_size: u32,
    /// Longest sequence that the published model was made for.
    pub max_position_embeddings: u32,
    /// Positions are a learned table rather than a rotation.
    pub learned_position_embeddings: bool,
    /// The MLP has a gate (three products instead of two).
    pub gated_mlp: bool,
    /// The output projection shares the embedding's weights.
    pub tie_word_embeddings: bool,
    /// Attention looks only backwards.
    pub causal: bool,
    /// Latent attention instead of grouped heads.
    pub latent_attention: Option<LatentAttention>,
    /// Experts instead of one MLP.
    pub experts: Option<Experts>,
    /// Tokens that attention looks back on in windowed layers; 0 where no layer has a window.
    pub sliding_window: u32,
    /// Layers whose attention sees the window only.
    pub num_windowed_layers: u32,
    /// Layers with a recurrent state (Mamba, linear attention) instead of softmax attention; their projections count
    /// like those of an attention layer, their cache does not grow.
    pub num_recurrent_layers: u32,
}

impl ModelShape {
    /// A dense decoder without any of the optional parts: the fields that older presets do not state.
    pub const DENSE: Self = Self {
        hidden_size: 1,
        intermediate_size: 1,
        num_hidden_layers: 1,
        num_attention_heads: 1,
        num_key_value_heads: 1,
        head_dim: 1,
        vocab_size: 1,
        max_position_embeddings: 1,
        learned_position_embeddings: false,
        gated_mlp: true,
        tie_word_embeddings: false,
        causal: true,
        latent_attention: None,
        experts: None,
        sliding_window: 0,
        num_windowed_layers: 0,
        num_recurrent_layers: 0,
    };

    /// Width of all query heads.
    #[must_use]
    pub fn query_width(&self) -> f64 {
        f64::from(self.num_attention_heads) * f64::from(self.head_dim)
    }

    /// Width of all key (or value) heads.
    #[must_use]
    pub fn key_value_width(&self) -> f64 {
        f64::from(self.num_key_value_heads) * f64::from(self.head_dim)
    }

    /// Projections of an MLP: gate, up, down; or up, down.
    #[must_use]
    pub const fn mlp_projections(&self) -> f64 {
        if self.gated_mlp { 3.0 } else { 2.0 }
    }

    /// Layers with experts.
    #[must_use]
    pub fn expert_layers(&self) -> f64 {
        self.experts
            .map_or(0.0, |experts| f64::from(self.num_hidden_layers.saturating_sub(experts.num_dense_layers)))
    }

    /// Layers with one MLP that every token passes.
    #[must_use]
    pub fn dense_layers(&self) -> f64 {
        f64::from(self.num_hidden_layers) - self.expert_layers()
    }

    /// Weights of one layer's attention.
    #[must_use]
    pub fn attention_parameters(&self) -> f64 {
        let hidden = f64::from(self.hidden_size);
        let Some(latent) = self.latent_attention else {
            return hidden * (2.0 * self.query_width() + 2.0 * self.key_value_width());
        };
        let heads = f64::from(self.num_attention_heads);
        let [nope, rope, value] =
            [latent.qk_nope_head_dim, latent.qk_rope_head_dim, latent.v_head_dim].map(f64::from);
        let rank = f64::from(latent.kv_lora_rank);
        let query = if latent.q_lora_rank > 0 {
            f64::from(latent.q_lora_rank) * (hidden + heads * (nope + rope))
        } else {
            hidden * heads * (nope + rope)
        };
        query + hidden * (rank + rope) + rank * heads * (nope + value) + heads * value * hidden
    }

    /// Weights of an MLP of this width.
    #[must_use]
    pub fn mlp_parameters(&self, intermediate_size: u32) -> f64 {
        self.mlp_projections() * f64::from(self.hidden_size) * f64::from(intermediate_size)
    }

    /// Weights of one dense layer's matrices.
    #[must_use]
    pub fn layer_parameters(&self) -> f64 {
        self.attention_parameters() + self.mlp_parameters(self.intermediate_size)
    }

    /// Width in which tokens travel to the routed experts.
    #[must_use]
    pub fn expert_width(&self) -> f64 {
        match self.experts {
            Some(experts) if experts.latent_size > 0 => f64::from(experts.latent_size),
            _ => f64::from(self.hidden_size),
        }
    }

    /// Weights of one routed expert.
    #[must_use]
    pub fn expert_parameters(&self) -> f64 {
        self.experts.map_or(0.0, |experts| {
            self.mlp_projections() * self.expert_width() * f64::from(experts.moe_intermediate_size)
        })
    }

    /// Weights of all routed experts of one layer.
    #[must_use]
    pub fn routed_parameters(&self) -> f64 {
        self.experts.map_or(0.0, |experts| f64::from(experts.num_experts)) * self.expert_parameters()
    }

    /// Weights of one vocabulary matrix.
    #[must_use]
    pub fn vocabulary_parameters(&self) -> f64 {
        f64::from(self.hidden_size) * f64::from(self.vocab_size)
    }

    /// Weights of all layers, with `routed` of the routed experts' weights per layer.
    fn layers(&self, routed: f64) -> f64 {
        let experts = self.experts.map_or(0.0, |experts| {
            let router = f64::from(self.hidden_size) * f64::from(experts.num_experts);
            self.expert_layers()
                * (routed + router + self.mlp_parameters(experts.shared_expert_intermediate_size))
        });
        f64::from(self.num_hidden_layers) * self.attention_parameters()
            + self.dense_layers() * self.mlp_parameters(self.intermediate_size)
            + experts
    }

    /// All weights: layers, embeddings, learned positions. Norms and biases (under 0.1 %) are left out.
    #[must_use]
    pub fn parameters(&self) -> f64 {
        let tables = if self.tie_word_embeddings { 1.0 } else { 2.0 };
        let positions = if self.learned_position_embeddings {
            f64::from(self.hidden_size) * f64::from(self.max_position_embeddings)
        } else {
            0.0
        };
        self.layers(self.routed_parameters()) + tables * self.vocabulary_parameters() + positions
    }

    /// Weights that one token meets, the output projection included and the embedding's table not.
    #[must_use]
    pub fn active_parameters(&self) -> f64 {
        let routed = self.experts.map_or(0.0, |experts| {
            f64::from(experts.num_experts_per_token) * self.expert_parameters()
        });
        self.layers(routed) + self.vocabulary_parameters()
    }

    /// Width of a token's scores and values in attention, summed over heads: `(query-key width + value width) / 2`.
    #[must_use]
    pub fn score_width(&self) -> f64 {
        self.latent_attention.map_or_else(
            || self.query_width(),
            |latent| {
                let [nope, rope, value] =
                    [latent.qk_nope_head_dim, latent.qk_rope_head_dim, latent.v_head_dim].map(f64::from);
                f64::from(self.num_attention_heads) * (nope + rope + value) / 2.0
            },
        )
    }

    /// Tokens that a query meets on average over the layers, for `length` tokens in sight (a window cuts them, a
    /// recurrent layer has none), as a share of the layers: `sum over layers of tokens / layers`.
    #[must_use]
    pub fn attended_tokens(&self, length: f64) -> f64 {
        let layers = f64::from(self.num_hidden_layers).max(1.0);
        let windowed = f64::from(self.num_windowed_layers).min(layers);
        let recurrent = f64::from(self.num_recurrent_layers).min(layers - windowed);
        let full = layers - windowed - recurrent;
        let window = f64::from(self.sliding_window).min(length);
        (full * length + windowed * window) / layers
    }

    /// Numbers that the cache keeps for one token in one layer with attention.
    #[must_use]
    pub fn cached_width(&self) -> f64 {
        self.latent_attention.map_or_else(
            || 2.0 * self.key_value_width(),
            |latent| f64::from(latent.kv_lora_rank) + f64::from(latent.qk_rope_head_dim),
        )
    }

    /// Model FLOPs of one trained token in the convention of PaLM (Chowdhery et al. 2022, appendix B):
    /// `6 x weights in products + 12 x layers x query width x sequence length`. Recomputation does not count,
    /// and causal attention counts in full, as in published utilisation figures.
    #[must_use]
    pub fn training_flops_per_token(&self, sequence_length: u32) -> Flops {
        let layers = f64::from(self.num_hidden_layers);
        let attended = self.attended_tokens(f64::from(sequence_length));
        Flops(6.0 * self.active_parameters() + 12.0 * layers * self.score_width() * attended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(value: f64, published: f64, share: f64) {
        assert!((value / published - 1.0).abs() < share, "{value:e} instead of {published:e}");
    }

    #[test]
    fn deepseek_v3_has_671_billion_weights_and_meets_37() {
        // config.json of deepseek-ai/DeepSeek-V3; the technical report (arXiv 2412.19437) states 671B and 37B.
        let shape = ModelShape {
            hidden_size: 7168,
            intermediate_size: 18432,
            num_hidden_layers: 61,
            num_attention_heads: 128,
            num_key_value_heads: 128,
            head_dim: 128,
            vocab_size: 129_280,
            max_position_embeddings: 163_840,
            latent_attention: Some(LatentAttention {
                q_lora_rank: 1536,
                kv_lora_rank: 512,
                qk_nope_head_dim: 128,
                qk_rope_head_dim: 64,
                v_head_dim: 128,
            }),
            experts: Some(Experts {
                num_experts: 256,
                num_experts_per_token: 8,
                moe_intermediate_size: 2048,
                shared_expert_intermediate_size: 2048,
                num_dense_layers: 3,
                latent_size: 0,
            }),
            ..ModelShape::DENSE
        };
        close(shape.parameters(), 671e9, 0.005);
        close(shape.active_parameters(), 37e9, 0.02);
        assert_eq!(shape.cached_width(), 576.0);
    }

    #[test]
    fn windows_and_recurrent_layers_shorten_what_a_query_meets() {
        let shape = ModelShape {
            num_hidden_layers: 4,
            sliding_window: 100,
            num_windowed_layers: 2,
            num_recurrent_layers: 1,
            ..ModelShape::DENSE
        };
        assert_eq!(shape.attended_tokens(1000.0), (1000.0 + 200.0) / 4.0);
        assert_eq!(shape.attended_tokens(50.0), 150.0 / 4.0);
    }
}
