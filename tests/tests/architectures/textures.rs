//! Weights in both kinds of textures and in storage buffers give the same model on the same adapter.

use pollster::block_on;
use vitrine_engine::{Engine, LoadOptions, Quantization, Quantize};
use vitrine_gpu::{AdapterSelector, Gpu, GpuError, StoreKind, Tier, Usage};

use crate::fixture::{Fixture, load_with, logits};

/// A real GPU's, and software adapters' with either kind of texture.
const TIERS: [Tier; 3] = [
    Tier::Gpu,
    Tier::Software {
        store: StoreKind::SampledTexture,
        vector: 8,
    },
    Tier::LAVAPIPE,
];

fn gpu() -> Gpu {
    block_on(Gpu::request(&AdapterSelector::Best)).unwrap()
}

/// The model, and the bytes of its weights on the GPU.
fn load(fixture: &Fixture, tier: Tier, quantize: Option<Quantize>) -> (Engine, u64) {
    let options = LoadOptions {
        quantization: Quantization {
            projections: quantize,
            tables: quantize.is_some(),
        },
        ..LoadOptions::default()
    };
    let gpu = gpu().with_tier(tier);
    let engine = load_with(fixture.files(), gpu, &options).unwrap();
    let bytes = engine.summary().weight_bytes;
    (engine, bytes)
}

/// As in the file: what transformers gives, from either.
fn check(name: &str) {
    let fixture = Fixture::read("architectures", name);
    let [storage, sampled, stored] = TIERS.map(|tier| {
        let (mut engine, bytes) = load(&fixture, tier, None);
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
fn quantised_weights_are_the_same_in_either_tier() {
    let fixture = Fixture::read("architectures", "llama");
    let prompt = &fixture.golden.sequences[0].prompt_ids;
    let mut seen: Vec<Vec<f32>> = Vec::new();
    for (name, quantize) in Quantize::ALL {
        let [storage, sampled, stored] = TIERS.map(|tier| {
            let (mut engine, _) = load(&fixture, tier, Some(quantize));
            logits(&mut engine, prompt)
        });
        assert_eq!(sampled, stored, "{name}");
        // The kernels of a real GPU add in another order.
        let off = |other: &[f32]| -> f32 {
            let pairs = storage.iter().zip(other);
            pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
        };
        assert!(off(&stored) < 1e-4, "{name}: off by {}", off(&stored));
        // Control: other numbers give other logits.
        assert!(seen.iter().all(|it| off(it) > 1e-4), "{name}");
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
