//! Every cut of `matmul` in turn, forced on the browser by what it keeps of its adapter: all give the tokens of
//! transformers.

use std::fs;

use serde_json::json;
use vitrine_protocol::TuneRequest;

use crate::{
    reference::Reference,
    session::{Session, in_browser},
    worker::Worker,
};

/// From now on each matrix is cut as number `index` says, or the last; how many there are at most.
async fn force(session: &Session, index: usize) -> usize {
    let script = include_str!("cuts.js");
    let most = session.client.execute_async(script, vec![json!(index)]);
    let most = most.await.unwrap();
    most.as_u64().unwrap_or_else(|| panic!("{most}")) as usize
}

/// Those that this worker has.
async fn check(session: &Session, worker: &Worker<'_>) {
    let reference = Reference::new("architectures/phi3");
    worker.load_folder(&reference.folder).await;
    let again = TuneRequest {
        prompts: true,
        budget_s: 600.0,
    };
    let measured = worker.cuts(Some(again)).await;
    assert!(measured.kinds.iter().all(|kind| kind.complete));
    let most = force(session, 0).await;
    assert!(most > 3, "{measured:?}");
    for index in 0..most {
        force(session, index).await;
        worker.load_folder(&reference.folder).await;
        for kind in worker.cuts(None).await.kinds {
            let forced = index.min(kind.cuts.len() - 1);
            assert_eq!(kind.best, kind.cuts[forced].cut, "it is not used");
        }
        for sequence in &reference.sequences {
            let tokens = worker.continue_ids(&sequence.prompt_ids, sequence.new_ids.len());
            assert_eq!(tokens.await, sequence.new_ids, "cut {index}");
        }
    }
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn every_cut_gives_the_tokens_of_transformers() {
    in_browser("cuts", async |session| {
        check(&session, &Worker::start(&session).await).await;
    });
}

/// Kernels, attention among them, go by what the browser says of its adapter.
#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn so_does_every_cut_for_a_real_gpu() {
    in_browser("cuts of a GPU", async |session| {
        let claim = session.folder.join("claim-a-gpu.js");
        let never = "Object.defineProperty(GPUAdapterInfo.prototype, 'isFallbackAdapter', \
                     { get: () => false });";
        fs::write(claim, never).unwrap();
        let script = session.folder.join("with-a-gpu.js");
        fs::write(
            script,
            "import '/claim-a-gpu.js'; import '/worker-boot.js';",
        )
        .unwrap();
        let (worker, adapter) = Worker::start_script(&session, "/with-a-gpu.js").await;
        assert_eq!(adapter.device_type, "Other");
        check(&session, &worker).await;
    });
}
