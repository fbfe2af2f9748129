use std::ops::Range;

use vitrine_gpu::{Buffer, Usage};
use vitrine_kernels::packed::{TILE, TilePacker};
use vitrine_kernels::{Format, PackedPart};

use super::Loader;
use super::origin::Origin;
use crate::ggml::GgmlType;
use crate::source::ByteSource;
use crate::synthesize::random_row;
use crate::tensor::TensorInfo;
use crate::{ModelError, Quantize, Storage};

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
                None => GgmlType::F16,
            };
            tensors.push((tensor, Storage::new(on_disk, quantize)));
            matrix.starts.push(matrix.rows);
            matrix.rows += piece.rows.next_multiple_of(TILE);
        }
        // Neighbours of one format share buffers, so that one dispatch computes both.
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
        for ((piece, (tensor, storage)), start) in
            pieces.iter().zip(&tensors).zip(matrix.starts.clone())
        {
            let place = Place {
                matrix: &matrix,
                piece,
                storage: *storage,
                start,
            };
            match tensor {
                Some((source, info)) if self.is_transposed(piece) => {
                    self.fill_transposed(&place, source, info).await?;
                }
                tensor => self.fill(&place, tensor.as_ref()).await?,
            }
            self.gpu.check()?;
        }
        Ok(matrix)
    }

    /// Whether a tensor is stored (in, out).
    fn is_transposed(&self, piece: &Piece) -> bool {
        let names = self.origin.names(self.config);
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

    /// Reads, packs and uploads one piece; without a tensor of random numbers.
    async fn fill(
        &mut self,
        place: &Place<'_>,
        tensor: Option<&(&S, TensorInfo)>,
    ) -> Result<(), ModelError> {
        let Place {
            matrix,
            piece,
            storage,
            start,
        } = *place;
        let row_bytes = storage.row_bytes(u64::from(matrix.k));
        // Whole tiles and whole heads.
        let granule = least_common_multiple(TILE, piece.order.granule());
        let step = rows_of_chunk(row_bytes, granule);
        let mut row = 0;
        while row < piece.rows {
            let n = step.min(piece.rows - row);
            let mut packer = TilePacker::new(storage.format(), matrix.k, n.div_ceil(TILE));
            if let Some((source, info)) = tensor {
                let from = info.offset + u64::from(piece.first + row) * row_bytes;
                let bytes = source.read(from..from + u64::from(n) * row_bytes).await?;
                for inside in 0..n {
                    let stored = (piece.order.stored(row + inside) - row) as usize;
                    let at = stored * row_bytes as usize;
                    let bytes = &bytes[at..at + row_bytes as usize];
                    storage.pack_row(bytes, inside as usize, &mut packer);
                }
            } else if let Origin::Random(random) = &mut self.origin {
                for inside in 0..n {
                    random_row(random, inside as usize, &mut packer);
                }
            }
            self.upload(matrix, start + row, &packer).await?;
            self.advance(u64::from(n) * row_bytes);
            row += n;
        }
        Ok(())
    }

    /// The same for a piece whose rows are columns in the file. All of them pass through memory
    /// at once: a row's numbers lie too far apart to be read by themselves.
    async fn fill_transposed(
        &mut self,
        place: &Place<'_>,
        source: &S,
        info: &TensorInfo,
    ) -> Result<(), ModelError> {
        let Place {
            matrix,
            piece,
            storage,
            start,
        } = *place;
        if !storage.on_disk.is_float() {
            return Err(info.wrong("is both quantised and transposed"));
        }
        let (_, size) = storage.on_disk.block();
        let (size, of, k) = (size as usize, piece.of as usize, matrix.k as usize);
        let mut rows = vec![0; piece.rows as usize * k * size];
        // As many whole lines of the file as fit a chunk, at least one.
        let lines = (CHUNK_BYTES as usize / (of * size)).max(1);
        let mut line = 0;
        while line < k {
            let n = lines.min(k - line);
            let from = info.offset + (line * of * size) as u64;
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
        let mut packer = TilePacker::new(storage.format(), matrix.k, piece.rows.div_ceil(TILE));
        for (row, bytes) in rows.chunks_exact(k * size).enumerate() {
            storage.pack_row(bytes, row, &mut packer);
        }
        drop(rows);
        self.upload(matrix, start, &packer).await?;
        self.advance(u64::from(piece.rows) * u64::from(matrix.k) * size as u64);
        Ok(())
    }

    /// Writes packed tiles, whose rows begin at `first`, to the parts that hold them.
    async fn upload(
        &mut self,
        matrix: &Matrix,
        first_row: u32,
        packer: &TilePacker,
    ) -> Result<(), ModelError> {
        let (quants, _) = packer.format().tile_bytes(matrix.k);
        let tiles = (packer.quants.len() as u64 * 4 / quants.max(1)) as u32;
        let rows = first_row..first_row + tiles * TILE;
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

/// Where a piece goes and how it is stored there.
struct Place<'a> {
    matrix: &'a Matrix,
    piece: &'a Piece,
    storage: Storage,
    /// The piece's first row in the matrix.
    start: u32,
}

/// How many rows to read at a time: whole granules, at least one.
fn rows_of_chunk(row_bytes: u64, granule: u32) -> u32 {
    let fitting = u32::try_from(CHUNK_BYTES / row_bytes.max(1)).unwrap_or(u32::MAX);
    (fitting / granule).max(1) * granule
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
