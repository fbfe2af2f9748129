//! Subgroups in the browser, for which wgpu does not ask it.

use vitrine_protocol::{AdapterSummary, TuneRequest};

use crate::{session::in_browser, worker::Worker};

/// From `golden.json`: "The capital of France is", and its continuation.
pub const PROMPT: [u32; 5] = [504, 3575, 282, 4649, 314];
pub const NEXT: [u32; 6] = [7042, 30, 198, 198, 504, 2988];

/// A worker's adapter and results.
struct Found {
    features: Vec<String>,
    tokens: Vec<u32>,
    /// The cuts of its matrices that were measured for a token.
    cuts: Vec<String>,
}

async fn found((worker, adapter): (Worker<'_>, AdapterSummary)) -> Found {
    worker.load_site_model(false).await;
    let tokens = worker.continue_ids(&PROMPT, NEXT.len()).await;
    let again = TuneRequest {
        prompts: false,
        budget_s: 600.0,
    };
    let report = worker.cuts(Some(again)).await;
    let cuts = report.kinds.into_iter().flat_map(|kind| kind.cuts);
    Found {
        features: adapter.features,
        tokens,
        cuts: cuts.map(|cut| cut.cut).collect(),
    }
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn the_worker_has_subgroups_and_goes_without_them() {
    in_browser("subgroups", async |session| {
        let with = found(Worker::start_script(&session, "/worker-boot.js").await).await;
        assert_eq!(with.tokens, NEXT);
        assert!(with.features.iter().any(|name| name == "subgroups"));
        // Those are of four lanes in SwiftShader.
        let shared = "4 lanes, rows 16, x shared";
        let is_shared = |cut: &String| cut.contains(shared);
        assert!(with.cuts.iter().any(is_shared), "{shared}: {:?}", with.cuts);

        // Control: without the request there are none.
        let hide = "delete self.GPUAdapter;";
        let without = found(Worker::start_after(&session, hide).await).await;
        assert_eq!(without.tokens, NEXT);
        assert!(!without.features.iter().any(|name| name == "subgroups"));
        let mut cuts = without.cuts.iter();
        assert!(cuts.all(|cut| !cut.contains("shared")));
    });
}
