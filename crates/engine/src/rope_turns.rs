//! RoPE of a head's queries and keys.

use vitrine_inspect::rope_report;
use vitrine_model::{Tap, Tapped};
use vitrine_protocol::{Prompt, RopeTurns, Tensor, TensorData};

use crate::{Engine, EngineError};

impl Engine {
    /// The rotary embedding of a layer, and the queries of a head and the keys that it reads, before
    /// and after it: `q_proj`, `k_proj`, `q` and `k`, each (positions, head_dim).
    ///
    /// # Errors
    /// When the prompt is empty, too long or cannot be encoded, there is no such layer or head, or
    /// the device fails.
    pub async fn rope_turns(
        &mut self,
        prompt: &Prompt,
        layer: u32,
        head: u32,
    ) -> Result<(RopeTurns, Vec<Tensor>), EngineError> {
        let ids = self.encode(prompt).await?;
        let config = self.model.config();
        let last = config.num_attention_heads - 1;
        if head > last {
            return Err(vitrine_model::ModelError::NoSuchHead { head, last }.into());
        }
        let taps = [
            Tap::QProj(layer),
            Tap::KProj(layer),
            Tap::Q(layer),
            Tap::K(layer),
        ];
        taps[0].check(config)?;
        let kv_head = head / (config.num_attention_heads / config.num_key_value_heads);
        let index = config.layers[layer as usize].rope;
        let positions = ids.len() as u32;
        let (rope, inv_freq) = match config.ropes.get(index) {
            Some(rope) => {
                let regime = rope.regime(positions, positions);
                let report = rope_report(config, index, rope);
                (Some(report), rope.inv_freq_of(regime))
            }
            None => (None, Vec::new()),
        };
        self.intervene(&[], &ids).await?;
        let seen = self.model.trace(&ids, &taps, 0, None).await?;
        let of_head = |tap: &Tap| {
            let tapped = seen.tensors.iter().find(|one| one.tap == *tap)?;
            let head = match tap {
                Tap::QProj(_) | Tap::Q(_) => head,
                _ => kv_head,
            };
            Some(rows_of(tapped, head as usize))
        };
        let tensors: Vec<Tensor> = taps.iter().filter_map(of_head).collect();
        let report = RopeTurns {
            tensors: tensors.iter().map(Tensor::header).collect(),
            kv_head,
            rope,
            inv_freq,
            prompt: ids.into_iter().map(|id| self.piece(id)).collect(),
        };
        Ok((report, tensors))
    }
}

/// (positions, head_dim) of one head of (heads, positions, head_dim).
fn rows_of(tapped: &Tapped, head: usize) -> Tensor {
    let [positions, head_dim] = [1, 2].map(|i| tapped.shape[i]);
    let values = positions * head_dim;
    Tensor {
        name: tapped.tap.to_string(),
        shape: vec![positions as u32, head_dim as u32],
        data: TensorData::F32(tapped.values[head * values..][..values].to_vec()),
    }
}
