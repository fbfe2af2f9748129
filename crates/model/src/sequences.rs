//! Several sequences in one cache.

use std::ops::Range;

use vitrine_gpu::{Buffer, Gpu, Usage};
use vitrine_kernels::{MAX_ROWS, PAGE, Row, Step};
use vitrine_sampling::SamplingParams;

use crate::kv_cache::{KvCache, pages_for, regimes};
use crate::model::{Body, Model, Pending};
use crate::plan::{Basis, MAX_PASS, Plan};
use crate::rope::RopeRegime;
use crate::{Config, ModelError};

/// Hears of the first position and the number of tokens of each pass, while its rows are there.
pub(crate) type AfterPass<'a> = &'a mut dyn FnMut(&Model, u32, u32);

/// A sequence of a [`Model`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SequenceId(pub(crate) u32);

impl SequenceId {
    pub(crate) fn of(index: u32) -> Self {
        Self(index)
    }

    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }

    /// The one that is always there.
    pub const FIRST: Self = Self(0);
}

/// The most sequences at a time: all fit into one pass.
const MAX_SEQUENCES: usize = MAX_ROWS as usize;

/// Where a sequence stands.
#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    /// The pages that hold its positions, in order.
    pages: Vec<u32>,
    /// Positions filled so far.
    pub position: u32,
    /// How many of them it began with.
    pub prompt: u32,
    /// The rotary tables that its keys were turned by.
    pub regimes: Vec<RopeRegime>,
}

impl Sequence {
    fn new(config: &Config) -> Self {
        Self {
            pages: Vec::new(),
            position: 0,
            prompt: 0,
            regimes: regimes(config, 0, 0),
        }
    }
}

/// All sequences, and what the GPU knows of them.
pub(crate) struct Sequences {
    /// By [`SequenceId`].
    all: Vec<Option<Sequence>>,
    /// The rows that the GPU has: `argmax` moves them on, and the next step can be submitted as it
    /// is.
    pub rows: Vec<Row>,
    /// Sequences for which the GPU has a page table.
    tables: u32,
}

impl Sequences {
    pub fn new(config: &Config) -> Self {
        Self {
            all: vec![Some(Sequence::new(config))],
            rows: Vec::new(),
            tables: 1,
        }
    }

    /// The buffer of `Step`, with all that it must say.
    pub fn step(&self, gpu: &Gpu, cache: &KvCache, tables: u32) -> Result<Buffer, ModelError> {
        let page_stride = pages_for(cache.positions);
        let step = gpu.buffer("step", Step::bytes(tables, page_stride), Usage::Work)?;
        write_rows(gpu, &step, page_stride, &self.rows);
        for (index, sequence) in (0..).zip(&self.all) {
            if let Some(sequence) = sequence {
                let at = Step::page_at(index, page_stride, 0);
                gpu.write(&step, at, bytemuck::cast_slice(&sequence.pages));
            }
        }
        Ok(step)
    }

    pub fn get(&self, id: SequenceId) -> Result<&Sequence, ModelError> {
        let sequence = self.all.get(id.0 as usize).and_then(Option::as_ref);
        sequence.ok_or(ModelError::NoSuchSequence)
    }

    pub fn get_mut(&mut self, id: SequenceId) -> Result<&mut Sequence, ModelError> {
        let sequence = self.all.get_mut(id.0 as usize).and_then(Option::as_mut);
        sequence.ok_or(ModelError::NoSuchSequence)
    }
}

fn write_rows(gpu: &Gpu, step: &Buffer, page_stride: u32, rows: &[Row]) {
    let head = Step {
        n_tokens: rows.len() as u32,
        page_stride,
    };
    gpu.write(step, 0, bytemuck::bytes_of(&head));
    gpu.write(step, Step::ROWS_AT, bytemuck::cast_slice(rows));
}

impl Model {
    /// Starts a further sequence with `ids`, and predicts the token after them, with the `top` best
    /// candidates.
    ///
    /// # Errors
    /// When there are no ids, too many, or unknown ones; or there is no room for another sequence.
    pub fn start(&mut self, ids: &[u32], top: u32) -> Result<(SequenceId, Pending), ModelError> {
        self.start_sampled(ids, None, top)
    }

    /// As [`Model::start`], with tokens that are chosen by `params` from the first on.
    ///
    /// # Errors
    /// As [`Model::start`], and when a setting is out of its range.
    pub fn start_sampled(
        &mut self,
        ids: &[u32],
        params: Option<&SamplingParams>,
        top: u32,
    ) -> Result<(SequenceId, Pending), ModelError> {
        self.check_ids(ids)?;
        let id = self.open()?;
        let pending = self
            .set_sampling(id, params, ids.len() as u32)
            .and_then(|()| self.begin(id, ids, top, &mut |_, _, _| ()));
        self.or_end(id, pending)
    }

    /// Starts a further sequence with the first `position` tokens of `of` and then `token`, and
    /// predicts the token after them. The keys and values of the common tokens are not computed
    /// again: all pages that are full of them are shared.
    ///
    /// # Errors
    /// When `of` does not reach up to `position`, the context is full, the token is unknown, or
    /// there is no room for another sequence.
    pub fn fork(
        &mut self,
        of: SequenceId,
        position: u32,
        token: u32,
        top: u32,
    ) -> Result<(SequenceId, Pending), ModelError> {
        let positions = self.sequences.get(of)?.position;
        if position > positions {
            return Err(ModelError::NoSuchPosition {
                position,
                positions,
            });
        }
        self.check_ids(&[token])?;
        let id = self.open()?;
        let pending = self.branch(id, of, position, token, top);
        self.or_end(id, pending)
    }

    /// Starts a further sequence at `position`, without having read what is before it: for
    /// measurements, as [`Model::jump`].
    ///
    /// # Errors
    /// When the context has no such position, or there is no room for another sequence.
    pub fn start_at(&mut self, position: u32) -> Result<SequenceId, ModelError> {
        let id = self.open()?;
        if let Err(error) = self.place(id, position) {
            self.end(id)?;
            return Err(error);
        }
        Ok(id)
    }

    /// Makes what `id` holds a further sequence; `id` is empty then.
    ///
    /// # Errors
    /// When it has ended, or there is no room for another sequence.
    pub fn set_aside(&mut self, id: SequenceId) -> Result<SequenceId, ModelError> {
        self.sequences.get(id)?;
        let new = self.open()?;
        let empty = Sequence::new(&self.config);
        let held = std::mem::replace(self.sequences.get_mut(id)?, empty);
        *self.sequences.get_mut(new)? = held;
        self.write_pages(new, 0)?;
        Ok(new)
    }

    /// The first `n` tokens of a sequence, the one that was chosen last among them.
    ///
    /// # Errors
    /// When it has ended or has fewer tokens, or the device fails.
    pub async fn tokens(&self, id: SequenceId, n: u32) -> Result<Vec<u32>, ModelError> {
        let sequence = self.sequences.get(id)?;
        if n == 0 || n > sequence.position + 1 {
            return Err(ModelError::NoSuchPosition {
                position: n,
                positions: sequence.position,
            });
        }
        let bytes = u64::from(PAGE) * 4;
        let pages = &sequence.pages[..n.div_ceil(PAGE) as usize];
        let of = |page: &u32| self.cache.history.part(u64::from(*page) * bytes, bytes);
        let parts: Vec<Buffer> = pages.iter().map(of).collect();
        let parts: Vec<_> = parts.iter().map(|part| (part, bytes)).collect();
        let readback = self.gpu.submit_and_read(0, [], &parts);
        let mut ids: Vec<u32> = bytemuck::pod_collect_to_vec(&readback.bytes().await?);
        ids.truncate(n as usize);
        Ok(ids)
    }

    /// Ends a sequence; its pages are free for others. The first one only becomes empty.
    ///
    /// # Errors
    /// When it has ended already.
    pub fn end(&mut self, id: SequenceId) -> Result<(), ModelError> {
        self.clear(id)?;
        if id != SequenceId::FIRST {
            self.set_sampling(id, None, 0)?;
            self.sequences.all[id.0 as usize] = None;
        }
        Ok(())
    }

    /// Positions of a sequence that are in the cache.
    ///
    /// # Errors
    /// When it has ended.
    pub fn positions(&self, id: SequenceId) -> Result<u32, ModelError> {
        Ok(self.sequences.get(id)?.position)
    }

    /// Pages of the cache, each of [`PAGE`] positions, that sequences hold.
    #[must_use]
    pub fn pages_taken(&self) -> u32 {
        self.cache.pool.taken()
    }

    fn or_end(
        &mut self,
        id: SequenceId,
        pending: Result<Pending, ModelError>,
    ) -> Result<(SequenceId, Pending), ModelError> {
        match pending {
            Ok(pending) => Ok((id, pending)),
            Err(error) => {
                self.end(id)?;
                Err(error)
            }
        }
    }

    /// A place for another sequence.
    pub(crate) fn open(&mut self) -> Result<SequenceId, ModelError> {
        let all = &mut self.sequences.all;
        let free = all.iter().position(Option::is_none);
        let index = free.unwrap_or(all.len());
        if index >= MAX_SEQUENCES {
            return Err(ModelError::TooManySequences {
                most: MAX_SEQUENCES as u32,
            });
        }
        if index == all.len() {
            all.push(None);
        }
        all[index] = Some(Sequence::new(&self.config));
        let id = SequenceId(index as u32);
        match self.grow(0, 0) {
            Ok(()) => Ok(id),
            Err(error) => {
                self.sequences.all[index] = None;
                Err(error)
            }
        }
    }

    /// Makes `id` a sequence of the first `position` tokens of `of`, and of `token`.
    fn branch(
        &mut self,
        id: SequenceId,
        of: SequenceId,
        position: u32,
        token: u32,
        top: u32,
    ) -> Result<Pending, ModelError> {
        let Sequence { pages, regimes, .. } = self.sequences.get(of)?.clone();
        let positions = position + 1;
        // As if all of it were read now: where other angles belong to that, no key can be shared.
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
        self.cache.copy_pages(&self.gpu, &pairs)?;
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

    /// Makes `id` a sequence of `ids`, of which nothing is read yet, and counts them.
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
            // All keys so far were turned by other angles (`longrope` beyond its original context).
            self.unshare(id)?;
            return self.run_history(id, 0..positions, top, &mut |_, _, _| ());
        }
        self.run_history(id, positions - 1..positions, top, &mut |_, _, _| ())
    }

    /// Goes to `position` without having read what is before it.
    pub(crate) fn place(&mut self, id: SequenceId, position: u32) -> Result<(), ModelError> {
        self.clear(id)?;
        self.reserve(id, position)?;
        self.sequences.get_mut(id)?.prompt = position;
        self.turn(id, position)?;
        self.sequences.get_mut(id)?.position = position;
        Ok(())
    }

    /// Forgets what `id` holds.
    fn clear(&mut self, id: SequenceId) -> Result<(), ModelError> {
        let sequence = self.sequences.get_mut(id)?;
        sequence.position = 0;
        for page in sequence.pages.drain(..) {
            self.cache.pool.release(page);
        }
        Ok(())
    }

    /// Sets the rotary tables for `id` at this length. True if its keys so far were turned by
    /// others, and so are worth nothing.
    fn turn(&mut self, id: SequenceId, positions: u32) -> Result<bool, ModelError> {
        let sequence = self.sequences.get_mut(id)?;
        let regimes = regimes(&self.config, sequence.prompt, positions);
        let changed = sequence.regimes != regimes;
        self.cache.turn(&self.gpu, &self.config, &regimes);
        sequence.regimes = regimes;
        Ok(changed)
    }

    /// Makes room for `positions` positions of `id`.
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

    /// Tells the GPU of the pages of `id` from the `first` one on.
    fn write_pages(&self, id: SequenceId, first: u32) -> Result<(), ModelError> {
        let pages = &self.sequences.get(id)?.pages[first as usize..];
        if !pages.is_empty() {
            let at = Step::page_at(id.0, self.page_stride(), first);
            let bytes = bytemuck::cast_slice(pages);
            self.gpu.write(&self.act.step, at, bytes);
        }
        Ok(())
    }

    /// Gives `id` its own copies of pages that it shares.
    fn unshare(&mut self, id: SequenceId) -> Result<(), ModelError> {
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
        self.cache.copy_pages(&self.gpu, &pairs)?;
        self.write_pages(id, 0)
    }

    /// Makes room for `pages` more pages, for sequences of `positions`, and for the tables of all.
    fn grow(&mut self, pages: u32, positions: u32) -> Result<(), ModelError> {
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
        let basis = Basis {
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
                // The plan that there is goes on with what it is bound to.
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
        self.watch_again()
    }

    fn page_stride(&self) -> u32 {
        pages_for(self.cache.positions)
    }

    /// Writes tokens of `id` from `position` on; their pages are there.
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

    /// Computes these positions of `id` from its tokens on the GPU.
    fn run_history(
        &mut self,
        id: SequenceId,
        Range { mut start, end }: Range<u32>,
        top: u32,
        after_pass: AfterPass<'_>,
    ) -> Result<Pending, ModelError> {
        loop {
            // The last token is watched by itself.
            let apart = u32::from(self.watching.is_some() && end - start > 1);
            let n_tokens = MAX_PASS.min(end - start - apart);
            self.point_at(id, start..start + n_tokens);
            if start + n_tokens == end {
                let body = match (&self.watching, n_tokens) {
                    (Some(_), 1) => Body::Watched,
                    (None, 1) => Body::Decode,
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

    /// Notes that `id` has been read up to `position`, and that `argmax` has moved on to it.
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
