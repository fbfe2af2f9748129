use vitrine_gpu::{Binding, Buffer, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource};
use vitrine_sampling::SamplingParams;

use crate::{FRAGMENTS, step, template};

/// Number of values of a digit.
const LANES: u32 = 256;

/// `shaders/sample.wgsl`: penalties, temperature, top-k, top-p, min-p, the draw, and the advance to the next
/// position.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Logits per row (`vocab_size`).
    pub n: u32,
    /// Logits from one row to the next.
    pub stride: u32,
}

/// `Params` of the shader, made from [`SamplingParams`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct SampleParams {
    scale: f32,
    repetition: f32,
    inverse_repetition: f32,
    presence: f32,
    frequency: f32,
    top_k: u32,
    removable: u32,
    penalizes: u32,
    least_mass: [u32; 2],
    seed: [u32; 2],
    greedy: u32,
    unused: [u32; 3],
}

/// What `sample` writes in addition to [`Chosen`](crate::Chosen).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct DrawnBits {
    /// The random word, which is u · 2³².
    pub word: u32,
    /// How many tokens remained after the filters.
    pub kept: u32,
    total: [u32; 2],
    start: [u32; 2],
    mass: [u32; 2],
}

/// The buffers that `sample` reads and writes.
#[derive(Clone, Copy)]
pub struct SampleBuffers<'a> {
    /// (rows, stride), f32.
    pub logits: &'a Buffer,
    /// [`SampleParams`] of each sequence.
    pub params: &'a Buffer,
    /// (sequences, vocab_size): `vitrine_sampling::Counts`; the chosen token is added.
    pub counts: &'a Buffer,
    /// [`Chosen`](crate::Chosen) of each row; every field but the logsumexp is written.
    pub chosen: &'a Buffer,
    /// [`DrawnBits`] of each row.
    pub drawn: &'a Buffer,
    /// Advances to the next position.
    pub step: &'a Buffer,
    /// Each chosen id is written at its position in its sequence.
    pub history: &'a Buffer,
}

impl From<&SamplingParams> for SampleParams {
    fn from(params: &SamplingParams) -> Self {
        let params = params.effective();
        let halves = |number: u64| [number as u32, (number >> 32) as u32];
        Self {
            scale: (1.0 / params.temperature) as f32,
            repetition: params.repetition_penalty as f32,
            inverse_repetition: (1.0 / params.repetition_penalty) as f32,
            presence: params.presence_penalty as f32,
            frequency: params.frequency_penalty as f32,
            top_k: params.top_k,
            removable: params.removable(),
            penalizes: params.penalizes().into(),
            least_mass: halves(params.least_mass()),
            seed: halves(params.seed),
            greedy: params.is_greedy().into(),
            unused: [0; 3],
        }
    }
}

impl DrawnBits {
    /// The point that was drawn, from 0 to 1.
    #[must_use]
    pub fn u(&self) -> f64 {
        f64::from(self.word) / 4_294_967_296.0
    }

    /// The token's probability among the remaining tokens.
    #[must_use]
    pub fn probability(&self) -> f64 {
        self.share(self.mass)
    }

    /// Cumulative probability of the remaining tokens before this one.
    #[must_use]
    pub fn start(&self) -> f64 {
        self.share(self.start)
    }

    fn share(&self, [low, high]: [u32; 2]) -> f64 {
        let [total_low, total_high] = self.total;
        let number = |low: u32, high: u32| (u64::from(high) << 32 | u64::from(low)) as f64;
        number(low, high) / number(total_low, total_high).max(1.0)
    }
}

impl Sample {
    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
        use Binding::{Read, ReadWrite};
        // Ids are searched digit by digit, from the highest digit that any id has.
        let last_id_bits = u32::BITS - (self.n - 1).leading_zeros();
        let id_shift = last_id_bits.div_ceil(8).max(1) * 8 - 8;
        ShaderSource {
            name: "sample",
            template: template!("sample"),
            fragments: FRAGMENTS,
            constants: [
                ("LANES", LANES.into()),
                ("N", self.n.into()),
                ("STRIDE", self.stride.into()),
                ("ID_SHIFT", id_shift.into()),
            ]
            .into_iter()
            .chain(step::constants())
            .collect(),
            flags: vec![],
            bindings: vec![
                ("logits", Read),
                ("params", Read),
                ("counts", ReadWrite),
                ("chosen", ReadWrite),
                ("drawn", ReadWrite),
                ("step", ReadWrite),
                ("history", ReadWrite),
            ],
            ..ShaderSource::default()
        }
    }

    /// Draws a token in each of `rows` rows, feeds it back as the next of its sequence, and moves
    /// the position on, as `argmax` does.
    ///
    /// # Errors
    /// When the shader cannot be assembled.
    pub fn dispatch(
        &self,
        gpu: &Gpu,
        buffers: &SampleBuffers<'_>,
        rows: Extent,
    ) -> Result<Dispatch, GpuError> {
        let kernel = gpu.kernel(&self.source())?;
        let SampleBuffers {
            logits,
            params,
            counts,
            chosen,
            drawn,
            step,
            history,
        } = *buffers;
        let bindings = [
            ("logits", logits.whole()),
            ("params", params.whole()),
            ("counts", counts.whole()),
            ("chosen", chosen.whole()),
            ("drawn", drawn.whole()),
            ("step", step.whole()),
            ("history", history.whole()),
        ];
        let grid = Grid::plane(Extent::Fixed(1), rows);
        Dispatch::new(gpu, &kernel, &bindings, grid)
    }
}
