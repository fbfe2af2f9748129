use vitrine_gpu::{Binding, Buffer, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource};

use crate::{FRAGMENTS, template};

const LANES: u32 = 256;

/// `shaders/rank.wgsl`: the logit and the rank of a given token in each row.
#[derive(Clone, Copy, Debug)]
pub struct Rank {
    /// Logits per row (`vocab_size`).
    pub n: u32,
    /// Logits from one row to the next.
    pub stride: u32,
}

/// What `rank` writes for a row.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct Ranked {
    /// The token's logit.
    pub logit: f32,
    /// How many tokens have a higher logit, or the same logit and a lower id.
    pub before: u32,
}

impl Rank {
    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
        use Binding::{Read, ReadWrite};
        ShaderSource {
            name: "rank",
            template: template!("rank"),
            fragments: FRAGMENTS,
            constants: vec![
                ("LANES", LANES.into()),
                ("N", self.n.into()),
                ("STRIDE", self.stride.into()),
            ],
            flags: vec![],
            bindings: vec![("logits", Read), ("targets", Read), ("ranks", ReadWrite)],
            ..ShaderSource::default()
        }
    }

    /// Writes a [`Ranked`] for each of `rows` rows, for the row's token in `targets`.
    ///
    /// # Errors
    /// When the shader cannot be assembled.
    pub fn dispatch(
        &self,
        gpu: &Gpu,
        logits: &Buffer,
        targets: &Buffer,
        ranks: &Buffer,
        rows: Extent,
    ) -> Result<Dispatch, GpuError> {
        let kernel = gpu.kernel(&self.source())?;
        let bindings = [
            ("logits", logits.whole()),
            ("targets", targets.whole()),
            ("ranks", ranks.whole()),
        ];
        let grid = Grid::plane(Extent::Fixed(1), rows);
        Dispatch::new(gpu, &kernel, &bindings, grid)
    }
}
