use pollster::block_on;
use serde_json::{Value, json};
use vitrine_engine::{Engine, LoadOptions};
use vitrine_protocol::Intervention;

use crate::fixture::{ALL, Fixture, TOLERANCE, gpu, off, trace};

#[test]
fn changes_do_what_forward_hooks_do() {
    let gpu = gpu();
    for name in ALL {
        let fixture = Fixture::read(name);
        let mut engine = fixture.load(&gpu, &LoadOptions::default());
        let vocab = engine.summary().vocab_size as usize;
        let clean = logits(&mut engine, &fixture, vec![]);
        let right = &fixture.get("logits")[fixture.get("logits").len() - vocab..];
        assert!(
            off(&clean, right) < TOLERANCE,
            "{name}: {}",
            off(&clean, right)
        );
        let mut worst = 0.0_f32;
        for (kind, change) in &fixture.document.changes {
            let change = intervention(&fixture, kind, change);
            let got = logits(&mut engine, &fixture, vec![change]);
            let wanted = fixture.get(&format!("changed.{kind}"));
            let off_by = off(&got, wanted);
            assert!(off_by < TOLERANCE, "{name}: {kind} is {off_by} off");
            // The control: without the change it is another distribution.
            let felt = off(&clean, wanted);
            assert!(
                felt > 2.0 * TOLERANCE,
                "{name}: {kind} is felt by {felt} only"
            );
            worst = worst.max(off_by);
        }
        // Nothing stays behind.
        assert_eq!(clean, logits(&mut engine, &fixture, vec![]), "{name}");
        println!("{name}: at most {worst:e} off");
    }
}

fn logits(engine: &mut Engine, fixture: &Fixture, interventions: Vec<Intervention>) -> Vec<f32> {
    let prompt = fixture.prompt();
    let trace = trace(engine, prompt, &["logits"], interventions);
    let logits = &trace.tensors[0];
    logits.values[logits.values.len() - logits.shape[1]..].to_vec()
}

/// The change of the reference, with its numbers.
fn intervention(fixture: &Fixture, kind: &str, change: &Value) -> Intervention {
    let mut change = change.clone();
    match change["kind"].as_str() {
        Some("steer") => change["vector"] = json!(fixture.get("steering_vector")),
        Some("patch") => change["values"] = json!(fixture.get(&format!("values.{kind}"))),
        _ => {}
    }
    serde_json::from_value(change).unwrap()
}

#[test]
fn what_cannot_be_changed_is_refused_in_one_sentence() {
    let gpu = gpu();
    let fixture = Fixture::read("llama");
    let mut engine = fixture.load(&gpu, &LoadOptions::default());
    for (change, expected) in [
        (
            json!({"kind": "skip_mlp", "layer": 99}),
            "There is no layer 99",
        ),
        (
            json!({"kind": "head", "layer": 0, "head": 99, "factor": 0.0}),
            "There is no head 99",
        ),
        (
            json!({"kind": "head", "layer": 0, "head": 99, "factor": 0.0, "mean": true}),
            "There is no head 99",
        ),
        (
            json!({"kind": "steer", "layer": 0, "vector": [1.0]}),
            "brings 1 numbers where",
        ),
        (
            json!({"kind": "patch", "site": "head", "head": 0, "layer": 0, "positions": [1], "values": []}),
            "brings 0 numbers where",
        ),
    ] {
        let request = vitrine_protocol::TraceRequest {
            prompt: fixture.prompt(),
            taps: vec![],
            lens: None,
            interventions: vec![serde_json::from_value(change).unwrap()],
        };
        let error = block_on(engine.trace(&request)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}
