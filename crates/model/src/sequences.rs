//! Several sequences in one cache.

mod passes;
mod room;

use vitrine_gpu::{Buffer, Gpu, Usage};
use vitrine_kernels::{MAX_ROWS, PAGE, Row, Step};
use vitrine_sampling::SamplingParams;

use crate::kv_cache::{KvCache, pages_for, regimes};
use crate::model::{Model, Pending};
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
}
