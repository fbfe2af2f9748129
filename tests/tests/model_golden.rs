//! The real model against transformers in float32 on the dequantised weights of the same file
//! (`tests/reference/make_golden.py`).

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]

use safetensors::SafeTensors;
use serde::Deserialize;
use vitrine_checkpoint::{Checkpoint, MappedFile, ModelFiles};
use vitrine_gpu::{AdapterSelector, Gpu};
use vitrine_model::{LoadOptions, Model};

#[derive(Deserialize)]
struct Golden {
    prompts: Vec<Prompt>,
}

#[derive(Deserialize)]
struct Prompt {
    name: String,
    prompt_ids: Vec<u32>,
    /// Greedy continuation, end tokens or not.
    free_ids: Vec<u32>,
    top: Vec<Top>,
}

#[derive(Deserialize)]
struct Top {
    id: u32,
    probability: f64,
}

const LOGITS: &[u8] = include_bytes!("../fixtures/smollm2/logits.safetensors");

fn golden() -> Golden {
    serde_json::from_str(include_str!("../fixtures/smollm2/golden.json")).unwrap()
}

fn logits(name: &str) -> Vec<f32> {
    let file = SafeTensors::deserialize(LOGITS).unwrap();
    bytemuck::pod_collect_to_vec(file.tensor(name).unwrap().data())
}

async fn load() -> Model {
    load_with(&LoadOptions::default()).await
}

async fn load_with(options: &LoadOptions) -> Model {
    let path = vitrine_hub::ensure(&vitrine_hub::DEFAULT_MODEL).unwrap();
    let file = MappedFile::open(&path).unwrap();
    let files = ModelFiles::new("SmolLM2").with("model.gguf", file);
    let checkpoint = Checkpoint::open(&files).await.unwrap();
    let gpu = Gpu::request(&AdapterSelector::Best).await.unwrap();
    Model::load(gpu, &checkpoint, options, &mut |_, _, _| {})
        .await
        .unwrap()
}

async fn greedy(model: &mut Model, prompt: &[u32], n: usize) -> Vec<u32> {
    let mut ids = Vec::new();
    let mut pending = model.prefill(prompt, 0).unwrap();
    while ids.len() < n {
        let next = model.decode(0).unwrap();
        ids.push(pending.prediction().await.unwrap().chosen.id);
        pending = next;
    }
    ids
}

fn furthest(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f32::max)
}

#[test]
fn logits_and_probabilities_are_those_of_transformers() {
    pollster::block_on(async {
        let mut model = load().await;
        let golden = golden();
        for prompt in &golden.prompts {
            let pending = model.prefill(&prompt.prompt_ids, 6).unwrap();
            let prediction = pending.prediction().await.unwrap();
            let ours = model.logits().await.unwrap();
            let distance = furthest(&ours, &logits(&prompt.name));
            println!("{}: logits within {distance:.5}", prompt.name);
            assert!(
                distance < 0.02,
                "{}: logits differ by {distance}",
                prompt.name
            );
            for (wanted, (id, logit)) in prompt.top.iter().zip(&prediction.top) {
                let probability = f64::from(logit - prediction.chosen.logsumexp).exp();
                assert_eq!(wanted.id, *id, "{}", prompt.name);
                assert!(
                    (wanted.probability - probability).abs() < 0.002,
                    "{}",
                    prompt.name
                );
            }
        }
        // Negative control: the references of two prompts differ.
        let other = furthest(&logits("france"), &logits("japan"));
        assert!(
            other > 1.0,
            "the references are too alike to test anything: {other}"
        );
    });
}

#[test]
fn greedy_tokens_are_those_of_transformers() {
    pollster::block_on(async {
        let mut model = load().await;
        for prompt in golden().prompts {
            let ids = greedy(&mut model, &prompt.prompt_ids, prompt.free_ids.len()).await;
            assert_eq!(ids, prompt.free_ids, "{}", prompt.name);
        }
    });
}

#[test]
fn without_the_cache_the_tokens_are_the_same() {
    pollster::block_on(async {
        let mut model = load().await;
        for prompt in golden()
            .prompts
            .iter()
            .filter(|prompt| prompt.prompt_ids.len() < 40)
        {
            let mut ids = prompt.prompt_ids.clone();
            for _ in 0..4 {
                let pending = model.prefill(&ids, 0).unwrap();
                ids.push(pending.prediction().await.unwrap().chosen.id);
            }
            let new = &ids[prompt.prompt_ids.len()..];
            assert_eq!(new, &prompt.free_ids[..4], "{}", prompt.name);
        }
    });
}

/// Activations in signed bytes: close to transformers' floats, but not so close as the usual ones.
#[test]
fn activations_in_bytes_change_little() {
    pollster::block_on(async {
        let options = LoadOptions {
            pack_activations: true,
            ..LoadOptions::default()
        };
        let mut model = load_with(&options).await;
        let (mut sum, mut same) = (0.0, 0);
        let golden = golden();
        for prompt in &golden.prompts {
            let pending = model.prefill(&prompt.prompt_ids, 0).unwrap();
            pending.prediction().await.unwrap();
            let ours = model.logits().await.unwrap();
            let right = logits(&prompt.name);
            let (distance, kl) = (furthest(&ours, &right), kl_divergence(&right, &ours));
            let ids = greedy(&mut model, &prompt.prompt_ids, prompt.free_ids.len()).await;
            let pairs = ids.iter().zip(&prompt.free_ids);
            let agreed = pairs.take_while(|(ours, theirs)| ours == theirs).count();
            println!(
                "{}: logits within {distance:.3}, KL {kl:.6}, {agreed} of {} tokens the same",
                prompt.name,
                ids.len()
            );
            assert!(
                (0.02..2.0).contains(&distance) && kl < 0.05,
                "{}: logits differ by {distance}, KL {kl}",
                prompt.name
            );
            sum += kl;
            same += usize::from(ids == prompt.free_ids);
        }
        // Where two tokens are close, the order of a sum decides which bytes come out; in some nothing is.
        assert!(same >= 1);
        let mean = sum / golden.prompts.len() as f64;
        println!("mean KL {mean:.6}");
        assert!(mean < 0.01, "{mean}");
    });
}

/// Of `other` from `right`, in nats.
fn kl_divergence(right: &[f32], other: &[f32]) -> f64 {
    let logs = |logits: &[f32]| -> Vec<f64> {
        let highest = logits.iter().copied().fold(f32::MIN, f32::max);
        let sum: f64 = logits.iter().map(|x| f64::from(x - highest).exp()).sum();
        logits
            .iter()
            .map(|x| f64::from(x - highest) - sum.ln())
            .collect()
    };
    let (right, other) = (logs(right), logs(other));
    let terms = right.iter().zip(&other).map(|(p, q)| p.exp() * (p - q));
    terms.sum()
}
