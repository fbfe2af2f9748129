use vitrine_gpu::{Binding, Buffer, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource, Usage};

use crate::{FRAGMENTS, step, template};

const LANES: u32 = 64;
const CHUNK: u32 = 1024;
const BEST_BYTES: u64 = 16;

/// `shaders/argmax.wgsl`: the greedy choice, the logsumexp, and the step to the next position.
#[derive(Clone, Copy, Debug)]
pub struct Argmax {
    /// Logits per row (`vocab_size`).
    pub n: u32,
    /// Logits from one row to the next.
    pub stride: u32,
    /// Each choice becomes the next token of its sequence.
    pub feedback: bool,
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
    /// The position that the chosen token will have; 0 without feedback.
    pub position: u32,
}

impl Argmax {
    /// The shaders of the first and of the final dispatch.
    #[must_use]
    pub fn sources(&self) -> [ShaderSource; 2] {
        use Binding::{Read, ReadWrite};
        let mut flags = vec!["FINAL"];
        let mut bindings = vec![Read, ReadWrite];
        if self.feedback {
            flags.push("FEEDBACK");
            bindings.extend([ReadWrite; 2]);
        }
        [
            self.source(vec![], vec![Read, ReadWrite]),
            self.source(flags, bindings),
        ]
    }

    fn source(&self, flags: Vec<&'static str>, bindings: Vec<Binding>) -> ShaderSource {
        ShaderSource {
            name: "argmax",
            template: template!("argmax"),
            fragments: FRAGMENTS,
            constants: [
                ("LANES", LANES.into()),
                ("CHUNK", CHUNK.into()),
                ("N", self.n.into()),
                ("STRIDE", self.stride.into()),
            ]
            .into_iter()
            .chain(step::constants())
            .collect(),
            flags,
            bindings,
        }
    }

    fn chunks(&self) -> u32 {
        self.n.div_ceil(CHUNK)
    }

    /// Chooses in each of `rows` rows, never more than `capacity`, and writes a [`Chosen`] for each.
    ///
    /// With feedback there are Step and history: each chosen id goes to `history` at its position,
    /// and `step` moves on. The rows are then those of the pass, or the last of them alone.
    ///
    /// # Errors
    /// When a shader cannot be assembled or the scratch buffer made.
    pub fn dispatches(
        &self,
        gpu: &Gpu,
        logits: &Buffer,
        chosen: &Buffer,
        feedback: Option<[&Buffer; 2]>,
        rows: Extent,
        capacity: u32,
    ) -> Result<[Dispatch; 2], GpuError> {
        debug_assert_eq!(self.feedback, feedback.is_some());
        let bytes = u64::from(capacity) * u64::from(self.chunks()) * BEST_BYTES;
        let bests = gpu.buffer("argmax bests", bytes, Usage::Work)?;
        let [first, last] = self.sources();
        let (first, last) = (gpu.kernel(&first)?, gpu.kernel(&last)?);
        let mut buffers = vec![bests.whole()];
        buffers.push(chosen.whole());
        buffers.extend(feedback.iter().flatten().map(|buffer| buffer.whole()));
        let chunks = Grid::plane(Extent::Fixed(self.chunks()), rows);
        let one = Grid::plane(Extent::Fixed(1), rows);
        Ok([
            Dispatch::new(gpu, &first, &[logits.whole(), bests.whole()], chunks),
            Dispatch::new(gpu, &last, &buffers, one),
        ])
    }
}
