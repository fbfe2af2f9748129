use vitrine_gpu::{Buffer, Gpu, Recording, Usage};
use vitrine_kernels::rope_table;

use crate::{Config, ModelError};

/// Positions that a new cache has room for.
const FIRST_CAPACITY: u32 = 512;

/// Keys and values of all positions so far, and the rotary angles of all positions that fit.
///
/// Per layer one buffer for keys (after RoPE) and one for values, (capacity, kv_heads · head_dim)
/// in f32. It grows by doubling, so that a long context costs memory only when it is used.
pub struct KvCache {
    /// Keys, by layer.
    pub keys: Vec<Buffer>,
    /// Values, by layer.
    pub values: Vec<Buffer>,
    /// (cos, sin), (capacity, head_dim / 2).
    pub rope: Buffer,
    /// Positions that fit.
    pub capacity: u32,
}

impl KvCache {
    /// An empty cache.
    pub fn new(gpu: &Gpu, config: &Config) -> Result<Self, ModelError> {
        Self::with_capacity(
            gpu,
            config,
            FIRST_CAPACITY.min(config.max_position_embeddings),
        )
    }

    fn with_capacity(gpu: &Gpu, config: &Config, capacity: u32) -> Result<Self, ModelError> {
        let width = u64::from(config.num_key_value_heads) * u64::from(config.head_dim);
        let bytes = u64::from(capacity) * width * 4;
        let layers = |name: &str| -> Result<Vec<Buffer>, ModelError> {
            let buffers = (0..config.num_hidden_layers)
                .map(|layer| gpu.buffer(&format!("layers.{layer}.{name}"), bytes, Usage::Work));
            Ok(buffers.collect::<Result<_, _>>()?)
        };
        let table = rope_table(&config.inv_freq(), capacity);
        let table: &[u8] = bytemuck::cast_slice(&table);
        let rope = gpu.buffer("rope", table.len() as u64, Usage::Input)?;
        gpu.write(&rope, 0, table);
        Ok(Self {
            keys: layers("k_cache")?,
            values: layers("v_cache")?,
            rope,
            capacity,
        })
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
        let larger = Self::with_capacity(gpu, config, capacity)?;
        let mut copies = Recording::default();
        let old = self.keys.iter().chain(&self.values);
        let new = larger.keys.iter().chain(&larger.values);
        for (old, new) in old.zip(new) {
            copies.copy(old, new, 0, old.size());
        }
        gpu.submit(0, [&copies]);
        gpu.check()?;
        Ok(Some(larger))
    }
}
