//! How matrices are best multiplied on this adapter.

use vitrine_model::{Measured, Tuned, TunedPass, Tuning};
use vitrine_protocol::{ProjectionTimes, TilingTime, TuneReport, TuneRequest};

use crate::{AskObserver, Engine, EngineError, adapter_summary};

impl Engine {
    /// What is known of how to multiply its matrices.
    #[must_use]
    pub fn tuning(&self) -> &Tuning {
        self.model.tuning()
    }

    /// Whether all matrices have been measured, for tokens at least.
    #[must_use]
    pub fn is_tuned(&self) -> bool {
        self.model.is_tuned(TunedPass::Token)
    }

    /// The most cuts that one of its matrices can have.
    #[must_use]
    pub fn cuts(&self) -> usize {
        self.model.cuts()
    }

    /// Measures how to multiply the matrices, and goes by it from now on. `observer` hears how far it
    /// is, and can end it: then all stays as it was.
    ///
    /// # Errors
    /// When the device fails.
    pub async fn tune(
        &mut self,
        request: &TuneRequest,
        observer: &mut dyn AskObserver,
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

    /// What was measured of the matrices before.
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
