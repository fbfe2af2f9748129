//! The weights on the GPU. All are allocated before their bytes are uploaded, so that plans are made and
//! kernels are compiled during the upload.

mod allocator;
mod layer;
mod linear;
mod matrix;
mod origin;
mod pending;
mod piece;
mod unused;
mod upload;
mod upload_rows;
mod vector;

use vitrine_checkpoint::ggml::GgmlType;
use vitrine_checkpoint::source::ByteSource;
use vitrine_checkpoint::{Checkpoint, Config, Quantization};
use vitrine_gpu::Gpu;

use crate::ModelError;
use crate::synthesize::RandomBits;
pub use layer::LayerWeights;
pub use linear::Linear;
pub use matrix::Matrix;
pub use upload::WeightUpload;
pub use vector::NormWeights;

use allocator::WeightAllocator;
use origin::Origin;
use piece::Piece;

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
        Ok((
            weights,
            WeightUpload::new(gpu, room.origin, room.fills, total),
        ))
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
