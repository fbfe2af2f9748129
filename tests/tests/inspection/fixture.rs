//! A model, and what transformers saw in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use pollster::block_on;
use safetensors::SafeTensors;
use serde::Deserialize;
use serde_json::Value;
use vitrine_checkpoint::Checkpoint;
use vitrine_engine::{Engine, LoadOptions, Trace};
use vitrine_gpu::{AdapterSelector, Gpu};
use vitrine_model::Model;
use vitrine_protocol::{Intervention, Prompt, TraceRequest};

/// Of the largest value of a tensor.
pub const TOLERANCE: f32 = 1e-3;

/// The names of all models.
pub const ALL: [&str; 29] = [
    "gemma3",
    "gemma3-old",
    "gemma3-softcap",
    "gpt2",
    "gpt2-hub",
    "gpt2-scaled",
    "llama",
    "llama-bias",
    "llama-dynamic",
    "llama-gelu",
    "llama-linear",
    "llama-llama3",
    "llama-mqa",
    "llama-odd",
    "llama-old",
    "mistral",
    "mistral-full",
    "mistral-long",
    "phi3",
    "phi3-longrope",
    "phi3-longrope-long",
    "phi3-longrope-partial",
    "phi3-longrope-window",
    "phi3-window",
    "qwen2",
    "qwen2-head",
    "qwen2-window",
    "qwen3",
    "qwen3-window",
];

/// The metadata of the file.
#[derive(Deserialize)]
pub struct Document {
    pub prompt_ids: Vec<u32>,
    /// Positions that were kept.
    pub rows: Vec<usize>,
    /// The same for the lens.
    pub lens_rows: Vec<usize>,
    pub changes: BTreeMap<String, Value>,
}

/// A tensor of the file.
pub struct Tensor {
    pub name: String,
    pub values: Vec<f32>,
}

pub struct Fixture {
    pub name: &'static str,
    pub document: Document,
    pub tensors: Vec<Tensor>,
}

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

pub fn gpu() -> Gpu {
    block_on(Gpu::request(&AdapterSelector::Best)).unwrap()
}

impl Fixture {
    pub fn read(name: &'static str) -> Self {
        let path = fixtures()
            .join("inspection")
            .join(format!("{name}.safetensors"));
        let bytes = fs::read(path).unwrap();
        let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
        let document = &metadata.metadata().as_ref().unwrap()["inspection"];
        let file = SafeTensors::deserialize(&bytes).unwrap();
        let tensors = file.tensors().into_iter().map(|(name, view)| Tensor {
            name,
            values: bytemuck::pod_collect_to_vec(view.data()),
        });
        Self {
            name,
            document: serde_json::from_str(document).unwrap(),
            tensors: tensors.collect(),
        }
    }

    pub fn load(&self, gpu: &Gpu, options: &LoadOptions) -> Engine {
        let folder = fixtures().join("architectures").join(self.name);
        let files = vitrine_checkpoint::open_path(&folder).unwrap();
        block_on(Engine::load(
            gpu.clone(),
            &files,
            options,
            &mut |_, _, _| {},
        ))
        .unwrap()
    }

    pub fn get(&self, name: &str) -> &[f32] {
        let tensor = self.tensors.iter().find(|tensor| tensor.name == name);
        &tensor
            .unwrap_or_else(|| panic!("{}: no {name}", self.name))
            .values
    }

    pub fn prompt(&self) -> Prompt {
        let ids = self.document.prompt_ids.clone();
        Prompt::Ids { ids }
    }
}

/// The model without an engine.
pub fn load(fixture: &Fixture) -> Model {
    let files = vitrine_checkpoint::open_path(&fixtures().join("architectures").join(fixture.name))
        .unwrap();
    let checkpoint = block_on(Checkpoint::open(&files)).unwrap();
    let options = LoadOptions::default();
    block_on(Model::load(gpu(), &checkpoint, &options, &mut |_, _, _| {})).unwrap()
}

/// A trace of a prompt.
pub fn trace(
    engine: &mut Engine,
    prompt: Prompt,
    taps: &[&str],
    interventions: Vec<Intervention>,
) -> Trace {
    let request = TraceRequest {
        prompt,
        taps: taps.iter().map(|tap| (*tap).to_owned()).collect(),
        lens: None,
        interventions,
    };
    block_on(engine.trace(&request)).unwrap()
}

/// The largest difference, relative to the largest value.
pub fn off(got: &[f32], wanted: &[f32]) -> f32 {
    assert_eq!(got.len(), wanted.len());
    let largest = wanted
        .iter()
        .fold(f32::MIN_POSITIVE, |max, x| max.max(x.abs()));
    let differences = got.iter().zip(wanted).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f32::max) / largest
}
