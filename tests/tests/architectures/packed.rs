//! Activations in signed bytes on whole models, with every tiling: close to those in floats on the same weights, and
//! in a batch what they are alone.

use pollster::block_on;
use vitrine_engine::{Engine, KvDtype, LoadOptions, Quantization, Quantize, Tuning};
use vitrine_gpu::{AdapterSelector, Gpu, Tier};
use vitrine_protocol::{BatchRequest, GenerateRequest, Prompt, SamplingParams};

use crate::fixture::{Fixture, load_with, logits, off};

/// Of the largest logit: what rounding activations to 8 bits does to these small random models.
const TOLERANCE: f32 = 0.05;
/// Relative to the largest logit: tilings add in different orders, so that some values are rounded differently.
const BETWEEN_CUTS: f32 = 0.01;
/// Of the largest logit: with the KV cache in 8 bits as well.
const BOTH: f32 = 0.08;

fn options(quantize: Quantize, pack: bool, tuning: Tuning) -> LoadOptions {
    LoadOptions {
        quantization: Quantization {
            projections: Some(quantize),
            tables: true,
        },
        pack_activations: pack,
        tuning,
        ..LoadOptions::default()
    }
}

fn load(fixture: &Fixture, tier: Tier, options: &LoadOptions) -> Engine {
    let gpu = block_on(Gpu::request(&AdapterSelector::Best)).unwrap();
    load_with(fixture.files(), gpu.with_tier(tier), options).unwrap()
}

fn check(name: &str, quantize: Quantize) {
    let fixture = Fixture::read("architectures", name);
    let prompts: Vec<_> = fixture.golden.sequences.iter().take(2).collect();
    let all = |engine: &mut Engine| -> Vec<Vec<f32>> {
        prompts
            .iter()
            .map(|prompt| logits(engine, &prompt.prompt_ids))
            .collect()
    };
    let floats = options(quantize, false, Tuning::default());
    let floats = all(&mut load(&fixture, Tier::LAVAPIPE, &floats));
    // Control: another prompt's logits differ.
    assert!(off(&floats[0], &floats[1]) > 2.0 * TOLERANCE);
    let mut first: Option<Vec<Vec<f32>>> = None;
    for tier in [Tier::LAVAPIPE, Tier::Gpu] {
        for cut in 0.. {
            let options = options(quantize, true, Tuning::forced(cut));
            let mut engine = load(&fixture, tier, &options);
            if engine.cuts() <= cut {
                assert!(cut > 1, "{tier:?} has cuts to choose from");
                break;
            }
            let got = all(&mut engine);
            let first = first.get_or_insert_with(|| got.clone());
            for ((got, floats), first) in got.iter().zip(&floats).zip(first.iter()) {
                let error = off(got, floats);
                assert!(
                    (1e-5..TOLERANCE).contains(&error),
                    "{name}, {tier:?}, cut {cut}: off by {error}"
                );
                let error = off(got, first);
                assert!(
                    error < BETWEEN_CUTS,
                    "{name}, {tier:?}, cut {cut}: off by {error} from the first cut"
                );
            }
        }
    }
}

#[test]
fn phi3_with_every_tiling() {
    check("phi3", Quantize::Q4);
}

#[test]
fn gemma3_with_every_tiling() {
    check("gemma3", Quantize::Q8);
}

#[test]
fn gpt2_with_every_tiling() {
    check("gpt2", Quantize::Q4Group128);
}

/// The KV cache in bytes as well: both are felt.
#[test]
fn with_a_kv_cache_in_bytes() {
    for (name, quantize) in [
        ("phi3", Quantize::Q4),
        ("gemma3", Quantize::Q8),
        ("mistral", Quantize::Q4Group128),
    ] {
        let fixture = Fixture::read("architectures", name);
        for tier in [Tier::LAVAPIPE, Tier::Gpu] {
            let mut engines = [
                (false, None),
                (true, None),
                (false, Some(KvDtype::Q8)),
                (true, Some(KvDtype::Q8)),
            ]
            .map(|(pack, kv_dtype)| {
                let options = LoadOptions {
                    kv_dtype,
                    ..options(quantize, pack, Tuning::default())
                };
                load(&fixture, tier, &options)
            });
            let mut last: Option<Vec<f32>> = None;
            for sequence in &fixture.golden.sequences {
                let what = format!("{name}, {}, {tier:?}", sequence.name);
                let all = engines
                    .each_mut()
                    .map(|engine| logits(engine, &sequence.prompt_ids));
                let [floats, packed, cached, both] = &all;
                assert!(off(both, floats) < BOTH, "{what}");
                assert!(off(both, cached) > 1e-5, "{what}: as with the cache alone");
                // If attention is a single head of 32 values, it is rounded to the same grid twice.
                let differs = off(both, packed) > 1e-5 || sequence.prompt_ids.len() == 1;
                assert!(differs, "{what}: as with activations alone");
                // Control: another prompt's logits differ.
                let other = last.replace(floats.clone());
                assert!(other.is_none_or(|other| off(both, &other) > BOTH), "{what}");
            }
        }
    }
}

#[test]
fn a_batch_writes_what_each_prompt_writes_alone() {
    check_batch(None);
}

#[test]
fn with_a_kv_cache_in_bytes_a_batch_does_too() {
    check_batch(Some(KvDtype::Q8));
}

/// Step by step, in a batch and from the cache.
fn check_batch(kv_dtype: Option<KvDtype>) {
    let fixture = Fixture::read("architectures", "llama");
    let options = LoadOptions {
        kv_dtype,
        ..options(Quantize::Q4, true, Tuning::default())
    };
    let mut engine = load(&fixture, Tier::LAVAPIPE, &options);
    let sequences: Vec<_> = (0..5u32)
        .map(|seed| GenerateRequest {
            prompt: Prompt::Ids {
                ids: (0..3 + 5 * seed)
                    .map(|at| (at * 7 + seed * 31) % 200)
                    .collect(),
            },
            max_new_tokens: 12,
            top: 0,
            kv_cache: true,
            packet: Default::default(),
            interventions: vec![],
            sampling: SamplingParams::default(),
        })
        .collect();
    let batch = BatchRequest {
        sequences: sequences.clone(),
        width: 5,
    };
    let together = block_on(engine.generate_batch(&batch, &mut ())).unwrap();
    let mut different = false;
    let first = together.sequences[0].ids.clone();
    for (request, together) in sequences.iter().zip(&together.sequences) {
        let alone = block_on(engine.generate(request, &mut ())).unwrap();
        assert_eq!(together.ids, alone.ids);
        let without_cache = GenerateRequest {
            kv_cache: false,
            ..request.clone()
        };
        let without_cache = block_on(engine.generate(&without_cache, &mut ())).unwrap();
        assert_eq!(without_cache.ids, alone.ids);
        different |= alone.ids != first;
    }
    assert!(different, "the control: prompts are told apart");
}

#[test]
fn a_model_of_floats_has_nothing_to_multiply_by_bytes() {
    let fixture = Fixture::read("architectures", "llama");
    let options = LoadOptions {
        pack_activations: true,
        ..LoadOptions::default()
    };
    let gpu = block_on(Gpu::request(&AdapterSelector::Best)).unwrap();
    let refused = load_with(fixture.files(), gpu, &options).err().unwrap();
    assert!(refused.to_string().starts_with("8-bit activations need"));
}
