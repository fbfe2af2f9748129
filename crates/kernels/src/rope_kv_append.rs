use vitrine_gpu::{Binding, Buffer, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource};

use crate::{FRAGMENTS, template};

const LANES: u32 = 64;

/// `shaders/rope_kv_append.wgsl`: rotates queries and keys, and appends keys and values to the
/// cache.
#[derive(Clone, Copy, Debug)]
pub struct RopeKvAppend {
    /// Query heads.
    pub heads: u32,
    /// Key and value heads.
    pub kv_heads: u32,
    /// Values per head; even.
    pub head_dim: u32,
    /// Floats from one token's qkv to the next.
    pub qkv_stride: u32,
    /// Where keys begin in qkv.
    pub k_offset: u32,
    /// Where values begin in qkv.
    pub v_offset: u32,
}

impl RopeKvAppend {
    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
        use Binding::{Read, ReadWrite};
        ShaderSource {
            name: "rope_kv_append",
            template: template!("rope_kv_append"),
            fragments: FRAGMENTS,
            constants: vec![
                ("LANES", LANES.into()),
                ("HEADS", self.heads.into()),
                ("KV_HEADS", self.kv_heads.into()),
                ("HEAD_DIM", self.head_dim.into()),
                ("QKV_STRIDE", self.qkv_stride.into()),
                ("K_OFFSET", self.k_offset.into()),
                ("V_OFFSET", self.v_offset.into()),
            ],
            flags: vec![],
            bindings: vec![ReadWrite, Read, ReadWrite, ReadWrite, Read],
        }
    }

    /// `rope` is (positions, head_dim / 2) of (cos, sin); the caches are (positions, kv_heads ·
    /// head_dim).
    ///
    /// # Errors
    /// When the shader cannot be assembled.
    pub fn dispatch(
        &self,
        gpu: &Gpu,
        qkv: &Buffer,
        rope: &Buffer,
        k_cache: &Buffer,
        v_cache: &Buffer,
        step: &Buffer,
    ) -> Result<Dispatch, GpuError> {
        let kernel = gpu.kernel(&self.source())?;
        let buffers = [qkv, rope, k_cache, v_cache, step].map(Buffer::whole);
        let pairs = (self.heads + 2 * self.kv_heads) * (self.head_dim / 2);
        let grid = Grid::plane(
            Extent::Fixed(pairs.div_ceil(LANES)),
            Extent::Tokens { per: 1 },
        );
        Ok(Dispatch::new(gpu, &kernel, &buffers, grid))
    }
}

/// The angles that the kernel reads: (cos, sin) of position · inv_freq_i, (positions, inv_freq.len()).
///
/// A table, because WGSL promises nothing for the cosine of a large angle. As in transformers the
/// product is an f32.
#[must_use]
pub fn rope_table(inv_freq: &[f32], positions: u32) -> Vec<[f32; 2]> {
    let angles = (0..positions).flat_map(|position| {
        inv_freq
            .iter()
            .map(move |inv_freq| position as f32 * inv_freq)
    });
    angles
        .map(|angle| {
            let (sin, cos) = f64::from(angle).sin_cos();
            [cos as f32, sin as f32]
        })
        .collect()
}
