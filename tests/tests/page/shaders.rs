//! Chromium's compiler takes every permutation of every kernel; it refuses more than naga does.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use vitrine_gpu::Binding;
use vitrine_kernels::{permutations, subgroup_permutations};

use crate::session::{Session, in_browser};

/// What Chromium has to say against these shaders.
async fn complaints(session: &Session, shaders: Vec<Value>) -> Vec<String> {
    let script = include_str!("shaders.js");
    let answer = session
        .client
        .execute_async(script, vec![Value::Array(shaders)])
        .await
        .unwrap();
    serde_json::from_value(answer).unwrap()
}

/// `pipeline` says whether the adapter is to compile it too.
fn shader(label: &str, code: &str, bindings: &[(&str, Binding)], pipeline: bool) -> Value {
    let bindings: Vec<_> = bindings
        .iter()
        .map(|(_, binding)| match binding {
            Binding::Read => json!({ "buffer": { "type": "read-only-storage" } }),
            Binding::ReadWrite => json!({ "buffer": { "type": "storage" } }),
            Binding::Uniform => json!({ "buffer": { "type": "uniform" } }),
            Binding::SampledTexture => json!({ "texture": { "sampleType": "uint" } }),
            Binding::StorageTexture => {
                json!({ "storageTexture": { "access": "read-only", "format": "rgba32uint" } })
            }
            Binding::WrittenTexture => {
                json!({ "storageTexture": { "access": "write-only", "format": "rgba32uint" } })
            }
        })
        .collect();
    json!({ "label": label, "code": code, "bindings": bindings, "pipeline": pipeline })
}

/// naga accepts this; the standard does not allow a barrier that not every invocation reaches.
const BARRIER_IN_A_BRANCH: &str = "
    var<workgroup> shared_value: u32;
    @compute @workgroup_size(64)
    fn main(@builtin(local_invocation_index) index: u32) {
        if (index < 3u) { workgroupBarrier(); }
        shared_value = index;
    }";

#[test]
#[ignore = "needs a browser: cargo xtask test"]
fn every_permutation_compiles_in_chromium() {
    in_browser("shaders", async |session| {
        // Any address of the site will do: WebGPU needs one that the browser trusts.
        session
            .client
            .goto(&format!("{}/models/index.json", session.url))
            .await
            .unwrap();

        // Control: the test can fail, and on what naga lets through.
        let refused = shader("control", BARRIER_IN_A_BRANCH, &[], false);
        let found = complaints(&session, vec![refused]).await;
        assert!(
            found
                .iter()
                .any(|line| line.contains("uniform control flow")),
            "{found:?}"
        );

        let with_subgroups = subgroup_permutations();
        // Another: they are asked for by a directive, which naga does not know.
        let source = &with_subgroups[0];
        let refused = shader("control", &source.wgsl().unwrap(), &source.bindings, false);
        let found = complaints(&session, vec![refused]).await;
        assert!(
            found.iter().any(|line| line.contains("subgroups")),
            "{found:?}"
        );

        let all = [permutations(), with_subgroups].concat();
        assert!(all.len() > 100, "only {} permutations", all.len());
        // Limits and layouts of pipelines are checked by `shader_validation` for all permutations, so one of each
        // kernel is enough.
        let mut compiled = BTreeSet::new();
        let shaders = all.iter().map(|source| {
            let code = source.browser_wgsl().unwrap();
            let is_first = compiled.insert(source.name);
            shader(&source.label(), &code, &source.bindings, is_first)
        });
        let shaders: Vec<Value> = shaders.collect();
        // A script may not take forever, and a slow machine needs long for all.
        for some in shaders.chunks(100) {
            let found = complaints(&session, some.to_vec()).await;
            assert!(found.is_empty(), "Chromium refuses:\n{}", found.join("\n"));
        }
    });
}
