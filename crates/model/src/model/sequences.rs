//! Starting, forking and ending sequences.

use vitrine_gpu::Buffer;
use vitrine_kernels::PAGE;
use vitrine_sampling::SamplingParams;

use crate::model::Pending;
use crate::sequences::{MAX_SEQUENCES, Sequence};
use crate::{Model, ModelError, SequenceId};

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
