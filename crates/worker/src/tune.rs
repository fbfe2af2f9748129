//! Tuning on this adapter while the worker is idle.

use vitrine_engine::{Engine, EngineError, Observer, Tuning};
use vitrine_protocol::TuneRequest;

use crate::mailbox::Mailbox;
use crate::storage::Tunings;

/// How long it may take, in seconds.
const BUDGET_S: f64 = 2.0;

/// Ends as soon as a command waits.
struct Idle<'a>(&'a Mailbox);

impl Observer for Idle<'_> {
    fn stop_requested(&mut self) -> bool {
        self.0.has_some()
    }
}

/// What was measured of this adapter before.
pub async fn recall(adapter: &str) -> Tuning {
    let known = match Tunings::open().await {
        Some(tunings) => tunings.read(adapter).await,
        None => None,
    };
    known.map_or_else(Tuning::default, |json| {
        Tuning::from_json(json.as_bytes(), adapter)
    })
}

/// Measures the missing tilings of this adapter and keeps them; returns whether all are known.
pub async fn while_idle(
    engine: &mut Engine,
    adapter: &str,
    mailbox: &Mailbox,
) -> Result<bool, EngineError> {
    if engine.is_tuned() {
        return Ok(true);
    }
    if mailbox.has_some() {
        return Ok(false);
    }
    let request = TuneRequest {
        prompts: false,
        budget_s: BUDGET_S,
    };
    let mut idle = Idle(mailbox);
    engine.tune(&request, &mut idle).await?;
    keep(engine, adapter).await;
    // Without timestamps nothing can be measured.
    Ok(engine.is_tuned() || !idle.stop_requested())
}

/// Keeps what was measured, if all was.
pub async fn keep(engine: &Engine, adapter: &str) {
    if engine.is_tuned()
        && let Some(tunings) = Tunings::open().await
    {
        // Without the file it is measured again on the next visit.
        let _ = tunings
            .write(adapter, &engine.tuning().to_json(adapter))
            .await;
    }
}
