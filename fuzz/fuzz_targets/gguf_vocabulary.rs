//! Builds a tokenizer from an arbitrary, usually inconsistent, GGUF vocabulary.

#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use vitrine_text::{GgufVocabulary, Tokenizer};

#[derive(Arbitrary, Debug)]
struct Input {
    model: u8,
    pre: u8,
    tokens: Vec<String>,
    token_types: Option<Vec<i8>>,
    scores: Option<Vec<f32>>,
    merges: Option<Vec<String>>,
    unknown: Option<u8>,
    space_prefix: Option<bool>,
    bos: Option<u8>,
    eos: Option<u32>,
    add_bos: Option<bool>,
    text: String,
    ids: Vec<u8>,
}

fuzz_target!(|input: Input| {
    let models = ["gpt2", "llama", "gemma", ""];
    let pres = [
        "",
        "default",
        "gpt-2",
        "llama-bpe",
        "qwen2",
        "smollm",
        "other",
    ];
    let vocabulary = GgufVocabulary {
        model: models[usize::from(input.model) % models.len()].to_owned(),
        pre: Some(pres[usize::from(input.pre) % pres.len()].to_owned()),
        tokens: input.tokens,
        token_types: input
            .token_types
            .map(|types| types.into_iter().map(i32::from).collect()),
        scores: input.scores,
        merges: input.merges,
        unknown_token_id: input.unknown.map(u32::from),
        add_space_prefix: input.space_prefix,
        bos_token_id: input.bos.map(u32::from),
        eos_token_id: input.eos,
        add_bos_token: input.add_bos,
        ..GgufVocabulary::default()
    };
    let Ok(tokenizer) = Tokenizer::from_gguf(vocabulary) else {
        return;
    };
    if let Ok(ids) = tokenizer.encode(&input.text, true) {
        let _ = tokenizer.decode(&ids, false);
    }
    let ids: Vec<u32> = input.ids.into_iter().map(u32::from).collect();
    let _ = tokenizer.decode(&ids, true);
});
