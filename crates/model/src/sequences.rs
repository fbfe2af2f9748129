//! The sequences of a model, which share one KV cache.

use vitrine_checkpoint::{Config, RopeRegime};
use vitrine_gpu::{Buffer, Gpu, Usage};
use vitrine_kernels::{MAX_ROWS, Row, Step};

use crate::ModelError;
use crate::kv_cache::{KvCache, pages_for, regimes};

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
pub(crate) const MAX_SEQUENCES: usize = MAX_ROWS as usize;

/// The state of a sequence.
#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    /// The pages that hold its positions, in order.
    pub pages: Vec<u32>,
    /// Positions filled so far.
    pub position: u32,
    /// How many of them it began with.
    pub prompt: u32,
    /// The rotary tables that its keys were rotated with.
    pub regimes: Vec<RopeRegime>,
}

impl Sequence {
    pub fn new(config: &Config) -> Self {
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
    pub all: Vec<Option<Sequence>>,
    /// The rows on the GPU. `argmax` advances them there, so the next step needs no upload.
    pub rows: Vec<Row>,
    /// Number of page tables on the GPU.
    pub tables: u32,
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

pub(crate) fn write_rows(gpu: &Gpu, step: &Buffer, page_stride: u32, rows: &[Row]) {
    let head = Step {
        n_tokens: rows.len() as u32,
        page_stride,
    };
    gpu.write(step, 0, bytemuck::bytes_of(&head));
    gpu.write(step, Step::ROWS_AT, bytemuck::cast_slice(rows));
}
