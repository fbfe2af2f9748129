use vitrine_checkpoint::KvDtype;
use vitrine_gpu::{
    Binding, Buffer, Constant, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource, Store, Usage,
};

use crate::{CacheLayout, Dtype, FRAGMENTS, PAGE, software, step, template};

/// Invocations of a workgroup of `attention/reduce`.
const REDUCE_LANES: u32 = 32;
/// Invocations of a workgroup of `attention/prompt`.
const PROMPT_LANES: u32 = 128;
/// Maximum query heads of a workgroup of `attention/token`, and maximum quads of all of them in workgroup memory.
const MOST_HEADS: u32 = 8;
const MOST_TOKEN_QUADS: u32 = 512;
/// `WINDOW_KEYS` without a sliding window: above every position, and positive as an `i32`.
const NO_WINDOW: u32 = 0x7FFF_FFFF;

/// `shaders/attention/`: causal grouped-query attention of each token over the cache.
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
    /// Positions that a query attends to, itself included; `None` for all.
    pub sliding_window: Option<u32>,
    /// Layout and data type of the caches.
    pub cache: CacheLayout,
    /// Data type of queries and results.
    pub dtype: Dtype,
    /// Whether to write [`HeadStats`] too.
    pub stats: bool,
    /// Which kernel runs, and how the keys are split.
    pub shape: AttentionShape,
}

/// The attention kernel and its KV splits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionShape {
    /// Which kernel.
    pub form: AttentionForm,
    /// Maximum KV splits of a token, each read by one workgroup. With more than one, `attention/reduce.wgsl` combines
    /// them. Always 1 for [`AttentionForm::Prompt`].
    pub splits: u32,
    /// Minimum KV cache pages of a split. A token with at most these gives the same bits with one split.
    pub least_pages: u32,
}

/// The queries of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queries {
    /// Those of many consecutive tokens of a sequence.
    Prompt,
    /// Those of one token of a sequence whose keys fit one split.
    Short,
    /// Those of one token of each sequence.
    Any,
}

/// The kernels of attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttentionForm {
    /// `attention/prompt.wgsl`: tiles of queries of consecutive tokens.
    Prompt,
    /// `attention/token.wgsl`: the queries of one token.
    Token,
    /// `software/attention.wgsl`: the queries of one token over a cache in a texture. A workgroup is one subgroup of
    /// this many invocations.
    Texels(u32),
}

impl Attention {
    /// Maximum dimensions of a head: more exceed the kernels' registers and workgroup memory.
    pub const MOST_HEAD_DIM: u32 = 512;
}

impl AttentionShape {
    /// A sensible choice for this device: one split if there are many tokens or few keys, otherwise enough splits to
    /// keep the device busy. The choice does not depend on the number of sequences that decode together, so that
    /// each gets the bits that it gets alone.
    #[must_use]
    pub fn choose(gpu: &Gpu, cache: CacheLayout, kv_heads: u32, queries: Queries) -> Self {
        let form = match (cache.is_texels(), gpu.caps().subgroup_size) {
            (true, Some(lanes)) => AttentionForm::Texels(lanes),
            _ if queries == Queries::Prompt => AttentionForm::Prompt,
            _ => AttentionForm::Token,
        };
        Self {
            form,
            splits: Self::splits(gpu, kv_heads, queries),
            least_pages: Self::least_keys(gpu, kv_heads) / PAGE,
        }
    }

    /// Maximum KV splits.
    #[must_use]
    pub fn splits(gpu: &Gpu, kv_heads: u32, queries: Queries) -> u32 {
        // Workgroups of one token: a few for each core, or enough for a whole GPU.
        let wanted: u32 = gpu.tier().busy_workgroups();
        match queries {
            Queries::Prompt | Queries::Short => 1,
            Queries::Any => wanted.div_ceil(kv_heads).clamp(1, 16),
        }
    }

    /// Minimum positions of a split. A software adapter computes this many faster than it starts another kernel, and
    /// a few heads keep its cores busy.
    #[must_use]
    pub fn least_keys(gpu: &Gpu, kv_heads: u32) -> u32 {
        match gpu.tier().is_software() {
            true => kv_heads.min(4) * PAGE,
            false => PAGE,
        }
    }
}

/// The largest divisor of `n` that is at most `most`, or else 1.
pub(crate) fn divisor_at_most(n: u32, most: u32) -> u32 {
    let divides = |divisor: &u32| n.is_multiple_of(*divisor);
    (1..=n.min(most)).rev().find(divides).unwrap_or(1)
}

/// The tile of queries of a workgroup of `attention/prompt.wgsl`, from `(head_dim, query heads of a KV group)`.
struct Tile {
    /// Quads of dimensions of a head.
    quads: u32,
    /// Queries.
    rows: u32,
    /// Query heads of a token in the tile; the remaining queries are of further tokens.
    share: u32,
}

impl Tile {
    fn new(head_dim: u32, group: u32) -> Self {
        let rows = if head_dim <= 128 { 32 } else { 16 };
        Self {
            quads: head_dim.div_ceil(4),
            rows,
            share: divisor_at_most(group, rows),
        }
    }

    fn tokens(&self) -> u32 {
        self.rows / self.share
    }

    fn constants(&self) -> [(&'static str, Constant); 11] {
        let quads = self.quads;
        let row_groups = self.rows / 4;
        let key_lanes = PROMPT_LANES / row_groups;
        let quad_lanes = quads.next_power_of_two();
        let value_lanes = (PROMPT_LANES / quad_lanes).min(row_groups);
        // A row of staged quads is one quad of all keys of a page, or all quads of some keys.
        let staged_row = quads.max(PAGE + 2);
        let value_keys = 4 * (1 << (staged_row / quads).ilog2()).min(PAGE / 4);
        [
            ("ROWS", self.rows),
            ("TOKENS", self.tokens()),
            ("ROW_GROUPS", row_groups),
            ("KEY_LANES", key_lanes),
            ("LANE_KEYS", PAGE / key_lanes),
            ("QUAD_LANES", quad_lanes),
            ("VALUE_LANES", value_lanes),
            ("VALUE_GROUPS", row_groups / value_lanes),
            ("STAGED_ROW", staged_row),
            ("VALUE_KEYS", value_keys),
            ("VALUE_LOADS", (value_keys * quads).div_ceil(PROMPT_LANES)),
        ]
        .map(|(name, value)| (name, value.into()))
    }
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
    /// The first position that has it.
    pub argmax: u32,
    /// The probability of position 0.
    pub first_token: f32,
    unused: [u32; 2],
}

impl Attention {
    /// The shaders of this permutation, in the order in which they run.
    #[must_use]
    pub fn sources(&self) -> Vec<ShaderSource> {
        let mut sources = vec![self.source()];
        sources.extend(self.splits().then(|| self.reduce_source()));
        sources
    }

    /// Allocates the partial results of the splits of `tokens` tokens; `None` if keys are not split.
    ///
    /// # Errors
    /// When it exceeds the adapter's limits.
    pub fn partials(&self, gpu: &Gpu, tokens: u32) -> Result<Option<Buffer>, GpuError> {
        if !self.splits() {
            return Ok(None);
        }
        let parts = u64::from(tokens) * u64::from(self.heads) * u64::from(self.shape.splits);
        let bytes = parts * u64::from(self.cache.head_dim + 5) * 4;
        gpu.buffer("attention partials", bytes, Usage::Work)
            .map(Some)
    }

    /// `query` is (tokens, heads, pairs), the caches are (pages, kv_heads, [`PAGE`],
    /// [`CacheLayout::head_words`]);
    /// `out` becomes (tokens, out_stride), and `stats`, present if `stats` of the description is set, one [`HeadStats`]
    /// per token and head. `partials` is what [`Attention::partials`] made for as many tokens.
    ///
    /// # Errors
    /// When the shader cannot be assembled.
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a buffer of another kind"
    )]
    pub fn dispatches(
        &self,
        gpu: &Gpu,
        query: &Buffer,
        [k_cache, v_cache]: [&Store; 2],
        out: &Buffer,
        step: &Buffer,
        stats: Option<&Buffer>,
        partials: Option<&Buffer>,
    ) -> Result<Vec<Dispatch>, GpuError> {
        debug_assert_eq!(self.stats, stats.is_some());
        debug_assert_eq!(self.splits(), partials.is_some());
        let tokens = Extent::Tokens { per: 1 };
        let workgroups = self.heads / self.share() * self.shape.splits;
        let per = match self.shape.form {
            AttentionForm::Prompt => self.tile().tokens(),
            AttentionForm::Token | AttentionForm::Texels(_) => 1,
        };
        let grid = Grid::plane(Extent::Fixed(workgroups), Extent::Tokens { per });
        let kernel = gpu.kernel(&self.source())?;
        let mut results = vec![("out", out.whole())];
        results.extend(stats.map(|stats| ("stats", stats.whole())));
        let mut bindings = vec![
            ("queries", query.whole()),
            ("k_cache", k_cache.whole()),
            ("v_cache", v_cache.whole()),
            ("step", step.whole()),
        ];
        let Some(partials) = partials else {
            bindings.extend(results);
            return Ok(vec![Dispatch::new(gpu, &kernel, &bindings, grid)?]);
        };
        bindings.push(("partials", partials.whole()));
        let attention = Dispatch::new(gpu, &kernel, &bindings, grid)?;
        let kernel = gpu.kernel(&self.reduce_source())?;
        let mut bindings = vec![("parts", partials.whole()), ("step", step.whole())];
        bindings.extend(results);
        let grid = Grid::plane(Extent::Fixed(self.heads), tokens);
        let reduce = Dispatch::new(gpu, &kernel, &bindings, grid)?;
        Ok(vec![attention, reduce])
    }

    fn splits(&self) -> bool {
        self.shape.splits > 1
    }

    /// Query heads that share a key and value head.
    pub(crate) fn group(&self) -> u32 {
        self.heads / self.kv_heads
    }

    fn tile(&self) -> Tile {
        Tile::new(self.cache.head_dim, self.group())
    }

    /// Query heads of a workgroup.
    fn share(&self) -> u32 {
        match self.shape.form {
            AttentionForm::Prompt => self.tile().share,
            AttentionForm::Token => {
                let most = MOST_TOKEN_QUADS / self.cache.quads() / 4 * 4;
                divisor_at_most(self.group(), most.clamp(1, MOST_HEADS))
            }
            AttentionForm::Texels(lanes) => software::attention::texels_share(self, lanes),
        }
    }

    fn source(&self) -> ShaderSource {
        match self.shape.form {
            AttentionForm::Prompt => {
                let template = template!("attention/prompt");
                let constants = self.tile().constants();
                self.source_of("attention/prompt", template, PROMPT_LANES, &constants)
            }
            AttentionForm::Token => self.token_source(),
            AttentionForm::Texels(lanes) => software::attention::texels_source(self, lanes),
        }
    }

    fn token_source(&self) -> ShaderSource {
        let quads = self.cache.quads();
        // An invocation is a key of a page, or a quad of some values.
        let lanes = quads.next_multiple_of(PAGE);
        let row_groups = self.share().div_ceil(4);
        // Each load instruction covers at least 32 contiguous bytes of a key. An 8-bit key and its scale do not fill
        // whole sectors, so it covers more of them if the queries leave enough workgroup memory.
        let most_bytes = if 4 * row_groups * quads <= 256 {
            32
        } else {
            16
        };
        let chunk = match self.cache.dtype {
            KvDtype::F32 => 4,
            KvDtype::F16 => 8,
            KvDtype::Q8 => quads.next_multiple_of(4).min(most_bytes),
        };
        let constants = [
            ("ROW_GROUPS", row_groups.into()),
            ("KEY_GROUPS", (lanes / quads).min(4).into()),
            ("CHUNK", chunk.into()),
        ];
        let template = template!("attention/token");
        self.source_of("attention/token", template, lanes, &constants)
    }

    /// A kernel that reads queries and caches.
    pub(crate) fn source_of(
        &self,
        name: &'static str,
        template: &'static str,
        lanes: u32,
        more: &[(&'static str, Constant)],
    ) -> ShaderSource {
        use Binding::{Read, ReadWrite};
        let mut source = ShaderSource {
            name,
            template,
            fragments: FRAGMENTS,
            constants: self.constants(lanes),
            flags: self.flags(),
            ..ShaderSource::default()
        };
        self.cache.describe_quads(&mut source);
        source.constants.push(("SHARE", self.share().into()));
        source.constants.extend(more);
        let cache = self.cache.store.binding();
        source.bindings = vec![
            ("queries", Read),
            ("k_cache", cache),
            ("v_cache", cache),
            ("step", Read),
        ];
        if self.splits() {
            source.flags.push("SPLIT");
            source.bind("partials", ReadWrite);
        } else {
            source.bindings.extend(self.results());
        }
        source
    }

    fn reduce_source(&self) -> ShaderSource {
        let mut bindings = vec![("parts", Binding::Read), ("step", Binding::Read)];
        bindings.extend(self.results());
        ShaderSource {
            name: "attention/reduce",
            template: template!("attention/reduce"),
            fragments: FRAGMENTS,
            constants: self.constants(REDUCE_LANES),
            flags: self.flags(),
            bindings,
            ..ShaderSource::default()
        }
    }

    fn results(&self) -> impl Iterator<Item = (&'static str, Binding)> {
        let stats = self.stats.then_some(("stats", Binding::ReadWrite));
        std::iter::once(("out", Binding::ReadWrite)).chain(stats)
    }

    pub(crate) fn constants(&self, lanes: u32) -> Vec<(&'static str, Constant)> {
        let window = self.sliding_window.unwrap_or(NO_WINDOW);
        let mut constants = vec![
            ("LANES", lanes.into()),
            ("HEADS", self.heads.into()),
            ("KV_HEADS", self.kv_heads.into()),
            ("HEAD_DIM", self.cache.head_dim.into()),
            ("ROPE_PAIRS", self.cache.rope_pairs.into()),
            ("OUT_STRIDE", self.out_stride.into()),
            ("SCALE", self.scale.into()),
            ("SPLITS", self.shape.splits.into()),
            ("LEAST_PAGES", self.shape.least_pages.into()),
            ("WINDOW_KEYS", window.min(NO_WINDOW).into()),
        ];
        constants.extend(step::constants());
        constants
    }

    fn flags(&self) -> Vec<&'static str> {
        let mut flags = self.dtype.flags();
        flags.extend(self.stats.then_some("STATS"));
        flags
    }
}
