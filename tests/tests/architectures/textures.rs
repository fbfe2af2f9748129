//! Weights read from textures of either kind and from storage, on the same adapter: the same model.

use pollster::block_on;
use vitrine_engine::{Engine, LoadOptions, Quantization, Quantize};
use vitrine_gpu::{AdapterSelector, Gpu, GpuError, StoreKind, Usage};

use crate::fixture::{Fixture, load_with, logits};

const KINDS: [StoreKind; 3] = [
    StoreKind::Buffer,
    StoreKind::SampledTexture,
    StoreKind::StorageTexture,
];

fn gpu() -> Gpu {
    block_on(Gpu::request(&AdapterSelector::Best)).unwrap()
}

/// The model, and the bytes of its weights on the GPU.
fn load(fixture: &Fixture, kind: StoreKind, quantize: Option<Quantize>) -> (Engine, u64) {
    let options = LoadOptions {
        quantization: Quantization {
            projections: quantize,
            tables: quantize.is_some(),
        },
        ..LoadOptions::default()
    };
    let gpu = gpu().with_weights_in(kind);
    let engine = load_with(fixture.files(), gpu, &options).unwrap();
    let bytes = engine.summary().weight_bytes;
    (engine, bytes)
}

/// As in the file: what transformers gives, from either.
fn check(name: &str) {
    let fixture = Fixture::read("architectures", name);
    let [storage, sampled, stored] = KINDS.map(|kind| {
        let (mut engine, bytes) = load(&fixture, kind, None);
        fixture.check(&mut engine);
        bytes
    });
    // Control: textures have whole rows, which these small matrices do not fill.
    assert!(sampled > storage, "{name}: {sampled} and {storage} bytes");
    assert_eq!(sampled, stored, "{name}");
}

#[test]
fn phi3_from_either() {
    check("phi3");
}

#[test]
fn gemma3_from_either() {
    check("gemma3");
}

/// Transposed in the file, with a table of positions.
#[test]
fn gpt2_from_either() {
    check("gpt2");
}

#[test]
fn quantised_weights_are_the_same_from_either() {
    let fixture = Fixture::read("architectures", "llama");
    let prompt = &fixture.golden.sequences[0].prompt_ids;
    let mut seen: Vec<Vec<f32>> = Vec::new();
    for (name, quantize) in Quantize::ALL {
        let [storage, sampled, stored] = KINDS.map(|kind| {
            let (mut engine, _) = load(&fixture, kind, Some(quantize));
            logits(&mut engine, prompt)
        });
        assert_eq!(storage, sampled, "{name}");
        assert_eq!(storage, stored, "{name}");
        // Control: other numbers give other logits.
        assert!(!seen.contains(&stored), "{name}");
        seen.push(stored);
    }
}

#[test]
fn a_texture_above_the_limit_is_refused() {
    let gpu = gpu();
    let most = gpu.caps().max_texture;
    let refused = gpu
        .store("weights", most + 1, StoreKind::StorageTexture, Usage::Input)
        .err();
    assert!(
        matches!(refused, Some(GpuError::TooLarge { limit, .. }) if limit == most),
        "{refused:?}"
    );
    gpu.check().unwrap();
}
