use vitrine_gpu::{Binding, Buffer, Dispatch, Gpu, GpuError, Grid, ShaderSource};

use crate::{Dtype, FRAGMENTS, template};

/// `shaders/row_norms.wgsl`: the norm of each row, and of its difference to the row before.
#[derive(Clone, Copy, Debug)]
pub struct RowNorms {
    /// Values per row; even, or padded with a zero.
    pub n: u32,
    /// Contiguous rows of a block.
    pub per_block: u32,
    /// Values from one block of rows to the next.
    pub block_stride: u32,
    /// How many rows.
    pub rows: u32,
    /// Maximum invocations of a row, a power of two ([`Tier::row_invocations`](vitrine_gpu::Tier::row_invocations)); short rows have
    /// fewer, so that none waits for the others.
    pub lanes: u32,
    /// Whether to compare each row with the one before.
    pub differences: bool,
    /// Data type of x.
    pub dtype: Dtype,
}

impl RowNorms {
    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
        let mut flags = self.dtype.flags();
        let pairs = self.n.div_ceil(2);
        let lanes = pairs.next_power_of_two().min(self.lanes);
        if self.differences {
            flags.push("DIFFERENCES");
        }
        ShaderSource {
            name: "row_norms",
            template: template!("row_norms"),
            fragments: FRAGMENTS,
            constants: vec![
                ("LANES", lanes.into()),
                ("N", self.n.next_multiple_of(2).into()),
                ("PER_BLOCK", self.per_block.into()),
                ("BLOCK_STRIDE", self.block_stride.into()),
            ],
            flags,
            bindings: vec![("x", Binding::Read), ("norms", Binding::ReadWrite)],
            ..ShaderSource::default()
        }
    }

    /// `norms` becomes (rows, 2) in f32.
    ///
    /// # Errors
    /// When the shader cannot be assembled.
    pub fn dispatch(&self, gpu: &Gpu, x: &Buffer, norms: &Buffer) -> Result<Dispatch, GpuError> {
        let kernel = gpu.kernel(&self.source())?;
        let bindings = [("x", x.whole()), ("norms", norms.whole())];
        Dispatch::new(gpu, &kernel, &bindings, Grid::line(self.rows))
    }
}
