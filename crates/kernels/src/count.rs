use vitrine_gpu::{Binding, Buffer, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource};

use crate::{FRAGMENTS, step, template};

const LANES: u32 = 256;

/// `shaders/count.wgsl`: which tokens are in the prompt, and how often each was generated.
#[derive(Clone, Copy, Debug)]
pub struct Count {
    /// Number of token ids (`vocab_size`).
    pub n: u32,
}

impl Count {
    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
        use Binding::{Read, ReadWrite};
        ShaderSource {
            name: "count",
            template: template!("count"),
            fragments: FRAGMENTS,
            constants: [("LANES", LANES.into()), ("N", self.n.into())]
                .into_iter()
                .chain(step::constants())
                .collect(),
            flags: vec![],
            bindings: vec![
                ("history", Read),
                ("step", Read),
                ("prompts", Read),
                ("counts", ReadWrite),
            ],
            ..ShaderSource::default()
        }
    }

    /// Counts the tokens of each sequence up to its row of the pass, or only of the last row. The first
    /// `prompts[sequence]` tokens are the prompt's. `counts` is (sequences, vocab_size) words, laid out as in
    /// `vitrine_sampling::Counts`.
    ///
    /// # Errors
    /// When the shader cannot be assembled.
    pub fn dispatch(
        &self,
        gpu: &Gpu,
        history: &Buffer,
        step: &Buffer,
        prompts: &Buffer,
        counts: &Buffer,
        rows: Extent,
    ) -> Result<Dispatch, GpuError> {
        let kernel = gpu.kernel(&self.source())?;
        let bindings = [
            ("history", history.whole()),
            ("step", step.whole()),
            ("prompts", prompts.whole()),
            ("counts", counts.whole()),
        ];
        let grid = Grid::plane(Extent::Fixed(1), rows);
        Dispatch::new(gpu, &kernel, &bindings, grid)
    }
}
