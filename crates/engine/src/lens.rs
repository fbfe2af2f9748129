//! The logit lens of a prompt.

use vitrine_kernels::TOP_K;
use vitrine_model::{LensRequest, RowPrediction};
use vitrine_protocol::{LensAnswer, LensCell, LensReport, Prompt};

use crate::measures::leads_from;
use crate::{Engine, EngineError};

impl Engine {
    /// The logit lens of all layers and positions, with the `top` best candidates and the rank of the model's final
    /// answer at that position.
    ///
    /// # Errors
    /// When the prompt is empty, too long or cannot be encoded, or the device fails.
    pub async fn lens(&mut self, prompt: &Prompt, top: u32) -> Result<LensReport, EngineError> {
        let ids = self.encode(prompt).await?;
        self.intervene(&[], &ids).await?;
        let mut answers = Vec::new();
        for pending in self.model.prefill_positions(&ids, 1)? {
            let rows = pending.rows().await?;
            answers.extend(rows.into_iter().map(|row| row.id));
        }
        let request = LensRequest {
            top: top.clamp(1, TOP_K),
            targets: answers.clone(),
        };
        let seen = self.model.trace(&ids, &[], 0, Some(request)).await?;
        let leads = (0..ids.len()).map(|position| {
            let column: Vec<u32> = seen.lens.iter().map(|layer| layer[position].id).collect();
            leads_from(&column).unwrap_or_default() as u32
        });
        let cell = |row: &RowPrediction| {
            let logsumexp = f64::from(row.logsumexp);
            let target = row.target.unwrap_or_default();
            LensCell {
                top: self.distribution(&row.top, logsumexp).top,
                answer: LensAnswer {
                    logit: target.logit,
                    probability: (f64::from(target.logit) - logsumexp).exp().min(1.0),
                    rank: target.before + 1,
                },
            }
        };
        let layers = seen.lens.iter();
        Ok(LensReport {
            leads_from: leads.collect(),
            cells: layers
                .map(|layer| layer.iter().map(cell).collect())
                .collect(),
            answers: answers.into_iter().map(|id| self.piece(id)).collect(),
            prompt: ids.into_iter().map(|id| self.piece(id)).collect(),
        })
    }
}
