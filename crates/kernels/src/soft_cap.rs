use vitrine_gpu::{Binding, Buffer, Dispatch, Gpu, GpuError, Grid, ShaderSource};

use crate::{FRAGMENTS, template};

const LANES: u32 = 256;

/// `shaders/soft_cap.wgsl`: x = cap · tanh(x / cap), in place.
#[derive(Clone, Copy, Debug)]
pub struct SoftCap {
    /// Number of values (`vocab_size`).
    pub n: u32,
    /// `final_logit_softcapping`.
    pub cap: f32,
}

impl SoftCap {
    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
        ShaderSource {
            name: "soft_cap",
            template: template!("soft_cap"),
            fragments: FRAGMENTS,
            constants: vec![
                ("LANES", LANES.into()),
                ("N", self.n.into()),
                ("CAP", self.cap.into()),
            ],
            flags: vec![],
            bindings: vec![Binding::ReadWrite],
        }
    }

    /// Caps the first `n` values of x.
    ///
    /// # Errors
    /// When the shader cannot be assembled.
    pub fn dispatch(&self, gpu: &Gpu, x: &Buffer) -> Result<Dispatch, GpuError> {
        let kernel = gpu.kernel(&self.source())?;
        let grid = Grid::line(self.n.div_ceil(LANES));
        Ok(Dispatch::new(gpu, &kernel, &[x.whole()], grid))
    }
}
