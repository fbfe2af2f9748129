use vitrine_gpu::{Binding, Buffer, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource};

use crate::{FRAGMENTS, template};

const LANES: u32 = 256;

/// `shaders/soft_cap.wgsl`: x = cap · tanh(x / cap), in place.
#[derive(Clone, Copy, Debug)]
pub struct SoftCap {
    /// Values per row (`vocab_size`).
    pub n: u32,
    /// Values from one row to the next.
    pub stride: u32,
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
                ("STRIDE", self.stride.into()),
                ("CAP", self.cap.into()),
            ],
            flags: vec![],
            bindings: vec![("x", Binding::ReadWrite)],
            ..ShaderSource::default()
        }
    }

    /// Caps the first `n` values of each of `rows` rows of x.
    ///
    /// # Errors
    /// When the shader cannot be assembled.
    pub fn dispatch(&self, gpu: &Gpu, x: &Buffer, rows: Extent) -> Result<Dispatch, GpuError> {
        let kernel = gpu.kernel(&self.source())?;
        let grid = Grid::plane(Extent::Fixed(self.n.div_ceil(LANES)), rows);
        Dispatch::new(gpu, &kernel, &[("x", x.whole())], grid)
    }
}
