use vitrine_gpu::shader::SUBGROUPS;
use vitrine_gpu::{
    Binding, Buffer, Constant, Dispatch, Extent, Gpu, GpuError, Grid, ShaderSource, Store, Usage,
};

use crate::{CacheLayout, Dtype, FRAGMENTS, PAGE, step, template};

/// Lanes of a workgroup that reduces.
const REDUCE_LANES: u32 = 32;
/// The most lanes-wide values that a lane keeps of the heads that share its loads; beyond, they would
/// not stay in its registers.
const MOST_PARTS: u32 = 64;
/// The same where each lane has only some of them.
const MOST_SHARED_PARTS: u32 = 16;
/// The most queries that share the loads of a page, where lanes are keys and then dimensions; and the most of
/// their values, which lie in workgroup memory as floats.
const MOST_ROWS: u32 = 16;
const MOST_ROW_VALUES: u32 = 2048;
/// The most of them that are of one token: there are not many workgroups where one decodes.
const MOST_HEADS: u32 = 8;

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
    /// How the caches are laid out, and in which numbers.
    pub cache: CacheLayout,
    /// Number format of queries and results.
    pub dtype: Dtype,
    /// Tell also how each head spread its attention.
    pub stats: bool,
    /// Which lanes do what.
    pub shape: AttentionShape,
}

/// How the work is cut for the lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttentionShape {
    /// What a lane is.
    pub form: AttentionForm,
    /// Into how many stretches the keys of a token are cut, each for a workgroup of its own; with more
    /// than one `attention_reduce.wgsl` puts them together.
    pub splits: u32,
    /// Pages that a stretch has at least: a token with no more is the same to the bit with one stretch.
    pub least_pages: u32,
    /// Tokens of a workgroup, which follow one another in a sequence; more than one for
    /// [`AttentionForm::Pages`] alone, and not with several stretches.
    pub tokens: u32,
}

/// Which queries there are in a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queries {
    /// Those of many tokens that follow one another in a sequence.
    Prompt,
    /// Those of one token, whose keys are one stretch.
    Near,
    /// Those of one token of each sequence.
    Any,
}

/// What a lane of attention is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttentionForm {
    /// A key for the scores of a page, then a part of the dimensions for its values; several queries share what
    /// is loaded, by workgroup memory (`attention.wgsl`).
    Pages,
    /// A key all the way (`attention_keys.wgsl`), where loads cost per lane.
    Keys,
    /// One of so many that are a subgroup: a key for the scores of as many keys, then a part of the dimensions
    /// for their values (`attention_texels.wgsl`). The cache is a texture.
    Texels(u32),
}

impl AttentionShape {
    /// A sensible cut for this device: one stretch where tokens are many, or their keys few, and else as many as
    /// keep it busy. The same for any number of sequences that decode together, so that each gets what it gets
    /// alone.
    #[must_use]
    pub fn choose(gpu: &Gpu, cache: CacheLayout, heads: [u32; 2], queries: Queries) -> Self {
        let [heads, kv_heads] = heads;
        let form = match (cache.is_texels(), gpu.caps().subgroup_size) {
            (true, Some(lanes)) => AttentionForm::Texels(lanes),
            _ if gpu.is_software() => AttentionForm::Keys,
            _ => AttentionForm::Pages,
        };
        let most_tokens =
            most_rows(cache.head_dim) / share_of_pages(heads / kv_heads, cache.head_dim);
        Self {
            form,
            splits: Self::splits(gpu, kv_heads, queries),
            least_pages: Self::stretch(gpu, kv_heads) / PAGE,
            tokens: match (form, queries) {
                // Passes have a multiple of so many rows of memory.
                (AttentionForm::Pages, Queries::Prompt) => 1 << most_tokens.max(1).ilog2(),
                _ => 1,
            },
        }
    }

    /// Into how many stretches keys are cut at most.
    #[must_use]
    pub fn splits(gpu: &Gpu, kv_heads: u32, queries: Queries) -> u32 {
        // Workgroups of one token: a few for each core, or enough for a whole GPU.
        let wanted: u32 = if gpu.is_software() { 16 } else { 256 };
        match queries {
            Queries::Prompt | Queries::Near => 1,
            Queries::Any => wanted.div_ceil(kv_heads).clamp(1, 16),
        }
    }

    /// Positions of a stretch at least: a processor that plays a GPU computes as much sooner than it begins
    /// another kernel, where a few heads keep its cores busy.
    #[must_use]
    pub fn stretch(gpu: &Gpu, kv_heads: u32) -> u32 {
        match gpu.is_software() {
            true => kv_heads.min(4) * PAGE,
            false => PAGE,
        }
    }
}

/// How many queries fit a workgroup that shares what it loads for them.
fn most_rows(head_dim: u32) -> u32 {
    MOST_ROWS.min(MOST_ROW_VALUES / head_dim)
}

/// How many heads of a group do.
fn share_of_pages(group: u32, head_dim: u32) -> u32 {
    divisor_at_most(group, most_rows(head_dim).min(MOST_HEADS))
}

/// The largest divisor of `n` that is at most `most`, or else 1.
fn divisor_at_most(n: u32, most: u32) -> u32 {
    let divides = |divisor: &u32| n.is_multiple_of(*divisor);
    (1..=n.min(most)).rev().find(divides).unwrap_or(1)
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

    /// Room for what the stretches of `tokens` tokens leave; none where they are not cut.
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
        let per = self.shape.tokens;
        let grid = Grid::plane(Extent::Fixed(workgroups), Extent::Tokens { per });
        let kernel = gpu.kernel(&self.source())?;
        let results: Vec<_> = [Some(out), stats].into_iter().flatten().collect();
        let caches = [k_cache.whole(), v_cache.whole()];
        let mut buffers = vec![query.whole()];
        buffers.extend(caches.into_iter().chain([step.whole()]));
        let Some(partials) = partials else {
            buffers.extend(results.into_iter().map(Buffer::whole));
            return Ok(vec![Dispatch::new(gpu, &kernel, &buffers, grid)]);
        };
        buffers.push(partials.whole());
        let attention = Dispatch::new(gpu, &kernel, &buffers, grid);
        let kernel = gpu.kernel(&self.reduce_source())?;
        let mut buffers = vec![partials.whole(), step.whole()];
        buffers.extend(results.into_iter().map(Buffer::whole));
        let grid = Grid::plane(Extent::Fixed(self.heads), tokens);
        let reduce = Dispatch::new(gpu, &kernel, &buffers, grid);
        Ok(vec![attention, reduce])
    }

    fn splits(&self) -> bool {
        self.shape.splits > 1
    }

    /// Query heads of a workgroup.
    fn share(&self) -> u32 {
        let group = self.heads / self.kv_heads;
        let parts = self.cache.head_parts();
        let most = match self.shape.form {
            AttentionForm::Pages => return share_of_pages(group, self.cache.head_dim),
            AttentionForm::Keys => MOST_PARTS,
            AttentionForm::Texels(lanes) => MOST_SHARED_PARTS * lanes,
        };
        divisor_at_most(group, most / parts)
    }

    fn source(&self) -> ShaderSource {
        use Binding::{Read, ReadWrite};
        let (name, template, lanes) = match self.shape.form {
            AttentionForm::Pages => ("attention", template!("attention"), PAGE),
            AttentionForm::Keys => ("attention_keys", template!("attention_keys"), 8),
            AttentionForm::Texels(lanes) => {
                ("attention_texels", template!("attention_texels"), lanes)
            }
        };
        let mut constants = self.constants(lanes);
        let mut flags = self.flags();
        let (parts_constants, parts_flags) = self.cache.parts();
        constants.extend(parts_constants);
        flags.extend(parts_flags);
        let parts = self.cache.head_parts();
        constants.push(("SHARE", self.share().into()));
        match self.shape.form {
            AttentionForm::Pages => {
                let rows = self.shape.tokens * self.share();
                // Where there are more lanes than parts, several have one, each for some of the queries.
                let groups = divisor_at_most(rows, lanes / parts);
                constants.extend([
                    ("TOKENS", self.shape.tokens.into()),
                    ("ROWS", rows.into()),
                    ("ROW_LANES", (lanes / rows).into()),
                    ("ROW_GROUPS", groups.into()),
                    ("GROUP_ROWS", (rows / groups).into()),
                    ("PART_LANES", parts.min(lanes).into()),
                    ("ROUNDS", parts.div_ceil(lanes).into()),
                ]);
            }
            AttentionForm::Keys => {}
            AttentionForm::Texels(_) => {
                let texels = self.cache.head_words() / 4;
                constants.push(("QUERY_ROUNDS", parts.div_ceil(lanes).into()));
                constants.push(("ROUNDS", texels.div_ceil(lanes).into()));
                flags.push(SUBGROUPS);
            }
        }
        let cache = self.cache.store.binding();
        let mut bindings = vec![Read, cache, cache, Read, ReadWrite];
        if self.splits() {
            flags.push("SPLIT");
        } else if self.stats {
            bindings.push(ReadWrite);
        }
        ShaderSource {
            name,
            template,
            fragments: FRAGMENTS,
            constants,
            flags,
            bindings,
            ..ShaderSource::default()
        }
    }

    fn reduce_source(&self) -> ShaderSource {
        use Binding::{Read, ReadWrite};
        let mut bindings = vec![Read, Read, ReadWrite];
        bindings.extend(self.stats.then_some(ReadWrite));
        ShaderSource {
            name: "attention_reduce",
            template: template!("attention_reduce"),
            fragments: FRAGMENTS,
            constants: self.constants(REDUCE_LANES),
            flags: self.flags(),
            bindings,
            ..ShaderSource::default()
        }
    }

    fn constants(&self, lanes: u32) -> Vec<(&'static str, Constant)> {
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
        ];
        constants.extend(step::constants());
        let window = self.sliding_window.map(|keys| ("WINDOW_KEYS", keys.into()));
        constants.extend(window);
        constants
    }

    fn flags(&self) -> Vec<&'static str> {
        let mut flags = self.dtype.flags();
        flags.extend(self.sliding_window.map(|_| "WINDOW"));
        flags.extend(self.stats.then_some("STATS"));
        flags
    }
}
