//! Allocating tensors on the GPU.

use std::ops::Range;

use vitrine_checkpoint::config::Norm;
use vitrine_checkpoint::source::ByteSource;
use vitrine_checkpoint::{Config, Quantization, Quantize};
use vitrine_gpu::{Gpu, Usage};
use vitrine_kernels::packed::TILE;
use vitrine_kernels::{Format, PackedPart, stride};

use super::layer::LayerWeights;
use super::linear::Linear;
use super::matrix::Matrix;
use super::origin::Origin;
use super::pending::{PendingUpload, Rows, Values};
use super::piece::{Piece, RowOrder};
use super::vector::{NormWeights, Vector};
use crate::{ModelError, Storage};

/// Allocates tensors one by one, and collects their uploads.
pub struct WeightAllocator<'r, 'a, S> {
    pub gpu: &'r Gpu,
    pub config: &'r Config,
    pub origin: Origin<'a, S>,
    pub quantization: Quantization,
    /// The uploads, in order of allocation.
    pub fills: Vec<PendingUpload<'a, S>>,
}

impl<S: ByteSource> WeightAllocator<'_, '_, S> {
    pub fn layer(&mut self, layer: u32) -> Result<LayerWeights, ModelError> {
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
    pub fn norm(&mut self, name: &str) -> Result<NormWeights, ModelError> {
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

    /// Allocates the tensors `{name}.weight` of `pieces`, stacked, and their biases.
    fn linear(
        &mut self,
        label: &str,
        pieces: &[Piece],
        k: u32,
        has_bias: bool,
    ) -> Result<Linear, ModelError> {
        let quantize = self.quantization.projections;
        let matrix = self.matrix(label, pieces, k, quantize)?;
        let bias = match has_bias {
            true => Some(self.bias(label, pieces, &matrix)?),
            false => None,
        };
        Ok(Linear { matrix, bias })
    }

    fn bias(
        &mut self,
        label: &str,
        pieces: &[Piece],
        matrix: &Matrix,
    ) -> Result<Vector, ModelError> {
        let bytes = u64::from(matrix.rows) * 4;
        let label = format!("{label}.bias");
        let buffer = self.gpu.buffer(&label, bytes, Usage::Input)?;
        for (piece, start) in pieces.iter().zip(&matrix.starts) {
            let name = format!("{}.bias", piece.name);
            let tensor = self.origin.tensor(&name, &[u64::from(piece.of)])?;
            self.fills.push(PendingUpload::Values(Values {
                buffer: buffer.clone(),
                tensor,
                rows: piece.clone(),
                to: *start,
                otherwise: 0.0,
                offset: 0.0,
            }));
        }
        Ok(Vector { buffer })
    }

    /// Allocates the tensors `{name}.weight` of `pieces`, of `k` columns, stacked; each piece begins at
    /// a whole tile.
    pub fn matrix(
        &mut self,
        label: &str,
        pieces: &[Piece],
        k: u32,
        quantize: Option<Quantize>,
    ) -> Result<Matrix, ModelError> {
        let mut matrix = Matrix {
            parts: Vec::new(),
            starts: Vec::new(),
            rows: 0,
            k,
        };
        let mut tensors = Vec::new();
        for piece in pieces {
            let shape = if self.is_transposed(piece) {
                [u64::from(k), u64::from(piece.of)]
            } else {
                [u64::from(piece.of), u64::from(k)]
            };
            let tensor = self
                .origin
                .tensor(&format!("{}.weight", piece.name), &shape)?;
            let on_disk = match &tensor {
                Some((_, info)) => info.kind()?,
                None => self.origin.invented_type(),
            };
            tensors.push((tensor, Storage::new(on_disk, quantize)));
            matrix.starts.push(matrix.rows);
            matrix.rows += piece.rows.next_multiple_of(TILE);
        }
        // Adjacent tensors of one format share buffers, so that one dispatch computes both.
        let format = |index: usize| tensors[index].1.format();
        let mut first = 0;
        while first < pieces.len() {
            let mut end = first + 1;
            while end < pieces.len() && format(end) == format(first) {
                end += 1;
            }
            let row_end = matrix.starts.get(end).copied().unwrap_or(matrix.rows);
            let rows = matrix.starts[first]..row_end;
            self.allocate(&mut matrix, label, format(first), rows)?;
            first = end;
        }
        for ((piece, (tensor, storage)), start) in pieces.iter().zip(tensors).zip(&matrix.starts) {
            self.fills.push(PendingUpload::Rows(Rows {
                matrix: matrix.clone(),
                piece: piece.clone(),
                is_transposed: self.is_transposed(piece),
                tensor,
                storage,
                start: *start,
            }));
        }
        Ok(matrix)
    }

    /// Whether a tensor is stored as (in, out).
    fn is_transposed(&self, piece: &Piece) -> bool {
        let names = self.origin.names(self.config);
        // Embeddings are not transposed: only layers have Conv1D.
        names.transposed && piece.name.contains(names.layer)
    }

    fn allocate(
        &self,
        matrix: &mut Matrix,
        label: &str,
        format: Format,
        rows: Range<u32>,
    ) -> Result<(), ModelError> {
        let (quants, _) = format.tile_bytes(matrix.k);
        let limit = PackedPart::most_bytes(self.gpu, format);
        let most_rows = u32::try_from(limit / quants)
            .unwrap_or(u32::MAX)
            .max(1)
            .saturating_mul(TILE);
        let mut start = rows.start;
        while start < rows.end {
            let n = most_rows.min(rows.end - start);
            let rows = start..start + n;
            let part = PackedPart::new(self.gpu, label, format, matrix.k, rows)?;
            matrix.parts.push(part);
            start += n;
        }
        Ok(())
    }

    /// Allocates the vector `name` of `n` values; `offset` is added to each.
    fn vector(&mut self, name: &str, n: u32, offset: f32) -> Result<Vector, ModelError> {
        // Kernels read whole blocks of it, and bind it as a uniform.
        let bytes = u64::from(stride(n)) * 4;
        let buffer = self.gpu.buffer(name, bytes, Usage::Work)?;
        self.fills.push(PendingUpload::Values(Values {
            buffer: buffer.clone(),
            tensor: self.origin.tensor(name, &[u64::from(n)])?,
            rows: Piece::whole(name, n),
            to: 0,
            otherwise: if name.ends_with(".bias") { 0.0 } else { 1.0 },
            offset,
        }));
        Ok(Vector { buffer })
    }
}
