//! Where a prompt's answer comes from: activation patching.

use vitrine_model::Tap;
use vitrine_protocol::{AnswerPart, Intervention, PatchReport, PatchRequest, PatchSite};

use crate::measures::{LogitDifference, best, restoration};
use crate::{AskObserver, Engine, EngineError};

impl Engine {
    /// Runs the corrupt prompt once for each layer and position, with the residual stream of the
    /// clean prompt there, and says how much of the clean answer comes back.
    ///
    /// Positions before the first token that differs hold the same in both prompts, and restore
    /// nothing; they are not run.
    ///
    /// # Errors
    /// When a prompt is empty, too long or cannot be encoded; the prompts are of different length,
    /// or have the same answer; `observer` stops it; or the device fails.
    pub async fn patch(
        &mut self,
        request: &PatchRequest,
        observer: &mut dyn AskObserver,
    ) -> Result<PatchReport, EngineError> {
        let report = self.patch_all(request, observer).await;
        self.lift(report).await
    }

    async fn patch_all(
        &mut self,
        request: &PatchRequest,
        observer: &mut dyn AskObserver,
    ) -> Result<PatchReport, EngineError> {
        let clean = self.encode(&request.clean)?;
        let corrupt = self.encode(&request.corrupt)?;
        if clean.len() != corrupt.len() {
            return Err(EngineError::DifferentLengths {
                clean: clean.len(),
                corrupt: corrupt.len(),
            });
        }
        let clean_logits = self.logits_with(&clean, &[]).await?;
        let corrupt_logits = self.logits_with(&corrupt, &[]).await?;
        let chosen =
            |asked: Option<u32>, logits: &[f32]| asked.or_else(|| best(logits)).unwrap_or_default();
        let answer = chosen(request.answer, &clean_logits);
        let against = chosen(request.against, &corrupt_logits);
        let difference = |logits: &[f32]| {
            LogitDifference::of(logits, answer, against).ok_or(EngineError::NoSuchAnswer {
                id: answer.max(against),
            })
        };
        let clean_difference = difference(&clean_logits)?;
        let corrupt_difference = difference(&corrupt_logits)?;
        if answer == against || clean_difference.lead() == corrupt_difference.lead() {
            return Err(EngineError::SameAnswer);
        }

        let pieces = |ids: &[u32]| ids.iter().map(|id| self.piece(*id)).collect();
        let mut report = PatchReport {
            clean: pieces(&clean),
            corrupt: pieces(&corrupt),
            answer: self.piece(answer),
            against: self.piece(against),
            clean_difference: clean_difference.lead(),
            corrupt_difference: corrupt_difference.lead(),
            restored: Vec::new(),
        };
        observer.part(AnswerPart::PatchBegins(report.clone()));

        let layers = self.model.config().num_hidden_layers();
        self.intervene(&[], &clean).await?;
        let taps: Vec<Tap> = (0..layers).map(Tap::HiddenStates).collect();
        let residuals = self.model.trace(&clean, &taps, 0, None).await?.tensors;
        let differ = clean.iter().zip(&corrupt).position(|(a, b)| a != b);
        let first = differ.unwrap_or(clean.len());
        let total = u64::from(layers) * (clean.len() - first) as u64;
        let mut done = 0;
        for (layer, residual) in (0..layers).zip(&residuals) {
            let width = residual.shape[1];
            let mut row = vec![0.0; first];
            for (position, values) in residual.values.chunks_exact(width).enumerate().skip(first) {
                let patch = Intervention::Patch {
                    site: PatchSite::Residual,
                    head: 0,
                    layer,
                    positions: vec![position as u32],
                    values: values.to_vec(),
                };
                let logits = self.logits_with(&corrupt, &[patch]).await?;
                let share = restoration(clean_difference, corrupt_difference, difference(&logits)?);
                let share = share.ok_or(EngineError::SameAnswer)?;
                row.push(share);
                observer.part(AnswerPart::Restored {
                    layer,
                    position: position as u32,
                    share,
                });
                done += 1;
                observer.step(done, total)?;
            }
            report.restored.push(row);
        }
        Ok(report)
    }
}
