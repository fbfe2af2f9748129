use vitrine_gpu::{Binding, Buffer, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource};

use crate::{FRAGMENTS, step, template};

const LANES: u32 = 256;

/// `shaders/count.wgsl`: which tokens the prompt has, and how often each was generated.
#[derive(Clone, Copy, Debug)]
pub struct Count {
    /// Token ids there are (`vocab_size`).
    pub n: u32,
}

impl Count {
    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
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
                Binding::Read,
                Binding::Read,
                Binding::Read,
                Binding::ReadWrite,
            ],
            ..ShaderSource::default()
        }
    }

    /// Counts the tokens of sequences up to the rows of the pass, or up to the last of them alone.
    /// The first `prompts[sequence]` are the prompt's. `counts` is (sequences, vocab_size), with a
    /// word per id as `vitrine_sampling::Counts` has it.
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
        let buffers = [history, step, prompts, counts].map(Buffer::whole);
        let grid = Grid::plane(Extent::Fixed(1), rows);
        Ok(Dispatch::new(gpu, &kernel, &buffers, grid))
    }
}
