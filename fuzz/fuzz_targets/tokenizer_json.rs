//! Reads a tokenizer.json, then encodes texts and decodes ids with it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vitrine_text::{SpecialIds, Tokenizer};

fuzz_target!(|data: &[u8]| {
    let Ok(tokenizer) = Tokenizer::from_tokenizer_json(data, SpecialIds::default()) else {
        return;
    };
    for text in [
        "",
        "The capital of Japan is",
        " 한국어\u{0}\n\n  <|user|>1234ab\u{301}🦀",
    ] {
        if let Ok(ids) = tokenizer.encode(text, true) {
            let _ = tokenizer.decode(&ids, false);
            let _ = tokenizer.decode(&ids, true);
        }
    }
    let ids: Vec<u32> = (0..64).chain([u32::MAX]).collect();
    let whole = tokenizer.decode(&ids, false);
    let mut stream = tokenizer.stream(false);
    let mut parts: String = ids.iter().map(|id| stream.push(*id)).collect();
    parts.push_str(&stream.finish());
    // Incomplete characters are the only permitted difference: see `StreamDecoder`.
    if !parts.contains('\u{FFFD}') && !whole.contains('\u{FFFD}') {
        assert_eq!(parts, whole);
    }
});
