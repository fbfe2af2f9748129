use std::ops::Range;

use vitrine_checkpoint::source::ByteSource;
use vitrine_checkpoint::{CheckpointError, Quantize};
use vitrine_gpu::Store;
use vitrine_kernels::packed::TILE;
use vitrine_kernels::{Format, PackedPart};

use super::WeightAllocator;
use super::upload::PendingUpload;
use super::upload_rows::Rows;
use crate::{ModelError, Storage};

/// A weight matrix on the GPU: one or more stacked tensors, split where the weight format changes and
/// where a binding would exceed the adapter's limit. Clones share their memory.
#[derive(Clone)]
pub struct Matrix {
    /// The parts, in order of rows.
    pub parts: Vec<PackedPart>,
    /// The first padded row of each tensor.
    pub starts: Vec<u32>,
    /// Padded rows in total.
    pub rows: u32,
    /// Weights per row.
    pub k: u32,
}

impl Matrix {
    /// Bytes on the GPU.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let scales = |part: &PackedPart| part.scales.as_ref().map_or(0, Store::size);
        self.parts
            .iter()
            .map(|part| part.quants.size() + scales(part))
            .sum()
    }
}

/// A row range of a tensor, as part of a matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// The tensor's name, without `.weight`.
    pub name: String,
    /// First row of the range.
    pub first: u32,
    /// Rows of the range.
    pub rows: u32,
    /// Rows of the whole tensor.
    pub of: u32,
    /// The order of the rows in the file.
    pub order: RowOrder,
}

impl Piece {
    /// All rows of a tensor.
    pub fn whole(name: &str, rows: u32) -> Self {
        Self {
            name: name.to_owned(),
            first: 0,
            rows,
            of: rows,
            order: RowOrder::AsStored,
        }
    }

    /// Pieces of these sizes: one tensor each, or all stacked in one tensor.
    pub fn split(names: &[String], sizes: &[u32]) -> Result<Vec<Self>, ModelError> {
        let of = sizes.iter().sum();
        match names {
            [fused] => {
                let mut first = 0;
                let piece = |rows: &u32| {
                    let piece = Self {
                        first,
                        rows: *rows,
                        of,
                        ..Self::whole(fused, 0)
                    };
                    first += rows;
                    piece
                };
                Ok(sizes.iter().map(piece).collect())
            }
            names if names.len() == sizes.len() => {
                let one = |(name, rows): (&String, &u32)| Self::whole(name, *rows);
                Ok(names.iter().zip(sizes).map(one).collect())
            }
            _ => {
                Err(CheckpointError::Unsupported("another layout of projections".to_owned()).into())
            }
        }
    }
}

/// The order of a tensor's rows in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOrder {
    /// The order of transformers.
    AsStored,
    /// Rows i and i + head_dim / 2 of each head are adjacent, as llama.cpp's converter stores q and k of
    /// the `llama` architecture.
    InterleavedHeads {
        /// Rows per head.
        head_dim: u32,
    },
}

impl RowOrder {
    /// The index in the file of row `row`.
    pub fn stored(self, row: u32) -> u32 {
        match self {
            Self::AsStored => row,
            Self::InterleavedHeads { head_dim } => {
                let (head, i) = (row / head_dim, row % head_dim);
                let half = head_dim / 2;
                head * head_dim + (i % half) * 2 + i / half
            }
        }
    }

    /// Rows must be read in multiples of this.
    pub fn granule(self) -> u32 {
        match self {
            Self::AsStored => 1,
            Self::InterleavedHeads { head_dim } => head_dim,
        }
    }
}

impl<S: ByteSource> WeightAllocator<'_, '_, S> {
    /// Allocates the tensors `{name}.weight` of `pieces`, of `k` columns, stacked; each piece begins at
    /// a whole tile.
    pub(super) fn matrix(
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleaved_heads_are_a_permutation_of_each_head() {
        let order = RowOrder::InterleavedHeads { head_dim: 6 };
        let stored: Vec<u32> = (6..12).map(|row| order.stored(row)).collect();
        assert_eq!(stored, [6, 8, 10, 7, 9, 11]);
    }
}
