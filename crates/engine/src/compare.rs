//! Comparison of weight formats on one text.

use vitrine_checkpoint::{KvDtype, Quantize};
use vitrine_model::{Dtype, LoadOptions, Tap};
use vitrine_protocol::{
    CompareFormat, CompareReport, CompareRequest, FormatPosition, FormatRow, GenerateRequest,
    ModelReport, Prompt, SamplingParams, TraceRequest,
};

use crate::measures::{best, kl_divergence, log_softmax};
use crate::{Engine, EngineError};

/// The formats compared so far. The caller loads the model in one format after the other, because two may not fit in
/// memory.
pub struct Comparison {
    prompt: Prompt,
    max_new_tokens: u32,
    /// Maximum bytes of logits.
    most_bytes: u64,
    reference: Option<Reference>,
    rows: Vec<FormatRow>,
}

/// The text and the logits of the first format.
struct Reference {
    prompt: usize,
    ids: Vec<u32>,
    /// (positions, vocab_size).
    logits: Vec<f32>,
}

/// Display name of a format.
#[must_use]
pub fn format_name(format: CompareFormat) -> &'static str {
    match format {
        CompareFormat::F32 => "f32",
        CompareFormat::F16 => "f16",
        CompareFormat::KvQ8 => "kv-q8",
        CompareFormat::A8 => "a8",
        CompareFormat::Q8 => "q8",
        CompareFormat::Q4 => "q4",
        CompareFormat::Q4Group128 => "q4-128",
    }
}

/// Load options for a format; `usual` supplies the rest.
#[must_use]
pub fn options_of(format: CompareFormat, usual: &LoadOptions) -> LoadOptions {
    let mut options = usual.clone();
    options.kv_dtype = (format == CompareFormat::KvQ8).then_some(KvDtype::Q8);
    let (dtype, projections) = match format {
        CompareFormat::F32 => (Dtype::F32, None),
        CompareFormat::F16 => (Dtype::F16, None),
        CompareFormat::KvQ8 | CompareFormat::A8 => (usual.dtype, None),
        CompareFormat::Q8 => (usual.dtype, Some(Quantize::Q8)),
        CompareFormat::Q4 => (usual.dtype, Some(Quantize::Q4)),
        CompareFormat::Q4Group128 => (usual.dtype, Some(Quantize::Q4Group128)),
    };
    options.dtype = dtype;
    options.pack_activations = format == CompareFormat::A8;
    options.quantization.projections = projections;
    options.quantization.tables &= projections.is_some();
    options
}

/// Refuses formats without an effect: those that quantise weights which are already quantised.
///
/// # Errors
/// When there is such a format.
pub fn check_formats(formats: &[CompareFormat], model: &ModelReport) -> Result<(), EngineError> {
    let of_weights = [
        CompareFormat::Q8,
        CompareFormat::Q4,
        CompareFormat::Q4Group128,
    ];
    let mut quantising = formats.iter().filter(|format| of_weights.contains(format));
    let most = model.formats.iter().max_by_key(|share| share.weights);
    let already = most.map_or("", |share| &share.format);
    match quantising.next() {
        Some(format) if !matches!(already, "F32" | "F16" | "BF16") => {
            Err(EngineError::QuantisedAlready {
                format: format_name(*format),
                already: already.to_owned(),
            })
        }
        _ => Ok(()),
    }
}

impl Comparison {
    /// Starts a comparison in which tensors may use `most_bytes` at a time.
    #[must_use]
    pub fn new(request: &CompareRequest, most_bytes: u64) -> Self {
        Self {
            prompt: request.prompt.clone(),
            max_new_tokens: request.max_new_tokens,
            most_bytes,
            reference: None,
            rows: Vec::new(),
        }
    }

    /// Measures the next format, in which `engine` was loaded. The first one generates the text that all of them
    /// read.
    ///
    /// # Errors
    /// When the prompt is empty, too long or cannot be encoded, the logits are too large, or the
    /// device fails.
    pub async fn add(
        &mut self,
        engine: &mut Engine,
        format: CompareFormat,
    ) -> Result<&FormatRow, EngineError> {
        let request = GenerateRequest {
            prompt: self.prompt.clone(),
            max_new_tokens: self.max_new_tokens,
            top: 0,
            kv_cache: true,
            packet: Default::default(),
            interventions: vec![],
            sampling: SamplingParams::default(),
        };
        let written = engine.generate(&request, &mut ()).await?;
        let ids = match &self.reference {
            Some(reference) => reference.ids.clone(),
            None => [&written.prompt_ids[..], &written.ids].concat(),
        };
        let logits = self.all_logits(engine, &ids).await?;
        let reference = self.reference.get_or_insert_with(|| Reference {
            prompt: written.prompt_ids.len(),
            ids,
            logits: logits.clone(),
        });
        let summary = engine.summary();
        let positions = positions(&reference.logits, &logits, reference.ids.len());
        let count = positions.len() as f64;
        let row = FormatRow {
            format: format_name(format).to_owned(),
            weight_bytes: summary.weight_bytes,
            kv_bytes_per_token: summary.kv_bytes_per_token,
            decode_tokens_per_s: written.decode_tokens_per_s,
            own_ids: written.ids,
            mean_kl: positions.iter().map(|at| at.kl).sum::<f64>() / count,
            max_kl: positions.iter().map(|at| at.kl).fold(0.0, f64::max),
            top1_agreement: positions.iter().filter(|at| at.agrees).count() as f64 / count,
            perplexity: perplexity(&logits, &reference.ids),
            positions,
        };
        let at = self.rows.len();
        self.rows.push(row);
        Ok(&self.rows[at])
    }

    /// All of it.
    #[must_use]
    pub fn report(self) -> CompareReport {
        let (prompt, ids) = match self.reference {
            Some(reference) => (reference.prompt, reference.ids),
            None => (0, Vec::new()),
        };
        CompareReport {
            prompt_ids: ids[..prompt].to_vec(),
            ids,
            formats: self.rows,
        }
    }

    /// Logits after every position, (positions, vocab_size).
    async fn all_logits(&self, engine: &mut Engine, ids: &[u32]) -> Result<Vec<f32>, EngineError> {
        let request = TraceRequest {
            prompt: Prompt::Ids { ids: ids.to_vec() },
            taps: vec![Tap::Logits.to_string()],
            lens: None,
            interventions: Vec::new(),
        };
        // The logits of the reference are in memory too.
        let bytes = 2 * engine.trace_bytes(&request).await?;
        let most = self.most_bytes;
        if bytes > most {
            return Err(EngineError::TensorsTooLarge { bytes, most });
        }
        let tensors = engine.trace(&request).await?.tensors;
        let logits = tensors.into_iter().next();
        Ok(logits.map(|tensor| tensor.values).unwrap_or_default())
    }
}

fn positions(reference: &[f32], logits: &[f32], count: usize) -> Vec<FormatPosition> {
    let vocab = reference.len() / count;
    let rows = reference
        .chunks_exact(vocab)
        .zip(logits.chunks_exact(vocab));
    rows.map(|(reference, logits)| {
        let found = best(logits).unwrap_or_default();
        FormatPosition {
            kl: kl_divergence(reference, logits),
            best: found,
            agrees: best(reference) == Some(found),
        }
    })
    .collect()
}

/// Perplexity: e to the mean surprisal of all tokens but the first.
fn perplexity(logits: &[f32], ids: &[u32]) -> f64 {
    let vocab = logits.len() / ids.len();
    let rows = logits.chunks_exact(vocab);
    let surprises: Vec<f64> = rows
        .zip(ids.iter().skip(1))
        .map(|(row, next)| -log_softmax(row)[*next as usize])
        .collect();
    (surprises.iter().sum::<f64>() / surprises.len().max(1) as f64).exp()
}
