use vitrine_gpu::{Binding, Buffer, Dispatch, Gpu, GpuError, Grid, ShaderSource};

use crate::{Dtype, FRAGMENTS, template};

/// `shaders/strongest.wgsl`: the values of each row with the largest magnitudes.
#[derive(Clone, Copy, Debug)]
pub struct Strongest {
    /// Values per row (`intermediate_size`).
    pub n: u32,
    /// Values from one row to the next; even.
    pub row_stride: u32,
    /// How many rows.
    pub rows: u32,
    /// How many values of each.
    pub k: u32,
    /// Invocations of a row ([`Tier::row_invocations`](vitrine_gpu::Tier::row_invocations)).
    pub lanes: u32,
    /// Data type of x.
    pub dtype: Dtype,
}

impl Strongest {
    /// Marks a missing entry: the row has fewer values.
    pub const NONE: u32 = u32::MAX;

    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
        ShaderSource {
            name: "strongest",
            template: template!("strongest"),
            fragments: FRAGMENTS,
            constants: vec![
                ("LANES", self.lanes.into()),
                ("N", self.n.into()),
                ("ROW_STRIDE", self.row_stride.into()),
                ("K", self.k.into()),
            ],
            flags: self.dtype.flags(),
            bindings: vec![("x", Binding::Read), ("strongest", Binding::ReadWrite)],
            ..ShaderSource::default()
        }
    }

    /// `strongest` becomes (rows, k) pairs: the bits of the value, and its index.
    ///
    /// # Errors
    /// When the shader cannot be assembled.
    pub fn dispatch(
        &self,
        gpu: &Gpu,
        x: &Buffer,
        strongest: &Buffer,
    ) -> Result<Dispatch, GpuError> {
        let kernel = gpu.kernel(&self.source())?;
        let bindings = [("x", x.whole()), ("strongest", strongest.whole())];
        Dispatch::new(gpu, &kernel, &bindings, Grid::line(self.rows))
    }
}
