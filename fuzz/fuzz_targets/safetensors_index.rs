//! Opens a model of two files with an arbitrary index.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vitrine_checkpoint::{Checkpoint, ModelFiles};

const CONFIG: &[u8] = br#"{"architectures":["LlamaForCausalLM"],"hidden_size":64,
    "intermediate_size":64,"num_attention_heads":2,"num_hidden_layers":1,"vocab_size":64}"#;

/// A file with one tensor of one value.
fn shard(tensor: &str) -> Vec<u8> {
    let directory = format!(r#"{{"{tensor}":{{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}}}"#);
    let mut file = (directory.len() as u64).to_le_bytes().to_vec();
    file.extend(directory.as_bytes());
    file.extend([0; 4]);
    file
}

fuzz_target!(|index: &[u8]| {
    let files = ModelFiles::new("fuzz")
        .with("config.json", CONFIG.to_vec())
        .with("model.safetensors.index.json", index.to_vec())
        .with("model-00001-of-00002.safetensors", shard("a"))
        .with("model-00002-of-00002.safetensors", shard("b"));
    let _ = pollster::block_on(Checkpoint::open(&files));
});
