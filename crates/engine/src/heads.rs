//! Head scores and attention thumbnails.

use vitrine_model::{Tap, Tapped};
use vitrine_protocol::{
    HeadScore, HeadsReport, LayerAttention, Prompt, Tensor, TensorData, ThumbnailsReport,
};

use crate::measures::{head_scores, max_pool};
use crate::{Engine, EngineError, Observer};

/// Maximum bytes of attention probabilities in memory at a time, unless a single layer exceeds it.
const BYTES: u64 = 128 << 20;

impl Engine {
    /// Scores of all heads on a prompt.
    ///
    /// # Errors
    /// When the prompt has fewer than two tokens, is too long or cannot be encoded, `observer` stops
    /// it, or the device fails.
    pub async fn head_scores(
        &mut self,
        prompt: &Prompt,
        observer: &mut dyn Observer,
    ) -> Result<HeadsReport, EngineError> {
        let ids = self.encode(prompt).await?;
        if ids.len() == 1 {
            return Err(EngineError::OneToken);
        }
        let mut scores = Vec::new();
        let mut look = |tensor: &Tapped| scores.extend(scores_of(tensor, &ids));
        self.attentions(&ids, &mut look, observer).await?;
        Ok(HeadsReport {
            prompt: ids.into_iter().map(|id| self.piece(id)).collect(),
            heads: scores,
        })
    }

    /// Thumbnails of the attention of all heads, (layers, heads, side, side), with the scores of the heads. `side` is
    /// at most the number of positions.
    ///
    /// # Errors
    /// When the prompt is empty, too long or cannot be encoded, there would be too many cells,
    /// `observer` stops it, or the device fails.
    pub async fn attention_thumbnails(
        &mut self,
        prompt: &Prompt,
        side: u32,
        observer: &mut dyn Observer,
    ) -> Result<(ThumbnailsReport, Vec<Tensor>), EngineError> {
        let ids = self.encode(prompt).await?;
        let side = side.clamp(1, (ids.len() as u32).max(1));
        let config = self.model.config();
        let shape = [
            config.num_hidden_layers(),
            config.num_attention_heads,
            side,
            side,
        ];
        crate::ask::allow(shape.into_iter().map(u64::from).product())?;
        let mut cells = Vec::new();
        let mut heads = Vec::new();
        let mut look = |tensor: &Tapped| {
            for matrix in tensor.values.chunks_exact(ids.len() * ids.len()) {
                cells.extend(max_pool(matrix, ids.len(), side as usize));
            }
            heads.extend(scores_of(tensor, &ids));
        };
        self.attentions(&ids, &mut look, observer).await?;
        let tensor = Tensor {
            name: "attentions".to_owned(),
            shape: shape.to_vec(),
            data: TensorData::U8(cells),
        };
        let report = ThumbnailsReport {
            prompt: ids.into_iter().map(|id| self.piece(id)).collect(),
            tensors: vec![tensor.header()],
            heads,
        };
        Ok((report, vec![tensor]))
    }

    /// The attention of all heads of a layer, (heads, positions, positions), with their scores.
    ///
    /// # Errors
    /// When the prompt is empty, too long or cannot be encoded, there is no such layer, the tensor
    /// is too large, or the device fails.
    pub async fn layer_attention(
        &mut self,
        prompt: &Prompt,
        layer: u32,
    ) -> Result<(LayerAttention, Vec<Tensor>), EngineError> {
        let ids = self.encode(prompt).await?;
        let tap = Tap::Attentions(layer);
        tap.check(self.model.config())?;
        crate::ask::allow(tap.bytes(self.model.config(), ids.len() as u32))?;
        self.intervene(&[], &ids).await?;
        let seen = self.model.trace(&ids, &[tap], 0, None).await?;
        let heads = seen.tensors.iter().flat_map(|it| scores_of(it, &ids));
        let heads = heads.collect();
        let tensors: Vec<Tensor> = seen.tensors.into_iter().map(Tensor::from).collect();
        let report = LayerAttention {
            prompt: ids.into_iter().map(|id| self.piece(id)).collect(),
            tensors: tensors.iter().map(Tensor::header).collect(),
            heads,
        };
        Ok((report, tensors))
    }

    /// Calls `visit` with the attention of each layer, (heads, positions, positions); a few layers are in memory at a
    /// time.
    async fn attentions(
        &mut self,
        ids: &[u32],
        look: &mut dyn FnMut(&Tapped),
        observer: &mut dyn Observer,
    ) -> Result<(), EngineError> {
        self.intervene(&[], ids).await?;
        let config = self.model.config();
        let layers = config.num_hidden_layers();
        let taps: Vec<Tap> = (0..layers).map(Tap::Attentions).collect();
        let per_layer = Tap::Attentions(0).bytes(config, ids.len() as u32);
        let at_once = (BYTES / per_layer.max(1)).max(1) as usize;
        let mut done = 0;
        for taps in taps.chunks(at_once) {
            let seen = self.model.trace(ids, taps, 0, None).await?;
            seen.tensors.iter().for_each(&mut *look);
            done += taps.len() as u64;
            observer.step(done, u64::from(layers))?;
        }
        Ok(())
    }
}

/// Scores of the heads of a layer; empty for a single token.
fn scores_of(tensor: &Tapped, ids: &[u32]) -> Vec<HeadScore> {
    let heads = tensor.values.chunks_exact(ids.len() * ids.len());
    let score = |(head, probabilities)| {
        let found = head_scores(probabilities, ids)?;
        Some(HeadScore {
            layer: tensor.tap.layer().unwrap_or_default(),
            head,
            entropy: found.entropy,
            previous_token: found.previous_token,
            first_token: found.first_token,
            induction: found.induction,
        })
    };
    (0..).zip(heads).filter_map(score).collect()
}
