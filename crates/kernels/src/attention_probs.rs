use vitrine_gpu::{Binding, Buffer, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource, Store};

use crate::{Attention, FRAGMENTS, template};

const LANES: u32 = 64;

/// `shaders/attention/probs.wgsl`: the probabilities of an [`Attention`], computed again.
#[derive(Clone, Copy, Debug)]
pub struct AttentionProbs {
    /// The attention whose probabilities are computed.
    pub of: Attention,
}

impl AttentionProbs {
    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
        use Binding::{Read, ReadWrite};
        let mut source = ShaderSource {
            name: "attention/probs",
            template: template!("attention/probs"),
            fragments: FRAGMENTS,
            constants: self.of.constants(LANES),
            flags: self.of.dtype.flags(),
            bindings: vec![
                ("queries", Read),
                ("k_cache", self.of.cache.store.binding()),
                ("stats", Read),
                ("probs", ReadWrite),
                ("step", Read),
                ("width", Read),
            ],
            ..ShaderSource::default()
        };
        self.of.cache.describe_quads(&mut source);
        source
    }

    /// `query` and `k_cache` are what the attention read, `stats` what it wrote; `probs` becomes (tokens, heads,
    /// width), where `width` holds one u32.
    ///
    /// # Errors
    /// When the shader cannot be assembled.
    pub fn dispatch(
        &self,
        gpu: &Gpu,
        [query, stats]: [&Buffer; 2],
        k_cache: &Store,
        probs: &Buffer,
        step: &Buffer,
        width: &Buffer,
    ) -> Result<Dispatch, GpuError> {
        let kernel = gpu.kernel(&self.source())?;
        let bindings = [
            ("queries", query.whole()),
            ("k_cache", k_cache.whole()),
            ("stats", stats.whole()),
            ("probs", probs.whole()),
            ("step", step.whole()),
            ("width", width.whole()),
        ];
        let grid = Grid::plane(Extent::Fixed(self.of.heads), Extent::Tokens { per: 1 });
        Dispatch::new(gpu, &kernel, &bindings, grid)
    }
}
