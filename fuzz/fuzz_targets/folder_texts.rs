//! Reads the small text files of a folder, one of which is hostile: tokenizer_config.json (may contain the chat
//! template), special_tokens_map.json, generation_config.json or config.json.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vitrine_text::{FolderTexts, Message, RenderChat};

const TOKENIZER: &[u8] = include_bytes!("../seeds/tokenizer_json/byte_level.json");

fuzz_target!(|data: &[u8]| {
    let Some((which, bytes)) = data.split_first() else {
        return;
    };
    let mut texts = FolderTexts {
        tokenizer_json: TOKENIZER,
        ..FolderTexts::default()
    };
    let slot = match which % 4 {
        0 => &mut texts.tokenizer_config,
        1 => &mut texts.special_tokens_map,
        2 => &mut texts.generation_config,
        _ => &mut texts.config,
    };
    *slot = Some(bytes);
    if let Ok(tokenizer) = texts.tokenizer()
        && let Ok(ids) = tokenizer.encode("ab <s> ab", true)
    {
        let _ = tokenizer.decode(&ids, true);
        assert!(ids.iter().all(|id| (*id as usize) < tokenizer.vocab_size()));
    }
    if let Ok(Some(template)) = texts.chat_template()
        && let Ok(template) = template.compile()
    {
        let _ = template.render(&[Message::new("user", "Hello")], true);
    }
});
