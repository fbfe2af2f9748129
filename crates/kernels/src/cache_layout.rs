use vitrine_checkpoint::KvDtype;
use vitrine_gpu::{Binding, Gpu, GpuError, ShaderSource, Store, StoreKind, Usage};

use crate::{Dtype, fragment, software};

impl From<Dtype> for KvDtype {
    /// As activations are.
    fn from(dtype: Dtype) -> Self {
        match dtype {
            Dtype::F32 => Self::F32,
            Dtype::F16 => Self::F16,
        }
    }
}

/// The unit `cache` of kernels that read or write this format.
pub(crate) fn cache_unit(dtype: KvDtype) -> (&'static str, &'static str) {
    let name = match dtype {
        KvDtype::F32 => "cache/f32",
        KvDtype::F16 => "cache/f16",
        KvDtype::Q8 => "cache/q8",
    };
    ("cache", fragment(name))
}

/// Layout of a head in the KV cache (`shaders/common/kv_cache.wgsl`): pairs of dimensions, those that RoPE rotates
/// together first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheLayout {
    /// Values per head; even.
    pub head_dim: u32,
    /// Pairs that RoPE rotates: 0 without rotary positions, head_dim / 2 for all.
    pub rope_pairs: u32,
    /// Data type.
    pub dtype: KvDtype,
    /// The kind of memory. Kernels load and store four words of a texture at a time, which requires
    /// [`CacheLayout::fits_texels`].
    pub store: StoreKind,
}

impl CacheLayout {
    /// The dimensions of pair `i` of a head.
    #[must_use]
    pub fn pair_dims(&self, i: u32) -> [u32; 2] {
        if i < self.rope_pairs {
            [i, i + self.rope_pairs]
        } else {
            [2 * i, 2 * i + 1]
        }
    }

    /// Words of a head at a position.
    #[must_use]
    pub fn head_words(&self) -> u32 {
        let bytes = u64::from(self.head_dim) * self.dtype.value_bytes() + self.dtype.scale_bytes();
        (bytes / 4) as u32
    }

    /// The same layout in the memory that kernels read fastest: a texture on software adapters whose subgroups
    /// `software/attention.wgsl` can use, a storage buffer otherwise.
    #[must_use]
    pub fn placed(self, gpu: &Gpu) -> Self {
        let size = gpu.caps().subgroup_size;
        let has_lanes = size.is_some_and(|size| software::SHARED_LANES.contains(&size));
        Self {
            store: match gpu.tier().is_software() && has_lanes && self.fits_texels() {
                true => gpu.tier().weight_store(),
                false => StoreKind::Buffer,
            },
            ..self
        }
    }

    /// Whether the cache is a texture.
    #[must_use]
    pub fn is_texels(&self) -> bool {
        self.store != StoreKind::Buffer
    }

    /// Whether heads are whole texels.
    #[must_use]
    pub fn fits_texels(&self) -> bool {
        self.by_pair() && self.head_words().is_multiple_of(4)
    }

    /// Allocates an empty cache of keys or of values for this many positions.
    ///
    /// # Errors
    /// When it exceeds the adapter's limits.
    pub fn cache(
        &self,
        gpu: &Gpu,
        label: &str,
        slots: u64,
        kv_heads: u32,
    ) -> Result<Store, GpuError> {
        let bytes = slots * u64::from(kv_heads) * u64::from(self.head_words()) * 4;
        gpu.store(label, bytes, self.store, Usage::Work)
    }

    /// The constants of kernels that append to the cache.
    pub(crate) fn write(&self) -> Binding {
        match self.is_texels() {
            true => Binding::WrittenTexture,
            false => Binding::ReadWrite,
        }
    }

    /// Pairs of dimensions that are stored at once.
    pub(crate) fn pairs_at_once(&self) -> u32 {
        match (self.is_texels(), self.dtype) {
            (false, _) => 1,
            (true, KvDtype::F32) => 2,
            (true, _) => 4,
        }
    }

    /// The unit for the data type of the cache, and for a texture the constants of `shaders/software/`.
    pub(crate) fn describe(&self, source: &mut ShaderSource) {
        source.units.push(cache_unit(self.dtype));
        match self.is_texels() {
            true => software::cache::describe(self, source),
            false => source
                .units
                .push(("keys", fragment("attention/key_scores"))),
        }
    }

    /// Whether a pair can be stored without the others of its head.
    #[must_use]
    pub fn by_pair(&self) -> bool {
        self.dtype != KvDtype::Q8
    }

    /// Whether heads are whole quads of dimensions.
    fn is_wide(&self) -> bool {
        self.head_dim.is_multiple_of(4)
    }

    /// Quads of dimensions of a head; the last may be half full.
    pub(crate) fn quads(&self) -> u32 {
        self.head_dim.div_ceil(4)
    }

    /// The constants of `shaders/common/query_quads.wgsl` and `key_quads.wgsl`.
    pub(crate) fn describe_quads(&self, source: &mut ShaderSource) {
        self.describe(source);
        let elements = if self.is_wide() { 4 } else { 2 };
        source.constants.extend([
            ("HEAD_ELEMENTS", (self.head_dim / elements).into()),
            ("QUADS", self.quads().into()),
        ]);
        source.flags.extend(self.is_wide().then_some("WIDE"));
    }
}
