//! What kind of head each is.

use vitrine_model::Tap;
use vitrine_protocol::{HeadScore, HeadsReport, Prompt};

use crate::measures::head_scores;
use crate::{Engine, EngineError};

/// Probabilities that are held at a time take at most this many bytes, if one layer's do.
const BYTES: u64 = 256 << 20;

impl Engine {
    /// Scores of all heads on a prompt.
    ///
    /// # Errors
    /// When the prompt has fewer than two tokens, is too long or cannot be encoded, or the device
    /// fails.
    pub async fn head_scores(&mut self, prompt: &Prompt) -> Result<HeadsReport, EngineError> {
        let ids = self.encode(prompt)?;
        if ids.len() == 1 {
            return Err(EngineError::OneToken);
        }
        self.intervene(&[], &ids).await?;
        let config = self.model.config();
        let taps: Vec<Tap> = (0..config.num_hidden_layers())
            .map(Tap::Attentions)
            .collect();
        let per_layer = Tap::Attentions(0).bytes(config, ids.len() as u32);
        let at_once = (BYTES / per_layer.max(1)).max(1) as usize;
        let mut scores = Vec::new();
        for taps in taps.chunks(at_once) {
            let seen = self.model.trace(&ids, taps, 0, None).await?;
            for tensor in seen.tensors {
                let heads = tensor.values.chunks_exact(ids.len() * ids.len());
                for (head, probabilities) in (0..).zip(heads) {
                    let found = head_scores(probabilities, &ids).ok_or(EngineError::OneToken)?;
                    scores.push(HeadScore {
                        layer: tensor.tap.layer().unwrap_or_default(),
                        head,
                        entropy: found.entropy,
                        previous_token: found.previous_token,
                        first_token: found.first_token,
                        induction: found.induction,
                    });
                }
            }
        }
        Ok(HeadsReport {
            prompt: ids.into_iter().map(|id| self.piece(id)).collect(),
            heads: scores,
        })
    }
}
