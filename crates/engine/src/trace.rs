//! Traces: activations of a whole prompt.

use vitrine_kernels::TOP_K;
use vitrine_model::{LensRequest, RowPrediction, Tap, Tapped};
use vitrine_protocol::{Distribution, TokenPiece, TraceRequest};

use crate::{Engine, EngineError};

/// A prompt and the activations of its prefill.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The prompt's tokens.
    pub prompt: Vec<TokenPiece>,
    /// The requested tensors, in the order of the pass.
    pub tensors: Vec<Tapped>,
    /// The 64 most probable next tokens.
    pub distribution: Distribution,
    /// (layers + 1, positions): the logit lens before each layer, and the final prediction. Empty if it was not
    /// requested.
    pub lens: Vec<Vec<Distribution>>,
}

impl Trace {
    /// The tensor of a tap, if it was requested.
    #[must_use]
    pub fn get(&self, tap: Tap) -> Option<&Tapped> {
        self.tensors.iter().find(|tensor| tensor.tap == tap)
    }
}

impl Engine {
    /// Runs the prefill of a prompt and returns the requested tensors.
    ///
    /// # Errors
    /// When the prompt is empty, too long or cannot be encoded, a tap, layer or head does not exist, or the device
    /// fails.
    pub async fn trace(&mut self, request: &TraceRequest) -> Result<Trace, EngineError> {
        let ids = self.encode(&request.prompt).await?;
        let taps = self.taps(&request.taps)?;
        self.intervene(&request.interventions, &ids).await?;
        let lens = request.lens.map(|top| LensRequest {
            top: top.clamp(1, TOP_K),
            targets: Vec::new(),
        });
        let seen = self.model.trace(&ids, &taps, TOP_K, lens).await?;
        let logsumexp = f64::from(seen.prediction.chosen.logsumexp);
        let of_row = |row: &RowPrediction| self.distribution(&row.top, f64::from(row.logsumexp));
        let of_layer = |rows: &Vec<RowPrediction>| rows.iter().map(of_row).collect();
        Ok(Trace {
            prompt: ids.into_iter().map(|id| self.piece(id)).collect(),
            lens: seen.lens.iter().map(of_layer).collect(),
            distribution: self.distribution(&seen.prediction.top, logsumexp),
            tensors: seen.tensors,
        })
    }

    /// Bytes of host memory of the tensors of a trace.
    ///
    /// # Errors
    /// As [`Engine::trace`] for its arguments.
    pub async fn trace_bytes(&self, request: &TraceRequest) -> Result<u64, EngineError> {
        let positions = self.encode(&request.prompt).await?.len() as u32;
        let taps = self.taps(&request.taps)?;
        let config = self.model.config();
        Ok(taps.iter().map(|tap| tap.bytes(config, positions)).sum())
    }

    fn taps(&self, names: &[String]) -> Result<Vec<Tap>, EngineError> {
        Ok(Tap::parse_list(&names.join(","), self.model.config())?)
    }
}
