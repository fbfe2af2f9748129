//! Tuning of the matrix products on this adapter.

use vitrine_model::{Measured, Tuned, TunedPass, Tuning};
use vitrine_protocol::{ProjectionTimes, TilingTime, TuneReport, TuneRequest};

use crate::{Engine, EngineError, Observer, adapter_summary};

impl Engine {
    /// The known tunings of its projections.
    #[must_use]
    pub fn tuning(&self) -> &Tuning {
        self.model.tuning()
    }

    /// Whether the decode tilings of all projections have been measured.
    #[must_use]
    pub fn is_tuned(&self) -> bool {
        self.model.is_tuned(TunedPass::Token)
    }

    /// Maximum number of candidate tilings of a projection.
    #[must_use]
    pub fn cuts(&self) -> usize {
        self.model.cuts()
    }

    /// Times the candidate tilings and uses the fastest from now on. `observer` receives the progress and can stop,
    /// which changes nothing.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn tune(
        &mut self,
        request: &TuneRequest,
        observer: &mut dyn Observer,
    ) -> Result<TuneReport, EngineError> {
        let mut kinds = Vec::new();
        let passes = [TunedPass::Token, TunedPass::Prompt];
        for pass in &passes[..1 + usize::from(request.prompts)] {
            let mut go_on = |done: usize, total: usize| {
                observer.progress(done as u64, total as u64);
                !observer.stop_requested()
            };
            let tuned = self.model.tune(*pass, request.budget_s, &mut go_on).await?;
            kinds.extend(tuned.iter().map(times));
        }
        Ok(self.tune_report(kinds))
    }

    /// The report of earlier measurements.
    #[must_use]
    pub fn tuned(&self) -> TuneReport {
        self.tune_report(self.model.tuned().iter().map(times).collect())
    }

    fn tune_report(&self, kinds: Vec<ProjectionTimes>) -> TuneReport {
        TuneReport {
            adapter: adapter_summary(self.gpu()),
            kinds,
        }
    }
}

fn times(Tuned { kind, measured }: &Tuned) -> ProjectionTimes {
    let Measured {
        matrices,
        tokens,
        times,
        best,
        complete,
    } = measured;
    let weights = u64::from(kind.rows) * u64::from(kind.k) * u64::from(matrices * tokens);
    let cuts = times.iter().map(|(cut, seconds)| TilingTime {
        cut: cut.clone(),
        seconds: *seconds,
        weights_per_s: weights as f64 / seconds,
    });
    ProjectionTimes {
        kind: kind.to_string(),
        matrices: *matrices,
        tokens: *tokens,
        cuts: cuts.collect(),
        best: best.clone(),
        complete: *complete,
    }
}
