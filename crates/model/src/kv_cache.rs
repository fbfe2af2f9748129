use vitrine_checkpoint::{Config, KvDtype, RopeRegime};
use vitrine_gpu::{Bound, Buffer, Gpu, Recording, Store, StoreKind, Usage};
use vitrine_kernels::{CacheLayout, PAGE};

use crate::ModelError;
use crate::page_pool::PagePool;

/// Positions of a new cache.
const FIRST_CAPACITY: u32 = 512;

/// Keys and values of all sequences, and the rotary angles of all positions that fit.
///
/// Each layer has one buffer or texture for keys (after RoPE) and one for values, (pages, kv_heads, [`PAGE`],
/// [`CacheLayout::head_words`]). A sequence holds pages in any order, and sequences with a common beginning share
/// them. The cache grows by doubling, so that a long context costs memory only when it is used.
pub struct KvCache {
    /// Keys, by layer.
    pub keys: Vec<Store>,
    /// Values, by layer.
    pub values: Vec<Store>,
    /// The token at each position, and the one chosen to follow; paged like the keys.
    pub history: Buffer,
    /// (cos, sin), (positions, dim / 2), for each of the model's rotary embeddings.
    pub ropes: Vec<Buffer>,
    /// The free and taken pages.
    pub pool: PagePool,
    /// Positions that a sequence can have before the tables must grow.
    pub positions: u32,
    /// Data type of keys and values.
    pub dtype: KvDtype,
    /// The tables in `ropes`.
    regimes: Vec<RopeRegime>,
}

/// Pages of a sequence of `positions` positions and of the token chosen to follow.
pub fn pages_for(positions: u32) -> u32 {
    positions / PAGE + 1
}

impl KvCache {
    /// An empty cache.
    pub fn new(gpu: &Gpu, config: &Config, dtype: KvDtype) -> Result<Self, ModelError> {
        let positions = FIRST_CAPACITY.min(config.max_position_embeddings);
        let regimes = regimes(config, 0, 0);
        let pool = PagePool::new(pages_for(positions - 1));
        Self::with(gpu, config, dtype, regimes, pool, positions)
    }

    fn with(
        gpu: &Gpu,
        config: &Config,
        dtype: KvDtype,
        regimes: Vec<RopeRegime>,
        pool: PagePool,
        positions: u32,
    ) -> Result<Self, ModelError> {
        let slots = u64::from(pool.capacity()) * u64::from(PAGE);
        let layers = |name: &str| -> Result<Vec<Store>, ModelError> {
            let layers = config.layers.iter().zip(0..).map(|(layer, number)| {
                let layout = layout(gpu, config, layer.rope, dtype);
                let label = format!("layers.{number}.{name}");
                layout.cache(gpu, &label, slots, config.num_key_value_heads)
            });
            Ok(layers.collect::<Result<_, _>>()?)
        };
        let table = |dim: u32| {
            let bytes = u64::from(positions) * u64::from(dim / 2) * 8;
            gpu.buffer("rope", bytes, Usage::Input)
        };
        let ropes = config.ropes.iter().map(|rope| table(rope.dim));
        let cache = Self {
            keys: layers("k_cache")?,
            values: layers("v_cache")?,
            history: gpu.buffer("history", slots * 4, Usage::Work)?,
            ropes: ropes.collect::<Result<_, _>>()?,
            pool,
            positions,
            dtype,
            regimes,
        };
        for index in 0..config.ropes.len() {
            cache.write_table(gpu, config, index);
        }
        Ok(cache)
    }

    /// The layout of heads in layers with this rotary embedding.
    pub fn layout(&self, gpu: &Gpu, config: &Config, rope: usize) -> CacheLayout {
        layout(gpu, config, rope, self.dtype)
    }

    /// Writes the rotary tables of these regimes, where they differ from the current ones.
    pub fn turn(&mut self, gpu: &Gpu, config: &Config, regimes: &[RopeRegime]) {
        for (index, regime) in regimes.iter().enumerate() {
            if self.regimes[index] != *regime {
                self.regimes[index] = *regime;
                self.write_table(gpu, config, index);
            }
        }
    }

    fn write_table(&self, gpu: &Gpu, config: &Config, index: usize) {
        let table = config.ropes[index].table(self.regimes[index], self.positions);
        gpu.write(&self.ropes[index], 0, bytemuck::cast_slice(&table));
    }

    /// Returns a cache with this one's contents, at least `free` free pages, and tables for sequences of
    /// `positions`; `None` if this one suffices. Doubling stops at `most` pages in total.
    pub fn grown(
        &self,
        gpu: &Gpu,
        config: &Config,
        free: u32,
        most: u64,
        positions: u32,
    ) -> Result<Option<Self>, ModelError> {
        let wanted = self.pool.taken() + free;
        if wanted <= self.pool.capacity() && positions <= self.positions {
            return Ok(None);
        }
        let mut pool = self.pool.clone();
        if wanted > pool.capacity() {
            let most = u32::try_from(most).unwrap_or(u32::MAX);
            pool.grow(wanted.next_power_of_two().min(most.max(wanted)));
        }
        let positions = positions.max(self.positions);
        let positions = positions.next_power_of_two();
        let positions = positions.min(config.max_position_embeddings);
        let larger = Self::with(
            gpu,
            config,
            self.dtype,
            self.regimes.clone(),
            pool,
            positions,
        )?;
        let mut copies = Recording::default();
        for (old, new) in self.paged().zip(larger.paged()) {
            copies.copy(old, 0, new, 0, old.bytes().min(new.bytes()));
        }
        gpu.submit(0, [&copies]);
        gpu.check()?;
        Ok(Some(larger))
    }

    /// Copies pages, in pairs of source and target.
    pub fn copy_pages(
        &self,
        gpu: &Gpu,
        config: &Config,
        pairs: &[(u32, u32)],
    ) -> Result<(), ModelError> {
        let tokens = u64::from(PAGE);
        let of_layer = tokens * self.dtype.bytes_per_layer(config) / 2;
        let scratch = gpu.buffer("copied page", of_layer.max(tokens * 4), Usage::Work)?;
        let mut copies = Recording::default();
        let mut copy = |paged: Bound<'_>, bytes: u64| {
            // Some browsers cannot copy within one buffer, and none can within one texture.
            for &(from, to) in pairs {
                copies.copy(paged, u64::from(from) * bytes, &scratch, 0, bytes);
                copies.copy(&scratch, 0, paged, u64::from(to) * bytes, bytes);
            }
        };
        for layer in self.layers() {
            copy(layer, of_layer);
        }
        copy(self.history.whole(), tokens * 4);
        gpu.submit(0, [&copies]);
        Ok(())
    }

    /// The keys and values of all layers.
    fn layers(&self) -> impl Iterator<Item = Bound<'_>> {
        self.keys.iter().chain(&self.values).map(Store::whole)
    }

    /// Everything that is paged.
    fn paged(&self) -> impl Iterator<Item = Bound<'_>> {
        self.layers().chain([self.history.whole()])
    }
}

fn layout(gpu: &Gpu, config: &Config, rope: usize, dtype: KvDtype) -> CacheLayout {
    let layout = CacheLayout {
        head_dim: config.head_dim,
        rope_pairs: config.ropes.get(rope).map_or(0, |rope| rope.dim / 2),
        dtype,
        store: StoreKind::Buffer,
    };
    layout.placed(gpu)
}

/// The rotary tables for a sequence of `positions` positions that began with a prompt of `prompt`.
pub fn regimes(config: &Config, prompt: u32, positions: u32) -> Vec<RopeRegime> {
    let ropes = config.ropes.iter();
    ropes.map(|rope| rope.regime(prompt, positions)).collect()
}
