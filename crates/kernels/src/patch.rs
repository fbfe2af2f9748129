use vitrine_gpu::{Binding, Buffer, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource};

use crate::{Dtype, FRAGMENTS, step, template};

const LANES: u32 = 64;

/// `shaders/patch.wgsl`: replaces values of the tokens at chosen positions.
#[derive(Clone, Copy, Debug)]
pub struct Patch {
    /// Offset of the values in a row of x; even.
    pub from: u32,
    /// Values per position.
    pub n: u32,
    /// Floats from one token's x to the next.
    pub stride: u32,
    /// Whether to replace one summand of x instead of x.
    pub instead_of: bool,
    /// Data type of x.
    pub dtype: Dtype,
}

impl Patch {
    /// Marks a position without a slot, which stays unchanged.
    pub const NOTHING: u32 = u32::MAX;

    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
        use Binding::{Read, ReadWrite};
        let mut bindings = vec![
            ("x", ReadWrite),
            ("slots", Read),
            ("values", Read),
            ("step", Read),
        ];
        let mut flags = self.dtype.flags();
        if self.instead_of {
            flags.push("INSTEAD_OF");
            bindings.push(("part", Read));
        }
        ShaderSource {
            name: "patch",
            template: template!("patch"),
            fragments: FRAGMENTS,
            constants: [
                ("LANES", LANES.into()),
                ("FROM", self.from.into()),
                ("N", self.n.into()),
                ("STRIDE", self.stride.into()),
            ]
            .into_iter()
            .chain(step::constants())
            .collect(),
            flags,
            bindings,
            ..ShaderSource::default()
        }
    }

    /// `x` is (tokens, stride); `slots` has a slot or [`Patch::NOTHING`] for each position, and
    /// `values` are (slots, n) in f32, rows of an even length. `part`, (tokens, stride), is the
    /// summand, if the description has one.
    ///
    /// # Errors
    /// When the shader cannot be assembled.
    pub fn dispatch(
        &self,
        gpu: &Gpu,
        x: &Buffer,
        [slots, values]: [&Buffer; 2],
        step: &Buffer,
        part: Option<&Buffer>,
    ) -> Result<Dispatch, GpuError> {
        debug_assert_eq!(self.instead_of, part.is_some());
        let kernel = gpu.kernel(&self.source())?;
        let mut bindings = vec![
            ("x", x.whole()),
            ("slots", slots.whole()),
            ("values", values.whole()),
            ("step", step.whole()),
        ];
        bindings.extend(part.map(|part| ("part", part.whole())));
        let groups = Extent::Fixed(self.n.div_ceil(2).div_ceil(LANES));
        let grid = Grid::plane(groups, Extent::Tokens { per: 1 });
        Dispatch::new(gpu, &kernel, &bindings, grid)
    }
}
