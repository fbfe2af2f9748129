//! The default model's tokenizer and chat template against Python's `tokenizers` and transformers
//! (`tests/reference/make_text_golden.py`).

#![expect(
    clippy::unwrap_used,
    reason = "a test says best by panicking where it failed"
)]

use std::collections::BTreeMap;

use serde::Deserialize;
use vitrine_checkpoint::gguf::Value;
use vitrine_checkpoint::{Gguf, MappedFile};
use vitrine_text::{ChatTemplate, GgufVocabulary, Message, RenderChat, Tokenizer};

#[derive(Deserialize)]
struct Text {
    text: String,
    ids: Vec<u32>,
    decoded: String,
    decoded_without_special: String,
}

#[derive(Deserialize)]
struct Chat {
    messages: Vec<Message>,
    add_generation_prompt: bool,
    text: String,
    ids: Vec<u32>,
}

#[derive(Deserialize)]
struct Golden {
    prompts: Vec<Prompt>,
}

#[derive(Deserialize)]
struct Prompt {
    name: String,
    messages: Option<Vec<Message>>,
    prompt: String,
    prompt_ids: Vec<u32>,
    new_ids: Vec<u32>,
    text: String,
    stop_id: Option<u32>,
}

fn texts() -> Vec<Text> {
    serde_json::from_str(include_str!("../fixtures/smollm2/tokens.json")).unwrap()
}

fn prompts() -> Vec<Prompt> {
    let golden = include_str!("../fixtures/smollm2/golden.json");
    serde_json::from_str::<Golden>(golden).unwrap().prompts
}

fn gguf() -> Gguf {
    let path = vitrine_hub::ensure(&vitrine_hub::DEFAULT_MODEL).unwrap();
    let file = MappedFile::open(&path).unwrap();
    pollster::block_on(Gguf::read(&file)).unwrap()
}

fn list<'a, T>(gguf: &'a Gguf, key: &str, item: impl Fn(&'a Value) -> Option<T>) -> Vec<T> {
    gguf.get(key)
        .unwrap()
        .as_array()
        .unwrap()
        .iter()
        .map(|value| item(value).unwrap())
        .collect()
}

fn vocabulary(gguf: &Gguf) -> GgufVocabulary {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let id = |key| u32::try_from(gguf.get(key)?.as_u64()?).ok();
    let kind = |value: &Value| i32::try_from(value.as_i64()?).ok();
    GgufVocabulary {
        model: gguf.string("tokenizer.ggml.model").unwrap().to_owned(),
        pre: gguf.string("tokenizer.ggml.pre").map(str::to_owned),
        tokens: list(gguf, "tokenizer.ggml.tokens", text),
        token_types: Some(list(gguf, "tokenizer.ggml.token_type", kind)),
        merges: Some(list(gguf, "tokenizer.ggml.merges", text)),
        bos_token_id: id("tokenizer.ggml.bos_token_id"),
        eos_token_id: id("tokenizer.ggml.eos_token_id"),
        add_bos_token: gguf
            .get("tokenizer.ggml.add_bos_token")
            .and_then(Value::as_bool),
        ..GgufVocabulary::default()
    }
}

fn tokenizer() -> Tokenizer {
    Tokenizer::from_gguf(vocabulary(&gguf())).unwrap()
}

fn template() -> ChatTemplate {
    let gguf = gguf();
    let source = gguf.string("tokenizer.chat_template").unwrap();
    let token = |text: &str| Some(text.to_owned());
    ChatTemplate::new(source, token("<|im_start|>"), token("<|im_end|>")).unwrap()
}

#[test]
fn tricky_strings_have_the_ids_of_the_reference() {
    let tokenizer = tokenizer();
    assert_eq!(tokenizer.vocab_size(), 49152);
    for Text {
        text,
        ids,
        decoded,
        decoded_without_special,
    } in texts()
    {
        assert_eq!(tokenizer.encode(&text, true).unwrap(), ids, "{text:?}");
        assert_eq!(tokenizer.decode(&ids, false), decoded, "{text:?}");
        assert_eq!(
            tokenizer.decode(&ids, true),
            decoded_without_special,
            "{text:?}"
        );
    }
}

#[test]
fn streamed_text_is_the_decoded_text() {
    let tokenizer = tokenizer();
    let mut waited = 0;
    for Text {
        text,
        ids,
        decoded,
        decoded_without_special,
    } in texts()
    {
        for (skip_special, wanted) in [(false, decoded), (true, decoded_without_special)] {
            let mut stream = tokenizer.stream(skip_special);
            let parts: Vec<String> = ids.iter().map(|id| stream.push(*id)).collect();
            waited += parts.iter().filter(|part| part.is_empty()).count();
            assert_eq!(parts.concat() + &stream.finish(), wanted, "{text:?}");
            if !wanted.contains('\u{FFFD}') {
                assert!(
                    !parts.concat().contains('\u{FFFD}'),
                    "half a character of {text:?}"
                );
            }
        }
    }
    assert!(
        waited > 50,
        "the strings have too few split characters to test anything"
    );
}

#[test]
fn other_families_split_the_same_vocabulary_as_the_reference() {
    let file = include_str!("../fixtures/smollm2/families.json");
    let families: BTreeMap<String, Vec<Vec<u32>>> = serde_json::from_str(file).unwrap();
    let vocabulary = vocabulary(&gguf());
    for (name, wanted) in &families {
        let family = GgufVocabulary {
            pre: Some(name.clone()),
            ..vocabulary.clone()
        };
        let tokenizer = Tokenizer::from_gguf(family).unwrap();
        for (Text { text, .. }, ids) in texts().iter().zip(wanted) {
            assert_eq!(
                &tokenizer.encode(text, false).unwrap(),
                ids,
                "{name}: {text:?}"
            );
        }
    }
    // Negative control: the strings tell the families apart.
    let mut distinct: Vec<_> = families.values().collect();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), families.len());
}

#[test]
fn conversations_are_rendered_as_by_transformers() {
    let (tokenizer, template) = (tokenizer(), template());
    let file = include_str!("../fixtures/smollm2/chats.json");
    for chat in serde_json::from_str::<Vec<Chat>>(file).unwrap() {
        let text = template
            .render(&chat.messages, chat.add_generation_prompt)
            .unwrap();
        assert_eq!(text, chat.text);
        assert_eq!(tokenizer.encode(&text, false).unwrap(), chat.ids);
    }
}

#[test]
fn golden_prompts_and_answers_are_text_and_ids_both_ways() {
    let (tokenizer, template) = (tokenizer(), template());
    for prompt in prompts() {
        let text = match &prompt.messages {
            Some(messages) => template.render(messages, true).unwrap(),
            None => prompt.prompt.clone(),
        };
        assert_eq!(text, prompt.prompt, "{}", prompt.name);
        let add_special = prompt.messages.is_none();
        assert_eq!(
            tokenizer.encode(&text, add_special).unwrap(),
            prompt.prompt_ids
        );
        assert_eq!(
            tokenizer.decode(&prompt.new_ids, true),
            prompt.text,
            "{}",
            prompt.name
        );
        let ends: Vec<u32> = prompt
            .new_ids
            .iter()
            .copied()
            .filter(|id| tokenizer.is_end(*id))
            .collect();
        assert_eq!(
            ends,
            prompt.stop_id.into_iter().collect::<Vec<_>>(),
            "{}",
            prompt.name
        );
    }
}

#[test]
fn special_ids_are_those_of_the_file() {
    let tokenizer = tokenizer();
    assert_eq!((tokenizer.bos_id(), tokenizer.eos_id()), (Some(1), Some(2)));
    assert_eq!(tokenizer.end_ids().collect::<Vec<_>>(), [0, 2]);
    let piece = tokenizer.piece(1).unwrap();
    assert_eq!((piece.text.as_str(), piece.special), ("<|im_start|>", true));
    let paris = tokenizer.piece(7042).unwrap();
    assert_eq!(
        (paris.bytes.as_slice(), paris.special),
        (&b" Paris"[..], false)
    );
}
