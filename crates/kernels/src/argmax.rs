use vitrine_gpu::{Binding, Buffer, Dispatch, Gpu, GpuError, Grid, ShaderSource, Usage};

use crate::{FRAGMENTS, template};

const LANES: u32 = 64;
const CHUNK: u32 = 1024;
const BEST_BYTES: u64 = 16;

/// `shaders/argmax.wgsl`: the greedy choice, the logsumexp, and the step to the next position.
#[derive(Clone, Copy, Debug)]
pub struct Argmax {
    /// Number of logits (`vocab_size`).
    pub n: u32,
}

/// What `argmax` writes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Chosen {
    /// The id with the highest logit; of equal ones the lowest.
    pub id: u32,
    /// Its logit.
    pub logit: f32,
    /// ln Σ exp(logit) over the vocabulary.
    pub logsumexp: f32,
    /// The position that the chosen token will have.
    pub position: u32,
}

impl Argmax {
    /// The shaders of the first and of the final dispatch.
    #[must_use]
    pub fn sources(&self) -> [ShaderSource; 2] {
        use Binding::{Read, ReadWrite};
        [
            self.source(self.n, vec![], vec![Read, ReadWrite]),
            self.source(
                self.chunks(),
                vec!["FINAL"],
                vec![Read, ReadWrite, ReadWrite, ReadWrite, ReadWrite],
            ),
        ]
    }

    fn source(&self, n: u32, flags: Vec<&'static str>, bindings: Vec<Binding>) -> ShaderSource {
        ShaderSource {
            name: "argmax",
            template: template!("argmax"),
            fragments: FRAGMENTS,
            constants: vec![
                ("LANES", LANES.into()),
                ("CHUNK", CHUNK.into()),
                ("N", n.into()),
            ],
            flags,
            bindings,
        }
    }

    fn chunks(&self) -> u32 {
        self.n.div_ceil(CHUNK)
    }

    /// Chooses among `logits`, writes a [`Chosen`], puts its id to `tokens[0]` and to `history` at
    /// its position, and moves `step` on.
    ///
    /// # Errors
    /// When a shader cannot be assembled or the scratch buffer made.
    pub fn dispatches(
        &self,
        gpu: &Gpu,
        logits: &Buffer,
        chosen: &Buffer,
        tokens: &Buffer,
        step: &Buffer,
        history: &Buffer,
    ) -> Result<[Dispatch; 2], GpuError> {
        let bytes = u64::from(self.chunks()) * BEST_BYTES;
        let bests = gpu.buffer("argmax bests", bytes, Usage::Work)?;
        let [first, last] = self.sources();
        let first = gpu.kernel(&first)?;
        let last = gpu.kernel(&last)?;
        let buffers = [&bests, chosen, tokens, step, history].map(Buffer::whole);
        Ok([
            Dispatch::new(
                gpu,
                &first,
                &[logits.whole(), bests.whole()],
                Grid::line(self.chunks()),
            ),
            Dispatch::new(gpu, &last, &buffers, Grid::line(1)),
        ])
    }
}
