//! Uploading weights to buffers that are already allocated, in small chunks that are read, packed, written and
//! dropped.

use vitrine_checkpoint::source::ByteSource;
use vitrine_checkpoint::{TensorInfo, read_vector};
use vitrine_gpu::Gpu;

use super::origin::Origin;
use super::pending::{PendingUpload, Values};
use super::piece::Piece;
use crate::ModelError;

/// Maximum bytes of staged uploads in host memory before they are flushed.
const MOST_UNSENT: u64 = 64 << 20;

/// The pending upload of all weights.
pub struct WeightUpload<'a, S> {
    pub(super) gpu: Gpu,
    pub(super) origin: Origin<'a, S>,
    fills: Vec<PendingUpload<'a, S>>,
    done: u64,
    /// Bytes written to buffers and perhaps still staged in host memory.
    unsent: u64,
    total: u64,
}

/// Receives the bytes done and the total.
pub type Progress<'p> = dyn FnMut(u64, u64) + 'p;

impl<'a, S: ByteSource> WeightUpload<'a, S> {
    pub(super) fn new(
        gpu: &Gpu,
        origin: Origin<'a, S>,
        fills: Vec<PendingUpload<'a, S>>,
        total: u64,
    ) -> Self {
        Self {
            gpu: gpu.clone(),
            origin,
            fills,
            done: 0,
            unsent: 0,
            total,
        }
    }

    /// Uploads all weights.
    ///
    /// # Errors
    /// When a file cannot be read, or the device fails.
    pub async fn run(mut self, progress: &mut Progress<'_>) -> Result<(), ModelError> {
        let mut fills = std::mem::take(&mut self.fills);
        // In the order of the files, which may still be downloading.
        fills.sort_by_key(PendingUpload::place);
        for fill in fills {
            match fill {
                PendingUpload::Rows(rows) => self.rows(&rows, progress).await?,
                PendingUpload::Values(values) => self.values(&values, progress).await?,
            }
            self.gpu.check()?;
        }
        self.flush().await
    }

    async fn values(
        &mut self,
        fill: &Values<'a, S>,
        progress: &mut Progress<'_>,
    ) -> Result<(), ModelError> {
        let Piece {
            first, rows, order, ..
        } = fill.rows;
        let mut values = vec![fill.otherwise; rows as usize];
        if let Some((source, info)) = &fill.tensor {
            let all = read_vector(*source, info).await?;
            for (row, value) in (0..).zip(&mut values) {
                *value = all[(first + order.stored(row)) as usize];
            }
        }
        for value in &mut values {
            *value += fill.offset;
        }
        let bytes = bytemuck::cast_slice(&values);
        self.gpu.write(&fill.buffer, u64::from(fill.to) * 4, bytes);
        self.wrote(bytes.len() as u64).await?;
        let of = fill.rows.of.max(1);
        let size = |(_, info): &(_, TensorInfo)| info.bytes * u64::from(rows) / u64::from(of);
        let on_disk = fill.tensor.as_ref().map_or(u64::from(rows) * 2, size);
        self.advance(on_disk, progress);
        Ok(())
    }

    pub(super) fn advance(&mut self, bytes: u64, progress: &mut Progress<'_>) {
        self.done += bytes;
        progress(self.done.min(self.total), self.total);
    }

    /// Notes bytes written to a buffer, and flushes when too many are staged.
    pub(super) async fn wrote(&mut self, bytes: u64) -> Result<(), ModelError> {
        self.unsent += bytes;
        if self.unsent >= MOST_UNSENT {
            self.flush().await?;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), ModelError> {
        self.unsent = 0;
        Ok(self.gpu.flush().await?)
    }
}
