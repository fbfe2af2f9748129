use vitrine_gpu::{Binding, Buffer, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource, Usage};

use crate::{FRAGMENTS, step, template};

const CHUNK: u32 = 1024;
const BEST_BYTES: u64 = 16;

/// Maxima of a chunk.
pub(crate) const MAXIMA: u32 = 64;
/// Logits per maximum, `MAXIMA` apart.
pub(crate) const PER_MAXIMUM: u32 = CHUNK / MAXIMA;

/// `shaders/argmax.wgsl`: the greedy choice, the logsumexp, and the step to the next position.
#[derive(Clone, Copy, Debug)]
pub struct Argmax {
    /// Logits per row (`vocab_size`).
    pub n: u32,
    /// Logits from one row to the next.
    pub stride: u32,
    /// Invocations of a workgroup ([`Tier::row_invocations`](vitrine_gpu::Tier::row_invocations)): a power of two, 64 at most.
    pub lanes: u32,
}

/// Results of one scan of all logits, which `argmax` and `top_k` read.
pub struct Bests {
    /// (rows, chunks).
    bests: Buffer,
    /// (rows, chunks, `MAXIMA`), f32: the highest logits.
    pub(crate) maxima: Buffer,
}

impl Bests {
    /// Allocates buffers for `rows` rows of `n` logits.
    ///
    /// # Errors
    /// When a buffer cannot be made.
    pub fn new(gpu: &Gpu, n: u32, rows: u32) -> Result<Self, GpuError> {
        let chunks = u64::from(rows) * u64::from(n.div_ceil(CHUNK));
        let maxima_bytes = chunks * u64::from(MAXIMA) * 4;
        Ok(Self {
            bests: gpu.buffer("argmax bests", chunks * BEST_BYTES, Usage::Work)?,
            maxima: gpu.buffer("logit maxima", maxima_bytes, Usage::Work)?,
        })
    }
}

/// What `argmax` writes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Chosen {
    /// The id with the highest logit; the lowest id if several are equal.
    pub id: u32,
    /// Its logit.
    pub logit: f32,
    /// ln Σ exp(logit) over the vocabulary.
    pub logsumexp: f32,
    /// The position that the chosen token will have; 0 without feedback.
    pub position: u32,
}

impl Argmax {
    /// The shaders of the first dispatch, and of the last one without and with feedback.
    #[must_use]
    pub fn sources(&self) -> [ShaderSource; 3] {
        [self.first(), self.last(false), self.last(true)]
    }

    fn first(&self) -> ShaderSource {
        use Binding::{Read, ReadWrite};
        let bindings = vec![
            ("logits", Read),
            ("bests", ReadWrite),
            ("maxima", ReadWrite),
        ];
        self.source(vec![], bindings)
    }

    fn last(&self, feedback: bool) -> ShaderSource {
        use Binding::{Read, ReadWrite};
        let mut flags = vec!["FINAL"];
        let mut bindings = vec![("bests", Read), ("chosen", ReadWrite)];
        if feedback {
            flags.push("FEEDBACK");
            bindings.extend([("step", ReadWrite), ("history", ReadWrite)]);
        }
        self.source(flags, bindings)
    }

    fn source(
        &self,
        flags: Vec<&'static str>,
        bindings: Vec<(&'static str, Binding)>,
    ) -> ShaderSource {
        ShaderSource {
            name: "argmax",
            template: template!("argmax"),
            fragments: FRAGMENTS,
            constants: [
                ("LANES", self.lanes.into()),
                ("CHUNK", CHUNK.into()),
                ("MAXIMA", MAXIMA.into()),
                ("N", self.n.into()),
                ("STRIDE", self.stride.into()),
            ]
            .into_iter()
            .chain(step::constants())
            .collect(),
            flags,
            bindings,
            ..ShaderSource::default()
        }
    }

    /// Scans the logits of `rows` rows, at most as many as `bests` was allocated for.
    ///
    /// # Errors
    /// When the shader cannot be assembled.
    pub fn scan(
        &self,
        gpu: &Gpu,
        logits: &Buffer,
        bests: &Bests,
        rows: Extent,
    ) -> Result<Dispatch, GpuError> {
        let kernel = gpu.kernel(&self.first())?;
        let bindings = [
            ("logits", logits.whole()),
            ("bests", bests.bests.whole()),
            ("maxima", bests.maxima.whole()),
        ];
        let chunks = Extent::Fixed(self.n.div_ceil(CHUNK));
        let grid = Grid::plane(chunks, rows);
        Dispatch::new(gpu, &kernel, &bindings, grid)
    }

    /// Chooses an id in each of the `rows` rows that were scanned and writes a [`Chosen`] for each.
    ///
    /// With feedback, that is with `Step` and history, each chosen id is written to `history` at its position, and
    /// `step` advances. The rows are then those of the pass, or only the last of them.
    ///
    /// # Errors
    /// When the shader cannot be assembled.
    pub fn choose(
        &self,
        gpu: &Gpu,
        bests: &Bests,
        chosen: &Buffer,
        feedback: Option<[&Buffer; 2]>,
        rows: Extent,
    ) -> Result<Dispatch, GpuError> {
        let kernel = gpu.kernel(&self.last(feedback.is_some()))?;
        let mut bindings = vec![("bests", bests.bests.whole()), ("chosen", chosen.whole())];
        if let Some([step, history]) = feedback {
            bindings.extend([("step", step.whole()), ("history", history.whole())]);
        }
        let one = Grid::plane(Extent::Fixed(1), rows);
        Dispatch::new(gpu, &kernel, &bindings, one)
    }
}
