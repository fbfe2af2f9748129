use vitrine_gpu::{Binding, Buffer, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource};

use crate::packed::BLOCK;
use crate::{Dtype, FRAGMENTS, stride, template};

/// Elements of 16 bytes per block: two with its bytes, and one with its scale and sums.
pub(crate) const PACKED_BLOCK_QUADS: u32 = 3;

/// Elements of 16 bytes from one token's packed x to the next; four tokens end at a valid binding offset.
pub(crate) fn packed_quads(k: u32) -> u32 {
    (k.div_ceil(BLOCK) * PACKED_BLOCK_QUADS).next_multiple_of(4)
}

/// Bytes of the `k` activations of a token as [`QuantizeX`] packs them.
#[must_use]
pub fn packed_bytes(k: u32) -> u64 {
    u64::from(packed_quads(k)) * 16
}

/// `shaders/quantize_x.wgsl`: x in signed bytes with a scale per 32, as llama.cpp's `q8_1`, for
/// [`XFormat::Packed`](crate::XFormat::Packed).
#[derive(Clone, Copy, Debug)]
pub struct QuantizeX {
    /// Values per token; rows of x are padded to [`stride`].
    pub n: u32,
    /// The `rms_norm_eps` of a fused RMSNorm before packing.
    pub norm: Option<f32>,
    /// Whether to keep a copy of x before the norm.
    pub keep: bool,
    /// Data type of x.
    pub dtype: Dtype,
    /// Lanes of a workgroup.
    pub lanes: u32,
}

impl QuantizeX {
    /// For this device.
    #[must_use]
    pub fn new(gpu: &Gpu, n: u32, norm: Option<f32>, keep: bool, dtype: Dtype) -> Self {
        Self {
            n,
            norm,
            keep,
            dtype,
            lanes: gpu.tier().row_invocations(),
        }
    }

    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
        use Binding::{Read, ReadWrite};
        let mut bindings = vec![("x", Read), ("packed", ReadWrite)];
        let mut flags = self.dtype.flags();
        let mut constants = vec![
            ("LANES", self.lanes.into()),
            ("BLOCKS", (stride(self.n) / BLOCK).into()),
            ("PACKED_QUADS", packed_quads(self.n).into()),
        ];
        if let Some(eps) = self.norm {
            bindings.push(("weight", Read));
            flags.push("NORM");
            constants.extend([("N", self.n.into()), ("EPS", eps.into())]);
        }
        if self.keep {
            bindings.push(("kept", ReadWrite));
            flags.push("KEEP");
        }
        ShaderSource {
            name: "quantize_x",
            template: template!("quantize_x"),
            fragments: FRAGMENTS,
            constants,
            flags,
            bindings,
            ..ShaderSource::default()
        }
    }

    /// Packs x (tokens, stride) into `packed` (tokens, [`packed_bytes`]), for the tokens that `each` selects.
    /// `norm` has the weights of the norm and the buffer for a copy of x, if the description has them.
    ///
    /// # Errors
    /// When the shader cannot be assembled.
    pub fn dispatch(
        &self,
        gpu: &Gpu,
        x: &Buffer,
        norm: Option<(&Buffer, Option<&Buffer>)>,
        packed: &Buffer,
        each: Extent,
    ) -> Result<Dispatch, GpuError> {
        debug_assert_eq!(self.norm.is_some(), norm.is_some());
        let kernel = gpu.kernel(&self.source())?;
        let mut bindings = vec![("x", x.whole()), ("packed", packed.whole())];
        if let Some((weight, kept)) = norm {
            bindings.push(("weight", weight.whole()));
            bindings.extend(kept.map(|kept| ("kept", kept.whole())));
        }
        let grid = Grid::plane(each, Extent::Fixed(1));
        Dispatch::new(gpu, &kernel, &bindings, grid)
    }
}
