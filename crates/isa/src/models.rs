//! The models at whose shapes kernels are compiled, and how they can be loaded.

use anyhow::{Context, Result};
use vitrine_checkpoint::ggml::GgmlType;
use vitrine_checkpoint::{Config, KvDtype, Quantization, Quantize};
use vitrine_kernels::Dtype;
use vitrine_model::{LoadOptions, Tuning};

/// Names and configurations, with one layer of each kind; the first model represents the others.
pub const MODELS: [(&str, &str); 5] = [
    ("Llama-3-8B", include_str!("models/llama-3-8b.json")),
    ("Phi-3-mini", include_str!("models/phi-3-mini.json")),
    ("Qwen3-0.6B", include_str!("models/qwen3-0.6b.json")),
    ("Gemma-3-270M", include_str!("models/gemma-3-270m.json")),
    ("SmolLM2-135M", include_str!("models/smollm2-135m.json")),
];

/// One way to load a model.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loaded {
    /// The name of the number format of its weights.
    pub weights: &'static str,
    on_disk: GgmlType,
    quantize: Option<Quantize>,
    /// Of its activations.
    pub activations: &'static str,
    /// Of its KV cache.
    pub cache: &'static str,
}

/// Every number format that weights can have on the GPU, and how they come to it.
const WEIGHTS: [(&str, GgmlType, Option<Quantize>); 13] = [
    ("f32", GgmlType::F32, None),
    ("f16", GgmlType::F16, None),
    ("bf16", GgmlType::BF16, None),
    ("q8_0", GgmlType::Q8_0, None),
    ("q8 per row", GgmlType::F16, Some(Quantize::Q8)),
    ("q4", GgmlType::Q4_1, None),
    ("q4 per 128", GgmlType::F16, Some(Quantize::Q4Group128)),
    ("q5", GgmlType::Q5_1, None),
    ("q2_k", GgmlType::Q2K, None),
    ("q3_k", GgmlType::Q3K, None),
    ("q4_k", GgmlType::Q4K, None),
    ("q5_k", GgmlType::Q5K, None),
    ("q6_k", GgmlType::Q6K, None),
];

/// The number formats of activations and KV cache that go together.
const NUMBERS: [(&str, &str); 7] = [
    ("f32", "f32"),
    ("f16", "f16"),
    ("f32", "f16"),
    ("f32", "q8"),
    ("f16", "q8"),
    ("q8", "f32"),
    ("q8", "f16"),
];

impl Loaded {
    /// All ways in which this model can be loaded.
    pub fn all(config: &Config) -> Vec<Self> {
        let q_rows = config.num_attention_heads * config.head_dim;
        let columns = [config.hidden_size, config.intermediate_size, q_rows];
        let mut all = Vec::new();
        for (weights, on_disk, quantize) in WEIGHTS {
            let (block, _) = on_disk.block();
            // Rows are whole blocks in files.
            if columns.iter().any(|k| !u64::from(*k).is_multiple_of(block)) {
                continue;
            }
            let is_float = on_disk.is_float() && quantize.is_none();
            for (activations, cache) in NUMBERS {
                if activations == "q8" && is_float {
                    continue;
                }
                all.push(Self {
                    weights,
                    on_disk,
                    quantize,
                    activations,
                    cache,
                });
            }
        }
        all
    }

    /// The type of its tensors on disk, and the options.
    pub fn options(&self, tuning: Tuning) -> (GgmlType, LoadOptions) {
        let options = LoadOptions {
            dtype: match self.activations {
                "f16" => Dtype::F16,
                _ => Dtype::F32,
            },
            kv_dtype: Some(match self.cache {
                "f16" => KvDtype::F16,
                "q8" => KvDtype::Q8,
                _ => KvDtype::F32,
            }),
            quantization: Quantization {
                projections: self.quantize,
                tables: true,
            },
            pack_activations: self.activations == "q8",
            tuning,
            ..LoadOptions::default()
        };
        (self.on_disk, options)
    }
}

/// The configuration of a model of the list.
///
/// # Errors
/// When the list has a mistake.
pub fn config((name, json): (&str, &str)) -> Result<Config> {
    Config::from_json(json.as_bytes()).with_context(|| format!("the configuration of {name}"))
}
