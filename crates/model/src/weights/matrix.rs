use std::ops::Range;

use vitrine_gpu::{Buffer, Usage};
use vitrine_kernels::packed::{TILE, TilePacker};
use vitrine_kernels::{Format, PackedPart};

use super::Loader;
use crate::ModelError;
use crate::source::ByteSource;
use crate::tensor::TensorInfo;

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

/// Some rows of a tensor, as part of a matrix.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// The tensor's name, without `.weight`.
    pub name: String,
    /// Its first row that belongs here.
    pub first: u32,
    /// How many rows belong here.
    pub rows: u32,
    /// Its rows in all.
    pub of: u32,
    /// How they are stored.
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

    /// Pieces of these sizes: one tensor each, or all in one tensor below one another.
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
            _ => Err(ModelError::Unsupported(
                "this layout of projections".to_owned(),
            )),
        }
    }
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
    fn granule(self) -> u32 {
        match self {
            Self::AsStored => 1,
            Self::InterleavedHeads { head_dim } => head_dim,
        }
    }
}

impl<S: ByteSource> Loader<'_, S> {
    /// Loads the tensors `{name}.weight` of `pieces`, of `k` columns, below one another; each
    /// piece begins at a whole tile.
    pub(super) async fn matrix(
        &mut self,
        label: &str,
        pieces: &[Piece],
        k: u32,
    ) -> Result<Matrix, ModelError> {
        let mut matrix = Matrix {
            parts: Vec::new(),
            starts: Vec::new(),
            rows: 0,
            k,
        };
        let mut infos = Vec::new();
        for piece in pieces {
            let shape = if self.is_transposed(piece) {
                [u64::from(k), u64::from(piece.of)]
            } else {
                [u64::from(piece.of), u64::from(k)]
            };
            infos.push(self.tensor(&format!("{}.weight", piece.name), &shape)?);
            matrix.starts.push(matrix.rows);
            matrix.rows += piece.rows.next_multiple_of(TILE);
        }
        // Neighbours of one format share buffers, so that one dispatch computes both.
        let mut first = 0;
        while first < pieces.len() {
            let format = infos[first].kind()?.format();
            let mut end = first + 1;
            while end < pieces.len() && infos[end].kind()?.format() == format {
                end += 1;
            }
            let row_end = matrix.starts.get(end).copied().unwrap_or(matrix.rows);
            let rows = matrix.starts[first]..row_end;
            self.allocate(&mut matrix, label, format, rows)?;
            first = end;
        }
        for ((piece, info), start) in pieces.iter().zip(&infos).zip(matrix.starts.clone()) {
            if self.is_transposed(piece) {
                self.fill_transposed(&matrix, piece, info, start).await?;
            } else {
                self.fill(&matrix, piece, info, start).await?;
            }
        }
        Ok(matrix)
    }

    /// Whether a tensor is stored (in, out).
    fn is_transposed(&self, piece: &Piece) -> bool {
        let names = self.checkpoint.names();
        // Embeddings are not: only layers have Conv1D.
        names.transposed && piece.name.contains(names.layer)
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

    /// Reads, packs and uploads one piece, whose rows begin at `start`.
    async fn fill(
        &mut self,
        matrix: &Matrix,
        piece: &Piece,
        info: &TensorInfo,
        start: u32,
    ) -> Result<(), ModelError> {
        let kind = info.kind()?;
        let row_bytes = kind.row_bytes(u64::from(matrix.k));
        // Whole tiles and whole heads.
        let granule = least_common_multiple(TILE, piece.order.granule());
        let fitting = u32::try_from(CHUNK_BYTES / row_bytes.max(1)).unwrap_or(u32::MAX);
        let step = (fitting / granule).max(1) * granule;
        let mut row = 0;
        while row < piece.rows {
            let n = step.min(piece.rows - row);
            let from = info.offset + u64::from(piece.first + row) * row_bytes;
            let source = self.checkpoint.source(info);
            let bytes = source.read(from..from + u64::from(n) * row_bytes).await?;
            let mut packer = TilePacker::new(kind.format(), matrix.k, n.div_ceil(TILE));
            for inside in 0..n {
                let stored = (piece.order.stored(row + inside) - row) as usize;
                let at = stored * row_bytes as usize;
                let bytes = &bytes[at..at + row_bytes as usize];
                kind.pack_row(bytes, inside as usize, &mut packer);
            }
            drop(bytes);
            let first = start + row;
            self.upload(matrix, first..first + n.next_multiple_of(TILE), &packer)
                .await?;
            self.advance(u64::from(n) * row_bytes);
            row += n;
        }
        self.gpu.check()?;
        Ok(())
    }

    /// The same for a piece whose rows are columns in the file. All of them pass through memory
    /// at once: a tensor's numbers lie too far apart to be read row by row.
    async fn fill_transposed(
        &mut self,
        matrix: &Matrix,
        piece: &Piece,
        info: &TensorInfo,
        start: u32,
    ) -> Result<(), ModelError> {
        let kind = info.kind()?;
        let (weights, size) = kind.block();
        if weights != 1 {
            return Err(info.wrong("is both quantised and transposed"));
        }
        let (size, of, k) = (size as usize, piece.of as usize, matrix.k as usize);
        let tiles = piece.rows.div_ceil(TILE);
        let mut rows = vec![0; piece.rows as usize * k * size];
        // As many whole lines of the file as fit a chunk, at least one.
        let lines = (CHUNK_BYTES as usize / (of * size)).max(1);
        let mut line = 0;
        while line < k {
            let n = lines.min(k - line);
            let from = info.offset + (line * of * size) as u64;
            let source = self.checkpoint.source(info);
            let bytes = source.read(from..from + (n * of * size) as u64).await?;
            for inside in 0..n {
                for row in 0..piece.rows as usize {
                    let at = (inside * of + piece.first as usize + row) * size;
                    let to = (row * k + line + inside) * size;
                    rows[to..to + size].copy_from_slice(&bytes[at..at + size]);
                }
            }
            line += n;
        }
        let mut packer = TilePacker::new(kind.format(), matrix.k, tiles);
        for (row, bytes) in rows.chunks_exact(k * size).enumerate() {
            kind.pack_row(bytes, row, &mut packer);
        }
        drop(rows);
        self.upload(matrix, start..start + tiles * TILE, &packer)
            .await?;
        self.advance(u64::from(piece.rows) * u64::from(matrix.k) * size as u64);
        self.gpu.check()?;
        Ok(())
    }

    /// Writes packed tiles, which are these rows of the matrix, to the parts that hold them.
    async fn upload(
        &mut self,
        matrix: &Matrix,
        rows: Range<u32>,
        packer: &TilePacker,
    ) -> Result<(), ModelError> {
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
        let words = packer.quants.len() + packer.scales.len();
        self.wrote(words as u64 * 4).await
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
