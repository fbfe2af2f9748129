//! The KV cache in 16 and in 8 bits with activations in 32: close to transformers, in a part of the bytes.

use pollster::block_on;
use vitrine_checkpoint::CheckpointError;
use vitrine_engine::{Engine, EngineError, KvDtype, LoadOptions};
use vitrine_gpu::{AdapterSelector, Gpu, Tier};
use vitrine_model::ModelError;

use crate::fixture::{Fixture, generate, load_with, logits, names, off};

/// Of the largest logit, for models of random weights: 0.05 and 0.002 at most, measured.
const IN_8_BITS: f32 = 0.08;
const IN_16_BITS: f32 = 0.005;

fn load(fixture: &Fixture, kv_dtype: KvDtype, tier: Tier) -> Result<Engine, EngineError> {
    let gpu = block_on(Gpu::request(&AdapterSelector::Best)).unwrap();
    let options = LoadOptions {
        kv_dtype: Some(kv_dtype),
        ..LoadOptions::default()
    };
    load_with(fixture.files(), gpu.with_tier(tier), &options)
}

/// Every variant: groups of heads, sliding windows, normalised queries and keys, heads of which a part
/// turns, other rotary tables for long sequences.
#[test]
fn every_architecture_with_fewer_bits() {
    let mut worst: f32 = 0.0;
    for name in names("architectures") {
        let fixture = Fixture::read("architectures", &name);
        for tier in [Tier::LAVAPIPE, Tier::Gpu] {
            let [f16, q8] = [KvDtype::F16, KvDtype::Q8].map(|kv| load(&fixture, kv, tier));
            let mut f16 = f16.unwrap();
            let head_dim = f16.inspect(None).kv_cache.head_dim;
            let mut q8 = match q8 {
                Err(EngineError::Model(ModelError::Checkpoint(CheckpointError::KvDtype {
                    ..
                }))) => {
                    assert!(!head_dim.is_multiple_of(4), "{name}");
                    continue;
                }
                other => other.unwrap(),
            };
            assert!(head_dim.is_multiple_of(4), "{name}");
            let [many, few] = [&f16, &q8].map(|it| it.summary().kv_bytes_per_token);
            assert_eq!(
                few * 2 * u64::from(head_dim),
                many * u64::from(head_dim + 4),
                "{name}"
            );
            let mut others: Vec<Vec<f32>> = Vec::new();
            for sequence in &fixture.golden.sequences {
                let right = fixture.reference(&sequence.name);
                let what = format!("{name}, {}, {tier:?}", sequence.name);
                let error = off(&logits(&mut f16, &sequence.prompt_ids), &right);
                assert!(error < IN_16_BITS, "{what}: off by {error} in 16 bits");
                let got = logits(&mut q8, &sequence.prompt_ids);
                let error = off(&got, &right);
                // It is not by keeping floats that it is near.
                assert!(error > 1e-6, "{what}: off by {error} in 8 bits");
                assert!(error < IN_8_BITS, "{what}: off by {error} in 8 bits");
                worst = worst.max(error);
                // Control: another prompt's logits differ.
                assert!(
                    others.iter().all(|other| off(&got, other) > IN_8_BITS),
                    "{what}"
                );
                others.push(right);
                if sequence.new_ids_without_cache.is_none() {
                    let n = sequence.new_ids.len();
                    let [with, without] =
                        [true, false].map(|kv| generate(&mut q8, &sequence.prompt_ids, n, kv));
                    assert_eq!(with, without, "{what}: with the cache and without");
                }
            }
        }
    }
    // The bound is not trivial.
    assert!(worst > IN_8_BITS / 10.0, "{worst}");
}
