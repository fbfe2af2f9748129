use vitrine_gpu::{Binding, Buffer, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource};

use crate::{Dtype, FRAGMENTS, stride, template};

const LANES: u32 = 64;

/// `shaders/adjust.wgsl`: x = x · factor + offset for each token, in place.
#[derive(Clone, Copy, Debug)]
pub struct Adjust {
    /// Values per token; rows are padded to [`stride`].
    pub n: u32,
    /// Data type of x.
    pub dtype: Dtype,
}

impl Adjust {
    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
        use Binding::{Read, ReadWrite};
        ShaderSource {
            name: "adjust",
            template: template!("adjust"),
            fragments: FRAGMENTS,
            constants: vec![
                ("LANES", LANES.into()),
                ("N", self.n.into()),
                ("STRIDE", stride(self.n).into()),
            ],
            flags: self.dtype.flags(),
            bindings: vec![("x", ReadWrite), ("factor", Read), ("offset", Read)],
            ..ShaderSource::default()
        }
    }

    /// `x` is (tokens, stride); `factor` and `offset` are (n) in f32, with one more value where n
    /// is odd.
    ///
    /// # Errors
    /// When the shader cannot be assembled.
    pub fn dispatch(
        &self,
        gpu: &Gpu,
        x: &Buffer,
        factor: &Buffer,
        offset: &Buffer,
    ) -> Result<Dispatch, GpuError> {
        let kernel = gpu.kernel(&self.source())?;
        let bindings = [
            ("x", x.whole()),
            ("factor", factor.whole()),
            ("offset", offset.whole()),
        ];
        let groups = Extent::Fixed(self.n.div_ceil(2).div_ceil(LANES));
        let grid = Grid::plane(groups, Extent::Tokens { per: 1 });
        Dispatch::new(gpu, &kernel, &bindings, grid)
    }
}
