//! How a model's files recommend to sample.

use std::fs;
use std::path::{Path, PathBuf};

use pollster::block_on;
use vitrine_engine::{ByteSource, Engine, LoadOptions, ModelFiles};
use vitrine_gpu::{AdapterSelector, Gpu};
use vitrine_protocol::{SamplingDefaults, SamplingParams};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn defaults<S: ByteSource>(files: &ModelFiles<S>) -> SamplingDefaults {
    let gpu = block_on(Gpu::request(&AdapterSelector::Best)).unwrap();
    let options = LoadOptions::default();
    let engine = block_on(Engine::load(gpu, files, &options, &mut |_, _, _| {})).unwrap();
    engine.sampling_defaults().clone()
}

/// A metadata value with its type's number, as in the specification of GGUF.
enum Value {
    Int32(i32),
    Float32(f32),
    String(String),
}

fn string(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
}

/// A file with further metadata. What is added is a multiple of the alignment of the tensors.
fn with_metadata(file: &[u8], entries: &[(&str, Value)]) -> Vec<u8> {
    const ALIGNMENT: usize = 32;
    let entry = |(key, value): &(&str, Value)| {
        let (kind, bytes) = match value {
            Value::Int32(value) => (5_u32, value.to_le_bytes().to_vec()),
            Value::Float32(value) => (6, value.to_le_bytes().to_vec()),
            Value::String(value) => (8, string(value)),
        };
        [&string(key), &kind.to_le_bytes()[..], &bytes].concat()
    };
    let mut added: Vec<u8> = entries.iter().flat_map(entry).collect();
    let filler = |text: String| entry(&("test.filler", Value::String(text)));
    let bare = added.len() + filler(String::new()).len();
    added.extend(filler(" ".repeat(bare.next_multiple_of(ALIGNMENT) - bare)));
    // Magic, version, number of tensors, number of entries.
    let (head, rest) = file.split_at(24);
    let count = u64::from_le_bytes(head[16..].try_into().unwrap()) + entries.len() as u64 + 1;
    [&head[..16], &count.to_le_bytes(), &added, rest].concat()
}

fn gguf(entries: &[(&str, Value)]) -> SamplingDefaults {
    let file = fs::read(fixtures().join("random-llama/model.gguf")).unwrap();
    let file = with_metadata(&file, entries);
    defaults(&ModelFiles::new("fixture").with("model.gguf", file))
}

/// The keys and types that llama.cpp's `gguf` writes (`GGUFWriter.add_sampling_…`).
#[test]
fn a_gguf_file_says_how_to_sample() {
    let said = gguf(&[
        ("general.sampling.top_k", Value::Int32(20)),
        ("general.sampling.top_p", Value::Float32(0.75)),
        ("general.sampling.min_p", Value::Float32(0.125)),
        ("general.sampling.temp", Value::Float32(0.5)),
        ("general.sampling.penalty_repeat", Value::Float32(1.25)),
        ("general.sampling.penalty_last_n", Value::Int32(64)),
        ("general.sampling.xtc_probability", Value::Float32(0.0)),
        ("general.sampling.mirostat", Value::Int32(2)),
        (
            "general.sampling.sequence",
            Value::String("top_k;temperature".to_owned()),
        ),
    ]);
    let params = said.params();
    let wanted = SamplingParams {
        do_sample: true,
        temperature: 0.5,
        top_k: 20,
        top_p: 0.75,
        min_p: 0.125,
        repetition_penalty: 1.25,
        ..params.clone()
    };
    assert_eq!(params, wanted);
    assert_eq!(
        said.not_followed,
        ["sequence", "mirostat", "penalty_last_n"]
    );
    // llama.cpp's "all tokens".
    let all = gguf(&[("general.sampling.top_k", Value::Int32(-1))]);
    assert_eq!(all.params().top_k, 0);
    // Control: a file that says nothing leaves transformers' defaults.
    assert_eq!(gguf(&[]), SamplingDefaults::default());
}

#[test]
fn a_folder_says_how_to_sample() {
    let folder = |generation_config: &str| {
        let mut files = ModelFiles::new("fixture");
        for entry in fs::read_dir(fixtures().join("architectures/llama")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name.starts_with("model") || name == "config.json" {
                files.add(name, fs::read(path).unwrap());
            }
        }
        files.add(
            "generation_config.json".to_owned(),
            generation_config.into(),
        );
        defaults(&files)
    };
    let said = folder(
        r#"{"do_sample": true, "temperature": 0.25, "top_k": 7, "top_p": 0.5, "num_beams": 4}"#,
    );
    let params = said.params();
    assert_eq!((params.temperature, params.top_k), (0.25, 7));
    assert_eq!((params.top_p, params.repetition_penalty), (0.5, 1.0));
    assert_eq!(said.not_followed, ["num_beams"]);
    // Control: without settings they are transformers'.
    assert_eq!(folder("{}"), SamplingDefaults::default());
}
