//! Uploading matrices, in whole tiles of rows.

use vitrine_checkpoint::TensorInfo;
use vitrine_checkpoint::source::ByteSource;
use vitrine_kernels::packed::{TILE, TilePacker};

use super::matrix::Matrix;
use super::origin::Origin;
use super::pending::Rows;
use super::upload::{Progress, WeightUpload};
use crate::ModelError;
use crate::synthesize::random_row;

/// Approximate bytes of the file that are read, packed and uploaded at a time.
const CHUNK_BYTES: u64 = 4 << 20;

impl<'a, S: ByteSource> WeightUpload<'a, S> {
    /// Reads, packs and uploads one piece, or random weights if there is no tensor.
    pub(super) async fn rows(
        &mut self,
        upload: &Rows<'a, S>,
        progress: &mut Progress<'_>,
    ) -> Result<(), ModelError> {
        let Rows {
            matrix,
            piece,
            tensor,
            storage,
            start,
            is_transposed,
        } = upload;
        if let (true, Some((source, info))) = (is_transposed, tensor) {
            return self.columns(upload, source, info, progress).await;
        }
        let row_bytes = storage.row_bytes(u64::from(matrix.k));
        // Chunks are whole tiles and whole heads.
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
            } else if let Origin::Random { bits, .. } = &mut self.origin {
                for inside in 0..n {
                    random_row(bits, inside as usize, &mut packer);
                }
            }
            self.upload(matrix, start + row, &packer).await?;
            self.advance(u64::from(n) * row_bytes, progress);
            row += n;
        }
        Ok(())
    }

    /// As [`Self::rows`], for a piece whose rows are columns in the file. The whole piece is held in
    /// memory, because the values of a row are too far apart in the file to be read separately.
    async fn columns(
        &mut self,
        upload: &Rows<'a, S>,
        source: &S,
        info: &TensorInfo,
        progress: &mut Progress<'_>,
    ) -> Result<(), ModelError> {
        let Rows {
            matrix,
            piece,
            storage,
            start,
            ..
        } = upload;
        if !storage.on_disk.is_float() {
            return Err(info.wrong("is both quantised and transposed").into());
        }
        let (_, size) = storage.on_disk.block();
        let (size, of, k) = (size as usize, piece.of as usize, matrix.k as usize);
        let mut rows = vec![0; piece.rows as usize * k * size];
        // As many whole lines of the file as fit into a chunk, but at least one.
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
        self.upload(matrix, *start, &packer).await?;
        let bytes = u64::from(piece.rows) * u64::from(matrix.k) * size as u64;
        self.advance(bytes, progress);
        Ok(())
    }

    /// Writes packed tiles, whose rows begin at `first_row`, to the parts that contain them.
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
            let of_tiles = |size: u64| {
                let words = |tile: u64| (tile * size / 4) as usize;
                words(from)..words(from + tiles)
            };
            let (quants, scales) = (of_tiles(quants), of_tiles(scales));
            part.write(
                &self.gpu,
                to,
                &packer.quants[quants],
                &packer.scales[scales],
            );
        }
        let words = packer.quants.len() + packer.scales.len();
        self.wrote(words as u64 * 4).await
    }
}

/// The number of rows to read at a time: whole granules, at least one.
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
    use super::least_common_multiple;

    #[test]
    fn least_common_multiples() {
        assert_eq!(least_common_multiple(32, 64), 64);
        assert_eq!(least_common_multiple(32, 80), 160);
        assert_eq!(least_common_multiple(32, 1), 32);
    }
}
