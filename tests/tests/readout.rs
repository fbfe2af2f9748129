//! Reading out every position of a prompt at once against reading its beginnings one by one.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]

use std::path::Path;

use pollster::block_on;
use vitrine_checkpoint::{Checkpoint, open_path};
use vitrine_gpu::{AdapterSelector, Gpu};
use vitrine_kernels::cpu;
use vitrine_model::{LoadOptions, Model, RowPrediction};

fn model(path: &str) -> Model {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(path);
    let gpu = block_on(Gpu::request(&AdapterSelector::Best)).unwrap();
    let files = open_path(&path).unwrap();
    let checkpoint = block_on(Checkpoint::open(&files)).unwrap();
    let options = LoadOptions::default();
    block_on(Model::load(gpu, &checkpoint, &options, &mut |_, _, _| {})).unwrap()
}

fn positions(model: &mut Model, ids: &[u32], top: u32) -> Vec<RowPrediction> {
    let pending = model.prefill_positions(ids, top).unwrap();
    let rows = pending.into_iter().map(|rows| block_on(rows.rows()));
    rows.flat_map(Result::unwrap).collect()
}

fn close(a: f32, b: f32) -> bool {
    (a - b).abs() < 1e-3 * b.abs().max(1.0)
}

fn check(path: &str, ids: &[u32], lengths: &[usize]) {
    let mut model = model(path);
    let rows = positions(&mut model, ids, 5);
    assert_eq!(rows.len(), ids.len(), "{path}");
    // The last position is the one that the head predicts after.
    assert!(rows.last().unwrap().target.is_none(), "{path}");
    for &length in lengths {
        let pending = model.prefill(&ids[..length], 5).unwrap();
        let right = block_on(pending.prediction()).unwrap();
        let logits = block_on(model.logits()).unwrap();
        let row = &rows[length - 1];
        assert_eq!(row.id, right.chosen.id, "{path}: {length}");
        assert!(close(row.logit, right.chosen.logit), "{path}: {length}");
        assert!(
            close(row.logsumexp, right.chosen.logsumexp),
            "{path}: {length}"
        );
        for ((id, logit), (right_id, right_logit)) in row.top.iter().zip(&right.top) {
            assert_eq!(id, right_id, "{path}: {length}");
            assert!(close(*logit, *right_logit), "{path}: {length}");
        }
        if let Some(following) = ids.get(length) {
            let (logit, before) = cpu::rank(&logits, *following);
            let target = row.target.unwrap();
            assert!(close(target.logit, logit), "{path}: {length}");
            assert_eq!(target.before, before, "{path}: {length}");
        }
        // Control: the next position is told apart.
        if let Some(next) = rows.get(length) {
            let same = next.id == row.id && close(next.logit, row.logit);
            assert!(!same, "{path}: {length}");
        }
    }
    // What was read out does not disturb what follows.
    let mut continued = |after_positions: bool| {
        if after_positions {
            positions(&mut model, ids, 0);
        } else {
            block_on(model.prefill(ids, 0).unwrap().prediction()).unwrap();
        }
        let pending = model.decode(0).unwrap();
        block_on(pending.prediction()).unwrap().chosen
    };
    assert_eq!(continued(true), continued(false), "{path}");
}

/// Ids that repeat too late for it to matter.
fn ids(n: u32, vocab: u32) -> Vec<u32> {
    (0..n).map(|i| (i * 7919 + 13) % vocab).collect()
}

#[test]
fn every_position_is_what_its_beginning_predicts() {
    check(
        "random-llama/model.gguf",
        &ids(37, 1003),
        &[1, 2, 9, 36, 37],
    );
    // More rows than a readout takes at once, a soft cap, and more rows than a pass takes.
    check(
        "architectures/gemma3-softcap",
        &ids(70, 100),
        &[1, 64, 65, 70],
    );
    check(
        "architectures/mistral-long",
        &ids(520, 211),
        &[1, 511, 513, 520],
    );
}
