//! What shows only when the weights are brought to the GPU.

use std::time::Instant;

use serde_json::{Value, json};
use vitrine_engine::{Engine, LoadOptions};
use vitrine_gpu::{AdapterSelector, Gpu};

use super::{Files, QUICK, check_sentence, fixture, good_gguf, model_files};

/// Loads a model; gives the error as people see it.
fn load(files: &Files) -> Result<(), String> {
    let files = model_files(files);
    let gpu = pollster::block_on(Gpu::request(&AdapterSelector::default())).unwrap();
    let started = Instant::now();
    let options = LoadOptions::default();
    let result = pollster::block_on(Engine::load(gpu, &files, &options, &mut |_, _, _| {}));
    assert!(
        result.is_ok() || started.elapsed() < QUICK,
        "{:?}",
        started.elapsed()
    );
    result.map(drop).map_err(|error| error.to_string())
}

fn assert_refused(files: &Files, words: &str) {
    let text = load(files).expect_err(words);
    check_sentence(&text);
    assert!(text.contains(words), "{text:?} does not say {words:?}");
}

/// A good folder as one file of weights, its directory changed.
fn with_directory(change: impl FnOnce(&mut serde_json::Map<String, Value>)) -> Files {
    let mut files = fixture("llama-mqa");
    let (mut directory, mut data) = (serde_json::Map::new(), Vec::<u8>::new());
    for (name, bytes) in &files {
        if !name.ends_with(".safetensors") {
            continue;
        }
        let start = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let part: serde_json::Map<String, Value> =
            serde_json::from_slice(&bytes[8..start]).unwrap();
        for (tensor, mut entry) in part {
            if tensor == "__metadata__" {
                continue;
            }
            for end in entry["data_offsets"].as_array_mut().unwrap() {
                *end = json!(end.as_u64().unwrap() + data.len() as u64);
            }
            directory.insert(tensor, entry);
        }
        data.extend(&bytes[start..]);
    }
    change(&mut directory);
    let text = Value::Object(directory).to_string();
    let mut file = (text.len() as u64).to_le_bytes().to_vec();
    file.extend(text.as_bytes());
    file.extend(data);
    files.retain(|name, _| name == "config.json");
    files.insert("model.safetensors".to_owned(), file);
    files
}

const NORM: &str = "model.norm.weight";
const DOWN: &str = "model.layers.0.mlp.down_proj.weight";

#[test]
fn the_model_is_good_before_it_is_spoilt() {
    load(&with_directory(|_| {})).unwrap();
}

#[test]
fn missing_tensors_are_named() {
    for name in [NORM, DOWN, "model.embed_tokens.weight"] {
        let files = with_directory(|directory| {
            directory.remove(name).unwrap();
        });
        assert_refused(&files, name);
    }
}

#[test]
fn tensors_of_other_shapes_and_types_are_refused() {
    for name in [NORM, DOWN] {
        let reshaped = with_directory(|directory| {
            let shape = &mut directory[name]["shape"];
            let count: u64 = shape
                .as_array()
                .unwrap()
                .iter()
                .filter_map(Value::as_u64)
                .product();
            *shape = json!([1, count]);
        });
        assert_refused(&reshaped, name);
        for dtype in ["I16", "U16", "F8_E4M3", "nonsense"] {
            let files = with_directory(|directory| directory[name]["dtype"] = json!(dtype));
            assert_refused(&files, name);
        }
    }
}

#[test]
fn numbers_that_are_none_are_an_error() {
    let mut files = with_directory(|_| {});
    let file = files.get_mut("model.safetensors").unwrap();
    let start = 8 + u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    file[start..].fill(0xFF);
    let model = model_files(&files);
    let gpu = pollster::block_on(Gpu::request(&AdapterSelector::default())).unwrap();
    let options = LoadOptions::default();
    let text = pollster::block_on(async {
        let mut engine = Engine::load(gpu, &model, &options, &mut |_, _, _| {}).await?;
        engine
            .generate(
                &vitrine_protocol::GenerateRequest {
                    prompt: vitrine_protocol::Prompt::Ids { ids: vec![1, 2, 3] },
                    max_new_tokens: 2,
                    top: 0,
                    kv_cache: true,
                    packet: Default::default(),
                    interventions: vec![],
                    sampling: vitrine_protocol::SamplingParams::default(),
                },
                &mut (),
            )
            .await
    })
    .unwrap_err()
    .to_string();
    check_sentence(&text);
    assert!(text.contains("not finite"), "{text}");
}

#[test]
fn a_gguf_file_whose_metadata_and_tensors_differ() {
    let mut file = good_gguf();
    let key = b"llama.block_count";
    let at = file
        .windows(key.len())
        .position(|window| window == key)
        .unwrap();
    // Past the name and the type.
    let at = at + key.len() + 4;
    file[at..at + 4].copy_from_slice(&7u32.to_le_bytes());
    assert_refused(&Files::from([("model.gguf".to_owned(), file)]), "blk.");
}

#[test]
fn a_tokenizer_larger_than_the_vocabulary() {
    let with_last_id = |id: u32| {
        let tokenizer = json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
            "normalizer": null, "post_processor": null,
            "pre_tokenizer": { "type": "ByteLevel", "add_prefix_space": false,
                "trim_offsets": true, "use_regex": true },
            "decoder": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true,
                "use_regex": true },
            "model": { "type": "BPE", "vocab": { "a": 0, "b": id }, "merges": [] },
        });
        let mut files = with_directory(|_| {});
        files.insert(
            "tokenizer.json".to_owned(),
            tokenizer.to_string().into_bytes(),
        );
        files
    };
    // The model has 331 rows.
    load(&with_last_id(330)).unwrap();
    // A token that was added to the tokenizer alone; only a prompt that has it is refused.
    load(&with_last_id(331)).unwrap();
    assert_refused(&with_last_id(u32::MAX), "tokenizer");
}
