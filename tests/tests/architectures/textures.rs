//! Weights read from textures and from storage, on the same adapter: the same model.

use pollster::block_on;
use vitrine_engine::{Engine, LoadOptions, Quantization, Quantize};
use vitrine_gpu::{AdapterSelector, Gpu, GpuError};

use crate::fixture::{Fixture, load_with, logits};

fn gpu() -> Gpu {
    block_on(Gpu::request(&AdapterSelector::Best)).unwrap()
}

/// The model, and the bytes of its weights on the GPU.
fn load(fixture: &Fixture, textures: bool, quantize: Option<Quantize>) -> (Engine, u64) {
    let options = LoadOptions {
        quantization: Quantization {
            projections: quantize,
            tables: quantize.is_some(),
        },
        ..LoadOptions::default()
    };
    let gpu = gpu().with_weight_textures(textures);
    let engine = load_with(fixture.files(), gpu, &options).unwrap();
    let bytes = engine.summary().weight_bytes;
    (engine, bytes)
}

/// As in the file: what transformers gives, from either.
fn check(name: &str) {
    let fixture = Fixture::read("architectures", name);
    let [storage, textures] = [false, true].map(|textures| {
        let (mut engine, bytes) = load(&fixture, textures, None);
        fixture.check(&mut engine);
        bytes
    });
    // Control: textures have whole rows, which these small matrices do not fill.
    assert!(textures > storage, "{name}: {textures} and {storage} bytes");
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
        let [storage, textures] = [false, true].map(|textures| {
            let (mut engine, _) = load(&fixture, textures, Some(quantize));
            logits(&mut engine, prompt)
        });
        assert_eq!(storage, textures, "{name}");
        // Control: other numbers give other logits.
        assert!(!seen.contains(&textures), "{name}");
        seen.push(textures);
    }
}

#[test]
fn a_texture_above_the_limit_is_refused() {
    let gpu = gpu();
    let most = gpu.caps().max_texture;
    let refused = gpu.texture("weights", most + 1).err();
    assert!(
        matches!(refused, Some(GpuError::TooLarge { limit, .. }) if limit == most),
        "{refused:?}"
    );
    gpu.check().unwrap();
}
