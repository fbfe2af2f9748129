//! What is inside, for a whole prompt.

use vitrine_kernels::TOP_K;
use vitrine_model::{LensRequest, RowPrediction, Tap, Tapped};
use vitrine_protocol::{Distribution, TokenPiece, TraceRequest};

use crate::{Engine, EngineError};

/// A prompt and what was inside while the model read it.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The prompt's tokens.
    pub prompt: Vec<TokenPiece>,
    /// The tensors that were asked for, in order of the pass.
    pub tensors: Vec<Tapped>,
    /// What may follow the prompt: the 64 most probable tokens.
    pub distribution: Distribution,
    /// (layers + 1, positions): the logit lens before each layer, and what the model says in the
    /// end. Empty where nobody asked.
    pub lens: Vec<Vec<Distribution>>,
}

impl Trace {
    /// The tensor of a tap, if it was asked for.
    #[must_use]
    pub fn get(&self, tap: Tap) -> Option<&Tapped> {
        self.tensors.iter().find(|tensor| tensor.tap == tap)
    }
}

impl Engine {
    /// Reads a prompt, and hands over the tensors that were asked for.
    ///
    /// # Errors
    /// When the prompt is empty, too long or cannot be encoded; a tap, layer or head does not
    /// exist; or the device fails.
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

    /// Bytes of host memory that the tensors of a trace take.
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
