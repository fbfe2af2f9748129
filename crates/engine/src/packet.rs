//! Converts packets to messages.

use vitrine_kernels::LOGIT_BIN;
use vitrine_model::{Packet, Prediction, Span};
use vitrine_protocol::{
    HeadPacket, LogitPacket, NeuronPacket, ResidualPacket, StageTime, TokenPacket,
};

use crate::Engine;

impl Engine {
    /// The packet of a prediction, if it was inspected.
    pub(crate) fn packet(&self, prediction: &Prediction) -> Option<TokenPacket> {
        let Packet {
            logits,
            heads,
            residual,
            neurons,
            keys,
            values,
            lens,
        } = prediction.packet.as_ref()?;
        let head = |stats: &vitrine_kernels::HeadStats| HeadPacket {
            entropy: stats.entropy,
            max: stats.max_probability,
            argmax: stats.argmax,
            first_token: stats.first_token,
        };
        let place = |&[norm, added]: &[f32; 2]| ResidualPacket { norm, added };
        let neuron = |&(id, activation): &(u32, f32)| NeuronPacket { id, activation };
        let lens = lens.iter().map(|row| {
            let logsumexp = f64::from(row.logsumexp);
            self.distribution(&row.top, logsumexp)
        });
        Some(TokenPacket {
            logsumexp: prediction.chosen.logsumexp,
            logits: logits.map(|stats| LogitPacket {
                entropy: stats.entropy,
                bin: LOGIT_BIN,
                counts: stats.counts.to_vec(),
            }),
            heads: heads
                .iter()
                .map(|heads| heads.iter().map(head).collect())
                .collect(),
            residual: residual.iter().map(place).collect(),
            neurons: neurons
                .iter()
                .map(|neurons| neurons.iter().map(neuron).collect())
                .collect(),
            keys: keys.clone(),
            values: values.clone(),
            lens: lens.collect(),
            timings: stage_times(&prediction.spans),
        })
    }
}

/// Spans in order; consecutive spans of one stage and layer are summed.
fn stage_times(spans: &[Span]) -> Vec<StageTime> {
    let alike =
        |a: &Span, b: &Span| (a.place.stage, a.place.layer) == (b.place.stage, b.place.layer);
    let of_stage = |spans: &[Span]| StageTime {
        stage: spans[0].place.stage.to_owned(),
        layer: spans[0].place.layer,
        seconds: spans.iter().map(|span| span.seconds).sum(),
    };
    spans.chunk_by(alike).map(of_stage).collect()
}
