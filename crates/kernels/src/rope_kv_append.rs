use vitrine_gpu::{
    Binding, Bound, Buffer, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource, Store,
};

use crate::packed::TILE;
use crate::{CacheLayout, Dtype, FRAGMENTS, step, template};

const LANES: u32 = 64;
/// Invocations per head if a workgroup is one head. A head has 16 or 32 words, and barriers of large workgroups are
/// slow on software adapters.
const HEAD_LANES: u32 = 8;

/// `shaders/rope_kv_append/`: rotates queries and keys, and appends keys and values to the
/// cache.
#[derive(Clone, Copy, Debug)]
pub struct RopeKvAppend {
    /// Query heads.
    pub heads: u32,
    /// Key and value heads.
    pub kv_heads: u32,
    /// Floats from one token's qkv to the next.
    pub qkv_stride: u32,
    /// Offset of the keys in qkv.
    pub k_offset: u32,
    /// Offset of the values in qkv.
    pub v_offset: u32,
    /// Layout and data type of the caches.
    pub cache: CacheLayout,
    /// Data type of activations.
    pub dtype: Dtype,
    /// Whether to keep a copy of the new keys and values as they are in the caches.
    pub keep: bool,
}

/// Where queries, keys and values go.
#[derive(Clone, Copy)]
pub struct AppendBuffers<'a> {
    /// (positions, rope_pairs) of (cos, sin); `None` without RoPE.
    pub rope: Option<&'a Buffer>,
    /// Becomes (tokens, heads, pairs).
    pub query: &'a Buffer,
    /// The caches of keys and of values: (pages, kv_heads, [`PAGE`](crate::PAGE), [`CacheLayout::head_words`]).
    pub caches: [&'a Store; 2],
    /// `Step`.
    pub step: &'a Buffer,
    /// Present if a copy is kept; becomes (tokens, 2 · kv_heads, pairs).
    pub kept: Option<&'a Buffer>,
}

impl<'a> AppendBuffers<'a> {
    /// By their names in `shaders/rope_kv_append/turn.wgsl`.
    pub(crate) fn bindings(&self) -> impl Iterator<Item = (&'static str, Bound<'a>)> {
        let [keys, values] = self.caches.map(Store::whole);
        let always = [
            ("query", self.query.whole()),
            ("k_cache", keys),
            ("v_cache", values),
            ("step", self.step.whole()),
        ];
        let rope = self.rope.map(|rope| ("rope", rope.whole()));
        let kept = self.kept.map(|kept| ("kept_kv", kept.whole()));
        always.into_iter().chain(rope).chain(kept)
    }
}

impl RopeKvAppend {
    /// Whether neighbouring pairs come from neighbouring rows and each tile of rows belongs to one head, so that both
    /// rows of the pairs of a tile begin at tiles.
    pub(crate) fn keeps_tiles(&self) -> bool {
        let CacheLayout {
            head_dim,
            rope_pairs,
            ..
        } = self.cache;
        let all_turn = 2 * rope_pairs == head_dim;
        let begin = [rope_pairs, self.k_offset, self.v_offset];
        all_turn && begin.iter().all(|at| at.is_multiple_of(TILE))
    }

    /// Pairs of dimensions of all heads of a token.
    pub(crate) fn pairs(&self) -> u32 {
        (self.heads + 2 * self.kv_heads) * (self.cache.head_dim / 2)
    }

    /// The constants of `shaders/rope_kv_append/turn.wgsl`.
    pub(crate) fn describe(&self, source: &mut ShaderSource) {
        use Binding::{Read, ReadWrite};
        self.cache.describe(source);
        if self.cache.rope_pairs > 0 {
            source.set_flag("ROPE");
            source.bind("rope", Read);
        }
        source.bind("query", ReadWrite);
        source.bind("k_cache", self.cache.write());
        source.bind("v_cache", self.cache.write());
        source.bind("step", Read);
        if self.keep {
            source.set_flag("KEEP_KV");
            source.bind("kept_kv", ReadWrite);
        }
        source.constants.extend([
            ("HEADS", self.heads.into()),
            ("KV_HEADS", self.kv_heads.into()),
            ("HEAD_DIM", self.cache.head_dim.into()),
            ("ROPE_PAIRS", self.cache.rope_pairs.into()),
            ("K_OFFSET", self.k_offset.into()),
            ("V_OFFSET", self.v_offset.into()),
        ]);
        source.constants.extend(step::constants());
    }

    fn lanes(&self) -> u32 {
        match self.cache.by_pair() {
            true => LANES,
            false => HEAD_LANES,
        }
    }

    /// The shader of this permutation.
    #[must_use]
    pub fn source(&self) -> ShaderSource {
        let (name, template) = match (self.cache.is_texels(), self.cache.by_pair()) {
            (true, _) => (
                "software/rope_kv_append",
                template!("software/rope_kv_append"),
            ),
            (false, true) => ("rope_kv_append/pairs", template!("rope_kv_append/pairs")),
            (false, false) => ("rope_kv_append/bytes", template!("rope_kv_append/bytes")),
        };
        let mut source = ShaderSource {
            name,
            template,
            fragments: FRAGMENTS,
            flags: self.dtype.flags(),
            ..ShaderSource::default()
        };
        source.bind("qkv", Binding::Read);
        self.describe(&mut source);
        source.constants.extend([
            ("LANES", self.lanes().into()),
            ("QKV_STRIDE", self.qkv_stride.into()),
        ]);
        source
    }

    /// `qkv` is (tokens, qkv_stride).
    ///
    /// # Errors
    /// When the shader cannot be assembled.
    pub fn dispatch(
        &self,
        gpu: &Gpu,
        qkv: &Buffer,
        to: AppendBuffers<'_>,
    ) -> Result<Dispatch, GpuError> {
        debug_assert_eq!(self.keep, to.kept.is_some());
        let kernel = gpu.kernel(&self.source())?;
        let bindings: Vec<_> = std::iter::once(("qkv", qkv.whole()))
            .chain(to.bindings())
            .collect();
        let grid = Grid::plane(
            Extent::Fixed(match self.cache.by_pair() {
                true => (self.pairs() / self.cache.pairs_at_once()).div_ceil(LANES),
                false => self.heads + 2 * self.kv_heads,
            }),
            Extent::Tokens { per: 1 },
        );
        Dispatch::new(gpu, &kernel, &bindings, grid)
    }
}
