//! Allocating KV cache pages for sequences.

use vitrine_kernels::Step;

use crate::kv_cache::pages_for;
use crate::plan::{Plan, PlanInputs};
use crate::{Model, ModelError, SequenceId};

impl Model {
    /// Reserves pages for `positions` positions of `id`.
    pub(crate) fn reserve(&mut self, id: SequenceId, positions: u32) -> Result<(), ModelError> {
        let context = self.config.max_position_embeddings;
        if positions > context {
            return Err(ModelError::TooLong {
                tokens: positions as usize,
                context,
            });
        }
        let held = self.sequences.get(id)?.pages.len() as u32;
        let more = pages_for(positions).saturating_sub(held);
        self.grow(more, positions)?;
        let sequence = self.sequences.get_mut(id)?;
        let new = (0..more).filter_map(|_| self.cache.pool.take());
        sequence.pages.extend(new);
        self.write_pages(id, held)
    }

    /// Writes the page table of `id` to the GPU, from page `first` on.
    pub(super) fn write_pages(&self, id: SequenceId, first: u32) -> Result<(), ModelError> {
        let pages = &self.sequences.get(id)?.pages[first as usize..];
        if !pages.is_empty() {
            let at = Step::page_at(id.0, self.page_stride(), first);
            let bytes = bytemuck::cast_slice(pages);
            self.gpu.write(&self.act.step, at, bytes);
        }
        Ok(())
    }

    /// Replaces shared pages of `id` by copies of its own.
    pub(super) fn unshare(&mut self, id: SequenceId) -> Result<(), ModelError> {
        let pages = self.sequences.get(id)?.pages.clone();
        let shared = pages
            .iter()
            .filter(|page| self.cache.pool.is_shared(**page));
        self.grow(shared.count() as u32, 0)?;
        let mut pairs = Vec::new();
        for page in &mut self.sequences.get_mut(id)?.pages {
            if self.cache.pool.is_shared(*page)
                && let Some(own) = self.cache.pool.take()
            {
                self.cache.pool.release(*page);
                pairs.push((*page, own));
                *page = own;
            }
        }
        self.cache.copy_pages(&self.gpu, &self.config, &pairs)?;
        self.write_pages(id, 0)
    }

    /// Grows cache and page tables for `pages` more pages and sequences of `positions`.
    pub(super) fn grow(&mut self, pages: u32, positions: u32) -> Result<(), ModelError> {
        let Self {
            gpu,
            config,
            weights,
            act,
            cache,
            changes,
            sequences,
            tuning,
            ..
        } = self;
        let running = sequences.all.iter().flatten().count() as u64;
        let most = running * u64::from(pages_for(config.max_position_embeddings));
        let larger = cache.grown(gpu, config, pages, most, positions)?;
        let tables = (sequences.all.len() as u32).next_power_of_two();
        if larger.is_none() && tables <= sequences.tables {
            return Ok(());
        }
        let cache = larger.as_ref().unwrap_or(cache);
        let tables = tables.max(sequences.tables);
        let step = sequences.step(gpu, cache, tables)?;
        let old = std::mem::replace(&mut act.step, step);
        let basis = PlanInputs {
            gpu,
            config,
            weights,
            act,
            cache,
            changes,
            tuning,
        };
        self.plan = match Plan::new(basis) {
            Ok(plan) => plan,
            Err(error) => {
                // The old plan is still bound to the old buffers.
                act.step = old;
                return Err(error);
            }
        };
        self.batches.clear();
        self.draw = None;
        sequences.tables = tables;
        if let Some(larger) = larger {
            self.cache = larger;
        }
        self.rebuild_inspection()
    }

    pub(super) fn page_stride(&self) -> u32 {
        pages_for(self.cache.positions)
    }
}
