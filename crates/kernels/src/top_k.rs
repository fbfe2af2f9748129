use vitrine_gpu::{Binding, Buffer, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource, Usage};

use crate::argmax::{MAXIMA, PER_MAXIMUM};
use crate::{Bests, FRAGMENTS, template};

const LANES: u32 = 256;
/// Candidates that are ranked.
const ROOM: u32 = 256;
/// Maximum `k` of `top_k`.
pub const TOP_K: u32 = 64;

/// `shaders/top_k.wgsl`: the `k` highest logits with their ids, best first.
#[derive(Clone, Copy, Debug)]
pub struct TopK {
    /// Logits per row (`vocab_size`).
    pub n: u32,
    /// Logits from one row to the next.
    pub stride: u32,
    /// How many, from 1 to [`TOP_K`].
    pub k: u32,
}

impl TopK {
    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
        use Binding::{Read, ReadWrite};
        ShaderSource {
            name: "top_k",
            template: template!("top_k"),
            fragments: FRAGMENTS,
            constants: vec![
                ("LANES", LANES.into()),
                ("ROOM", ROOM.into()),
                ("MAXIMA", MAXIMA.into()),
                ("PER_MAXIMUM", PER_MAXIMUM.into()),
                ("K", self.k.into()),
                ("N", self.n.into()),
                ("STRIDE", self.stride.into()),
            ],
            flags: vec![],
            bindings: vec![("logits", Read), ("maxima", Read), ("best", ReadWrite)],
            ..ShaderSource::default()
        }
    }

    /// The dispatch and the buffer of the result: `k` pairs (logit bits, id) for each of `rows` rows, at most
    /// `capacity`. If the vocabulary is smaller than `k`, the last pairs have the id `u32::MAX`. `argmax` must have
    /// scanned the same logits.
    ///
    /// # Errors
    /// When the shader cannot be assembled or the buffer made.
    pub fn dispatch(
        &self,
        gpu: &Gpu,
        logits: &Buffer,
        bests: &Bests,
        rows: Extent,
        capacity: u32,
    ) -> Result<(Dispatch, Buffer), GpuError> {
        debug_assert!((1..=TOP_K).contains(&self.k));
        let kernel = gpu.kernel(&self.source())?;
        let bytes = u64::from(capacity) * u64::from(self.k) * 8;
        let best = gpu.buffer("top_k", bytes, Usage::Work)?;
        let bindings = [
            ("logits", logits.whole()),
            ("maxima", bests.maxima.whole()),
            ("best", best.whole()),
        ];
        let grid = Grid::plane(Extent::Fixed(1), rows);
        Ok((Dispatch::new(gpu, &kernel, &bindings, grid)?, best))
    }
}
