use vitrine_gpu::{Binding, Buffer, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource};

use crate::{CacheLayout, Dtype, FRAGMENTS, PAGE, step, template};

/// A lane for each key of a page.
const LANES: u32 = PAGE;

/// `shaders/attention.wgsl`: causal grouped-query attention of each token over the cache.
#[derive(Clone, Copy, Debug)]
pub struct Attention {
    /// Query heads (`num_attention_heads`).
    pub heads: u32,
    /// Key and value heads (`num_key_value_heads`); divides `heads`.
    pub kv_heads: u32,
    /// Floats from one token's output to the next.
    pub out_stride: u32,
    /// Factor on the scores, 1 / √head_dim.
    pub scale: f32,
    /// Positions that a query sees, itself included; all where there is no window.
    pub sliding_window: Option<u32>,
    /// How the caches are laid out.
    pub cache: CacheLayout,
    /// Number format of activations and of the caches.
    pub dtype: Dtype,
    /// Tell also how each head spread its attention.
    pub stats: bool,
}

/// `HeadStats` of `shaders/common/head_stats.wgsl`: how a query head spread its attention.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
pub struct HeadStats {
    /// The highest score.
    pub highest: f32,
    /// Σ exp(score - highest).
    pub total: f32,
    /// -Σ p ln p, in nats.
    pub entropy: f32,
    /// The highest probability.
    pub max_probability: f32,
    /// The position that has it; of several the first.
    pub argmax: u32,
    /// The probability of position 0.
    pub first_token: f32,
    unused: [u32; 2],
}

impl Attention {
    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
        use Binding::{Read, ReadWrite};
        let mut constants = vec![
            ("LANES", LANES.into()),
            ("HEADS", self.heads.into()),
            ("KV_HEADS", self.kv_heads.into()),
            ("HEAD_DIM", self.cache.head_dim.into()),
            ("ROPE_PAIRS", self.cache.rope_pairs.into()),
            (
                "PAIR_ROUNDS",
                (self.cache.head_dim / 2).div_ceil(LANES).into(),
            ),
            ("OUT_STRIDE", self.out_stride.into()),
            ("SCALE", self.scale.into()),
        ];
        constants.extend(step::constants());
        let mut flags = self.dtype.flags();
        if let Some(window) = self.sliding_window {
            constants.push(("WINDOW_KEYS", window.into()));
            flags.push("WINDOW");
        }
        let mut bindings = vec![Read, Read, Read, ReadWrite, Read];
        if self.stats {
            flags.push("STATS");
            bindings.push(ReadWrite);
        }
        ShaderSource {
            name: "attention",
            template: template!("attention"),
            fragments: FRAGMENTS,
            constants,
            flags,
            bindings,
        }
    }

    /// `query` is (tokens, heads, pairs), the caches are (slots, kv_heads, pairs); `out` becomes
    /// (tokens, out_stride), and `stats`, there where the description says so, one [`HeadStats`]
    /// per token and head.
    ///
    /// # Errors
    /// When the shader cannot be assembled.
    pub fn dispatch(
        &self,
        gpu: &Gpu,
        query: &Buffer,
        [k_cache, v_cache]: [&Buffer; 2],
        out: &Buffer,
        step: &Buffer,
        stats: Option<&Buffer>,
    ) -> Result<Dispatch, GpuError> {
        debug_assert_eq!(self.stats, stats.is_some());
        let kernel = gpu.kernel(&self.source())?;
        let mut buffers = [query, k_cache, v_cache, out, step]
            .map(Buffer::whole)
            .to_vec();
        buffers.extend(stats.map(Buffer::whole));
        let grid = Grid::plane(Extent::Fixed(self.heads), Extent::Tokens { per: 1 });
        Ok(Dispatch::new(gpu, &kernel, &buffers, grid))
    }
}
