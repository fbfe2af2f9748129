//! Every cut of `matmul` in turn, as a processor that plays a GPU may have them and as a real GPU may:
//! all give what transformers gives.

use pollster::block_on;
use vitrine_engine::{LoadOptions, Tuning};
use vitrine_gpu::{AdapterSelector, Gpu, Tier};
use vitrine_protocol::TuneRequest;

use crate::fixture::{Fixture, load_with};

fn check(name: &str) {
    let fixture = Fixture::read("architectures", name);
    for tier in [Tier::LAVAPIPE, Tier::Gpu] {
        for cut in 0.. {
            let gpu = block_on(Gpu::request(&AdapterSelector::Best)).unwrap();
            let options = LoadOptions {
                tuning: Tuning::forced(cut),
                ..LoadOptions::default()
            };
            let gpu = gpu.with_tier(tier);
            let mut engine = load_with(fixture.files(), gpu, &options).unwrap();
            if engine.cuts() <= cut {
                // Short rows have fewer slices.
                assert!(cut > 1, "{tier:?} has tilings to choose from");
                break;
            }
            // Two, to distinguish the prompts.
            fixture.check_sequences(&mut engine, 2);
        }
    }
}

#[test]
fn phi3_with_every_tiling() {
    check("phi3");
}

#[test]
fn gemma3_with_every_tiling() {
    check("gemma3");
}

#[test]
fn gpt2_with_every_tiling() {
    check("gpt2");
}

/// Measured tilings are used, kept and read again.
#[test]
fn tuning_is_kept_for_the_same_adapter() {
    let fixture = Fixture::read("architectures", "phi3");
    let gpu = || block_on(Gpu::request(&AdapterSelector::Best)).unwrap();
    let load = |tuning| {
        let options = LoadOptions {
            tuning,
            ..LoadOptions::default()
        };
        load_with(fixture.files(), gpu(), &options).unwrap()
    };
    let mut engine = load(Tuning::default());
    assert!(!engine.is_tuned());
    let request = TuneRequest {
        prompts: true,
        budget_s: 600.0,
    };
    let report = block_on(engine.tune(&request, &mut ())).unwrap();
    assert!(report.kinds.iter().any(|kind| kind.tokens == 1));
    assert!(report.kinds.iter().any(|kind| kind.tokens > 1));
    for kind in &report.kinds {
        assert!(kind.complete && kind.cuts.len() > 1, "{kind:?}");
        assert!(kind.cuts.iter().all(|cut| cut.seconds > 0.0), "{kind:?}");
        let best = kind.cuts.iter().find(|cut| cut.cut == kind.best).unwrap();
        assert!(best.seconds <= kind.cuts[0].seconds, "{kind:?}");
    }
    fixture.check(&mut engine);
    assert!(engine.is_tuned());

    let json = engine.tuning().to_json("this adapter");
    let mut again = load(Tuning::from_json(json.as_bytes(), "this adapter"));
    assert!(again.is_tuned());
    fixture.check(&mut again);
    // Files of another adapter, another kernel version, or damaged ones are ignored.
    let other_kernel = json.replace("\"kernel\": \"", "\"kernel\": \"x");
    for (json, adapter) in [
        (json.as_str(), "another adapter"),
        (&other_kernel, "this adapter"),
        (&json[..json.len() / 2], "this adapter"),
    ] {
        assert_eq!(
            Tuning::from_json(json.as_bytes(), adapter),
            Tuning::default()
        );
    }
    // A cut that there is not: the usual one.
    let strange = json.replace("rows 8", "rows 800");
    let mut strange = load(Tuning::from_json(strange.as_bytes(), "this adapter"));
    fixture.check(&mut strange);
}
