//! Files that must be refused with one sentence that names the error.

use std::fmt::Debug;

use serde_json::{Map, Value, json};

use crate::fixture::{Files, Fixture, load, replaced, try_load};

/// Checks that files were refused with one sentence that contains all of some words; returns what was wrong.
#[derive(Default)]
struct Refusals(Vec<String>);

impl Refusals {
    fn expect(&mut self, case: impl Debug, files: Files, words: &[&str]) {
        let error = match try_load(files) {
            Ok(_) => "it was loaded".to_owned(),
            Err(error) => error.to_string(),
        };
        let sentence = error.ends_with('.') && !error.contains('\n') && error.len() < 600;
        if !sentence || !words.iter().all(|word| error.contains(word)) {
            self.0.push(format!("{case:?}, {words:?}: {error}"));
        }
    }
}

impl Drop for Refusals {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.0.is_empty(), "{}", self.0.join("\n"));
        }
    }
}

fn fixture(name: &str) -> Fixture {
    Fixture::read("architectures", name)
}

/// The fixture with changed keys of config.json; null takes a key away.
fn changed(name: &str, change: Value) -> Files {
    let fixture = fixture(name);
    let mut config = fixture.config();
    for (key, value) in change.as_object().unwrap() {
        if value.is_null() {
            config.remove(key);
        } else {
            config.insert(key.clone(), value.clone());
        }
    }
    fixture.with_config(&config)
}

fn file<'a>(files: &'a Files, name: &str) -> &'a [u8] {
    &files.iter().find(|(other, _)| other == name).unwrap().1
}

/// A safetensors file: the length of the header, the header in JSON, the data.
fn safetensors(header: &[u8], data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    bytes.extend(data);
    bytes
}

/// The model in one file, with another header.
fn with_header(name: &str, change: impl Fn(&mut Map<String, Value>)) -> Files {
    let files = fixture(name).files();
    let bytes = file(&files, "model.safetensors");
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let (header, data) = bytes[8..].split_at(length);
    let mut header = serde_json::from_slice(header).unwrap();
    change(&mut header);
    let header = serde_json::to_vec(&header).unwrap();
    let bytes = safetensors(&header, data);
    replaced(files, "model.safetensors", bytes)
}

const Q_PROJ: &str = "model.layers.0.self_attn.q_proj.weight";

#[test]
fn other_architectures_are_named_and_ours_listed() {
    let mut refusals = Refusals::default();
    for (architecture, model_type) in [
        ("BertForMaskedLM", "bert"),
        ("MixtralForCausalLM", "mixtral"),
        ("Qwen2MoeForCausalLM", "qwen2_moe"),
        ("Qwen3MoeForCausalLM", "qwen3_moe"),
        ("GraniteForCausalLM", "granite"),
        ("Gemma2ForCausalLM", "gemma2"),
    ] {
        refusals.expect(
            architecture,
            changed(
                "llama-mqa",
                json!({"architectures": [architecture], "model_type": model_type}),
            ),
            &[architecture, "Phi3ForCausalLM", "GPT2LMHeadModel"],
        );
    }
}

#[test]
fn settings_that_would_change_the_result_are_refused() {
    let mut refusals = Refusals::default();
    for (name, change, word) in [
        (
            "llama-mqa",
            json!({"rope_scaling": {"type": "yarn", "factor": 4.0}}),
            "yarn",
        ),
        (
            "llama-mqa",
            json!({"rope_scaling": {"rope_type": "spiral", "factor": 4.0}}),
            "spiral",
        ),
        (
            "llama",
            json!({"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0}}),
            "yarn",
        ),
        ("llama", json!({"hidden_act": "tanhshrink"}), "tanhshrink"),
        ("gemma3", json!({"hidden_activation": "mish"}), "mish"),
        ("gpt2", json!({"activation_function": "mish"}), "mish"),
        (
            "llama",
            json!({"quantization_config": {"quant_method": "gptq", "bits": 4}}),
            "quantization_config",
        ),
        (
            "gemma3",
            json!({"use_bidirectional_attention": true}),
            "use_bidirectional_attention",
        ),
        (
            "gpt2",
            json!({"add_cross_attention": true}),
            "add_cross_attention",
        ),
    ] {
        refusals.expect((name, &change), changed(name, change.clone()), &[word]);
    }
}

#[test]
fn configurations_that_contradict_themselves_or_the_weights_are_refused() {
    let mut refusals = Refusals::default();
    for (name, change, word) in [
        ("llama", json!({"num_key_value_heads": 4}), "heads"),
        ("llama", json!({"num_attention_heads": 0}), ""),
        ("llama", json!({"num_attention_heads": 10}), ""),
        ("llama", json!({"hidden_size": -144}), "hidden_size"),
        ("llama", json!({"hidden_size": 144.5}), "hidden_size"),
        ("llama", json!({"hidden_size": "144"}), "hidden_size"),
        ("llama", json!({"hidden_size": null}), "hidden_size"),
        ("llama", json!({"hidden_size": 1_u64 << 40}), ""),
        ("llama", json!({"vocab_size": 1004}), "embed_tokens"),
        ("llama", json!({"head_dim": 12}), "q_proj"),
        ("llama", json!({"intermediate_size": 201}), "mlp"),
        ("llama", json!({"num_hidden_layers": 3}), "model.layers.2."),
        ("llama", json!({"num_hidden_layers": 4_000_000_000_u64}), ""),
        ("llama", json!({"rms_norm_eps": -1.0}), "numbers"),
        ("llama", json!({"attention_bias": true}), "bias"),
        (
            "llama-linear",
            json!({"rope_scaling": {"type": "linear"}}),
            "factor",
        ),
        (
            "llama-linear",
            json!({"rope_scaling": {"type": "linear", "factor": 0.0}}),
            "factor",
        ),
        ("llama-linear", json!({"rope_theta": 0.0}), "rotary base"),
        (
            "phi3-longrope",
            json!({"rope_scaling": {"type": "longrope", "short_factor": [1.0]}}),
            "long_factor",
        ),
        (
            "phi3-longrope",
            json!({"rope_scaling": {"type": "longrope", "short_factor": [1.0], "long_factor": [1.0]}}),
            "number of them",
        ),
        (
            "gemma3",
            json!({"layer_types": ["full_attention"]}),
            "layer_types",
        ),
        (
            "gemma3",
            json!({"layer_types": vec!["linear_attention"; 7]}),
            "linear_attention",
        ),
        ("qwen3", json!({"model_type": "phi3"}), ""),
    ] {
        refusals.expect((name, &change), changed(name, change.clone()), &[word]);
    }
}

#[test]
fn a_config_that_is_no_config_is_refused() {
    let mut refusals = Refusals::default();
    let files = || fixture("llama-mqa").files();
    let deep = "[".repeat(200_000);
    for text in ["", "{", "[]", "null", "{}", "\u{feff}{\"a\":", &deep] {
        refusals.expect(
            &text[..text.len().min(20)],
            replaced(files(), "config.json", text.as_bytes().to_vec()),
            &[],
        );
    }
    let mut without = files();
    without.retain(|(name, _)| name != "config.json");
    refusals.expect("no config", without, &["config.json"]);
}

#[test]
fn missing_weights_are_named() {
    let mut refusals = Refusals::default();
    let mut files = fixture("llama").files();
    let shard = files
        .iter()
        .position(|(name, _)| name.starts_with("model-00002"))
        .unwrap();
    let (name, _) = files.remove(shard);
    refusals.expect("no shard", files, &[&name]);

    let without = with_header("llama-mqa", |header| {
        header.remove(Q_PROJ);
    });
    refusals.expect("no tensor", without, &[Q_PROJ]);

    let mut none = fixture("llama-mqa").files();
    none.retain(|(name, _)| !name.ends_with(".safetensors"));
    refusals.expect("no weights", none, &["safetensors"]);
}

#[test]
fn an_index_that_leads_astray_is_refused() {
    let mut refusals = Refusals::default();
    let index = "model.safetensors.index.json";
    let files = || fixture("llama").files();
    let read = |files: &Files| -> Value { serde_json::from_slice(file(files, index)).unwrap() };
    for (target, word) in [
        (json!("model-00009-of-00009.safetensors"), "model-00009"),
        (json!("../secret.safetensors"), ""),
        (json!(7), "index"),
    ] {
        let files = files();
        let mut document = read(&files);
        document["weight_map"]["model.norm.weight"] = target.clone();
        let bytes = serde_json::to_vec(&document).unwrap();
        refusals.expect(&target, replaced(files, index, bytes), &[word]);
    }
    for text in ["", "{}", "{\"weight_map\": []}"] {
        refusals.expect(
            text,
            replaced(files(), index, text.as_bytes().to_vec()),
            &[index],
        );
    }
}

#[test]
fn tensors_of_other_shapes_and_types_are_refused() {
    let mut refusals = Refusals::default();
    let change = |key: &'static str, value: Value| {
        with_header("llama-mqa", move |header| {
            header[Q_PROJ][key] = value.clone();
        })
    };
    refusals.expect("[80, 40]", change("shape", json!([80, 40])), &[]);
    refusals.expect("[160, 40]", change("shape", json!([160, 40])), &[Q_PROJ]);
    refusals.expect("[6400]", change("shape", json!([6400])), &[Q_PROJ]);
    refusals.expect(
        "[1_u64 << 40, 1_u64 << 40]",
        change("shape", json!([1_u64 << 40, 1_u64 << 40])),
        &[],
    );
    refusals.expect("[-80, -80]", change("shape", json!([-80, -80])), &[]);
    for dtype in ["I64", "I32", "U8", "F64", "F8_E4M3", "BOOL", "nonsense"] {
        // As many bytes as the type takes, so that the type alone is wrong.
        refusals.expect(dtype, change("dtype", json!(dtype)), &[]);
    }
    let wide = with_header("llama-mqa", |header| {
        header[Q_PROJ]["dtype"] = json!("I32");
    });
    refusals.expect("I32", wide, &[Q_PROJ, "I32"]);
}

#[test]
fn damaged_safetensors_are_refused() {
    let mut refusals = Refusals::default();
    let files = fixture("llama-mqa").files();
    let bytes = file(&files, "model.safetensors").to_vec();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let with = |bytes: Vec<u8>| replaced(files.clone(), "model.safetensors", bytes);
    // Truncated at every section.
    for length in [0, 1, 7, 8, 9, header / 2, header + 8, bytes.len() - 1] {
        refusals.expect(
            length,
            with(bytes[..length].to_vec()),
            &["model.safetensors"],
        );
    }
    // A header of absurd length, or of no sense.
    for length in [u64::MAX, 1 << 63, bytes.len() as u64, 0] {
        let mut damaged = bytes.clone();
        damaged[..8].copy_from_slice(&length.to_le_bytes());
        refusals.expect(length, with(damaged), &["model.safetensors"]);
    }
    refusals.expect("[]", with(safetensors(b"[]", b"")), &["model.safetensors"]);
    refusals.expect(
        "no tensor",
        with(safetensors(b"{\"a\": 1}", b"")),
        &["model.safetensors"],
    );
    // Offsets that lead out of the file, backwards, or into another tensor.
    let end = (bytes.len() - 8 - header) as u64;
    for offsets in [
        json!([end, end + 25_600]),
        json!([25_600, 0]),
        json!([u64::MAX - 1, u64::MAX]),
        json!([0, 25_600]),
        json!([0]),
        json!("0"),
    ] {
        let files = with_header("llama-mqa", |header| {
            header[Q_PROJ]["data_offsets"] = offsets.clone();
        });
        refusals.expect(&offsets, files, &[]);
    }
}

#[test]
fn a_change_of_nothing_is_not_refused() {
    // Control: rewriting the files does not cause the refusal.
    load(changed("llama", json!({"use_cache": false})));
    load(with_header("llama-mqa", |header| {
        header.insert("__metadata__".to_owned(), json!({"format": "pt"}));
    }));
}
