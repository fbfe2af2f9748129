//! Branches: alternative continuations of a sequence.

use vitrine_gpu::Clock;
use vitrine_model::{ModelError, SequenceId};
use vitrine_protocol::{ForkRequest, GenerateSummary, TokenPiece};

use crate::drive::{Limits, Running, Work};
use crate::{Engine, EngineError, Observer};

/// A sequence that stays in the cache so that it can be forked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Branch(SequenceId);

impl Engine {
    /// Keeps the sequence of the last generation, so that it can be forked.
    ///
    /// # Errors
    /// When there are too many branches.
    pub fn keep(&mut self) -> Result<Branch, EngineError> {
        Ok(Branch(self.model.set_aside(SequenceId::FIRST)?))
    }

    /// Removes a branch; pages that it shares with others remain.
    ///
    /// # Errors
    /// When it was removed already.
    pub fn forget(&mut self, branch: Branch) -> Result<(), EngineError> {
        Ok(self.model.end(branch.0)?)
    }

    /// Continues from the first tokens of a branch with another token, as a new branch. Keys and values of the common
    /// tokens are shared, not computed again.
    ///
    /// # Errors
    /// When the branch is shorter, the token is unknown, the context is full, there are too many branches, a setting
    /// or an intervention is invalid, or the device fails.
    pub async fn fork(
        &mut self,
        of: Branch,
        request: &ForkRequest,
        observer: &mut dyn Observer,
    ) -> Result<(Branch, GenerateSummary), EngineError> {
        let ForkRequest {
            position,
            token,
            top,
            ..
        } = *request;
        let mut prompt_ids = match position {
            0 => Vec::new(),
            kept => self.model.tokens(of.0, kept).await?,
        };
        prompt_ids.push(token);
        request.sampling.check().map_err(ModelError::from)?;
        self.prepare(&request.interventions, &prompt_ids, request.packet)
            .await?;
        // The fork inherits it, also for its first token.
        let params = Some(&request.sampling);
        self.model.set_sampling(of.0, params, position + 1)?;
        let (id, pending) = self.model.fork(of.0, position, token, top)?;
        let pieces: Vec<TokenPiece> = prompt_ids.iter().map(|id| self.piece(*id)).collect();
        observer.prompt(0, &pieces);
        let limits = Limits {
            max_new_tokens: request.max_new_tokens,
            top,
            kv_cache: true,
            context: self.model.config().max_position_embeddings,
        };
        let tokenizer = self.tokenizer.clone();
        let tokenizer = tokenizer.as_deref();
        let one = Running::new((0, id), prompt_ids, limits, tokenizer, 0.0);
        let work = Work::of_one(Clock::start(), one, pending, request.packet);
        match self.drive_one(work, tokenizer, observer).await {
            Ok(summary) => Ok((Branch(id), summary)),
            Err(error) => {
                self.model.end(id)?;
                Err(error)
            }
        }
    }
}
