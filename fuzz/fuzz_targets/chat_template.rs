//! Compiles and renders a chat template, which must soon end with a text or an error.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vitrine_text::{ChatTemplate, Message, RenderChat};

fuzz_target!(|source: &str| {
    let bos = Some("<s>".to_owned());
    let Ok(template) = ChatTemplate::new(source, bos, None) else {
        return;
    };
    let messages = [
        Message::new("system", "Be brief."),
        Message::new("user", "Why is the sky blue? 🦀"),
        Message::new("assistant", "Because."),
    ];
    let _ = template.render(&messages, true);
    let _ = template.render(&messages[1..2], false);
});
