//! Comparison of the model's weight formats.

use vitrine_engine::{Comparison, EngineError, LoadOptions, Observer, check_formats, options_of};
use vitrine_protocol::{Answer, AnswerPart, CompareReport, CompareRequest, Event};

use super::Session;
use super::loading::Origin;
use crate::error::WorkerError;
use crate::observer::PagePoster;
use crate::scope;

/// Logits of a comparison take at most this many bytes.
const COMPARED_BYTES: u64 = 256 << 20;

impl Session {
    /// Loads the model in each format, measures it, and loads it as it was.
    pub(super) async fn compare(
        &mut self,
        run: u32,
        request: &CompareRequest,
        observer: &mut PagePoster<'_>,
    ) -> Result<(), WorkerError> {
        let engine = self.engine.as_ref().ok_or(WorkerError::NoModel)?;
        check_formats(&request.formats, &engine.inspect(None))?;
        let origin = self.origin.clone().ok_or(WorkerError::NotKept)?;
        let compared = self.compare_formats(&origin, request, observer).await;
        let options = self.usual_options().await;
        let restored = self.reload(&origin, &options).await;
        match compared {
            Ok(report) => {
                let answer = Box::new(Answer::Compare(report));
                scope::post(&Event::Answer { run, answer });
                restored
            }
            Err(WorkerError::Engine(EngineError::Stopped)) => {
                scope::post(&Event::AskStopped { run });
                restored
            }
            // Without the model the page cannot continue, so this error is reported.
            Err(error) => restored.and(Err(error)),
        }
    }

    async fn compare_formats(
        &mut self,
        origin: &Origin,
        request: &CompareRequest,
        observer: &mut PagePoster<'_>,
    ) -> Result<CompareReport, WorkerError> {
        let mut comparison = Comparison::new(request, COMPARED_BYTES);
        let total = request.formats.len() as u64;
        for (done, format) in (0..).zip(&request.formats) {
            observer.progress(done, total);
            if Observer::stop_requested(observer) {
                return Err(EngineError::Stopped.into());
            }
            let options = options_of(*format, &LoadOptions::default());
            self.reload(origin, &options).await?;
            let engine = self.engine.as_mut().ok_or(WorkerError::NoModel)?;
            let row = comparison.add(engine, *format).await?;
            observer.part(AnswerPart::Compared(row.clone()));
        }
        observer.progress(total, total);
        Ok(comparison.report())
    }
}
