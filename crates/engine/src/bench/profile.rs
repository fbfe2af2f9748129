//! Profiles: the time of each kernel of a pass.

use vitrine_kernels::operation;
use vitrine_model::{Detail, Span, Work};
use vitrine_protocol::{KernelTime, PassProfile};

use super::Bench;
use crate::EngineError;

/// Number of timed steps. The best time of each dispatch counts, to exclude other load on the machine.
const STEPS: u32 = 11;
/// The same for prompts.
const PROMPTS: u32 = 2;

impl Bench<'_> {
    /// Times the kernels of a token after `context` positions; `None` without timestamps.
    pub async fn profile_token(
        &mut self,
        context: u32,
    ) -> Result<Option<PassProfile>, EngineError> {
        self.model.jump(context)?;
        if !self.model.time(Some(Detail::Kernels))? {
            return Ok(None);
        }
        let mut runs = Vec::new();
        for _ in 0..STEPS {
            // Always at the same position, one step at a time, so that nothing overlaps.
            self.model.jump(context)?;
            runs.push(self.model.decode(0)?.prediction().await?.spans);
        }
        self.model.time(None)?;
        Ok(Some(profile(&runs, &self.model.work(context), context, 1)))
    }

    /// The share of the time outside GPU passes while `n` tokens are decoded after `context` positions; `None`
    /// without timestamps.
    pub async fn outside_gpu(&mut self, context: u32, n: u32) -> Result<Option<f64>, EngineError> {
        if !self.model.time(Some(Detail::Passes))? {
            return Ok(None);
        }
        let decoded = self.decode(context, n, 0).await?;
        self.model.time(None)?;
        Ok(Some(1.0 - decoded.on_gpu / decoded.seconds))
    }

    /// The kernels of a prompt of `tokens`.
    pub async fn profile_prompt(
        &mut self,
        tokens: u32,
    ) -> Result<Option<PassProfile>, EngineError> {
        if !self.model.time(Some(Detail::Kernels))? {
            return Ok(None);
        }
        let ids = self.prompt(tokens);
        let mut runs = Vec::new();
        for _ in 0..PROMPTS {
            runs.push(self.model.prefill(&ids, 0)?.prediction().await?.spans);
        }
        self.model.time(None)?;
        Ok(Some(profile(&runs, &self.model.work(0), 0, tokens)))
    }
}

/// Takes the best of equal runs, and sums times with the same label.
fn profile(runs: &[Vec<Span>], work: &[Work], context: u32, tokens: u32) -> PassProfile {
    let mut kernels: Vec<KernelTime> = Vec::new();
    for (index, span) in runs.first().into_iter().flatten().enumerate() {
        let is_same = |time: &KernelTime| {
            (
                time.stage.as_str(),
                time.name.as_str(),
                time.kernel.as_str(),
            ) == (span.place.stage, span.place.name, span.kernel)
        };
        let at = kernels.iter().position(is_same).unwrap_or_else(|| {
            kernels.push(kernel_time(span, work, tokens));
            kernels.len() - 1
        });
        let times = runs.iter().filter_map(|run| run.get(index));
        kernels[at].dispatches += span.dispatches;
        kernels[at].seconds += times.map(|span| span.seconds).fold(f64::MAX, f64::min);
    }
    PassProfile {
        context,
        tokens,
        seconds: kernels.iter().map(|kernel| kernel.seconds).sum(),
        kernels,
    }
}

fn kernel_time(span: &Span, work: &[Work], tokens: u32) -> KernelTime {
    let does_it = |work: &&Work| {
        let kernel = if work.weights > 0 {
            "matmul"
        } else {
            work.name
        };
        work.name == span.place.name && kernel == operation(span.kernel)
    };
    let work = work.iter().find(does_it);
    // The output head runs for the last token only.
    let rows = if span.place.stage == "head" {
        1
    } else {
        tokens
    };
    KernelTime {
        stage: span.place.stage.to_owned(),
        name: span.place.name.to_owned(),
        kernel: span.kernel.to_owned(),
        dispatches: 0,
        seconds: 0.0,
        weights: work
            .map(|work| work.weights * u64::from(rows))
            .filter(|weights| *weights > 0),
        bytes: work.map(|work| work.bytes).filter(|_| tokens == 1),
    }
}

#[cfg(test)]
mod tests {
    use vitrine_model::Place;

    use super::*;

    fn span(name: &'static str, layer: u32, seconds: f64) -> Span {
        Span {
            place: Place {
                stage: "mlp",
                layer: Some(layer),
                name,
            },
            kernel: "matmul",
            dispatches: 1,
            seconds,
        }
    }

    #[test]
    fn layers_are_added_up_and_of_the_runs_the_best_is_taken() {
        let run = |seconds: f64| {
            vec![
                span("down_proj", 0, seconds),
                span("gate_up_proj", 0, 1.0),
                span("down_proj", 1, seconds),
            ]
        };
        let work = [Work {
            name: "down_proj",
            weights: 10,
            bytes: 5,
        }];
        let profile = profile(&[run(9.0), run(2.0), run(3.0)], &work, 16, 1);
        assert_eq!(profile.seconds, 5.0);
        let [down, gate_up] = &profile.kernels[..] else {
            panic!("{profile:?}");
        };
        assert_eq!((down.dispatches, down.seconds), (2, 4.0));
        assert_eq!((down.weights, down.bytes), (Some(10), Some(5)));
        assert_eq!((gate_up.dispatches, gate_up.weights), (1, None));
    }
}
