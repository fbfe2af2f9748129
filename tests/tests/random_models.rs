//! Small models of random weights and odd sizes against transformers
//! (`tests/reference/make_random.py`), and what must not change a result: the cache, its growth,
//! the length of passes, and the limits of the adapter.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]

use pollster::block_on;
use safetensors::SafeTensors;
use serde::Deserialize;
use vitrine_checkpoint::{Quantization, Quantize};
use vitrine_engine::{Dtype, Engine, EngineError, LoadOptions, ModelFiles};
use vitrine_gpu::{AdapterSelector, Gpu, Tier};
use vitrine_model::ModelError;
use vitrine_protocol::{FinishReason, GenerateRequest, GenerateSummary, Prompt, SamplingParams};

/// 144 wide, 9 heads over 3, 200 in the middle, 1003 ids; F16 and F32.
const LLAMA: Fixture = Fixture {
    model: include_bytes!("../fixtures/random-llama/model.gguf"),
    golden: include_str!("../fixtures/random-llama/golden.json"),
    logits: include_bytes!("../fixtures/random-llama/logits.safetensors"),
};
/// One key head, tied embeddings; Q8_0, Q4_0 and Q4_1.
const QUANTIZED: Fixture = Fixture {
    model: include_bytes!("../fixtures/random-quantized/model.gguf"),
    golden: include_str!("../fixtures/random-quantized/golden.json"),
    logits: include_bytes!("../fixtures/random-quantized/logits.safetensors"),
};

struct Fixture {
    model: &'static [u8],
    golden: &'static str,
    logits: &'static [u8],
}

#[derive(Deserialize)]
struct Golden {
    sequences: Vec<Sequence>,
}

#[derive(Deserialize)]
struct Sequence {
    name: String,
    prompt_ids: Vec<u32>,
    new_ids: Vec<u32>,
}

fn gpu() -> Gpu {
    block_on(Gpu::request(&AdapterSelector::Best)).unwrap()
}

fn load(fixture: &Fixture, gpu: Gpu, context: Option<u32>) -> Result<Engine, EngineError> {
    let options = LoadOptions {
        context,
        ..LoadOptions::default()
    };
    load_with(fixture, gpu, &options)
}

fn load_with(fixture: &Fixture, gpu: Gpu, options: &LoadOptions) -> Result<Engine, EngineError> {
    let files = ModelFiles::new("fixture").with("model.gguf", fixture.model.to_vec());
    block_on(Engine::load(gpu, &files, options, &mut |_, _, _| {}))
}

fn request(ids: &[u32], max_new_tokens: u32, kv_cache: bool) -> GenerateRequest {
    GenerateRequest {
        prompt: Prompt::Ids { ids: ids.to_vec() },
        max_new_tokens,
        top: 0,
        kv_cache,
        packet: Default::default(),
        interventions: vec![],
        sampling: SamplingParams::default(),
    }
}

fn generate(engine: &mut Engine, ids: &[u32], n: u32, kv_cache: bool) -> GenerateSummary {
    block_on(engine.generate(&request(ids, n, kv_cache), &mut ())).unwrap()
}

/// All logits after a prompt, in order of id.
fn logits(engine: &mut Engine, ids: &[u32]) -> Vec<f32> {
    let prompt = Prompt::Ids { ids: ids.to_vec() };
    let mut top = block_on(engine.next(&prompt, 0)).unwrap().distribution.top;
    top.sort_by_key(|candidate| candidate.id);
    top.into_iter().map(|candidate| candidate.logit).collect()
}

fn check(fixture: &Fixture, gpu: Gpu) {
    let mut engine = load(fixture, gpu, None).unwrap();
    let references = SafeTensors::deserialize(fixture.logits).unwrap();
    let golden: Golden = serde_json::from_str(fixture.golden).unwrap();
    let mut seen: Vec<Vec<f32>> = Vec::new();
    for Sequence {
        name,
        prompt_ids,
        new_ids,
    } in golden.sequences
    {
        let right: Vec<f32> =
            bytemuck::pod_collect_to_vec(references.tensor(&name).unwrap().data());
        let got = logits(&mut engine, &prompt_ids);
        assert_eq!(got.len(), right.len());
        let scale = right
            .iter()
            .fold(0.0, |most: f32, logit| most.max(logit.abs()));
        let off = |right: &[f32]| {
            got.iter()
                .zip(right)
                .map(|(a, b)| (a - b).abs())
                .fold(0.0, f32::max)
                / scale
        };
        assert!(
            off(&right) < 1e-3,
            "{name}: off by {} relative",
            off(&right)
        );
        // Control: another prompt's logits differ.
        assert!(
            seen.iter().all(|other| off(other) > 1e-3),
            "{name}: the control fails"
        );
        for kv_cache in [true, false] {
            let summary = generate(&mut engine, &prompt_ids, new_ids.len() as u32, kv_cache);
            assert_eq!(summary.ids, new_ids, "{name}, kv_cache {kv_cache}");
            assert_eq!(summary.text, None, "{name}: there is no tokenizer");
            assert_eq!(summary.finish_reason, FinishReason::Length);
        }
        seen.push(right);
    }
}

#[test]
fn floats_give_what_transformers_gives() {
    check(&LLAMA, gpu());
}

/// Activations and cache in half precision: near the reference, and not by doing nothing.
#[test]
fn half_precision_gives_nearly_what_transformers_gives() {
    let files = ModelFiles::new("fixture").with("model.gguf", LLAMA.model.to_vec());
    let options = LoadOptions {
        dtype: Dtype::F16,
        ..LoadOptions::default()
    };
    let mut engine = block_on(Engine::load(gpu(), &files, &options, &mut |_, _, _| {})).unwrap();
    let references = SafeTensors::deserialize(LLAMA.logits).unwrap();
    let golden: Golden = serde_json::from_str(LLAMA.golden).unwrap();
    for sequence in &golden.sequences {
        let reference = references.tensor(&sequence.name).unwrap();
        let right: Vec<f32> = bytemuck::pod_collect_to_vec(reference.data());
        let got = logits(&mut engine, &sequence.prompt_ids);
        let scale = right.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
        let differences = got.iter().zip(&right).map(|(a, b)| (a - b).abs());
        let off = differences.fold(0.0, f32::max) / scale;
        assert!((1e-6..1e-2).contains(&off), "off by {off} relative");
    }
}

#[test]
fn quantised_weights_give_what_transformers_gives() {
    check(&QUANTIZED, gpu());
}

/// More bits come nearer to the floats, and what is quantised already stays as it is.
#[test]
fn quantising_while_loading_costs_what_it_should() {
    let ids: Vec<u32> = (0..37).map(|i| i * 13 % 900).collect();
    let of = |fixture, projections, tables| {
        let quantization = Quantization {
            projections,
            tables,
        };
        let options = LoadOptions {
            quantization,
            ..LoadOptions::default()
        };
        logits(&mut load_with(fixture, gpu(), &options).unwrap(), &ids)
    };
    let floats = of(&LLAMA, None, false);
    let scale = floats.iter().map(|logit| logit * logit).sum::<f32>().sqrt();
    let off = |quantize, tables| {
        let got = of(&LLAMA, Some(quantize), tables);
        let squares = got.iter().zip(&floats).map(|(a, b)| (a - b).powi(2));
        squares.sum::<f32>().sqrt() / scale
    };
    let [q8, q4, q4_128] = Quantize::ALL.map(|(_, quantize)| off(quantize, false));
    assert!((1e-3..0.05).contains(&q8), "q8: off by {q8}");
    for q4 in [q4, q4_128] {
        assert!(
            (4.0 * q8..0.9).contains(&q4),
            "q8: off by {q8}; q4: by {q4}"
        );
    }
    assert_ne!(off(Quantize::Q8, true), q8, "the head as well");
    let kept = of(&QUANTIZED, None, false);
    assert_eq!(of(&QUANTIZED, Some(Quantize::Q4), true), kept);
}

#[test]
fn tensors_above_the_binding_limit_are_split_by_rows() {
    let ids: Vec<u32> = (0..37).map(|i| i * 13 % 900).collect();
    for (fixture, tier) in [
        (&LLAMA, Tier::Gpu),
        (&LLAMA, Tier::LAVAPIPE),
        (&QUANTIZED, Tier::Gpu),
        (&QUANTIZED, Tier::SWIFTSHADER),
        (&QUANTIZED, Tier::LAVAPIPE),
    ] {
        let gpu = || gpu().with_tier(tier);
        let whole = logits(&mut load(fixture, gpu(), None).unwrap(), &ids);
        // Less than the embedding and the output head take, so that these come in parts.
        let small = gpu().with_weight_binding_limit(64 << 10);
        assert_eq!(
            logits(&mut load(fixture, small, None).unwrap(), &ids),
            whole
        );
    }
}

#[test]
fn the_cache_and_its_growth_change_nothing() {
    let bytes = with_context(LLAMA.model, 1024);
    let options = LoadOptions::default();
    let files = ModelFiles::new("fixture").with("model.gguf", bytes);
    let mut engine = block_on(Engine::load(gpu(), &files, &options, &mut |_, _, _| {})).unwrap();
    // From 500 to 515 positions: the cache grows past 512, and without it passes get a second part.
    let ids: Vec<u32> = (0..500).map(|i| (i * 7919 + i * i) % 1003).collect();
    let with = generate(&mut engine, &ids, 15, true);
    let without = generate(&mut engine, &ids, 15, false);
    assert_eq!(with.ids, without.ids);
    let mut seen = with.ids.clone();
    seen.sort_unstable();
    seen.dedup();
    assert!(
        seen.len() > 3,
        "the continuation is too dull to test anything: {:?}",
        with.ids
    );
}

/// The file with another `llama.context_length`, a u32.
fn with_context(file: &[u8], context: u32) -> Vec<u8> {
    let key = b"llama.context_length";
    let at = file
        .windows(key.len())
        .position(|window| window == key)
        .unwrap()
        + key.len()
        + 4;
    let mut file = file.to_vec();
    file[at..at + 4].copy_from_slice(&context.to_le_bytes());
    file
}

#[test]
fn the_context_ends_a_generation() {
    let mut engine = load(&LLAMA, gpu(), Some(10)).unwrap();
    for kv_cache in [true, false] {
        let summary = generate(&mut engine, &[1, 2, 3, 4, 5, 6], 100, kv_cache);
        assert_eq!(summary.finish_reason, FinishReason::Context);
        assert_eq!(summary.ids.len(), 4);
        let full = generate(&mut engine, &[1; 10], 100, kv_cache);
        assert_eq!(
            (full.finish_reason, full.ids.len()),
            (FinishReason::Context, 0)
        );
    }
}

#[test]
fn bad_prompts_are_refused_in_one_sentence() {
    let mut engine = load(&LLAMA, gpu(), Some(10)).unwrap();
    let mut refuse =
        |ids: &[u32]| block_on(engine.generate(&request(ids, 1, true), &mut ())).unwrap_err();
    assert!(matches!(
        refuse(&[]),
        EngineError::Model(ModelError::EmptyPrompt)
    ));
    let error = refuse(&[1; 11]);
    assert!(
        error
            .to_string()
            .contains("11 tokens, but the context holds 10"),
        "{error}"
    );
    let error = refuse(&[5, 1003]);
    assert!(
        error.to_string().contains("1003 is not in the vocabulary"),
        "{error}"
    );
    let text = GenerateRequest {
        prompt: Prompt::Text {
            text: "Hello".to_owned(),
        },
        ..request(&[], 1, true)
    };
    let error = block_on(engine.generate(&text, &mut ())).unwrap_err();
    assert!(matches!(error, EngineError::NoTokenizer));
    // And the engine still works.
    assert_eq!(generate(&mut engine, &[1, 2], 3, true).ids.len(), 3);
}
