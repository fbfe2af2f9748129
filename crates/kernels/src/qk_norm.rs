use vitrine_gpu::{Binding, Buffer, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource};

use crate::{Dtype, FRAGMENTS, template};

/// `shaders/qk_norm.wgsl`: normalises each query and key head separately (Qwen3, Gemma 3).
#[derive(Clone, Copy, Debug)]
pub struct QkNorm {
    /// Query heads.
    pub heads: u32,
    /// Key heads.
    pub kv_heads: u32,
    /// Values per head.
    pub head_dim: u32,
    /// Floats from one token's qkv to the next.
    pub qkv_stride: u32,
    /// Offset of the keys in qkv.
    pub k_offset: u32,
    /// `rms_norm_eps`.
    pub eps: f32,
    /// Data type of activations.
    pub dtype: Dtype,
}

impl QkNorm {
    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
        use Binding::{Read, ReadWrite};
        ShaderSource {
            name: "qk_norm",
            template: template!("qk_norm"),
            fragments: FRAGMENTS,
            constants: vec![
                ("LANES", 32.into()),
                ("HEADS", self.heads.into()),
                ("HEAD_DIM", self.head_dim.into()),
                ("QKV_STRIDE", self.qkv_stride.into()),
                ("K_OFFSET", self.k_offset.into()),
                ("EPS", self.eps.into()),
            ],
            flags: self.dtype.flags(),
            bindings: vec![("qkv", ReadWrite), ("q_weight", Read), ("k_weight", Read)],
            ..ShaderSource::default()
        }
    }

    /// Normalises queries and keys in `qkv`; the weights are (head_dim) each.
    ///
    /// # Errors
    /// When the shader cannot be assembled.
    pub fn dispatch(
        &self,
        gpu: &Gpu,
        qkv: &Buffer,
        [q_weight, k_weight]: [&Buffer; 2],
    ) -> Result<Dispatch, GpuError> {
        let kernel = gpu.kernel(&self.source())?;
        let bindings = [
            ("qkv", qkv.whole()),
            ("q_weight", q_weight.whole()),
            ("k_weight", k_weight.whole()),
        ];
        let heads = Extent::Fixed(self.heads + self.kv_heads);
        let grid = Grid::plane(heads, Extent::Tokens { per: 1 });
        Dispatch::new(gpu, &kernel, &bindings, grid)
    }
}
