//! The weights on the GPU. All are allocated before their bytes are uploaded, so that plans are made and
//! kernels are compiled during the upload.

mod linear;
mod matrix;
mod origin;
mod unused;
mod upload;
mod upload_rows;
mod vector;

use vitrine_checkpoint::config::Norm;
use vitrine_checkpoint::ggml::GgmlType;
use vitrine_checkpoint::source::ByteSource;
use vitrine_checkpoint::{Checkpoint, Config, Quantization};
use vitrine_gpu::Gpu;

use crate::ModelError;
use crate::synthesize::RandomBits;
pub use linear::Linear;
pub use matrix::Matrix;
use matrix::{Piece, RowOrder};
use origin::Origin;
use upload::PendingUpload;
pub use upload::WeightUpload;
pub use vector::{NormWeights, Vector};

/// All weights of a decoder on the GPU.
pub struct Weights {
    /// (vocab_size, hidden_size).
    pub embed_tokens: Matrix,
    /// (max_position_embeddings, hidden_size), where positions are learned.
    pub embed_positions: Option<Matrix>,
    /// The decoder layers.
    pub layers: Vec<LayerWeights>,
    /// The final norm.
    pub norm: NormWeights,
    /// (vocab_size, hidden_size); `None` if the embedding is the output head.
    pub lm_head: Option<Matrix>,
}

/// The weights of one decoder layer.
pub struct LayerWeights {
    /// The norm before attention.
    pub input_norm: NormWeights,
    /// q_proj, k_proj and v_proj, stacked.
    pub qkv_proj: Linear,
    /// The norms of query and key heads, (head_dim) each.
    pub qk_norm: Option<[Vector; 2]>,
    /// (hidden_size, heads · head_dim).
    pub o_proj: Linear,
    /// The norm of what attention adds.
    pub attn_out_norm: Option<NormWeights>,
    /// The norm before the MLP.
    pub mlp_norm: NormWeights,
    /// gate_proj and up_proj, stacked, or the only one.
    pub gate_up_proj: Linear,
    /// (hidden_size, intermediate_size).
    pub down_proj: Linear,
    /// The norm of what the MLP adds.
    pub mlp_out_norm: Option<NormWeights>,
}

impl Weights {
    /// Allocates all tensors of a checkpoint, and returns their pending upload.
    ///
    /// # Errors
    /// When a tensor is missing or has an unexpected shape or an unsupported type, or GPU memory runs out.
    pub fn allocate<'a, S: ByteSource>(
        gpu: &Gpu,
        checkpoint: &'a Checkpoint<'a, S>,
        quantization: Quantization,
    ) -> Result<(Self, WeightUpload<'a, S>), ModelError> {
        let total = unused::used_bytes(checkpoint)?;
        let origin = Origin::Files(checkpoint);
        Self::from_origin(gpu, &checkpoint.config, origin, quantization, total)
    }

    /// Allocates random weights with a configuration's shapes, as if from a file with tensors of type
    /// `on_disk`, quantised on request. They only serve to measure speed.
    ///
    /// # Errors
    /// When GPU memory runs out.
    pub fn allocate_random(
        gpu: &Gpu,
        config: &Config,
        on_disk: GgmlType,
        quantization: Quantization,
    ) -> Result<(Self, WeightUpload<'static, Vec<u8>>), ModelError> {
        let bits = RandomBits::new(1);
        let origin = Origin::Random { bits, on_disk };
        let total = config.parameters() * 2;
        Self::from_origin(gpu, config, origin, quantization, total)
    }

    fn from_origin<'a, S: ByteSource>(
        gpu: &Gpu,
        config: &Config,
        origin: Origin<'a, S>,
        quantization: Quantization,
        total: u64,
    ) -> Result<(Self, WeightUpload<'a, S>), ModelError> {
        let names = origin.names(config);
        let prefix = origin.prefix();
        let mut room = WeightAllocator {
            gpu,
            config,
            origin,
            quantization,
            fills: Vec::new(),
        };
        let hidden = config.hidden_size;
        let top = |name: &str| format!("{prefix}{name}");
        let table = quantization.of_tables();

        let vocab = [Piece::whole(&top(names.embed_tokens), config.vocab_size)];
        let embed_tokens = room.matrix("embed_tokens", &vocab, hidden, table)?;
        let embed_positions = if config.learned_positions {
            let rows = config.max_position_embeddings;
            let piece = [Piece::whole(&top(names.embed_positions), rows)];
            Some(room.matrix("embed_positions", &piece, hidden, None)?)
        } else {
            None
        };
        let layers = 0..config.num_hidden_layers();
        let layers = layers
            .map(|layer| room.layer(layer))
            .collect::<Result<_, _>>()?;
        let norm = room.norm(&top(names.norm))?;
        let lm_head = if config.tie_word_embeddings {
            None
        } else {
            let piece = [Piece::whole(names.lm_head, config.vocab_size)];
            Some(room.matrix("lm_head", &piece, hidden, table)?)
        };
        gpu.check()?;
        let weights = Self {
            embed_tokens,
            embed_positions,
            layers,
            norm,
            lm_head,
        };
        Ok((weights, WeightUpload::new(room, total)))
    }

    /// The output head.
    #[must_use]
    pub fn head(&self) -> &Matrix {
        self.lm_head.as_ref().unwrap_or(&self.embed_tokens)
    }

    /// Bytes on the GPU.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let matrix = |matrix: &Option<Matrix>| matrix.as_ref().map_or(0, Matrix::bytes);
        self.embed_tokens.bytes()
            + matrix(&self.embed_positions)
            + matrix(&self.lm_head)
            + self.norm.bytes()
            + self.layers.iter().map(LayerWeights::bytes).sum::<u64>()
    }
}

impl LayerWeights {
    fn bytes(&self) -> u64 {
        let linears = [
            &self.qkv_proj,
            &self.o_proj,
            &self.gate_up_proj,
            &self.down_proj,
        ];
        let norms = [
            Some(&self.input_norm),
            self.attn_out_norm.as_ref(),
            Some(&self.mlp_norm),
            self.mlp_out_norm.as_ref(),
        ];
        linears.iter().map(|linear| linear.bytes()).sum::<u64>()
            + norms
                .into_iter()
                .flatten()
                .map(NormWeights::bytes)
                .sum::<u64>()
            + self
                .qk_norm
                .iter()
                .flatten()
                .map(Vector::bytes)
                .sum::<u64>()
    }
}

/// Allocates tensors one by one, and collects their uploads.
struct WeightAllocator<'r, 'a, S> {
    gpu: &'r Gpu,
    config: &'r Config,
    origin: Origin<'a, S>,
    quantization: Quantization,
    /// The uploads, in order of allocation.
    fills: Vec<PendingUpload<'a, S>>,
}

impl<S: ByteSource> WeightAllocator<'_, '_, S> {
    fn layer(&mut self, layer: u32) -> Result<LayerWeights, ModelError> {
        let config = self.config;
        let names = self.origin.names(config);
        let (hidden, middle) = (config.hidden_size, config.intermediate_size);
        let q_rows = config.num_attention_heads * config.head_dim;
        let kv_rows = config.num_key_value_heads * config.head_dim;
        let bias = config.bias;
        let prefix = format!("{}{}{layer}.", self.origin.prefix(), names.layer);
        let tensor = |name: &str| format!("{prefix}{name}");
        let list = |all: &[&str]| all.iter().map(|name| tensor(name)).collect::<Vec<_>>();
        let label = |name: &str| format!("layers.{layer}.{name}");

        let mut qkv = Piece::split(&list(names.qkv), &[q_rows, kv_rows, kv_rows])?;
        // Unlike transformers, llama.cpp's converter interleaves the halves of each query and key head of
        // this architecture.
        if self.origin.interleaves_heads() {
            for piece in &mut qkv[..2] {
                piece.order = RowOrder::InterleavedHeads {
                    head_dim: config.head_dim,
                };
            }
        }
        let halves = if config.gated_mlp { 2 } else { 1 };
        let gate_up = Piece::split(&list(names.gate_up), &vec![middle; halves])?;
        let o = [Piece::whole(&tensor(names.o_proj), hidden)];
        let down = [Piece::whole(&tensor(names.down_proj), hidden)];
        let post_norms = config.post_norms;
        let qk_norm = config.qk_norm;
        let head_dim = config.head_dim;
        Ok(LayerWeights {
            input_norm: self.norm(&tensor(names.input_norm))?,
            qkv_proj: self.linear(&label("qkv_proj"), &qkv, hidden, bias.qkv)?,
            qk_norm: if qk_norm {
                let [q, k] = names.qk_norm.map(|name| format!("{}.weight", tensor(name)));
                Some([self.scale(&q, head_dim)?, self.scale(&k, head_dim)?])
            } else {
                None
            },
            o_proj: self.linear(&label("o_proj"), &o, q_rows, bias.o)?,
            attn_out_norm: if post_norms {
                Some(self.norm(&tensor(names.attn_out_norm))?)
            } else {
                None
            },
            mlp_norm: self.norm(&tensor(names.mlp_norm))?,
            gate_up_proj: self.linear(&label("gate_up_proj"), &gate_up, hidden, bias.mlp)?,
            down_proj: self.linear(&label("down_proj"), &down, middle, bias.mlp)?,
            mlp_out_norm: if post_norms {
                Some(self.norm(&tensor(names.mlp_out_norm))?)
            } else {
                None
            },
        })
    }

    /// Allocates the weights of a norm of the residual stream.
    fn norm(&mut self, name: &str) -> Result<NormWeights, ModelError> {
        let config = self.config;
        let hidden = config.hidden_size;
        let has_bias = config.norm == Norm::Layer;
        let weight = self.scale(&format!("{name}.weight"), hidden)?;
        let bias = if has_bias {
            Some(self.vector(&format!("{name}.bias"), hidden, 0.0)?)
        } else {
            None
        };
        Ok(NormWeights { weight, bias })
    }

    /// Allocates the factors of a norm, to which the configuration's offset is added.
    fn scale(&mut self, name: &str, n: u32) -> Result<Vector, ModelError> {
        self.vector(name, n, self.config.norm_offset)
    }
}
