use vitrine_gpu::{Buffer, Gpu, Recording, Usage};
use vitrine_kernels::{CacheLayout, Dtype};

use crate::rope::RopeRegime;
use crate::{Config, ModelError};

/// Positions that a new cache has room for.
const FIRST_CAPACITY: u32 = 512;

/// Keys and values of all positions so far, and the rotary angles of all positions that fit.
///
/// Per layer one buffer for keys (after RoPE) and one for values, (capacity, kv_heads, pairs). It
/// grows by doubling, so that a long context costs memory only when it is used.
pub struct KvCache {
    /// Keys, by layer.
    pub keys: Vec<Buffer>,
    /// Values, by layer.
    pub values: Vec<Buffer>,
    /// (cos, sin), (capacity, dim / 2), for each of the model's rotary embeddings.
    pub ropes: Vec<Buffer>,
    /// The token at each position, and the one that was chosen to follow.
    pub history: Buffer,
    /// Positions that fit.
    pub capacity: u32,
    /// Number format of keys and values.
    pub dtype: Dtype,
    /// Which tables `ropes` hold.
    regimes: Vec<RopeRegime>,
}

impl KvCache {
    /// An empty cache.
    pub fn new(gpu: &Gpu, config: &Config, dtype: Dtype) -> Result<Self, ModelError> {
        let capacity = FIRST_CAPACITY.min(config.max_position_embeddings);
        let regimes = config.ropes.iter().map(|rope| rope.regime(0, 0)).collect();
        Self::with_capacity(gpu, config, dtype, regimes, capacity)
    }

    fn with_capacity(
        gpu: &Gpu,
        config: &Config,
        dtype: Dtype,
        regimes: Vec<RopeRegime>,
        capacity: u32,
    ) -> Result<Self, ModelError> {
        let width = u64::from(config.num_key_value_heads) * u64::from(config.head_dim);
        let bytes = u64::from(capacity) * width * dtype.bytes();
        let layers = |name: &str| -> Result<Vec<Buffer>, ModelError> {
            let buffers = (0..config.num_hidden_layers())
                .map(|layer| gpu.buffer(&format!("layers.{layer}.{name}"), bytes, Usage::Work));
            Ok(buffers.collect::<Result<_, _>>()?)
        };
        let table = |dim: u32| {
            let bytes = u64::from(capacity) * u64::from(dim / 2) * 8;
            gpu.buffer("rope", bytes, Usage::Input)
        };
        let ropes = config.ropes.iter().map(|rope| table(rope.dim));
        let history_bytes = (u64::from(capacity) + 1) * 4;
        let cache = Self {
            keys: layers("k_cache")?,
            values: layers("v_cache")?,
            ropes: ropes.collect::<Result<_, _>>()?,
            history: gpu.buffer("history", history_bytes, Usage::Work)?,
            capacity,
            dtype,
            regimes,
        };
        for index in 0..config.ropes.len() {
            cache.write_table(gpu, config, index);
        }
        Ok(cache)
    }

    /// How the heads of layers that turn by `rope` lie in it.
    pub fn layout(config: &Config, rope: usize) -> CacheLayout {
        CacheLayout {
            head_dim: config.head_dim,
            rope_pairs: config.ropes.get(rope).map_or(0, |rope| rope.dim / 2),
        }
    }

    /// Sets the rotary angles for a sequence that began with `prompt` positions and now has
    /// `positions`. True if they are others than before: then keys so far are worth nothing.
    pub fn turn(&mut self, gpu: &Gpu, config: &Config, prompt: u32, positions: u32) -> bool {
        let mut changed = false;
        for (index, rope) in config.ropes.iter().enumerate() {
            let regime = rope.regime(prompt, positions);
            if self.regimes[index] != regime {
                self.regimes[index] = regime;
                self.write_table(gpu, config, index);
                changed = true;
            }
        }
        changed
    }

    fn write_table(&self, gpu: &Gpu, config: &Config, index: usize) {
        let table = config.ropes[index].table(self.regimes[index], self.capacity);
        gpu.write(&self.ropes[index], 0, bytemuck::cast_slice(&table));
    }

    /// A cache for at least `positions` with this one's contents, or none if this one will do.
    pub fn grown(
        &self,
        gpu: &Gpu,
        config: &Config,
        positions: u32,
    ) -> Result<Option<Self>, ModelError> {
        if positions <= self.capacity {
            return Ok(None);
        }
        let capacity = positions
            .next_power_of_two()
            .min(config.max_position_embeddings);
        let regimes = self.regimes.clone();
        let larger = Self::with_capacity(gpu, config, self.dtype, regimes, capacity)?;
        let mut copies = Recording::default();
        let old = self.keys.iter().chain(&self.values).chain([&self.history]);
        let new = larger
            .keys
            .iter()
            .chain(&larger.values)
            .chain([&larger.history]);
        for (old, new) in old.zip(new) {
            copies.copy(old, 0, new, 0, old.size());
        }
        gpu.submit(0, [&copies]);
        gpu.check()?;
        Ok(Some(larger))
    }
}
