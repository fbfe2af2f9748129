//! The table of supported architectures: their names, and the names of their tensors.
//!
//! One plan of kernels runs them all; differences in arithmetic are in [`crate::Config`].

use crate::CheckpointError;

/// A family of decoders with the same layout of weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// GPT-2.
    Gpt2,
    /// Gemma 3, text only.
    Gemma3,
    /// Llama 2 and 3, and models of the same structure (SmolLM2).
    Llama,
    /// Mistral.
    Mistral,
    /// Phi-3, and models of the same structure (Phi-3.5-mini, Phi-4-mini).
    Phi3,
    /// Qwen2 and Qwen2.5.
    Qwen2,
    /// Qwen3, dense.
    Qwen3,
}

/// One row of the table.
struct Row {
    architecture: Architecture,
    /// `architectures` of config.json.
    class: &'static str,
    /// `model_type` of config.json.
    model_type: &'static str,
    /// `general.architecture` of GGUF.
    gguf: Option<&'static str>,
    /// Names in a Hugging Face checkpoint.
    names: Names,
    /// Names in a GGUF file.
    gguf_names: Names,
}

/// The tensor names of a checkpoint, without `.weight` and `.bias`.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// Prefix of all names but the output head's; older files lack it.
    pub prefix: &'static str,
    /// (vocab_size, hidden_size).
    pub embed_tokens: &'static str,
    /// (max_position_embeddings, hidden_size), where positions are learned.
    pub embed_positions: &'static str,
    /// The final norm.
    pub norm: &'static str,
    /// The output head.
    pub lm_head: &'static str,
    /// The prefix of a layer's number.
    pub layer: &'static str,
    /// The norm before attention.
    pub input_norm: &'static str,
    /// Queries, keys and values.
    pub qkv: &'static [&'static str],
    /// The norms of each query and each key head.
    pub qk_norm: [&'static str; 2],
    /// The output projection of attention.
    pub o_proj: &'static str,
    /// The norm of what attention adds to the residual stream.
    pub attn_out_norm: &'static str,
    /// The norm before the MLP.
    pub mlp_norm: &'static str,
    /// The MLP's first projections: gate and up, both in one, or the only one.
    pub gate_up: &'static [&'static str],
    /// The MLP's last projection.
    pub down_proj: &'static str,
    /// The norm of what the MLP adds to the residual stream.
    pub mlp_out_norm: &'static str,
    /// Whether matrices are stored as (in, out), like those of GPT-2's Conv1D.
    pub transposed: bool,
}

const LLAMA: Names = Names {
    prefix: "model.",
    embed_tokens: "embed_tokens",
    embed_positions: "",
    norm: "norm",
    lm_head: "lm_head",
    layer: "layers.",
    input_norm: "input_layernorm",
    qkv: &["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
    qk_norm: ["self_attn.q_norm", "self_attn.k_norm"],
    o_proj: "self_attn.o_proj",
    attn_out_norm: "",
    mlp_norm: "post_attention_layernorm",
    gate_up: &["mlp.gate_proj", "mlp.up_proj"],
    down_proj: "mlp.down_proj",
    mlp_out_norm: "",
    transposed: false,
};

const GEMMA3: Names = Names {
    attn_out_norm: "post_attention_layernorm",
    mlp_norm: "pre_feedforward_layernorm",
    mlp_out_norm: "post_feedforward_layernorm",
    ..LLAMA
};

const PHI3: Names = Names {
    qkv: &["self_attn.qkv_proj"],
    gate_up: &["mlp.gate_up_proj"],
    ..LLAMA
};

const GPT2: Names = Names {
    prefix: "transformer.",
    embed_tokens: "wte",
    embed_positions: "wpe",
    norm: "ln_f",
    layer: "h.",
    input_norm: "ln_1",
    qkv: &["attn.c_attn"],
    o_proj: "attn.c_proj",
    mlp_norm: "ln_2",
    gate_up: &["mlp.c_fc"],
    down_proj: "mlp.c_proj",
    transposed: true,
    ..LLAMA
};

/// The names of llama.cpp's converter (gguf-py's `MODEL_TENSORS`).
const GGUF: Names = Names {
    prefix: "",
    embed_tokens: "token_embd",
    embed_positions: "position_embd",
    norm: "output_norm",
    lm_head: "output",
    layer: "blk.",
    input_norm: "attn_norm",
    qkv: &["attn_q", "attn_k", "attn_v"],
    qk_norm: ["attn_q_norm", "attn_k_norm"],
    o_proj: "attn_output",
    attn_out_norm: "post_attention_norm",
    mlp_norm: "ffn_norm",
    gate_up: &["ffn_gate", "ffn_up"],
    down_proj: "ffn_down",
    mlp_out_norm: "post_ffw_norm",
    transposed: false,
};

const GGUF_PHI3: Names = Names {
    qkv: &["attn_qkv"],
    gate_up: &["ffn_up"],
    ..GGUF
};

const TABLE: [Row; 7] = [
    Row {
        architecture: Architecture::Gpt2,
        class: "GPT2LMHeadModel",
        model_type: "gpt2",
        gguf: Some("gpt2"),
        names: GPT2,
        gguf_names: GGUF_PHI3,
    },
    Row {
        architecture: Architecture::Gemma3,
        class: "Gemma3ForCausalLM",
        model_type: "gemma3_text",
        gguf: Some("gemma3"),
        names: GEMMA3,
        gguf_names: GGUF,
    },
    Row {
        architecture: Architecture::Llama,
        class: "LlamaForCausalLM",
        model_type: "llama",
        gguf: Some("llama"),
        names: LLAMA,
        gguf_names: GGUF,
    },
    Row {
        architecture: Architecture::Mistral,
        class: "MistralForCausalLM",
        model_type: "mistral",
        // llama.cpp's converter writes Mistral as `llama`.
        gguf: None,
        names: LLAMA,
        gguf_names: GGUF,
    },
    Row {
        architecture: Architecture::Phi3,
        class: "Phi3ForCausalLM",
        model_type: "phi3",
        gguf: Some("phi3"),
        names: PHI3,
        gguf_names: GGUF_PHI3,
    },
    Row {
        architecture: Architecture::Qwen2,
        class: "Qwen2ForCausalLM",
        model_type: "qwen2",
        gguf: Some("qwen2"),
        names: LLAMA,
        gguf_names: GGUF,
    },
    Row {
        architecture: Architecture::Qwen3,
        class: "Qwen3ForCausalLM",
        model_type: "qwen3",
        gguf: Some("qwen3"),
        names: LLAMA,
        gguf_names: GGUF,
    },
];

impl Architecture {
    /// Finds an architecture by `architectures` of config.json, such as `Phi3ForCausalLM`.
    ///
    /// # Errors
    /// When it is not supported.
    pub fn from_class(class: &str) -> Result<Self, CheckpointError> {
        Self::find(class, |row| row.class == class)
    }

    /// Finds an architecture by `model_type` of config.json, such as `phi3`.
    ///
    /// # Errors
    /// When it is not supported.
    pub fn from_model_type(model_type: &str) -> Result<Self, CheckpointError> {
        Self::find(model_type, |row| row.model_type == model_type)
    }

    /// Finds an architecture by `general.architecture` of GGUF, such as `phi3`.
    ///
    /// # Errors
    /// When it is not supported.
    pub fn from_gguf(name: &str) -> Result<Self, CheckpointError> {
        Self::find(name, |row| row.gguf == Some(name))
    }

    fn find(name: &str, is_it: impl Fn(&Row) -> bool) -> Result<Self, CheckpointError> {
        let supported = || TABLE.map(|row| row.class).join(", ");
        let found = TABLE.iter().find(|row| is_it(row));
        let row = found.ok_or_else(|| CheckpointError::UnknownArchitecture {
            name: name.to_owned(),
            supported: supported(),
        })?;
        Ok(row.architecture)
    }

    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The class in transformers, such as `Phi3ForCausalLM`.
    #[must_use]
    pub fn class(self) -> &'static str {
        self.row().class
    }

    /// The `model_type` in transformers, such as `phi3`.
    #[must_use]
    pub fn model_type(self) -> &'static str {
        self.row().model_type
    }

    /// The names of its tensors in a Hugging Face checkpoint.
    #[must_use]
    pub fn names(self) -> &'static Names {
        &self.row().names
    }

    /// The names of its tensors in a GGUF file.
    #[must_use]
    pub fn gguf_names(self) -> &'static Names {
        &self.row().gguf_names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_rows_match_the_enum() {
        for row in &TABLE {
            assert_eq!(row.architecture.class(), row.class);
            assert_eq!(
                Architecture::from_class(row.class).unwrap(),
                row.architecture
            );
        }
    }

    #[test]
    fn an_unknown_one_hears_what_is_supported() {
        let error = Architecture::from_class("MambaForCausalLM").unwrap_err();
        let error = error.to_string();
        assert!(
            error.contains("MambaForCausalLM") && error.contains("Phi3ForCausalLM"),
            "{error}"
        );
    }
}
