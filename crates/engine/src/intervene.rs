//! Converts interventions to the model's changes.

use vitrine_model::{Change, PatchSite, Tap};
use vitrine_protocol::{Intervention, PacketParts, PatchSite as Site};

use crate::{Engine, EngineError};

impl Engine {
    /// Replaces the interventions of all passes, also in the middle of a sequence. Means are over the positions of
    /// `ids`.
    pub(crate) async fn intervene(
        &mut self,
        interventions: &[Intervention],
        ids: &[u32],
    ) -> Result<(), EngineError> {
        // Packets are requested after this.
        self.model.watch(PacketParts::default())?;
        if interventions.is_empty() && !self.intervened {
            return Ok(());
        }
        let means = self.head_means(interventions, ids).await?;
        let changes: Vec<Change> = interventions
            .iter()
            .zip(means)
            .map(|(intervention, mean)| change(intervention, mean))
            .collect();
        self.model.change(&changes)?;
        self.intervened = !changes.is_empty();
        Ok(())
    }

    /// The mean output of a head, for each intervention that needs one.
    async fn head_means(
        &mut self,
        interventions: &[Intervention],
        ids: &[u32],
    ) -> Result<Vec<Vec<f32>>, EngineError> {
        let wanted = |intervention: &Intervention| match intervention {
            Intervention::Head {
                layer,
                head,
                mean: true,
                ..
            } => Some((*layer, *head)),
            _ => None,
        };
        let mut taps: Vec<Tap> = interventions
            .iter()
            .filter_map(wanted)
            .map(|(layer, _)| Tap::HeadOut(layer))
            .collect();
        taps.sort_unstable();
        taps.dedup();
        if taps.is_empty() {
            return Ok(vec![Vec::new(); interventions.len()]);
        }
        let tapped = self.model.trace_aside(ids, &taps).await?;
        let mean = |(layer, head): (u32, u32)| -> Vec<f32> {
            let Some(tensor) = tapped.iter().find(|one| one.tap == Tap::HeadOut(layer)) else {
                return Vec::new();
            };
            let [positions, heads, head_dim] = [0, 1, 2].map(|i| tensor.shape[i]);
            let head = head as usize;
            if head >= heads {
                // The model reports the error.
                return Vec::new();
            }
            let mut sum = vec![0.0; head_dim];
            for row in tensor.values.chunks_exact(heads * head_dim) {
                for (sum, value) in sum.iter_mut().zip(&row[head * head_dim..]) {
                    *sum += value / positions as f32;
                }
            }
            sum
        };
        let means = interventions.iter().map(wanted);
        Ok(means
            .map(|wanted| wanted.map(mean).unwrap_or_default())
            .collect())
    }
}

/// Whether it needs a mean over the positions of a prompt.
pub(crate) fn asks_for_mean(intervention: &Intervention) -> bool {
    matches!(intervention, Intervention::Head { mean: true, .. })
}

fn change(intervention: &Intervention, mean: Vec<f32>) -> Change {
    match intervention {
        Intervention::Head {
            layer,
            head,
            factor,
            ..
        } => Change::Head {
            layer: *layer,
            head: *head,
            factor: *factor,
            offset: mean,
        },
        Intervention::SkipAttention { layer } => Change::SkipAttention { layer: *layer },
        Intervention::SkipMlp { layer } => Change::SkipMlp { layer: *layer },
        Intervention::Steer { layer, vector } => Change::Steer {
            layer: *layer,
            vector: vector.clone(),
        },
        Intervention::Patch {
            site,
            head,
            layer,
            positions,
            values,
        } => Change::Patch {
            site: match site {
                Site::Residual => PatchSite::Residual,
                Site::Head => PatchSite::Head(*head),
                Site::MlpOut => PatchSite::MlpOut,
            },
            layer: *layer,
            positions: positions.clone(),
            values: values.clone(),
        },
    }
}
