//! Every tiling of `matmul` in turn, forced by the browser's stored tunings: all give the tokens of transformers.

use std::path::PathBuf;

use serde_json::json;
use vitrine_protocol::TuneRequest;

use crate::{
    reference::Reference,
    session::{Session, in_browser},
    subgroups::{NEXT, PROMPT},
    worker::Worker,
};

/// From now on each matrix is cut as number `index` says, or the last; how many there are at most.
async fn force(session: &Session, index: usize) -> usize {
    let script = include_str!("cuts.js");
    let most = session.client.execute_async(script, vec![json!(index)]);
    let most = most.await.unwrap();
    most.as_u64().unwrap_or_else(|| panic!("{most}")) as usize
}

/// The loaded model.
enum Model {
    /// From a folder, which is measured for prompts too.
    Of(PathBuf),
    /// The site's, with activations in bytes.
    InBytes,
}

/// The continuation of some tokens.
type Sequences = Vec<(Vec<u32>, Vec<u32>)>;

async fn load(worker: &Worker<'_>, model: &Model) {
    match model {
        Model::Of(folder) => worker.load_folder(folder).await,
        Model::InBytes => worker.load_site_model(true).await,
    }
}

/// With every tiling a model generates the expected tokens.
async fn check(session: &Session, worker: &Worker<'_>, model: Model, sequences: Sequences) {
    load(worker, &model).await;
    let again = TuneRequest {
        prompts: matches!(model, Model::Of(_)),
        budget_s: 600.0,
    };
    let measured = worker.cuts(Some(again)).await;
    assert!(measured.kinds.iter().all(|kind| kind.complete));
    let most = force(session, 0).await;
    assert!(most > 1, "{measured:?}");
    for index in 0..most {
        force(session, index).await;
        load(worker, &model).await;
        for kind in worker.cuts(None).await.kinds {
            let forced = index.min(kind.cuts.len() - 1);
            assert_eq!(kind.best, kind.cuts[forced].cut, "it is not used");
        }
        for (ids, next) in &sequences {
            let tokens = worker.continue_ids(ids, next.len());
            assert_eq!(tokens.await, *next, "cut {index}");
        }
    }
}

/// Phi-3, in cuts for a token and for a prompt.
async fn check_phi3(session: &Session, worker: &Worker<'_>) {
    let reference = Reference::new("architectures/phi3");
    let sequences = reference.sequences.iter();
    let sequences = sequences.map(|it| (it.prompt_ids.clone(), it.new_ids.clone()));
    let model = Model::Of(reference.folder.clone());
    check(session, worker, model, sequences.collect()).await;
}

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn every_tiling_gives_the_tokens_of_transformers() {
    in_browser("cuts", async |session| {
        check_phi3(&session, &Worker::start(&session).await).await;
    });
}

/// After more tokens than these the numbers that were rounded away choose another one than transformers.
const SAME_IN_BYTES: usize = 5;

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn every_tiling_agrees_with_activations_in_bytes() {
    in_browser("cuts in bytes", async |session| {
        let worker = Worker::start(&session).await;
        let sequences = vec![(PROMPT.to_vec(), NEXT[..SAME_IN_BYTES].to_vec())];
        check(&session, &worker, Model::InBytes, sequences).await;
        let kinds = worker.cuts(None).await.kinds;
        assert!(
            kinds.iter().all(|it| it.kind.contains("bytes")),
            "{kinds:?}"
        );
        // Control.
        assert_ne!(worker.continue_ids(&PROMPT, NEXT.len()).await, NEXT);
    });
}

/// Kernels, including attention, depend on the adapter that the browser reports.
#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn every_tiling_of_real_gpus_gives_the_same_tokens() {
    in_browser("cuts of a GPU", async |session| {
        let never = "Object.defineProperty(GPUAdapterInfo.prototype, 'isFallbackAdapter', \
                     { get: () => false });";
        let (worker, adapter) = Worker::start_after(&session, never).await;
        assert_eq!(adapter.device_type, "Other");
        check_phi3(&session, &worker).await;
    });
}
