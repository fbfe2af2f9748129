//! Branches: other ways that a sequence could have gone.

use vitrine_model::{ModelError, SequenceId};
use vitrine_protocol::{ForkRequest, GenerateSummary, TokenPiece, TokenStep};

use crate::packet::wanted;
use crate::{BatchObserver, Engine, EngineError, Observer};

/// A sequence that stays in the cache, to be forked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Branch(SequenceId);

impl Engine {
    /// Keeps what the last generation read and wrote, so that it can be forked.
    ///
    /// # Errors
    /// When there are too many branches.
    pub fn keep(&mut self) -> Result<Branch, EngineError> {
        Ok(Branch(self.model.set_aside(SequenceId::FIRST)?))
    }

    /// Forgets a branch; what it shares with others stays.
    ///
    /// # Errors
    /// When it is forgotten already.
    pub fn forget(&mut self, branch: Branch) -> Result<(), EngineError> {
        Ok(self.model.end(branch.0)?)
    }

    /// Takes the first tokens of a branch and another one, and goes on from there: a branch of its
    /// own. The keys and values of the common tokens are shared and not computed again.
    ///
    /// # Errors
    /// When the branch does not reach so far, the token is unknown, the context is full, there are
    /// too many branches, a setting or an intervention cannot be, or the device fails.
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
        self.intervene(&request.interventions, &prompt_ids).await?;
        self.model.watch(wanted(request.packet))?;
        // The fork inherits it, for its first token too.
        let params = Some(&request.sampling);
        self.model.set_sampling(of.0, params, position + 1)?;
        let (id, pending) = self.model.fork(of.0, position, token, top)?;
        let outcome = async {
            let pieces: Vec<TokenPiece> = prompt_ids.iter().map(|id| self.piece(*id)).collect();
            observer.prompt(&pieces);
            let mut only = Only(observer);
            self.go_on(id, prompt_ids, pending, request, &mut only)
                .await
        };
        match outcome.await {
            Ok(Some(summary)) => Ok((Branch(id), summary)),
            Ok(None) => Err(ModelError::NoSuchSequence.into()),
            Err(error) => {
                self.model.end(id)?;
                Err(error)
            }
        }
    }
}

/// Tells of the only sequence of a batch.
struct Only<'a>(&'a mut dyn Observer);

impl BatchObserver for Only<'_> {
    fn token(&mut self, _sequence: usize, step: &TokenStep) {
        self.0.token(step);
    }

    fn stop_requested(&mut self) -> bool {
        self.0.stop_requested()
    }
}
