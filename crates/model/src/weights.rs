//! Bringing tensors to the GPU: read a few tiles, pack them, upload them, forget them.

mod matrix;
mod vector;

use vitrine_gpu::Gpu;

use crate::gguf::Gguf;
use crate::source::ByteSource;
use crate::{Config, ModelError};
pub use matrix::{Matrix, RowOrder, Rows};
pub use vector::Vector;

/// All weights of a decoder on the GPU.
pub struct Weights {
    /// (vocab_size, hidden_size).
    pub embed_tokens: Matrix,
    /// The decoder layers.
    pub layers: Vec<LayerWeights>,
    /// (hidden_size).
    pub norm: Vector,
    /// (vocab_size, hidden_size); none where the embedding is the output head.
    pub lm_head: Option<Matrix>,
}

/// The weights of one decoder layer.
pub struct LayerWeights {
    /// (hidden_size).
    pub input_layernorm: Vector,
    /// q_proj, k_proj and v_proj below one another.
    pub qkv_proj: Matrix,
    /// (hidden_size, heads · head_dim).
    pub o_proj: Matrix,
    /// (hidden_size).
    pub post_attention_layernorm: Vector,
    /// gate_proj and up_proj below one another.
    pub gate_up_proj: Matrix,
    /// (hidden_size, intermediate_size).
    pub down_proj: Matrix,
}

impl Weights {
    /// Reads all tensors of a GGUF file. `progress` hears of bytes done and bytes in all.
    ///
    /// # Errors
    /// When a tensor is missing, misshapen or of a type that we do not read, the file cannot be
    /// read, or the GPU has no room.
    pub async fn load<S: ByteSource>(
        gpu: &Gpu,
        source: &S,
        gguf: &Gguf,
        config: &Config,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<Self, ModelError> {
        refuse_unknown_tensors(gguf, config)?;
        let total = gguf.tensors().map(|tensor| tensor.bytes).sum();
        let mut loader = Loader {
            gpu,
            source,
            gguf,
            done: 0,
            total,
            progress,
        };
        let hidden = config.hidden_size;
        let q_rows = config.num_attention_heads * config.head_dim;
        let kv_rows = config.num_key_value_heads * config.head_dim;
        let plain = RowOrder::AsStored;
        // llama.cpp's converter interleaves the halves of each rotary head; transformers does not.
        let heads = RowOrder::InterleavedHeads {
            head_dim: config.head_dim,
        };

        let vocab = Rows {
            name: "token_embd.weight".to_owned(),
            rows: config.vocab_size,
            order: plain,
        };
        let embed_tokens = loader.matrix("embed_tokens", &[vocab], hidden).await?;
        let mut layers = Vec::new();
        for layer in 0..config.num_hidden_layers {
            let rows = |kind: &str, rows: u32, order: RowOrder| Rows {
                name: format!("blk.{layer}.{kind}.weight"),
                rows,
                order,
            };
            let name = |kind: &str| format!("layers.{layer}.{kind}");
            let qkv = [
                rows("attn_q", q_rows, heads),
                rows("attn_k", kv_rows, heads),
                rows("attn_v", kv_rows, plain),
            ];
            let gate_up = [
                rows("ffn_gate", config.intermediate_size, plain),
                rows("ffn_up", config.intermediate_size, plain),
            ];
            let o = [rows("attn_output", hidden, plain)];
            let down = [rows("ffn_down", hidden, plain)];
            layers.push(LayerWeights {
                input_layernorm: loader
                    .vector(&format!("blk.{layer}.attn_norm.weight"), hidden)
                    .await?,
                qkv_proj: loader.matrix(&name("qkv_proj"), &qkv, hidden).await?,
                o_proj: loader.matrix(&name("o_proj"), &o, q_rows).await?,
                post_attention_layernorm: loader
                    .vector(&format!("blk.{layer}.ffn_norm.weight"), hidden)
                    .await?,
                gate_up_proj: loader
                    .matrix(&name("gate_up_proj"), &gate_up, hidden)
                    .await?,
                down_proj: loader
                    .matrix(&name("down_proj"), &down, config.intermediate_size)
                    .await?,
            });
        }
        let norm = loader.vector("output_norm.weight", hidden).await?;
        let lm_head = if config.tie_word_embeddings {
            None
        } else {
            let rows = Rows {
                name: "output.weight".to_owned(),
                rows: config.vocab_size,
                order: plain,
            };
            Some(loader.matrix("lm_head", &[rows], hidden).await?)
        };
        Ok(Self {
            embed_tokens,
            layers,
            norm,
            lm_head,
        })
    }

    /// The output head.
    #[must_use]
    pub fn head(&self) -> &Matrix {
        self.lm_head.as_ref().unwrap_or(&self.embed_tokens)
    }

    /// Bytes that they take on the GPU.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let layers = self.layers.iter().map(|layer| {
            let matrices = [
                &layer.qkv_proj,
                &layer.o_proj,
                &layer.gate_up_proj,
                &layer.down_proj,
            ];
            let vectors = [&layer.input_layernorm, &layer.post_attention_layernorm];
            matrices.iter().map(|m| m.bytes()).sum::<u64>()
                + vectors.iter().map(|v| v.bytes()).sum::<u64>()
        });
        let head = self.lm_head.as_ref().map_or(0, Matrix::bytes);
        self.embed_tokens.bytes() + layers.sum::<u64>() + self.norm.bytes() + head
    }
}

/// What the parts of loading share.
pub struct Loader<'a, S> {
    gpu: &'a Gpu,
    source: &'a S,
    gguf: &'a Gguf,
    done: u64,
    total: u64,
    progress: &'a mut dyn FnMut(u64, u64),
}

impl<S: ByteSource> Loader<'_, S> {
    fn advance(&mut self, bytes: u64) {
        self.done += bytes;
        (self.progress)(self.done, self.total);
    }

    fn tensor(&self, name: &str, shape: &[u64]) -> Result<&crate::gguf::TensorInfo, ModelError> {
        let info = self.gguf.tensor(name);
        let info = info.ok_or_else(|| ModelError::Missing(format!("tensor {name}")))?;
        if info.shape != shape {
            return Err(ModelError::Shape {
                name: name.to_owned(),
                found: info.shape.clone(),
                wanted: shape.to_vec(),
            });
        }
        Ok(info)
    }
}

/// A tensor that nobody would use (a bias, a scale, another norm) would change the result.
fn refuse_unknown_tensors(gguf: &Gguf, config: &Config) -> Result<(), ModelError> {
    const OF_A_LAYER: [&str; 9] = [
        "attn_norm",
        "attn_q",
        "attn_k",
        "attn_v",
        "attn_output",
        "ffn_norm",
        "ffn_gate",
        "ffn_up",
        "ffn_down",
    ];
    const OF_THE_MODEL: [&str; 3] = ["token_embd.weight", "output_norm.weight", "output.weight"];
    let known = |name: &str| {
        let Some(rest) = name.strip_prefix("blk.") else {
            return OF_THE_MODEL.contains(&name);
        };
        let mut parts = rest.splitn(3, '.');
        let layer: Option<u32> = parts.next().and_then(|layer| layer.parse().ok());
        let kind = parts.next().unwrap_or_default();
        layer.is_some_and(|layer| layer < config.num_hidden_layers)
            && OF_A_LAYER.contains(&kind)
            && parts.next() == Some("weight")
    };
    match gguf.tensors().find(|tensor| !known(&tensor.name)) {
        None => Ok(()),
        Some(tensor) => Err(ModelError::Unsupported(format!(
            "the tensor {}",
            tensor.name
        ))),
    }
}
