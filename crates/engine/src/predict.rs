//! The distribution of the next token.

use vitrine_kernels::TOP_K;
use vitrine_model::ModelError;
use vitrine_protocol::{Candidate, Distribution, Prompt, TokenPiece};

use crate::measures::logsumexp;
use crate::{Engine, EngineError};

/// A prompt and the distribution of the token after it.
#[derive(Clone, Debug, PartialEq)]
pub struct NextToken {
    /// The prompt's tokens.
    pub prompt: Vec<TokenPiece>,
    /// The distribution of the next token.
    pub distribution: Distribution,
}

impl Engine {
    /// The distribution of the token after `prompt`, with the `top` best candidates; 0 for every
    /// token of the vocabulary.
    ///
    /// # Errors
    /// When the prompt is empty, too long or cannot be encoded, or the device fails.
    pub async fn next(&mut self, prompt: &Prompt, top: u32) -> Result<NextToken, EngineError> {
        let ids = self.encode(prompt).await?;
        self.intervene(&[], &ids).await?;
        let on_gpu = (1..=TOP_K).contains(&top);
        let pending = self.model.prefill(&ids, if on_gpu { top } else { 0 })?;
        let prediction = pending.prediction().await?;
        let distribution = if on_gpu {
            self.distribution(&prediction.top, f64::from(prediction.chosen.logsumexp))
        } else {
            // The whole tensor is read only for more candidates than the GPU sorts.
            let logits = self.model.logits().await?;
            if logits.iter().any(|logit| !logit.is_finite()) {
                return Err(ModelError::NotFinite.into());
            }
            let logsumexp = logsumexp(&logits);
            let mut all: Vec<(u32, f32)> = (0..).zip(logits).collect();
            all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            if top > 0 {
                all.truncate(top as usize);
            }
            self.distribution(&all, logsumexp)
        };
        Ok(NextToken {
            prompt: ids.into_iter().map(|id| self.piece(id)).collect(),
            distribution,
        })
    }

    /// Probabilities of the best ids, and the remaining probability.
    pub(crate) fn distribution(&self, best: &[(u32, f32)], logsumexp: f64) -> Distribution {
        let top: Vec<Candidate> = best
            .iter()
            .map(|&(id, logit)| {
                let TokenPiece { token, bytes, .. } = self.piece(id);
                let probability = (f64::from(logit) - logsumexp).exp().min(1.0);
                Candidate {
                    id,
                    token,
                    bytes,
                    logit,
                    probability,
                }
            })
            .collect();
        let rest_count = self
            .model
            .config()
            .vocab_size
            .saturating_sub(top.len() as u32);
        let listed: f64 = top.iter().map(|candidate| candidate.probability).sum();
        let rest_probability = if rest_count == 0 {
            0.0
        } else {
            (1.0 - listed).max(0.0)
        };
        Distribution {
            top,
            rest_probability,
            rest_count,
        }
    }
}
