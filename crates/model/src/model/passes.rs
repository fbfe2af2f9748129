//! Computing the tokens of a sequence in one or several passes.

use std::ops::Range;

use vitrine_kernels::{PAGE, Row};

use crate::kv_cache::regimes;
use crate::model::{Body, Pending};
use crate::plan::MAX_PASS;
use crate::sequences::{Sequence, write_rows};
use crate::{Model, ModelError, SequenceId};

/// Called after each pass with its first position and its number of tokens, while its activations are valid.
pub(crate) type AfterPass<'a> = &'a mut dyn FnMut(&Model, u32, u32);

impl Model {
    /// Makes `id` a sequence of the first `position` tokens of `of` followed by `token`.
    pub(super) fn branch(
        &mut self,
        id: SequenceId,
        of: SequenceId,
        position: u32,
        token: u32,
        top: u32,
    ) -> Result<Pending, ModelError> {
        let Sequence { pages, regimes, .. } = self.sequences.get(of)?.clone();
        let positions = position + 1;
        // The fork counts as a prompt of this length. If that needs other angles, no key can be shared.
        let alike = regimes == self::regimes(&self.config, positions, positions);
        let shared = if alike { position / PAGE } else { 0 };
        let pages = &pages[..position.div_ceil(PAGE) as usize];
        let (shared, copied) = pages.split_at(shared as usize);
        for page in shared {
            self.cache.pool.share(*page);
        }
        *self.sequences.get_mut(id)? = Sequence {
            pages: shared.to_vec(),
            position,
            prompt: positions,
            regimes,
        };
        self.write_pages(id, 0)?;
        self.reserve(id, positions)?;
        let own = &self.sequences.get(id)?.pages[shared.len()..];
        let pairs: Vec<_> = copied.iter().copied().zip(own.iter().copied()).collect();
        self.cache.copy_pages(&self.gpu, &self.config, &pairs)?;
        self.write_history(id, position, &[token])?;
        self.inherit_sampling(id, of)?;
        let first = if self.turn(id, positions)? {
            0
        } else {
            position
        };
        self.run_history(id, first..positions, top, &mut |_, _, _| ())
    }

    /// Makes `id` a sequence of `ids`, and predicts the token after them.
    pub(crate) fn begin(
        &mut self,
        id: SequenceId,
        ids: &[u32],
        top: u32,
        after_pass: AfterPass<'_>,
    ) -> Result<Pending, ModelError> {
        let positions = self.prepare(id, ids)?;
        self.run_history(id, 0..positions, top, after_pass)
    }

    /// Makes `id` a sequence of `ids`, without computing them, and returns their number.
    pub(crate) fn prepare(&mut self, id: SequenceId, ids: &[u32]) -> Result<u32, ModelError> {
        self.check_ids(ids)?;
        let positions = ids.len() as u32;
        self.clear(id)?;
        self.reserve(id, positions)?;
        self.sequences.get_mut(id)?.prompt = positions;
        self.turn(id, positions)?;
        self.write_history(id, 0, ids)?;
        if let Some(sampler) = &mut self.sampler {
            sampler.recount(id);
        }
        Ok(positions)
    }

    /// Appends the token that the last step chose, and predicts the one after it.
    pub(crate) fn advance(&mut self, id: SequenceId, top: u32) -> Result<Pending, ModelError> {
        let positions = self.sequences.get(id)?.position + 1;
        self.reserve(id, positions)?;
        if self.turn(id, positions)? {
            // The cached keys have other angles (`longrope` beyond its original context).
            self.unshare(id)?;
            return self.run_history(id, 0..positions, top, &mut |_, _, _| ());
        }
        self.run_history(id, positions - 1..positions, top, &mut |_, _, _| ())
    }

    /// Moves `id` to `position` without computing the positions before it.
    pub(crate) fn place(&mut self, id: SequenceId, position: u32) -> Result<(), ModelError> {
        self.clear(id)?;
        self.reserve(id, position)?;
        self.sequences.get_mut(id)?.prompt = position;
        self.turn(id, position)?;
        self.sequences.get_mut(id)?.position = position;
        Ok(())
    }

    /// Empties `id` and releases its pages.
    pub(super) fn clear(&mut self, id: SequenceId) -> Result<(), ModelError> {
        let sequence = self.sequences.get_mut(id)?;
        sequence.position = 0;
        for page in sequence.pages.drain(..) {
            self.cache.pool.release(page);
        }
        Ok(())
    }

    /// Sets the rotary tables for `id` at this length. Returns whether they differ from those of its cached
    /// keys, which are invalid then.
    fn turn(&mut self, id: SequenceId, positions: u32) -> Result<bool, ModelError> {
        let sequence = self.sequences.get_mut(id)?;
        let regimes = regimes(&self.config, sequence.prompt, positions);
        let changed = sequence.regimes != regimes;
        self.cache.turn(&self.gpu, &self.config, &regimes);
        sequence.regimes = regimes;
        Ok(changed)
    }

    /// Writes tokens of `id` from `position` on, to pages that are already reserved.
    fn write_history(
        &self,
        id: SequenceId,
        mut position: u32,
        mut ids: &[u32],
    ) -> Result<(), ModelError> {
        let sequence = self.sequences.get(id)?;
        while !ids.is_empty() {
            let inside = position % PAGE;
            let (here, rest) = ids.split_at(ids.len().min((PAGE - inside) as usize));
            let page = sequence.pages[(position / PAGE) as usize];
            let at = u64::from(page * PAGE + inside) * 4;
            let bytes = bytemuck::cast_slice(here);
            self.gpu.write(&self.cache.history, at, bytes);
            position += here.len() as u32;
            ids = rest;
        }
        Ok(())
    }

    /// Computes these positions of `id` from the tokens in its history.
    fn run_history(
        &mut self,
        id: SequenceId,
        Range { mut start, end }: Range<u32>,
        top: u32,
        after_pass: AfterPass<'_>,
    ) -> Result<Pending, ModelError> {
        loop {
            // Under inspection, the last token runs in a pass of its own.
            let apart = u32::from(self.watching.is_some() && end - start > 1);
            let n_tokens = MAX_PASS.min(end - start - apart);
            self.point_at(id, start..start + n_tokens);
            if start + n_tokens == end {
                let body = match (&self.watching, n_tokens) {
                    (Some(_), 1) => Body::Watched(start),
                    (None, 1) => Body::Decode(start),
                    _ => Body::Prefill,
                };
                let pending = self.finish(id, body, n_tokens, top)?;
                self.moved_on(id, end)?;
                after_pass(self, start, n_tokens);
                return Ok(pending);
            }
            self.gpu.submit(n_tokens, [&self.plan.prefill]);
            after_pass(self, start, n_tokens);
            start += n_tokens;
        }
    }

    /// Makes these positions of `id` the rows of the next pass.
    pub(crate) fn point_at(&mut self, id: SequenceId, positions: Range<u32>) {
        let sequence = id.0;
        self.point(positions.map(|position| Row { position, sequence }));
    }

    /// Notes that `id` is computed up to `position`, to which `argmax` has advanced the row.
    pub(crate) fn moved_on(&mut self, id: SequenceId, position: u32) -> Result<(), ModelError> {
        self.sequences.get_mut(id)?.position = position;
        let sequence = id.0;
        self.sequences.rows = vec![Row { position, sequence }];
        Ok(())
    }

    /// Makes these the rows of the next pass.
    pub(crate) fn point(&mut self, rows: impl Iterator<Item = Row>) {
        let rows: Vec<Row> = rows.collect();
        if self.sequences.rows != rows {
            write_rows(&self.gpu, &self.act.step, self.page_stride(), &rows);
            self.sequences.rows = rows;
        }
    }
}
