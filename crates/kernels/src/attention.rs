use vitrine_gpu::{
    Binding, Buffer, Constant, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource, Store, Usage,
};

use crate::{CacheLayout, Dtype, FRAGMENTS, KvDtype, PAGE, software, step, template};

/// Invocations of a workgroup of `attention/reduce`.
const REDUCE_LANES: u32 = 32;
/// Invocations of a workgroup of `attention/prompt`.
const PROMPT_LANES: u32 = 128;
/// The most query heads of a workgroup of `attention/token`, and the most quads of all of them, which lie in
/// workgroup memory.
const MOST_HEADS: u32 = 8;
const MOST_TOKEN_QUADS: u32 = 512;
/// `WINDOW_KEYS` where there is no sliding window: more than any position, and in two's complement positive.
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
    /// Positions that a query sees, itself included; all where there is no window.
    pub sliding_window: Option<u32>,
    /// How the caches are laid out, and in which numbers.
    pub cache: CacheLayout,
    /// Number format of queries and results.
    pub dtype: Dtype,
    /// Tell also how each head spread its attention.
    pub stats: bool,
    /// Which kernel, and how the work is cut.
    pub shape: AttentionShape,
}

/// Which kernel attention is, and how the keys are split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionShape {
    /// Which kernel.
    pub form: AttentionForm,
    /// Into how many splits the keys of a token are cut at most, each for a workgroup of its own; with more than
    /// one `attention/reduce.wgsl` combines them. One for [`AttentionForm::Prompt`].
    pub splits: u32,
    /// Pages that a split has at least: a token with no more is the same to the bit with one split.
    pub least_pages: u32,
}

/// Which queries there are in a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queries {
    /// Those of many tokens that follow one another in a sequence.
    Prompt,
    /// Those of one token of a sequence, with no more keys than one split has at least.
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
    /// `software/attention.wgsl`: the queries of one token over a cache that is a texture; a workgroup is a subgroup
    /// of so many invocations.
    Texels(u32),
}

impl Attention {
    /// The most dimensions of a head that kernels have registers and workgroup memory for.
    pub const MOST_HEAD_DIM: u32 = 512;
}

impl AttentionShape {
    /// A sensible choice for this device: one split where tokens are many, or their keys few, and else as many as
    /// keep it busy. The same for any number of sequences that decode together, so that each gets what it gets
    /// alone.
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

    /// Into how many splits keys are cut at most.
    #[must_use]
    pub fn splits(gpu: &Gpu, kv_heads: u32, queries: Queries) -> u32 {
        // Workgroups of one token: a few for each core, or enough for a whole GPU.
        let wanted: u32 = gpu.tier().busy_workgroups();
        match queries {
            Queries::Prompt | Queries::Short => 1,
            Queries::Any => wanted.div_ceil(kv_heads).clamp(1, 16),
        }
    }

    /// Positions of a split at least: a software adapter computes as much sooner than it begins another kernel,
    /// where a few heads keep its cores busy.
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

/// How a workgroup of `attention/prompt.wgsl` has its queries, for `(head_dim, query heads of a KV group)`.
struct Tile {
    /// Quads of dimensions of a head.
    quads: u32,
    /// Queries.
    rows: u32,
    /// Query heads among them; the others are further tokens.
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
        // A row of staged quads has a quad of all keys of a page, or all quads of some keys.
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
    /// The position that has it; of several the first.
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

    /// Room for what the splits of `tokens` tokens store; none where keys are not split.
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
    /// `out` becomes (tokens, out_stride), and `stats`, there where the description says so, one [`HeadStats`]
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

    /// Query heads that read the same keys and values.
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
        // In an instruction the invocations load 32 or more neighbouring bytes of a key; of bytes more, since a key
        // and its scale are no whole sectors, where the queries leave workgroup memory for it.
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
