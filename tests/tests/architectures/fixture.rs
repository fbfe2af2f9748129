//! A small model with the results of transformers and of the engine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pollster::block_on;
use safetensors::SafeTensors;
use serde::Deserialize;
use serde_json::{Map, Value};
use vitrine_engine::{Engine, EngineError, LoadOptions, ModelFiles};
use vitrine_gpu::{AdapterSelector, Gpu};
use vitrine_protocol::{GenerateRequest, Prompt, SamplingParams};

/// Of the largest logit.
pub const TOLERANCE: f32 = 1e-3;

/// What transformers says about a model.
#[derive(Deserialize)]
pub struct Golden {
    /// Other ways to write config.json.
    #[serde(default)]
    pub spellings: BTreeMap<String, Map<String, Value>>,
    #[serde(default)]
    pub controls: Vec<Control>,
    pub sequences: Vec<Sequence>,
}

/// Another model, by a change of config.json.
#[derive(Deserialize)]
pub struct Control {
    pub change: Map<String, Value>,
    /// Where it is felt most, and how much, relative to the largest logit.
    pub sequence: String,
    pub difference: f32,
}

#[derive(Deserialize)]
pub struct Sequence {
    pub name: String,
    pub prompt_ids: Vec<u32>,
    pub new_ids: Vec<u32>,
    /// Where they are others: cached keys keep the rotation of their time.
    pub new_ids_without_cache: Option<Vec<u32>>,
}

/// The files of a model, by name.
pub type Files = Vec<(String, Vec<u8>)>;

/// A folder of `tests/fixtures`.
pub struct Fixture {
    folder: PathBuf,
    pub golden: Golden,
    /// A safetensors file: a row of logits for each sequence.
    logits: Vec<u8>,
}

impl Fixture {
    pub fn read(kind: &str, name: &str) -> Self {
        let folder = fixtures(kind).join(name);
        let golden = std::fs::read_to_string(folder.join("golden.json")).unwrap();
        Self {
            golden: serde_json::from_str(&golden).unwrap(),
            logits: std::fs::read(folder.join("logits.safetensors")).unwrap(),
            folder,
        }
    }

    /// The files of the model without our references.
    pub fn files(&self) -> Files {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if name != "golden.json" && name != "logits.safetensors" {
                files.push((name.to_owned(), std::fs::read(&path).unwrap()));
            }
        }
        files.sort();
        files
    }

    pub fn config(&self) -> Map<String, Value> {
        serde_json::from_slice(&std::fs::read(self.folder.join("config.json")).unwrap()).unwrap()
    }

    /// The model with that config.json.
    pub fn with_config(&self, config: &Map<String, Value>) -> Files {
        replaced(
            self.files(),
            "config.json",
            serde_json::to_vec(config).unwrap(),
        )
    }

    pub fn reference(&self, sequence: &str) -> Vec<f32> {
        let tensors = SafeTensors::deserialize(&self.logits).unwrap();
        bytemuck::pod_collect_to_vec(tensors.tensor(sequence).unwrap().data())
    }

    /// The logits at each prompt's end and the tokens that follow, with the cache and without it.
    pub fn check(&self, engine: &mut Engine) {
        self.check_sequences(engine, self.golden.sequences.len());
    }

    /// The same for the first prompts.
    pub fn check_sequences(&self, engine: &mut Engine, most: usize) {
        let mut others: Vec<Vec<f32>> = Vec::new();
        for sequence in self.golden.sequences.iter().take(most) {
            let right = self.reference(&sequence.name);
            let got = logits(engine, &sequence.prompt_ids);
            let error = off(&got, &right);
            assert!(error < TOLERANCE, "{}: off by {error}", sequence.name);
            // Control: another prompt's logits differ.
            assert!(others.iter().all(|other| off(&got, other) > TOLERANCE));
            let without = sequence.new_ids_without_cache.as_ref();
            for (kv_cache, right) in [
                (true, &sequence.new_ids),
                (false, without.unwrap_or(&sequence.new_ids)),
            ] {
                let ids = generate(engine, &sequence.prompt_ids, right.len(), kv_cache);
                assert_eq!(&ids, right, "{}, kv_cache {kv_cache}", sequence.name);
            }
            others.push(right);
        }
    }
}

/// The folder of a kind of fixtures.
pub fn fixtures(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(kind)
}

/// The names of all fixtures of a kind.
pub fn names(kind: &str) -> BTreeSet<String> {
    std::fs::read_dir(fixtures(kind))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// The files with another content of one of them.
pub fn replaced(mut files: Files, name: &str, bytes: Vec<u8>) -> Files {
    files.retain(|(other, _)| other != name);
    files.push((name.to_owned(), bytes));
    files
}

pub fn try_load(files: Files) -> Result<Engine, EngineError> {
    let gpu = block_on(Gpu::request(&AdapterSelector::Best)).unwrap();
    load_with(files, gpu, &LoadOptions::default())
}

pub fn load_with(files: Files, gpu: Gpu, options: &LoadOptions) -> Result<Engine, EngineError> {
    let mut all = ModelFiles::new("fixture");
    for (name, bytes) in files {
        all.add(name, bytes);
    }
    block_on(Engine::load(gpu, &all, options, &mut |_, _, _| {}))
}

pub fn load(files: Files) -> Engine {
    try_load(files).unwrap_or_else(|error| panic!("{error}"))
}

/// All logits after a prompt, in order of id.
pub fn logits(engine: &mut Engine, ids: &[u32]) -> Vec<f32> {
    let prompt = Prompt::Ids { ids: ids.to_vec() };
    let mut top = block_on(engine.next(&prompt, 0)).unwrap().distribution.top;
    top.sort_by_key(|candidate| candidate.id);
    top.into_iter().map(|candidate| candidate.logit).collect()
}

/// The largest difference, relative to the largest logit of the reference.
pub fn off(got: &[f32], right: &[f32]) -> f32 {
    assert_eq!(got.len(), right.len());
    let largest = right.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
    let differences = got.iter().zip(right).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f32::max) / largest
}

pub fn generate(engine: &mut Engine, ids: &[u32], count: usize, kv_cache: bool) -> Vec<u32> {
    let request = GenerateRequest {
        prompt: Prompt::Ids { ids: ids.to_vec() },
        max_new_tokens: count as u32,
        top: 0,
        kv_cache,
        packet: Default::default(),
        interventions: vec![],
        sampling: SamplingParams::default(),
    };
    block_on(engine.generate(&request, &mut ())).unwrap().ids
}

/// A test for each fixture of a kind, and one that there is a test for each.
#[macro_export]
macro_rules! fixtures {
    ($kind:literal, $check:path, $($test:ident: $name:literal,)*) => {
        $(
            #[test]
            fn $test() {
                $check($name);
            }
        )*

        #[test]
        fn every_fixture_has_its_test() {
            let tested = std::collections::BTreeSet::from([$($name.to_owned()),*]);
            assert_eq!($crate::fixture::names($kind), tested);
        }
    };
}
