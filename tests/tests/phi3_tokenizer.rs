//! Phi-3's tokenizer (the Llama-2 vocabulary and eleven tokens more) against Python's `tokenizers`
//! and sentencepiece, from a Hugging Face folder and as a GGUF file has it
//! (`tests/reference/make_phi3_tokenizer.py`).

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]

use std::io::Read;

use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::Value;
use vitrine_text::{FolderTexts, GgufVocabulary, Tokenizer};

#[derive(Deserialize)]
struct Fixture {
    strings: Vec<Text>,
    decodings: Vec<Decoding>,
}

#[derive(Deserialize)]
struct Text {
    text: String,
    ids: Vec<u32>,
    decoded: String,
    decoded_without_special: String,
}

#[derive(Deserialize)]
struct Decoding {
    ids: Vec<u32>,
    decoded: String,
    decoded_without_special: String,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("../fixtures/phi3/tokens.json")).unwrap()
}

fn tokenizer_json() -> Vec<u8> {
    let packed = include_bytes!("../fixtures/phi3/tokenizer.json.gz");
    let mut bytes = Vec::new();
    GzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
    bytes
}

fn from_folder() -> Tokenizer {
    let texts = FolderTexts {
        tokenizer_json: &tokenizer_json(),
        tokenizer_config: Some(include_bytes!("../fixtures/phi3/tokenizer_config.json")),
        generation_config: Some(br#"{"eos_token_id": [32000, 32001, 32007]}"#),
        ..FolderTexts::default()
    };
    texts.tokenizer().unwrap()
}

/// The same vocabulary as llama.cpp's converter writes it: scores in place of merges, and no word
/// about white space after tokens.
fn from_gguf() -> Tokenizer {
    let file: Value = serde_json::from_slice(&tokenizer_json()).unwrap();
    let vocab = file["model"]["vocab"].as_object().unwrap();
    let mut tokens = vec![String::new(); 32064];
    let mut types = vec![5; tokens.len()];
    let mut scores = vec![-1000.0; tokens.len()];
    for (id, token) in tokens.iter_mut().enumerate().skip(32011) {
        *token = format!("[PAD{id}]");
    }
    for (token, id) in vocab {
        let id = id.as_u64().unwrap() as usize;
        let spaces = token.chars().count() > 1 && token.chars().all(|c| c == '▁');
        types[id] = if id < 259 { 6 } else { 1 };
        scores[id] = if spaces { -1e9 } else { -(id as f32) };
        tokens[id].clone_from(token);
    }
    for added in file["added_tokens"].as_array().unwrap() {
        let id = added["id"].as_u64().unwrap() as usize;
        types[id] = if added["special"] == true { 3 } else { 4 };
        added["content"]
            .as_str()
            .unwrap()
            .clone_into(&mut tokens[id]);
    }
    Tokenizer::from_gguf(GgufVocabulary {
        model: "llama".to_owned(),
        pre: Some("default".to_owned()),
        tokens,
        token_types: Some(types),
        scores: Some(scores),
        bos_token_id: Some(1),
        eos_token_id: Some(32000),
        unknown_token_id: Some(0),
        add_bos_token: Some(true),
        ..GgufVocabulary::default()
    })
    .unwrap()
}

#[test]
fn facts() {
    for tokenizer in [from_folder(), from_gguf()] {
        let japan = tokenizer.encode("The capital of Japan is", false).unwrap();
        assert_eq!(japan, [450, 7483, 310, 5546, 338]);
        let france = tokenizer.encode("The capital of France is", true).unwrap();
        assert_eq!(france, [1, 450, 7483, 310, 3444, 338]);
        let text = |id| tokenizer.decode(&[id], false);
        assert_eq!(
            [1001, 15987, 32010, 32011].map(text),
            ["ER", "effect", "<|user|>", ""]
        );
        assert!([32000, 32007].iter().all(|id| tokenizer.is_end(*id)));
        assert!(!tokenizer.is_end(2));
        assert_eq!(
            (tokenizer.bos_id(), tokenizer.eos_id()),
            (Some(1), Some(32000))
        );
    }
    let tokenizer = from_folder();
    assert_eq!(tokenizer.piece(32011), None);
    assert_eq!(tokenizer.vocab_size(), 32011);
    assert_eq!(tokenizer.check_vocab(32064), Ok(()));
    assert!(tokenizer.check_vocab(32000).is_err());
}

#[test]
fn tricky_strings_have_the_ids_of_the_reference() {
    for (name, tokenizer) in [("folder", from_folder()), ("gguf", from_gguf())] {
        for entry in fixture().strings {
            let Text { text, ids, .. } = &entry;
            assert_eq!(
                &tokenizer.encode(text, false).unwrap(),
                ids,
                "{name}: {text:?}"
            );
            assert_eq!(
                tokenizer.decode(ids, false),
                entry.decoded,
                "{name}: {text:?}"
            );
            let without = tokenizer.decode(ids, true);
            assert_eq!(without, entry.decoded_without_special, "{name}: {text:?}");
        }
    }
}

#[test]
fn white_space_after_tokens_and_the_first_space_are_tested() {
    // Negative control: without the two rules, the strings would have other ids.
    let mut file: Value = serde_json::from_slice(&tokenizer_json()).unwrap();
    let different = |file: &Value| {
        let bytes = file.to_string().into_bytes();
        let texts = FolderTexts {
            tokenizer_json: &bytes,
            ..FolderTexts::default()
        };
        let tokenizer = texts.tokenizer().unwrap();
        let strings = fixture().strings;
        let others = strings
            .iter()
            .filter(|entry| tokenizer.encode(&entry.text, false).unwrap() != entry.ids);
        others.count()
    };
    assert_eq!(different(&file), 0);
    for added in file["added_tokens"].as_array_mut().unwrap() {
        added["rstrip"] = Value::Bool(false);
    }
    assert!(different(&file) >= 3);
    file["normalizer"]["normalizers"]
        .as_array_mut()
        .unwrap()
        .remove(0);
    assert!(different(&file) > 50);
}

#[test]
fn ids_in_any_order_are_decoded_as_by_the_reference() {
    let tokenizer = from_folder();
    for entry in fixture().decodings {
        let ids = &entry.ids;
        assert_eq!(tokenizer.decode(ids, false), entry.decoded, "{ids:?}");
        assert_eq!(
            tokenizer.decode(ids, true),
            entry.decoded_without_special,
            "{ids:?}"
        );
    }
}

#[test]
fn streamed_text_is_the_decoded_text() {
    let Fixture {
        strings,
        mut decodings,
    } = fixture();
    decodings.extend(strings.into_iter().map(|text| Decoding {
        ids: text.ids,
        decoded: text.decoded,
        decoded_without_special: text.decoded_without_special,
    }));
    let (mut waited, mut tested) = (0, 0);
    for tokenizer in [from_folder(), from_gguf()] {
        for entry in &decodings {
            let ids = &entry.ids;
            let wanted = [&entry.decoded, &entry.decoded_without_special];
            for (skip_special, wanted) in [false, true].into_iter().zip(wanted) {
                // A broken run of bytes may differ: see `StreamDecoder`.
                if wanted.contains('\u{FFFD}') {
                    continue;
                }
                let mut stream = tokenizer.stream(skip_special);
                let parts: Vec<String> = ids.iter().map(|id| stream.push(*id)).collect();
                waited += parts.iter().filter(|part| part.is_empty()).count();
                tested += 1;
                assert!(
                    !parts.concat().contains('\u{FFFD}'),
                    "half a character of {wanted:?}"
                );
                assert_eq!(&(parts.concat() + &stream.finish()), wanted, "{ids:?}");
            }
        }
    }
    assert!(
        waited > 50 && tested > 300,
        "{waited} of {tested}: too few to test anything"
    );
}
