//! Folders in Hugging Face format.

use serde_json::{Value, json};

use super::{Files, assert_refused, check_sentence, good_folder, open};

const SHARD: &str = "model-00001-of-00003.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// A safetensors file with this header and number of bytes.
fn safetensors(directory: &str, data: usize) -> Vec<u8> {
    let mut file = (directory.len() as u64).to_le_bytes().to_vec();
    file.extend(directory.as_bytes());
    file.resize(file.len() + data, 0);
    file
}

/// A model of one file, which is `file`.
fn with_weights(file: Vec<u8>) -> Files {
    let mut files = good_folder();
    files.retain(|name, _| name == "config.json");
    files.insert("model.safetensors".to_owned(), file);
    files
}

fn with_directory(directory: &Value, data: usize) -> Files {
    with_weights(safetensors(&directory.to_string(), data))
}

/// The good folder with another config.json.
fn with_config(change: impl FnOnce(&mut Value)) -> Files {
    let mut files = good_folder();
    let mut config = serde_json::from_slice(&files["config.json"]).unwrap();
    change(&mut config);
    files.insert("config.json".to_owned(), config.to_string().into_bytes());
    files
}

#[test]
fn truncated_shards() {
    let whole = good_folder()[SHARD].clone();
    let directory = 8 + u64::from_le_bytes(whole[..8].try_into().unwrap()) as usize;
    let cuts = (0..directory + 2).chain([whole.len() / 2, whole.len() - 1]);
    for cut in cuts {
        let mut files = good_folder();
        files.insert(SHARD.to_owned(), whole[..cut].to_vec());
        check_sentence(&open(&files).expect_err("cut"));
    }
}

#[test]
fn a_directory_of_impossible_length() {
    for (length, words) in [
        (1u64 << 63, "claims a header"),
        (u64::MAX, "claims a header"),
        (100_000_001, "claims a header"),
        (99_999_999, "truncated"),
        (0, "header is not a valid list of tensors"),
    ] {
        let mut file = length.to_le_bytes().to_vec();
        file.extend([b' '; 100]);
        assert_refused(&with_weights(file), words);
    }
}

#[test]
fn a_directory_that_is_none() {
    let deep = "[".repeat(1_000_000);
    let deep_metadata = format!("{{\"__metadata__\":{}", "{\"a\":".repeat(1_000_000));
    let deep_shape = format!("{{\"a\":{{\"shape\":{deep}");
    for text in [
        "",
        "null",
        "[]",
        "{",
        "{}x",
        "\u{0}",
        "{\"a\":1}",
        &deep,
        &deep_metadata,
        &deep_shape,
    ] {
        assert_refused(
            &with_weights(safetensors(text, 16)),
            "header is not a valid list of tensors",
        );
    }
}

#[test]
fn a_million_tensors() {
    let entry = r#"{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}"#;
    let entries: Vec<String> = (0..1_000_000)
        .map(|n| format!("\"t{n}\":{entry}"))
        .collect();
    let directory = format!("{{{}}}", entries.join(","));
    assert_refused(
        &with_weights(safetensors(&directory, 2)),
        "too many tensors",
    );
}

#[test]
fn tensors_that_cannot_be() {
    let entry = |dtype: &str, shape: Value, offsets: Value| json!({ "a": { "dtype": dtype, "shape": shape, "data_offsets": offsets } });
    let max = u64::MAX;
    for (directory, words) in [
        (
            entry("F32", json!([2]), json!([8, 0])),
            "ends before it begins",
        ),
        (
            entry("F32", json!([2]), json!([0, 16])),
            "does not fit its shape",
        ),
        (entry("F32", json!([4]), json!([16, 32])), "truncated"),
        (
            entry("F32", json!([2]), json!([max - 8, max])),
            "beyond the end",
        ),
        (
            entry("F32", json!([max, max]), json!([0, 8])),
            "more elements",
        ),
        (
            entry("F32", json!([1u64 << 62]), json!([0, 0])),
            "beyond the end",
        ),
        (entry("F32", json!([0, max, max]), json!([0, 8])), "a"),
        (entry("F32", json!(vec![1; 9]), json!([0, 4])), "dimensions"),
        (
            entry("F32", json!([-1]), json!([0, 4])),
            "not a valid list of tensors",
        ),
        (
            entry("F32", json!([1.5]), json!([0, 4])),
            "not a valid list of tensors",
        ),
        (
            entry("F32", json!([1]), json!([0, 4, 8])),
            "not a valid list of tensors",
        ),
        (
            json!({ "a": { "dtype": "F32", "shape": [2], "data_offsets": [0, 8] },
                    "b": { "dtype": "F32", "shape": [2], "data_offsets": [4, 12] } }),
            "overlaps",
        ),
    ] {
        assert_refused(&with_directory(&directory, 16), words);
    }
}

#[test]
fn the_same_tensor_twice() {
    let entry = r#"{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#;
    let directory = format!(
        "{{\"a\":{entry},\"a\":{}}}",
        entry.replace("[0,4]", "[4,8]")
    );
    assert_refused(&with_weights(safetensors(&directory, 8)), "twice");
    // In two shards of one model.
    let mut files = good_folder();
    let copy = files[SHARD].clone();
    files.insert("model-00002-of-00003.safetensors".to_owned(), copy);
    assert_refused(&files, "twice");
}

#[test]
fn shards_and_indexes_that_do_not_belong_together() {
    let mut files = good_folder();
    files.remove(SHARD);
    assert_refused(&files, SHARD);

    let index = |index: &str| {
        let mut files = good_folder();
        files.insert(INDEX.to_owned(), index.as_bytes().to_vec());
        files
    };
    let deep = format!("{{\"weight_map\":{}", "{\"a\":".repeat(1_000_000));
    for text in [
        "",
        "[]",
        "{}",
        "{\"weight_map\":[]}",
        "{\"weight_map\":{\"a\":1}}",
        &deep,
    ] {
        assert_refused(&index(text), "not an index");
    }
    let gone = r#"{"weight_map":{"a":"gone.safetensors"}}"#;
    assert_refused(&index(gone), "gone.safetensors");
    let escape = r#"{"weight_map":{"a":"../../../etc/passwd"}}"#;
    assert_refused(&index(escape), "../../../etc/passwd");
    let lost = format!(r#"{{"weight_map":{{"lost.weight":"{SHARD}"}}}}"#);
    assert_refused(&index(&lost), "lost.weight");
    let odd = r#"{"weight_map":{"a":"config.json"}}"#;
    assert_refused(&index(odd), "config.json");
}

#[test]
fn descriptions_that_are_none() {
    let deep = "[".repeat(1_000_000);
    let deep_object = "{\"rope_parameters\":".repeat(1_000_000);
    for text in [
        "",
        "null",
        "[1]",
        "{",
        "\"x\"",
        "\u{feff}{}",
        &deep,
        &deep_object,
    ] {
        let mut files = good_folder();
        files.insert("config.json".to_owned(), text.as_bytes().to_vec());
        assert_refused(&files, "config.json");
    }
    let mut files = good_folder();
    files.remove("config.json");
    assert_refused(&files, "config.json");
    let mut files = good_folder();
    files.insert("config.json".to_owned(), vec![b' '; 200 << 20]);
    assert_refused(&files, "config.json");
}

#[test]
fn sizes_that_no_model_has() {
    for key in [
        "hidden_size",
        "intermediate_size",
        "num_attention_heads",
        "num_key_value_heads",
        "num_hidden_layers",
        "vocab_size",
        "max_position_embeddings",
        "head_dim",
    ] {
        let zero_is_wrong = json!(0);
        for value in [
            zero_is_wrong,
            json!(-1),
            json!(1.5),
            json!(1u64 << 63),
            json!(u32::MAX),
            json!("many"),
            json!([1]),
        ] {
            let files = with_config(|config| config[key] = value.clone());
            match open(&files) {
                Err(text) => check_sentence(&text),
                // A length is only an upper bound.
                Ok(()) if key == "max_position_embeddings" && value.as_u64() > Some(0) => {}
                Ok(()) => panic!("{key} = {value} is accepted"),
            }
        }
    }
    for (key, value) in [
        ("rms_norm_eps", json!("small")),
        ("rms_norm_eps", json!(-1.0)),
        ("rope_theta", json!(0)),
        (
            "rope_parameters",
            json!({ "rope_type": "default", "rope_theta": -5.0 }),
        ),
        (
            "rope_parameters",
            json!({ "rope_type": "spiral", "rope_theta": 1e4 }),
        ),
        ("rope_parameters", json!([])),
        ("hidden_act", json!("magic")),
        ("architectures", json!("LlamaForCausalLM")),
        ("quantization_config", json!({ "quant_method": "gptq" })),
    ] {
        let files = with_config(|config| {
            if key == "rope_theta" {
                config.as_object_mut().unwrap().remove("rope_parameters");
            }
            config[key] = value.clone();
        });
        let text = open(&files).expect_err(&format!("{key} = {value}"));
        check_sentence(&text);
    }
}
