use vitrine_gpu::{Binding, Buffer, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource};

use crate::{Dtype, FRAGMENTS, step, stride, template};

const LANES: u32 = 64;

/// `shaders/rms_norm.wgsl`: y (+)= x / rms(x) · weight for each token.
#[derive(Clone, Copy, Debug)]
pub struct RmsNorm {
    /// Values per token (`hidden_size`); rows are padded to [`stride`].
    pub n: u32,
    /// `rms_norm_eps`.
    pub eps: f32,
    /// Whether to normalise only the last token of the pass, into row 0 of y.
    pub last_row: bool,
    /// Data type of activations.
    pub dtype: Dtype,
    /// Whether to add the result to y.
    pub add: bool,
    /// Whether to keep a copy of the rows that are normalised.
    pub keep: bool,
}

impl RmsNorm {
    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
        use Binding::{Read, ReadWrite};
        let mut bindings = vec![("x", Read), ("weight", Read), ("y", ReadWrite)];
        let mut flags = self.dtype.flags();
        if self.last_row {
            bindings.push(("step", Read));
            flags.push("LAST_ROW");
        }
        if self.keep {
            bindings.push(("kept", ReadWrite));
            flags.push("KEEP");
        }
        if self.add {
            flags.push("ADD");
        }
        ShaderSource {
            name: "rms_norm",
            template: template!("rms_norm"),
            fragments: FRAGMENTS,
            constants: [
                ("LANES", LANES.into()),
                ("N", self.n.into()),
                ("STRIDE", stride(self.n).into()),
                ("EPS", self.eps.into()),
            ]
            .into_iter()
            .chain(step::constants())
            .collect(),
            flags,
            bindings,
            ..ShaderSource::default()
        }
    }

    /// Normalises x (tokens, stride) into y; `weight` is (stride). `step` tells which token is the last;
    /// `kept`, present if `keep` is set, becomes a copy of the rows of x.
    ///
    /// # Errors
    /// When the shader cannot be assembled.
    pub fn dispatch(
        &self,
        gpu: &Gpu,
        x: &Buffer,
        weight: &Buffer,
        y: &Buffer,
        step: &Buffer,
        kept: Option<&Buffer>,
    ) -> Result<Dispatch, GpuError> {
        debug_assert_eq!(self.keep, kept.is_some());
        let kernel = gpu.kernel(&self.source())?;
        let mut bindings = vec![
            ("x", x.whole()),
            ("weight", weight.whole()),
            ("y", y.whole()),
        ];
        let tokens = if self.last_row {
            bindings.push(("step", step.whole()));
            Extent::Fixed(1)
        } else {
            Extent::Tokens { per: 1 }
        };
        bindings.extend(kept.map(|kept| ("kept", kept.whole())));
        let grid = Grid::plane(tokens, Extent::Fixed(1));
        Dispatch::new(gpu, &kernel, &bindings, grid)
    }
}
