use vitrine_gpu::{Binding, Buffer, Dispatch, Gpu, GpuError, Grid, ShaderSource, Usage};

use crate::{FRAGMENTS, template};

/// Minimum logits of a workgroup.
const CHUNK: u32 = 1024;
/// Maximum logits of an invocation, which counts in bytes.
const MOST_PER_LANE: u32 = 255;
/// Maximum invocations with that many logits: each has its own counts, which must be added.
const FEW_LANES: u32 = 8;
/// Bins of the histogram.
pub const LOGIT_BINS: usize = 64;
/// Width of a bin, in nats.
pub const LOGIT_BIN: f32 = 0.5;

/// `shaders/logit_stats.wgsl`: the entropy of a distribution, and a histogram of its
/// surprisal.
#[derive(Clone, Copy, Debug)]
pub struct LogitStatsOf {
    /// Number of logits (`vocab_size`).
    pub n: u32,
    /// Invocations of a workgroup ([`Tier::row_invocations`](vitrine_gpu::Tier::row_invocations)): a power of two.
    pub lanes: u32,
}

/// What `logit_stats` writes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct LogitStats {
    /// -Σ p ln p, in nats.
    pub entropy: f32,
    unused: [u32; 3],
    /// Bin b counts the tokens with -ln p from b · [`LOGIT_BIN`] to (b + 1) · [`LOGIT_BIN`], the last bin also all
    /// above.
    pub counts: [u32; LOGIT_BINS],
}

impl LogitStatsOf {
    /// The shaders of both dispatches.
    #[must_use]
    pub fn sources(&self) -> [ShaderSource; 2] {
        use Binding::{Read, ReadWrite};
        let first = vec![("chosen", Read), ("logits", Read), ("parts", ReadWrite)];
        let last = vec![("parts", Read), ("stats", ReadWrite)];
        [
            self.source(self.n, vec![], first),
            self.source(self.chunks(), vec!["FINAL"], last),
        ]
    }

    fn source(
        &self,
        n: u32,
        flags: Vec<&'static str>,
        bindings: Vec<(&'static str, Binding)>,
    ) -> ShaderSource {
        ShaderSource {
            name: "logit_stats",
            template: template!("logit_stats"),
            fragments: FRAGMENTS,
            constants: vec![
                ("LANES", self.lanes.into()),
                ("CHUNK", self.chunk().into()),
                ("N", n.into()),
                ("BINS", (LOGIT_BINS as u32).into()),
                ("BIN", LOGIT_BIN.into()),
            ],
            flags,
            bindings,
            ..ShaderSource::default()
        }
    }

    /// Logits of a workgroup.
    fn chunk(&self) -> u32 {
        match self.lanes {
            ..=FEW_LANES => self.lanes * MOST_PER_LANE,
            _ => CHUNK,
        }
    }

    fn chunks(&self) -> u32 {
        self.n.div_ceil(self.chunk())
    }

    /// `chosen` is what `argmax` wrote for the same logits; `stats` becomes a [`LogitStats`].
    ///
    /// # Errors
    /// When a shader cannot be assembled or the scratch buffer made.
    pub fn dispatches(
        &self,
        gpu: &Gpu,
        chosen: &Buffer,
        logits: &Buffer,
        stats: &Buffer,
    ) -> Result<[Dispatch; 2], GpuError> {
        let bytes = u64::from(self.chunks()) * size_of::<LogitStats>() as u64;
        let parts = gpu.buffer("logit stats parts", bytes, Usage::Work)?;
        let [first, last] = self.sources();
        let (first, last) = (gpu.kernel(&first)?, gpu.kernel(&last)?);
        let bindings = [
            ("chosen", chosen.whole()),
            ("logits", logits.whole()),
            ("parts", parts.whole()),
        ];
        let first = Dispatch::new(gpu, &first, &bindings, Grid::line(self.chunks()))?;
        let bindings = [("parts", parts.whole()), ("stats", stats.whole())];
        let last = Dispatch::new(gpu, &last, &bindings, Grid::line(1))?;
        Ok([first, last])
    }
}
