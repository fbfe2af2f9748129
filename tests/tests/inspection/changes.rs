use pollster::block_on;
use serde_json::{Value, json};
use vitrine_engine::{Engine, LoadOptions, Observer};
use vitrine_model::{Change, Model, Tap};
use vitrine_protocol::{GenerateRequest, Intervention, TokenStep};

use crate::fixture::{ALL, Fixture, TOLERANCE, gpu, load, off, trace};

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
    read(change)
}

/// A change as the references write it, with its kind among its fields.
fn read(mut change: Value) -> Intervention {
    let kind = change.as_object_mut().unwrap().remove("kind").unwrap();
    serde_json::from_value(json!({ kind.as_str().unwrap(): change })).unwrap()
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
            "has 1 values but needs",
        ),
        (
            json!({"kind": "patch", "site": "head", "head": 0, "layer": 0, "positions": [1], "values": []}),
            "has 0 values but needs",
        ),
    ] {
        let request = vitrine_protocol::TraceRequest {
            prompt: fixture.prompt(),
            taps: vec![],
            lens: None,
            interventions: vec![read(change)],
        };
        let error = block_on(engine.trace(&request)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

/// Ids and logits of the candidates, best first.
type Best = Vec<(u32, f32)>;

/// Asks for interventions after some tokens.
struct Meddler {
    after: Vec<(usize, Vec<Intervention>)>,
    seen: Vec<Best>,
}

impl Observer for Meddler {
    fn token(&mut self, _sequence: usize, step: &TokenStep) {
        let top = &step.distribution.as_ref().unwrap().top;
        self.seen
            .push(top.iter().map(|one| (one.id, one.logit)).collect());
    }

    fn new_interventions(&mut self) -> Option<Vec<Intervention>> {
        let now = self.seen.len();
        let due = self.after.iter().find(|(after, _)| *after == now);
        due.map(|(_, interventions)| interventions.clone())
    }
}

const NEW_TOKENS: usize = 8;

/// The same manually: interventions from the given tokens on.
fn by_hand(model: &mut Model, ids: &[u32], changes: &[(usize, Vec<Change>)]) -> Vec<Best> {
    let mut seen = Vec::new();
    for token in 0..NEW_TOKENS {
        if let Some((_, changes)) = changes.iter().find(|(from, _)| *from == token) {
            model.change(changes).unwrap();
        }
        let pending = match token {
            0 => model.prefill(ids, 5).unwrap(),
            _ => model.decode(5).unwrap(),
        };
        seen.push(block_on(pending.prediction()).unwrap().top);
    }
    model.change(&[]).unwrap();
    seen
}

/// Interventions change while tokens are generated: a token is under way when one is seen, so the
/// second after it is the first that is other.
#[test]
fn interventions_change_while_a_generation_runs() {
    let gpu = gpu();
    for name in ["llama", "gemma3", "gpt2"] {
        let fixture = Fixture::read(name);
        let ids = &fixture.document.prompt_ids;
        let mut engine = fixture.load(&gpu, &LoadOptions::default());
        let mut generate = |after: Vec<(usize, Vec<Intervention>)>| -> Vec<Best> {
            let request = GenerateRequest {
                prompt: fixture.prompt(),
                max_new_tokens: NEW_TOKENS as u32,
                top: 5,
                kv_cache: true,
                packet: Default::default(),
                interventions: vec![],
                sampling: Default::default(),
            };
            let seen = Vec::new();
            let mut meddler = Meddler { after, seen };
            block_on(engine.generate(&request, &mut meddler)).unwrap();
            meddler.seen
        };
        let skip = vec![Intervention::SkipMlp { layer: 1 }];
        let changed = generate(vec![(2, skip), (5, vec![])]);
        let mut model = load(&fixture);
        let from = [(3, vec![Change::SkipMlp { layer: 1 }]), (6, vec![])];
        assert_eq!(changed, by_hand(&mut model, ids, &from), "{name}");
        // Controls: it is felt from that token on, and one token later it is something else.
        let plain = generate(vec![]);
        assert_eq!(plain, by_hand(&mut model, ids, &[]), "{name}");
        assert_eq!(changed[..3], plain[..3], "{name}");
        assert_ne!(changed[3], plain[3], "{name}");
        let late = [(4, vec![Change::SkipMlp { layer: 1 }]), (6, vec![])];
        assert_ne!(changed, by_hand(&mut model, ids, &late), "{name}");

        // The mean of a head is taken over the prompt, and what was generated stays in the cache.
        let mean = |factor, mean| Intervention::Head {
            layer: 0,
            head: 0,
            factor,
            mean,
        };
        let meant = generate(vec![(2, vec![mean(0.0, true)])]);
        assert_eq!(meant[..3], plain[..3], "{name}");
        assert_ne!(meant[3], plain[3], "{name}");
        let tapped = block_on(model.trace_aside(ids, &[Tap::HeadOut(0)])).unwrap();
        let [positions, heads, head_dim] = [0, 1, 2].map(|i| tapped[0].shape[i]);
        let mut offset = vec![0.0; head_dim];
        for row in tapped[0].values.chunks_exact(heads * head_dim) {
            for (sum, value) in offset.iter_mut().zip(row) {
                *sum += value / positions as f32;
            }
        }
        let (layer, head, factor) = (0, 0, 0.0);
        let change = Change::Head {
            layer,
            head,
            factor,
            offset,
        };
        assert_eq!(
            meant,
            by_hand(&mut model, ids, &[(3, vec![change])]),
            "{name}"
        );
        assert_ne!(meant, generate(vec![(2, vec![mean(0.0, false)])]), "{name}");
    }
}
