//! Memory bandwidth of the device.

use vitrine_gpu::{Clock, Gpu, Recording, Usage};
use vitrine_model::ModelError;

/// Bytes of the buffers that are copied.
const COPY_BYTES: u64 = 64 << 20;

/// Bytes read and written per second by copies within GPU memory.
pub async fn bandwidth(gpu: &Gpu) -> Result<f64, ModelError> {
    let buffer = |label| gpu.buffer(label, COPY_BYTES, Usage::Work);
    let (from, to) = (buffer("copied from")?, buffer("copied to")?);
    let mut copy = Recording::default();
    copy.copy(&from, 0, &to, 0, COPY_BYTES);
    let mut copies = 2;
    loop {
        gpu.flush().await?;
        let clock = Clock::start();
        gpu.submit(0, (0..copies).map(|_| &copy));
        gpu.flush().await?;
        let seconds = clock.seconds();
        // Long enough that the time of a submission is negligible.
        if seconds > 0.1 || copies >= 4096 {
            return Ok((2 * copies * COPY_BYTES) as f64 / seconds);
        }
        copies *= 4;
    }
}
