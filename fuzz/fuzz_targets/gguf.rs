//! Reads a GGUF file up to its weights: directory, configuration, tokenizer.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vitrine_checkpoint::{Checkpoint, Gguf, ModelFiles};
use vitrine_inspect::read_tokenizer;

fuzz_target!(|data: &[u8]| {
    let data = data.to_vec();
    if let Ok(gguf) = pollster::block_on(Gguf::read(&data)) {
        for info in gguf.tensors() {
            let end = info
                .offset
                .checked_add(info.bytes)
                .expect("the end of a tensor fits u64");
            assert!(end <= data.len() as u64, "{info:?}");
        }
    }
    let files = ModelFiles::new("fuzz").with("model.gguf", data);
    let _ = pollster::block_on(read_tokenizer(&files));
    let _ = pollster::block_on(Checkpoint::open(&files));
});
