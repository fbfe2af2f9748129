//! Activation patching.

use vitrine_model::{ModelError, Tap, Tapped};
use vitrine_protocol::{AnswerPart, Intervention, PatchReport, PatchRequest, PatchSite};

use crate::measures::{LogitDifference, best, restoration};
use crate::{Engine, EngineError, Observer};

impl Engine {
    /// Runs the corrupt prompt once for each layer and position with an activation of the clean prompt there, and
    /// reports how much of the clean answer is restored.
    ///
    /// Positions before the first differing token are equal in both prompts; they are not run.
    ///
    /// # Errors
    /// When a prompt is empty, too long or cannot be encoded; the prompts are of different length,
    /// or have the same answer; there is no such head; `observer` stops it; or the device fails.
    pub async fn patch(
        &mut self,
        request: &PatchRequest,
        observer: &mut dyn Observer,
    ) -> Result<PatchReport, EngineError> {
        let report = self.patch_all(request, observer).await;
        self.lift(report).await
    }

    async fn patch_all(
        &mut self,
        request: &PatchRequest,
        observer: &mut dyn Observer,
    ) -> Result<PatchReport, EngineError> {
        let heads = self.model.config().num_attention_heads;
        if let Some(head) = request.head.filter(|head| *head >= heads) {
            let last = heads - 1;
            return Err(ModelError::NoSuchHead { head, last }.into());
        }
        let clean = self.encode(&request.clean).await?;
        let corrupt = self.encode(&request.corrupt).await?;
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
            site: request.site,
            head: request.head,
            clean_difference: clean_difference.lead(),
            corrupt_difference: corrupt_difference.lead(),
            restored: Vec::new(),
        };
        observer.part(AnswerPart::PatchBegins(report.clone()));

        let layers = self.model.config().num_hidden_layers();
        self.intervene(&[], &clean).await?;
        let tap = match request.site {
            PatchSite::Residual => Tap::HiddenStates,
            PatchSite::Head => Tap::HeadOut,
            PatchSite::MlpOut => Tap::MlpOut,
        };
        let taps: Vec<Tap> = (0..layers).map(tap).collect();
        let sources = self.model.trace(&clean, &taps, 0, None).await?.tensors;
        let differ = clean.iter().zip(&corrupt).position(|(a, b)| a != b);
        let first = differ.unwrap_or(clean.len());
        let total = u64::from(layers) * (clean.len() - first) as u64;
        let mut done = 0;
        for (layer, source) in (0..layers).zip(&sources) {
            let mut row = vec![0.0; first];
            for position in first..clean.len() {
                let patches = patches(source, layer, position, request);
                let logits = self.logits_with(&corrupt, &patches).await?;
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

/// The change that sets a position of a layer to its value in `source`, (positions, …).
fn patches(
    source: &Tapped,
    layer: u32,
    position: usize,
    request: &PatchRequest,
) -> Vec<Intervention> {
    let width: usize = source.shape[1..].iter().product();
    let row = &source.values[position * width..(position + 1) * width];
    let patch = |(head, values): (u32, &[f32])| Intervention::Patch {
        site: request.site,
        head,
        layer,
        positions: vec![position as u32],
        values: values.to_vec(),
    };
    // The last dimension of heads is the head's own.
    let parts = row.chunks_exact(source.shape[source.shape.len() - 1]);
    let wanted = |(head, _): &(u32, &[f32])| request.head.is_none_or(|wanted| wanted == *head);
    match request.site {
        PatchSite::Head => (0..).zip(parts).filter(wanted).map(patch).collect(),
        PatchSite::Residual | PatchSite::MlpOut => vec![patch((0, row))],
    }
}
