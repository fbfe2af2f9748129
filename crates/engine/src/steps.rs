//! One prediction in detail: named tokens, the steps of sampling, and every position.

use vitrine_kernels::cpu;
use vitrine_model::ModelError;
use vitrine_protocol::{
    Draw, FilterReport, FollowingToken, NamedToken, PositionReport, Prompt, SamplingParams,
    StepsReport, TokenSteps,
};
use vitrine_sampling::{Counts, Filter, Pipeline, Stage};

use crate::measures::log_softmax;
use crate::{Engine, EngineError, NextToken};

/// Number of removed tokens to list for each filter.
const FIRST_REMOVED: usize = 3;

impl Engine {
    /// The id of a token by its text.
    ///
    /// # Errors
    /// When the text is not exactly one token.
    pub fn token_named(&self, text: &str) -> Result<u32, EngineError> {
        match self.tokenizer()?.encode(text, false)?.as_slice() {
            [id] => Ok(*id),
            ids => {
                let pieces = ids.iter().map(|id| format!("{:?}", self.text_of(*id)));
                Err(EngineError::NotOneToken {
                    text: text.to_owned(),
                    tokens: ids.len(),
                    pieces: pieces.collect::<Vec<_>>().join(" "),
                })
            }
        }
    }

    fn text_of(&self, id: u32) -> String {
        self.piece(id).token.unwrap_or_default()
    }

    /// Probability and rank of these tokens after `prompt`.
    ///
    /// # Errors
    /// When the prompt is empty, too long or cannot be encoded, a token is unknown, or the device
    /// fails.
    pub async fn named_tokens(
        &mut self,
        prompt: &Prompt,
        tokens: &[u32],
    ) -> Result<Vec<NamedToken>, EngineError> {
        Ok(self.next_and_named(prompt, 1, tokens).await?.1)
    }

    /// As [`Engine::next`], with the probabilities of these tokens.
    ///
    /// # Errors
    /// As [`Engine::next`], and when a token is unknown.
    pub async fn next_and_named(
        &mut self,
        prompt: &Prompt,
        top: u32,
        tokens: &[u32],
    ) -> Result<(NextToken, Vec<NamedToken>), EngineError> {
        let vocab = self.model.config().vocab_size;
        if let Some(&id) = tokens.iter().find(|id| **id >= vocab) {
            return Err(ModelError::UnknownToken { id, vocab }.into());
        }
        let prediction = self.next(prompt, top).await?;
        let logits = match tokens {
            [] => return Ok((prediction, Vec::new())),
            _ => self.model.logits().await?,
        };
        let log_p = log_softmax(&logits);
        let named = |&id: &u32| {
            let (logit, before) = cpu::rank(&logits, id);
            NamedToken {
                piece: self.piece(id),
                logit,
                probability: log_p[id as usize].exp(),
                rank: before + 1,
            }
        };
        let named = tokens.iter().map(named).collect();
        Ok((prediction, named))
    }

    /// Draws the token after `prompt` and reports the effect of each step on the `rows` best tokens.
    ///
    /// # Errors
    /// When the prompt is empty, too long or cannot be encoded, a setting is out of its range, or
    /// the device fails.
    pub async fn steps(
        &mut self,
        prompt: &Prompt,
        params: &SamplingParams,
        rows: u32,
    ) -> Result<StepsReport, EngineError> {
        params.check().map_err(ModelError::from)?;
        let (ids, logits) = self.logits_after(prompt).await?;
        let counts = Counts::new(logits.len(), &ids, &[]);
        let pipeline = Pipeline::new(&logits, &counts, params);
        let ranked = pipeline.ranked();
        let row = |&id: &u32| TokenSteps {
            piece: self.piece(id),
            logit: logits[id as usize],
            penalized: pipeline.penalized(id),
            scaled: pipeline.scaled(id),
            probability: pipeline.probability(id, Stage::Scaled),
            after_top_k: pipeline.probability(id, Stage::TopK),
            after_top_p: pipeline.probability(id, Stage::TopP),
            after_min_p: pipeline.probability(id, Stage::MinP),
        };
        let filters = [
            ("top_k", Filter::TopK, Stage::TopK),
            ("top_p", Filter::TopP, Stage::TopP),
            ("min_p", Filter::MinP, Stage::MinP),
        ];
        let filter = |(name, filter, stage): (&str, Filter, Stage)| {
            let removed: Vec<u32> = ranked
                .iter()
                .copied()
                .filter(|id| pipeline.removed_by(*id) == Some(filter))
                .collect();
            FilterReport {
                name: name.to_owned(),
                kept: pipeline.kept(stage).count() as u32,
                removed: removed.len() as u32,
                first_removed: removed
                    .iter()
                    .take(FIRST_REMOVED)
                    .map(|id| self.piece(*id))
                    .collect(),
            }
        };
        let drawn = pipeline.draw(ids.len() as u32);
        Ok(StepsReport {
            params: pipeline.params().clone(),
            tokens: ranked.iter().take(rows as usize).map(row).collect(),
            filters: filters.into_iter().map(filter).collect(),
            drawn: self.piece(drawn.id),
            draw: Draw {
                u: drawn.u,
                start: drawn.start,
                probability: drawn.probability,
                kept: pipeline.kept(Stage::MinP).count() as u32,
            },
        })
    }

    /// The prediction after each token of `prompt`, with the `top` best candidates and the surprisal of the actual
    /// next token.
    ///
    /// # Errors
    /// When the prompt is empty, too long or cannot be encoded, or the device fails.
    pub async fn positions(
        &mut self,
        prompt: &Prompt,
        top: u32,
    ) -> Result<Vec<PositionReport>, EngineError> {
        let ids = self.encode(prompt).await?;
        self.intervene(&[], &ids).await?;
        let mut rows = Vec::new();
        for pending in self.model.prefill_positions(&ids, top)? {
            rows.extend(pending.rows().await?);
        }
        let report = |(position, row): (usize, &vitrine_model::RowPrediction)| {
            let logsumexp = f64::from(row.logsumexp);
            let following = ids.get(position + 1).zip(row.target);
            PositionReport {
                position: position as u32,
                piece: self.piece(ids[position]),
                distribution: self.distribution(&row.top, logsumexp),
                following: following.map(|(id, target)| {
                    let nats = logsumexp - f64::from(target.logit);
                    FollowingToken {
                        piece: self.piece(*id),
                        logit: target.logit,
                        probability: (-nats).exp().min(1.0),
                        rank: target.before + 1,
                        surprisal_bits: (nats / std::f64::consts::LN_2).max(0.0),
                    }
                }),
            }
        };
        Ok(rows.iter().enumerate().map(report).collect())
    }

    /// The prompt's ids, and all logits after it.
    async fn logits_after(&mut self, prompt: &Prompt) -> Result<(Vec<u32>, Vec<f32>), EngineError> {
        let ids = self.encode(prompt).await?;
        let logits = self.logits_with(&ids, &[]).await?;
        Ok((ids, logits))
    }
}
