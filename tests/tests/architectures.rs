//! Small models of every architecture and variant, as Hugging Face folders, against transformers
//! (`tests/reference/make_architectures.py`).

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]

use std::collections::BTreeSet;
use std::path::PathBuf;

use pollster::block_on;
use safetensors::SafeTensors;
use serde::Deserialize;
use serde_json::{Map, Value};
use vitrine_engine::{Engine, LoadOptions, ModelFiles};
use vitrine_gpu::{AdapterSelector, Gpu};
use vitrine_protocol::{GenerateRequest, Prompt};

/// Of the largest logit.
const TOLERANCE: f32 = 1e-3;

/// What transformers says about a folder.
#[derive(Deserialize)]
struct Golden {
    /// Other files that say the same as config.json.
    spellings: Vec<String>,
    controls: Vec<Control>,
    sequences: Vec<Sequence>,
}

/// Another model, by a change of config.json.
#[derive(Deserialize)]
struct Control {
    change: Map<String, Value>,
    /// Where it is felt most, and how much, relative to the largest logit.
    sequence: String,
    difference: f32,
}

#[derive(Deserialize)]
struct Sequence {
    name: String,
    prompt_ids: Vec<u32>,
    new_ids: Vec<u32>,
    /// Where they are others: cached keys keep the rotation of their time.
    new_ids_without_cache: Option<Vec<u32>>,
}

/// A folder of `fixtures/architectures`.
struct Fixture {
    folder: PathBuf,
    golden: Golden,
    /// A safetensors file: a row of logits for each sequence.
    logits: Vec<u8>,
}

impl Fixture {
    fn read(name: &str) -> Self {
        let folder = folder().join(name);
        let golden = std::fs::read_to_string(folder.join("golden.json")).unwrap();
        Self {
            golden: serde_json::from_str(&golden).unwrap(),
            logits: std::fs::read(folder.join("logits.safetensors")).unwrap(),
            folder,
        }
    }

    fn config(&self, file: &str) -> Map<String, Value> {
        serde_json::from_slice(&std::fs::read(self.folder.join(file)).unwrap()).unwrap()
    }

    /// The folder's model, with that config.json.
    fn load(&self, config: &Map<String, Value>) -> Engine {
        let mut files = ModelFiles::new("fixture");
        for entry in std::fs::read_dir(&self.folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if name.starts_with("model") || name == "generation_config.json" {
                files.add(name, std::fs::read(&path).unwrap());
            }
        }
        files.add("config.json", serde_json::to_vec(config).unwrap());
        block_on(Engine::load(
            block_on(Gpu::request(&AdapterSelector::Best)).unwrap(),
            &files,
            &LoadOptions::default(),
            &mut |_, _, _| {},
        ))
        .unwrap()
    }

    fn reference(&self, sequence: &str) -> Vec<f32> {
        let tensors = SafeTensors::deserialize(&self.logits).unwrap();
        bytemuck::pod_collect_to_vec(tensors.tensor(sequence).unwrap().data())
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/architectures")
}

/// All logits after a prompt, in order of id.
fn logits(engine: &mut Engine, ids: &[u32]) -> Vec<f32> {
    let prompt = Prompt::Ids { ids: ids.to_vec() };
    let mut top = block_on(engine.next(&prompt, 0)).unwrap().distribution.top;
    top.sort_by_key(|candidate| candidate.id);
    top.into_iter().map(|candidate| candidate.logit).collect()
}

/// The largest difference, relative to the largest logit of the reference.
fn off(got: &[f32], right: &[f32]) -> f32 {
    assert_eq!(got.len(), right.len());
    let largest = right.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
    let differences = got.iter().zip(right).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f32::max) / largest
}

fn generate(engine: &mut Engine, ids: &[u32], count: usize, kv_cache: bool) -> Vec<u32> {
    let request = GenerateRequest {
        prompt: Prompt::Ids { ids: ids.to_vec() },
        max_new_tokens: count as u32,
        top: 0,
        kv_cache,
    };
    block_on(engine.generate(&request, &mut ())).unwrap().ids
}

fn check(name: &str) {
    let fixture = Fixture::read(name);
    let config = fixture.config("config.json");
    let mut engine = fixture.load(&config);
    let mut all = Vec::new();
    for sequence in &fixture.golden.sequences {
        let got = logits(&mut engine, &sequence.prompt_ids);
        let error = off(&got, &fixture.reference(&sequence.name));
        assert!(error < TOLERANCE, "{}: off by {error}", sequence.name);
        all.push(got);
        let without = sequence.new_ids_without_cache.as_ref();
        for (kv_cache, right) in [
            (true, &sequence.new_ids),
            (false, without.unwrap_or(&sequence.new_ids)),
        ] {
            let ids = generate(&mut engine, &sequence.prompt_ids, right.len(), kv_cache);
            assert_eq!(&ids, right, "{}, kv_cache {kv_cache}", sequence.name);
        }
    }
    for spelling in &fixture.golden.spellings {
        let mut engine = fixture.load(&fixture.config(spelling));
        for (sequence, right) in fixture.golden.sequences.iter().zip(&all) {
            let got = logits(&mut engine, &sequence.prompt_ids);
            assert_eq!(&got, right, "{spelling}, {}", sequence.name);
        }
    }
    // Controls: what is another model for transformers is another model here, by as much.
    for control in &fixture.golden.controls {
        let mut changed = config.clone();
        changed.extend(control.change.clone());
        let sequences = &fixture.golden.sequences;
        let sequence = sequences.iter().find(|each| each.name == control.sequence);
        let got = logits(&mut fixture.load(&changed), &sequence.unwrap().prompt_ids);
        let felt = off(&got, &fixture.reference(&control.sequence));
        assert!(
            (felt - control.difference).abs() < 2.0 * TOLERANCE,
            "{:?} is felt by {felt} instead of {}",
            control.change,
            control.difference
        );
    }
}

/// A test for each folder, and one that there is a test for each folder.
macro_rules! architectures {
    ($($test:ident: $name:literal,)*) => {
        $(
            #[test]
            #[ignore = "the engine does not open folders yet"]
            fn $test() {
                check($name);
            }
        )*

        #[test]
        fn every_folder_has_its_test() {
            let folders: BTreeSet<String> = std::fs::read_dir(folder())
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            assert_eq!(folders, BTreeSet::from([$($name.to_owned()),*]));
        }
    };
}

architectures! {
    gemma3: "gemma3",
    gemma3_old: "gemma3-old",
    gemma3_softcap: "gemma3-softcap",
    gpt2: "gpt2",
    gpt2_scaled: "gpt2-scaled",
    llama: "llama",
    llama_bias: "llama-bias",
    llama_dynamic: "llama-dynamic",
    llama_linear: "llama-linear",
    llama_llama3: "llama-llama3",
    llama_mqa: "llama-mqa",
    mistral: "mistral",
    mistral_full: "mistral-full",
    phi3: "phi3",
    phi3_longrope: "phi3-longrope",
    phi3_longrope_partial: "phi3-longrope-partial",
    phi3_longrope_window: "phi3-longrope-window",
    phi3_window: "phi3-window",
    qwen2: "qwen2",
    qwen2_window: "qwen2-window",
    qwen3: "qwen3",
    qwen3_window: "qwen3-window",
}
