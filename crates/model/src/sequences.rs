//! The sequences of a model, which share one KV cache.

mod passes;
mod room;

use vitrine_checkpoint::{Config, RopeRegime};
use vitrine_gpu::{Buffer, Gpu, Usage};
use vitrine_kernels::{MAX_ROWS, PAGE, Row, Step};
use vitrine_sampling::SamplingParams;

use crate::ModelError;
use crate::kv_cache::{KvCache, pages_for, regimes};
use crate::model::{Model, Pending};

/// Called after each pass with its first position and its number of tokens, while its activations are valid.
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

    /// The sequence that always exists.
    pub const FIRST: Self = Self(0);
}

/// Maximum number of sequences, so that all fit into one pass.
const MAX_SEQUENCES: usize = MAX_ROWS as usize;

/// The state of a sequence.
#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    /// The pages that hold its positions, in order.
    pages: Vec<u32>,
    /// Positions filled so far.
    pub position: u32,
    /// How many of them it began with.
    pub prompt: u32,
    /// The rotary tables that its keys were rotated with.
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

/// All sequences, and the state of their rows and page tables on the GPU.
pub(crate) struct Sequences {
    /// By [`SequenceId`].
    all: Vec<Option<Sequence>>,
    /// The rows on the GPU. `argmax` advances them there, so the next step needs no upload.
    pub rows: Vec<Row>,
    /// Number of page tables on the GPU.
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

    /// Makes the buffer of `Step` with the current rows and page tables.
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
    /// Starts another sequence with `ids`, and predicts the token after them, with the `top` best
    /// candidates.
    ///
    /// # Errors
    /// When there are no ids, too many, or unknown ones; there are too many sequences; or GPU memory runs out.
    pub fn start(&mut self, ids: &[u32], top: u32) -> Result<(SequenceId, Pending), ModelError> {
        self.start_sampled(ids, None, top)
    }

    /// As [`Model::start`], with tokens sampled by `params` from the first on.
    ///
    /// # Errors
    /// As [`Model::start`], and when a setting is out of range.
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

    /// Starts another sequence with the first `position` tokens of `of` followed by `token`, and
    /// predicts the token after them. Keys and values of the common tokens are not computed again,
    /// unless the rotary angles differ: full pages are shared.
    ///
    /// # Errors
    /// When `of` has fewer than `position` positions, the context is full, the token is unknown, there
    /// are too many sequences, or GPU memory runs out.
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

    /// Starts another sequence at `position` without computing the positions before it: for
    /// measurements, as [`Model::jump`].
    ///
    /// # Errors
    /// When the context has no such position, there are too many sequences, or GPU memory runs out.
    pub fn start_at(&mut self, position: u32) -> Result<SequenceId, ModelError> {
        let id = self.open()?;
        if let Err(error) = self.place(id, position) {
            self.end(id)?;
            return Err(error);
        }
        Ok(id)
    }

    /// Moves the contents of `id` to a new sequence and leaves `id` empty.
    ///
    /// # Errors
    /// When `id` has ended, there are too many sequences, or GPU memory runs out.
    pub fn set_aside(&mut self, id: SequenceId) -> Result<SequenceId, ModelError> {
        self.sequences.get(id)?;
        let new = self.open()?;
        let empty = Sequence::new(&self.config);
        let held = std::mem::replace(self.sequences.get_mut(id)?, empty);
        *self.sequences.get_mut(new)? = held;
        self.write_pages(new, 0)?;
        Ok(new)
    }

    /// Reads back the first `n` tokens of a sequence; the token chosen last counts as one.
    ///
    /// # Errors
    /// When the sequence has ended or has fewer tokens, or the device fails.
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

    /// Ends a sequence and releases its pages. The first sequence stays, empty.
    ///
    /// # Errors
    /// When it has already ended.
    pub fn end(&mut self, id: SequenceId) -> Result<(), ModelError> {
        self.clear(id)?;
        if id != SequenceId::FIRST {
            self.set_sampling(id, None, 0)?;
            self.sequences.all[id.0 as usize] = None;
        }
        Ok(())
    }

    /// The number of positions of a sequence in the cache.
    ///
    /// # Errors
    /// When it has ended.
    pub fn positions(&self, id: SequenceId) -> Result<u32, ModelError> {
        Ok(self.sequences.get(id)?.position)
    }

    /// The number of KV cache pages, each of [`PAGE`] positions, that sequences hold.
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

    /// Opens another sequence, which is empty.
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
