use vitrine_gpu::{Binding, Buffer, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource};

use crate::{CacheLayout, Dtype, FRAGMENTS, step, template};

const LANES: u32 = 64;

/// `shaders/rope_kv_append.wgsl`: rotates queries and keys, and appends keys and values to the
/// cache.
#[derive(Clone, Copy, Debug)]
pub struct RopeKvAppend {
    /// Query heads.
    pub heads: u32,
    /// Key and value heads.
    pub kv_heads: u32,
    /// Floats from one token's qkv to the next.
    pub qkv_stride: u32,
    /// Where keys begin in qkv.
    pub k_offset: u32,
    /// Where values begin in qkv.
    pub v_offset: u32,
    /// How the caches are laid out.
    pub cache: CacheLayout,
    /// Number format of activations and of the caches.
    pub dtype: Dtype,
    /// Keep a copy of the new keys and values.
    pub keep: bool,
}

impl RopeKvAppend {
    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
        use Binding::{Read, ReadWrite};
        let mut flags = self.dtype.flags();
        let mut bindings = vec![Read];
        if self.cache.rope_pairs > 0 {
            flags.push("ROPE");
            bindings.push(Read);
        }
        bindings.extend([ReadWrite, ReadWrite, ReadWrite, Read]);
        if self.keep {
            flags.push("KEEP");
            bindings.push(ReadWrite);
        }
        ShaderSource {
            name: "rope_kv_append",
            template: template!("rope_kv_append"),
            fragments: FRAGMENTS,
            constants: [
                ("LANES", LANES.into()),
                ("HEADS", self.heads.into()),
                ("KV_HEADS", self.kv_heads.into()),
                ("HEAD_DIM", self.cache.head_dim.into()),
                ("ROPE_PAIRS", self.cache.rope_pairs.into()),
                ("QKV_STRIDE", self.qkv_stride.into()),
                ("K_OFFSET", self.k_offset.into()),
                ("V_OFFSET", self.v_offset.into()),
            ]
            .into_iter()
            .chain(step::constants())
            .collect(),
            flags,
            bindings,
        }
    }

    /// `rope` is (positions, rope_pairs) of (cos, sin), and not there where nothing turns; `query`
    /// becomes (tokens, heads, pairs); the caches are (slots, kv_heads, pairs); `kept`, there where
    /// the description says so, becomes (tokens, 2 · kv_heads, pairs).
    ///
    /// # Errors
    /// When the shader cannot be assembled.
    pub fn dispatch(
        &self,
        gpu: &Gpu,
        qkv: &Buffer,
        [rope, kept]: [Option<&Buffer>; 2],
        query: &Buffer,
        [k_cache, v_cache]: [&Buffer; 2],
        step: &Buffer,
    ) -> Result<Dispatch, GpuError> {
        debug_assert_eq!(self.keep, kept.is_some());
        let kernel = gpu.kernel(&self.source())?;
        let mut buffers = vec![qkv.whole()];
        buffers.extend(rope.map(Buffer::whole));
        buffers.extend([query, k_cache, v_cache, step].map(Buffer::whole));
        buffers.extend(kept.map(Buffer::whole));
        let pairs = (self.heads + 2 * self.kv_heads) * (self.cache.head_dim / 2);
        let grid = Grid::plane(
            Extent::Fixed(pairs.div_ceil(LANES)),
            Extent::Tokens { per: 1 },
        );
        Ok(Dispatch::new(gpu, &kernel, &buffers, grid))
    }
}
