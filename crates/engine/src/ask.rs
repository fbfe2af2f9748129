//! Questions about the inside of a model, with answers that can be sent to another process.

use vitrine_inspect::inspect_json;
use vitrine_kernels::TOP_K;
use vitrine_protocol::{
    Answer, AnswerPart, Answered, BatchRequest, BatchSummary, GenerateSummary, Prompt, Question,
    Tensor, TokenPiece, TokenStep, TraceReport, TraceRequest,
};

use crate::{Engine, EngineError, Observer};

/// Maximum bytes of all tensors of an answer.
const MOST_BYTES: u64 = 256 << 20;

/// Approximate bytes of a candidate as JSON.
const CANDIDATE_BYTES: u64 = 128;

/// Refuses tensors above the limit.
pub(crate) fn allow(bytes: u64) -> Result<(), EngineError> {
    let most = MOST_BYTES;
    match bytes > most {
        true => Err(EngineError::TensorsTooLarge { bytes, most }),
        false => Ok(()),
    }
}

/// The answer to a question that needs no model; `None` for other questions.
#[must_use]
pub fn ask_without_model(question: &Question) -> Option<Result<Answered, EngineError>> {
    match question {
        Question::InspectConfig { json, context } => {
            let report = inspect_json(json, *context).map_err(EngineError::from);
            Some(report.map(|report| Answer::Inspect(Box::new(report)).into()))
        }
        _ => None,
    }
}

impl Engine {
    /// Answers a question. Long ones report parts of the answer to `observer` and stop when it asks for that.
    ///
    /// # Errors
    /// When the question names something that does not exist, its tensors are too large, it is stopped, or the device
    /// fails.
    pub async fn ask(
        &mut self,
        question: &Question,
        observer: &mut dyn Observer,
    ) -> Result<Answered, EngineError> {
        let answer = match question {
            Question::Tokenize { text, special } => {
                Answer::Tokenize(self.tokenize(text, *special)?)
            }
            Question::Render { user } => Answer::Render(self.rendered(user).await?),
            Question::Inspect { context } => Answer::Inspect(Box::new(self.inspect(*context))),
            Question::InspectConfig { json, context } => {
                Answer::Inspect(Box::new(inspect_json(json, *context)?))
            }
            Question::NamedTokens { prompt, ids, texts } => {
                let named = texts.iter().map(|text| self.token_named(text));
                let named = named.collect::<Result<Vec<u32>, _>>()?;
                let ids = [&ids[..], &named].concat();
                let tokens = self.named_tokens(prompt, &ids).await?;
                Answer::NamedTokens { tokens }
            }
            Question::Steps {
                prompt,
                params,
                rows,
            } => Answer::Steps(self.steps(prompt, params, *rows).await?),
            Question::Positions { prompt, top } => Answer::Positions {
                positions: self.positions(prompt, (*top).clamp(1, 64)).await?,
            },
            Question::Trace(request) => return self.traced(request).await,
            Question::AttentionThumbnails { prompt, side } => {
                let thumbnails = self.attention_thumbnails(prompt, *side, observer);
                let (report, tensors) = thumbnails.await?;
                let answer = Answer::AttentionThumbnails(report);
                return Ok(Answered { answer, tensors });
            }
            Question::Attention { prompt, layer } => {
                let (report, tensors) = self.layer_attention(prompt, *layer).await?;
                let answer = Answer::Attention(report);
                return Ok(Answered { answer, tensors });
            }
            Question::Lens { prompt, top } => {
                self.allow_lens(prompt, *top).await?;
                Answer::Lens(self.lens(prompt, *top).await?)
            }
            Question::Rope {
                prompt,
                layer,
                head,
            } => {
                let (report, tensors) = self.rope_turns(prompt, *layer, *head).await?;
                let answer = Answer::Rope(report);
                return Ok(Answered { answer, tensors });
            }
            Question::Ablate {
                prompt,
                interventions,
                top,
            } => Answer::Ablate(self.ablate(prompt, interventions, *top).await?),
            Question::Sweep { prompt, mean } => {
                Answer::Sweep(self.sweep(prompt, *mean, observer).await?)
            }
            Question::Patch(request) => Answer::Patch(self.patch(request, observer).await?),
            Question::Race {
                prompt,
                max_new_tokens,
            } => Answer::Race(self.race(prompt, *max_new_tokens, observer).await?),
            Question::Compare(_) => return Err(EngineError::NeedsFiles),
            Question::Batch(request) => Answer::Batch(self.batch(request, observer).await?),
            Question::Bench(request) => {
                Answer::Bench(Box::new(self.bench(request, observer).await?))
            }
            Question::Tune { again: None } => Answer::Tune(self.tuned()),
            Question::Tune {
                again: Some(request),
            } => {
                let report = self.tune(request, observer).await?;
                observer.go_on()?;
                Answer::Tune(report)
            }
        };
        Ok(answer.into())
    }

    async fn traced(&mut self, request: &TraceRequest) -> Result<Answered, EngineError> {
        allow(self.trace_bytes(request).await?)?;
        if let Some(top) = request.lens {
            self.allow_lens(&request.prompt, top).await?;
        }
        let trace = self.trace(request).await?;
        let tensors: Vec<Tensor> = trace.tensors.into_iter().map(Tensor::from).collect();
        let report = TraceReport {
            prompt: trace.prompt,
            tensors: tensors.iter().map(Tensor::header).collect(),
            distribution: trace.distribution,
            lens: trace.lens,
        };
        let answer = Answer::Trace(report);
        Ok(Answered { answer, tensors })
    }

    /// Refuses a lens whose candidates exceed the limit as JSON.
    async fn allow_lens(&self, prompt: &Prompt, top: u32) -> Result<(), EngineError> {
        let positions = self.encode(prompt).await?.len() as u64;
        let layers = u64::from(self.model.config().num_hidden_layers()) + 1;
        allow(layers * positions * u64::from(top.clamp(1, TOP_K) + 1) * CANDIDATE_BYTES)
    }

    async fn batch(
        &mut self,
        request: &BatchRequest,
        observer: &mut dyn Observer,
    ) -> Result<BatchSummary, EngineError> {
        self.generate_batch(request, &mut Parts(observer)).await
    }
}

/// Reports a batch as parts of an answer.
struct Parts<'a>(&'a mut dyn Observer);

impl Observer for Parts<'_> {
    fn prompt(&mut self, sequence: usize, tokens: &[TokenPiece]) {
        self.0.part(AnswerPart::BatchPrompt {
            sequence: sequence as u32,
            tokens: tokens.to_vec(),
        });
    }

    fn token(&mut self, sequence: usize, step: &TokenStep) {
        self.0.part(AnswerPart::BatchToken {
            sequence: sequence as u32,
            step: Box::new(step.clone()),
        });
    }

    fn finished(&mut self, sequence: usize, summary: &GenerateSummary) {
        self.0.part(AnswerPart::BatchFinished {
            sequence: sequence as u32,
            summary: summary.clone(),
        });
    }

    fn stop_requested(&mut self) -> bool {
        self.0.stop_requested()
    }
}
