//! Readback of small results from the GPU to the host.

use futures_channel::oneshot;

use crate::{Buffer, Gpu, GpuError};

/// Bytes that were requested and have not arrived yet.
///
/// Several can be pending at once: the work for the next token is submitted before the result of the last one is
/// awaited.
pub struct Readback {
    gpu: Gpu,
    staging: Staging,
    submission: wgpu::SubmissionIndex,
    mapped: oneshot::Receiver<Result<(), wgpu::BufferAsyncError>>,
}

/// Freed even if the caller no longer waits for it.
struct Staging(wgpu::Buffer);

impl Drop for Staging {
    fn drop(&mut self) {
        self.0.destroy();
    }
}

impl Readback {
    pub(crate) fn start(
        gpu: &Gpu,
        mut encoder: wgpu::CommandEncoder,
        results: &[(&Buffer, u64)],
    ) -> Self {
        let staging = gpu.device().create_buffer(&wgpu::BufferDescriptor {
            label: Some("readback"),
            size: results.iter().map(|(_, bytes)| bytes).sum(),
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut offset = 0;
        for (buffer, bytes) in results {
            encoder.copy_buffer_to_buffer(buffer.raw(), buffer.offset(), &staging, offset, *bytes);
            offset += bytes;
        }
        let submission = gpu.queue().submit([encoder.finish()]);
        let (sender, mapped) = oneshot::channel();
        staging
            .slice(..)
            .map_async(wgpu::MapMode::Read, move |result| {
                // The receiver is dropped when the caller no longer waits.
                let _ = sender.send(result);
            });
        Self {
            gpu: gpu.clone(),
            staging: Staging(staging),
            submission,
            mapped,
        }
    }

    /// Waits for the GPU and returns the bytes.
    ///
    /// # Errors
    /// When the work before it failed, or the device was lost.
    pub async fn bytes(self) -> Result<Vec<u8>, GpuError> {
        let lost = |reason: &str| GpuError::DeviceLost {
            reason: reason.to_owned(),
        };
        let Self {
            gpu,
            staging,
            submission,
            mapped,
        } = self;
        gpu.wait(submission)?;
        let outcome = mapped.await;
        gpu.check()?;
        outcome
            .map_err(|_| lost("its answer never came"))?
            .map_err(|e| lost(&e.to_string()))?;
        let view = staging.0.slice(..).get_mapped_range();
        let view = view.map_err(|error| GpuError::Internal(error.to_string()))?;
        Ok(view.to_vec())
    }
}
