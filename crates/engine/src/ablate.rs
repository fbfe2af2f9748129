//! Ablation: the effect of heads, layers and steering on the next token.

use vitrine_protocol::{
    AblationReport, AnswerPart, Distribution, HeadEffect, Intervention, MovedToken, Prompt,
    SweepReport,
};

use crate::measures::{best, kl_divergence, log_softmax, logsumexp};
use crate::{Engine, EngineError, Observer};

/// Maximum number of tokens to list whose probability changed most.
const MOVED: usize = 10;

impl Engine {
    /// The distribution of the next token without and with the interventions, with the `top` best candidates.
    ///
    /// # Errors
    /// When the prompt is empty, too long or cannot be encoded, a layer or head does not exist, or the device fails.
    pub async fn ablate(
        &mut self,
        prompt: &Prompt,
        interventions: &[Intervention],
        top: u32,
    ) -> Result<AblationReport, EngineError> {
        let ids = self.encode(prompt).await?;
        let before = self.logits_with(&ids, &[]).await?;
        let after = self.logits_with(&ids, interventions).await;
        let after = self.lift(after).await?;
        let (was, is) = (log_softmax(&before), log_softmax(&after));
        let mut moved: Vec<(u32, f64, f64)> = (0..)
            .zip(was.iter().zip(&is))
            .map(|(id, (was, is))| (id, was.exp(), is.exp()))
            .collect();
        moved.sort_by(|a, b| (b.2 - b.1).abs().total_cmp(&(a.2 - a.1).abs()));
        moved.truncate(MOVED);
        Ok(AblationReport {
            prompt: ids.into_iter().map(|id| self.piece(id)).collect(),
            kl: kl_divergence(&before, &after),
            before: self.ranked(&before, top),
            after: self.ranked(&after, top),
            moved: moved
                .into_iter()
                .map(|(id, before, after)| MovedToken {
                    piece: self.piece(id),
                    before,
                    after,
                })
                .collect(),
        })
    }

    /// Ablates each head in turn: its output becomes zero, or with `mean` its mean over the positions.
    ///
    /// # Errors
    /// When the prompt is empty, too long or cannot be encoded, `observer` stops it, or the device
    /// fails.
    pub async fn sweep(
        &mut self,
        prompt: &Prompt,
        mean: bool,
        observer: &mut dyn Observer,
    ) -> Result<SweepReport, EngineError> {
        let ids = self.encode(prompt).await?;
        let report = self.sweep_heads(&ids, mean, observer).await;
        self.lift(report).await
    }

    async fn sweep_heads(
        &mut self,
        ids: &[u32],
        mean: bool,
        observer: &mut dyn Observer,
    ) -> Result<SweepReport, EngineError> {
        let whole = self.logits_with(ids, &[]).await?;
        let answer = best(&whole).unwrap_or_default() as usize;
        let config = self.model.config();
        let (layers, heads) = (config.num_hidden_layers(), config.num_attention_heads);
        let total = u64::from(layers) * u64::from(heads);
        let mut effects = Vec::new();
        for layer in 0..layers {
            for head in 0..heads {
                let without = Intervention::Head {
                    layer,
                    head,
                    factor: 0.0,
                    mean,
                };
                let logits = self.logits_with(ids, &[without]).await?;
                let effect = HeadEffect {
                    layer,
                    head,
                    kl: kl_divergence(&whole, &logits),
                    answer_probability: (f64::from(logits[answer]) - logsumexp(&logits)).exp(),
                };
                observer.part(AnswerPart::Head(effect.clone()));
                effects.push(effect);
                observer.step(effects.len() as u64, total)?;
            }
        }
        effects.sort_by(|a, b| b.kl.total_cmp(&a.kl));
        Ok(SweepReport {
            prompt: ids.iter().map(|id| self.piece(*id)).collect(),
            answer: self.ranked(&whole, 1).top.pop(),
            heads: effects,
        })
    }

    /// All logits at the end of the prompt, (vocab_size), with these interventions, which remain until
    /// [`Engine::lift`].
    pub(crate) async fn logits_with(
        &mut self,
        ids: &[u32],
        interventions: &[Intervention],
    ) -> Result<Vec<f32>, EngineError> {
        self.intervene(interventions, ids).await?;
        self.model.prefill(ids, 0)?.prediction().await?;
        Ok(self.model.logits().await?)
    }

    /// Removes all interventions, whether `result` is a success or an error.
    pub(crate) async fn lift<T>(
        &mut self,
        result: Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let lifted = self.intervene(&[], &[]).await;
        let value = result?;
        lifted?;
        Ok(value)
    }

    fn ranked(&self, logits: &[f32], top: u32) -> Distribution {
        let mut all: Vec<(u32, f32)> = (0..).zip(logits.iter().copied()).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        all.truncate(top as usize);
        self.distribution(&all, logsumexp(logits))
    }
}
