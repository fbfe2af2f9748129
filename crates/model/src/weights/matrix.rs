use std::ops::Range;

use vitrine_gpu::{Buffer, Usage};
use vitrine_kernels::packed::{TILE, TilePacker};
use vitrine_kernels::{Format, PackedPart};

use super::Loader;
use crate::ModelError;
use crate::gguf::TensorInfo;
use crate::source::ByteSource;

/// Bytes of the file that are read, packed and uploaded at a time.
const CHUNK_BYTES: u64 = 4 << 20;

/// A weight matrix on the GPU: one or more tensors below one another, cut where the number format
/// changes and where a binding would exceed the adapter's limit.
pub struct Matrix {
    /// The pieces, in order of row.
    pub parts: Vec<PackedPart>,
    /// Where each tensor begins among the padded rows.
    pub starts: Vec<u32>,
    /// Padded rows in all.
    pub rows: u32,
    /// Weights per row.
    pub k: u32,
}

impl Matrix {
    /// Bytes on the GPU.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let scales = |part: &PackedPart| part.scales.as_ref().map_or(0, Buffer::size);
        self.parts
            .iter()
            .map(|part| part.quants.size() + scales(part))
            .sum()
    }
}

/// One tensor of a matrix.
pub struct Rows {
    /// Its name in the file.
    pub name: String,
    /// Its rows.
    pub rows: u32,
    /// How they are stored.
    pub order: RowOrder,
}

/// In which order a file holds the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOrder {
    /// As transformers has them.
    AsStored,
    /// Rows i and i + head_dim / 2 of each head next to one another, as llama.cpp's converter
    /// stores q and k of the `llama` architecture.
    InterleavedHeads {
        /// Rows per head.
        head_dim: u32,
    },
}

impl RowOrder {
    /// Where the file has row `row`.
    fn stored(self, row: u32) -> u32 {
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
    fn granule(self) -> u32 {
        match self {
            Self::AsStored => 1,
            Self::InterleavedHeads { head_dim } => head_dim,
        }
    }
}

impl<S: ByteSource> Loader<'_, S> {
    /// Loads tensors of `k` columns below one another; each begins at a whole tile.
    pub(super) async fn matrix(
        &mut self,
        label: &str,
        tensors: &[Rows],
        k: u32,
    ) -> Result<Matrix, ModelError> {
        let mut matrix = Matrix {
            parts: Vec::new(),
            starts: Vec::new(),
            rows: 0,
            k,
        };
        let mut infos = Vec::new();
        for tensor in tensors {
            let info = self
                .tensor(&tensor.name, &[u64::from(tensor.rows), u64::from(k)])?
                .clone();
            matrix.starts.push(matrix.rows);
            matrix.rows += tensor.rows.next_multiple_of(TILE);
            infos.push(info);
        }
        // Neighbours of one format share buffers, so that one dispatch computes both.
        let mut first = 0;
        while first < tensors.len() {
            let format = infos[first].ggml_type()?.format();
            let mut end = first + 1;
            while end < tensors.len() && infos[end].ggml_type()?.format() == format {
                end += 1;
            }
            let row_end = matrix.starts.get(end).copied().unwrap_or(matrix.rows);
            let rows = matrix.starts[first]..row_end;
            self.allocate(&mut matrix, label, format, rows)?;
            first = end;
        }
        for ((tensor, info), start) in tensors.iter().zip(&infos).zip(matrix.starts.clone()) {
            self.fill(&matrix, tensor, info, start).await?;
        }
        Ok(matrix)
    }

    fn allocate(
        &self,
        matrix: &mut Matrix,
        label: &str,
        format: Format,
        rows: Range<u32>,
    ) -> Result<(), ModelError> {
        let (quants, scales) = format.tile_bytes(matrix.k);
        let limit = self.gpu.caps().max_weight_binding;
        let most_rows = u32::try_from(limit / quants)
            .unwrap_or(u32::MAX)
            .max(1)
            .saturating_mul(TILE);
        let mut start = rows.start;
        while start < rows.end {
            let n = most_rows.min(rows.end - start);
            let tiles = u64::from(n / TILE);
            matrix.parts.push(PackedPart {
                format,
                k: matrix.k,
                row_start: start,
                rows: n,
                quants: self.gpu.buffer(label, quants * tiles, Usage::Input)?,
                scales: match scales {
                    0 => None,
                    scales => Some(self.gpu.buffer(label, scales * tiles, Usage::Input)?),
                },
            });
            start += n;
        }
        Ok(())
    }

    /// Reads, packs and uploads one tensor, whose rows begin at `start`.
    async fn fill(
        &mut self,
        matrix: &Matrix,
        tensor: &Rows,
        info: &TensorInfo,
        start: u32,
    ) -> Result<(), ModelError> {
        let kind = info.ggml_type()?;
        let row_bytes = kind.row_bytes(u64::from(matrix.k));
        // Whole tiles and whole heads.
        let granule = least_common_multiple(TILE, tensor.order.granule());
        let fitting = u32::try_from(CHUNK_BYTES / row_bytes.max(1)).unwrap_or(u32::MAX);
        let step = (fitting / granule).max(1) * granule;
        let mut row = 0;
        while row < tensor.rows {
            let n = step.min(tensor.rows - row);
            let from = info.offset + u64::from(row) * row_bytes;
            let bytes = self
                .source
                .read(from..from + u64::from(n) * row_bytes)
                .await?;
            let mut packer = TilePacker::new(kind.format(), matrix.k, n.div_ceil(TILE));
            for inside in 0..n {
                let stored = (tensor.order.stored(row + inside) - row) as usize;
                let at = stored * row_bytes as usize;
                kind.pack_row(
                    &bytes[at..at + row_bytes as usize],
                    inside as usize,
                    &mut packer,
                );
            }
            drop(bytes);
            let first = start + row;
            self.upload(matrix, first..first + n.next_multiple_of(TILE), &packer);
            self.advance(u64::from(n) * row_bytes);
            row += n;
        }
        self.gpu.check()?;
        Ok(())
    }

    /// Writes packed tiles, which are these rows of the matrix, to the parts that hold them.
    fn upload(&self, matrix: &Matrix, rows: Range<u32>, packer: &TilePacker) {
        for part in &matrix.parts {
            let first = rows.start.max(part.row_start);
            let end = rows.end.min(part.row_start + part.rows);
            if first >= end {
                continue;
            }
            let (quants, scales) = part.format.tile_bytes(matrix.k);
            let tiles = u64::from((end - first) / TILE);
            let from = u64::from((first - rows.start) / TILE);
            let to = u64::from((first - part.row_start) / TILE);
            let write = |buffer: &Buffer, words: &[u32], size: u64| {
                let words =
                    &words[(from * size / 4) as usize..((from + tiles) * size / 4) as usize];
                self.gpu
                    .write(buffer, to * size, bytemuck::cast_slice(words));
            };
            write(&part.quants, &packer.quants, quants);
            if let Some(buffer) = &part.scales {
                write(buffer, &packer.scales, scales);
            }
        }
    }
}

fn least_common_multiple(a: u32, b: u32) -> u32 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    a / x * b
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

    #[test]
    fn least_common_multiples() {
        assert_eq!(least_common_multiple(32, 64), 64);
        assert_eq!(least_common_multiple(32, 80), 160);
        assert_eq!(least_common_multiple(32, 1), 32);
    }
}
