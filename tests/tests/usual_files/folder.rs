//! Hugging Face folders.

use serde_json::{Value, json};

use crate::{Files, fixture, open};

fn with_config(name: &str, change: impl FnOnce(&mut Value)) -> Files {
    let mut files = fixture(&format!("architectures/{name}"));
    let mut config = serde_json::from_slice(&files["config.json"]).unwrap();
    change(&mut config);
    files.insert("config.json".to_owned(), config.to_string().into_bytes());
    files
}

/// The directory of a file of weights and its data.
fn safetensors(file: &[u8]) -> (serde_json::Map<String, Value>, &[u8]) {
    let start = 8 + u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    (
        serde_json::from_slice(&file[8..start]).unwrap(),
        &file[start..],
    )
}

/// Renames the tensors of all files of weights and in the index.
fn renamed(mut files: Files, rename: impl Fn(&str) -> String) -> Files {
    for (name, bytes) in &mut files {
        if name.ends_with(".safetensors") {
            let (directory, data) = safetensors(bytes);
            let directory = directory
                .into_iter()
                .map(|(name, entry)| match name.as_str() {
                    "__metadata__" => (name, entry),
                    tensor => (rename(tensor), entry),
                });
            let text = Value::Object(directory.collect()).to_string();
            let head = (text.len() as u64).to_le_bytes();
            *bytes = [&head, text.as_bytes(), data].concat();
        } else if name.ends_with(".index.json") {
            let mut index: Value = serde_json::from_slice(bytes).unwrap();
            let map = index["weight_map"].as_object().unwrap().clone();
            let map = map
                .into_iter()
                .map(|(tensor, file)| (rename(&tensor), file));
            index["weight_map"] = Value::Object(map.collect());
            *bytes = index.to_string().into_bytes();
        }
    }
    files
}

#[test]
fn old_and_odd_values_of_config_json() {
    let usual = open(&fixture("architectures/llama")).unwrap().0;
    for change in [
        ("architectures", json!(["LLaMAForCausalLM"])),
        ("architectures", json!(["LlamaModel"])),
        ("architectures", json!(["LlamaForSequenceClassification"])),
        ("architectures", json!(["Qwen2ForCausalLM"])),
        ("architectures", Value::Null),
    ] {
        let files = with_config("llama", |config| config[change.0] = change.1.clone());
        assert_eq!(open(&files).unwrap().0, usual, "{change:?}");
    }
    // A file without model_type goes by its class.
    let by_class = with_config("llama", |config| {
        config
            .as_object_mut()
            .unwrap()
            .remove("model_type")
            .unwrap();
    });
    assert_eq!(open(&by_class).unwrap().0, usual);
    let unpadded = with_config("llama", |config| config["pad_token_id"] = json!(-1));
    assert_eq!(open(&unpadded).unwrap().0.pad_token_id, None);
}

/// The text part of a model that also sees, under both generations of names.
#[test]
fn the_text_part_of_a_model_that_also_sees() {
    let (usual, tensors) = open(&fixture("architectures/gemma3")).unwrap();
    let nest = |config: &mut Value| {
        *config = json!({
            "architectures": ["Gemma3ForConditionalGeneration"],
            "model_type": "gemma3",
            "text_config": config.clone(),
            "vision_config": {"hidden_size": 8},
        });
    };
    let older = renamed(with_config("gemma3", nest), |name| {
        format!("language_model.{name}")
    });
    let newer = renamed(with_config("gemma3", nest), |name| {
        match name.strip_prefix("model.") {
            Some(rest) => format!("model.language_model.{rest}"),
            None => name.to_owned(),
        }
    });
    for files in [older, newer] {
        let (config, got) = open(&files).unwrap();
        assert_eq!((config, got), (usual.clone(), tensors.clone()));
    }
}

/// Tied weights may be saved under either name.
#[test]
fn a_tied_head_may_be_the_only_name() {
    let embedding = "model.embed_tokens.weight";
    let tied = |config: &mut Value| config["tie_word_embeddings"] = json!(true);
    let files = with_config("qwen3", tied);
    let (_, tensors) = open(&files).unwrap();
    let without_head = tensors[embedding].clone();
    let files = renamed(files, |name| match name {
        "lm_head.weight" => "another".to_owned(),
        name if name == embedding => "lm_head.weight".to_owned(),
        name => name.to_owned(),
    });
    let (_, tensors) = open(&files).unwrap();
    assert_eq!(tensors[embedding], without_head);
    assert!(!tensors.contains_key("lm_head.weight"));
}

/// The index alone says which files are the model.
#[test]
fn shards_have_any_name() {
    let files = fixture("architectures/llama");
    let (config, tensors) = open(&files).unwrap();
    let rename = |name: &str| match name.strip_suffix("-of-00003.safetensors") {
        Some(stem) => format!("{}.safetensors", stem.replace("model-", "part ")),
        None => name.to_owned(),
    };
    let mut other = Files::new();
    for (name, bytes) in &files {
        other.insert(rename(name), bytes.clone());
    }
    let index = "model.safetensors.index.json";
    let mut map: Value = serde_json::from_slice(&files[index]).unwrap();
    for file in map["weight_map"].as_object_mut().unwrap().values_mut() {
        *file = json!(rename(file.as_str().unwrap()));
    }
    other.insert(index.to_owned(), map.to_string().into_bytes());
    // A leftover of an older save.
    other.insert(
        "model-00001-of-00009.safetensors".to_owned(),
        b"old".to_vec(),
    );
    let got = open(&other).unwrap();
    assert_eq!((got.0, got.1), (config, tensors));
}
