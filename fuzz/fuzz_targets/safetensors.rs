//! Reads the directory of a safetensors file.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vitrine_checkpoint::safetensors;

fuzz_target!(|data: &[u8]| {
    let data = data.to_vec();
    let Ok(tensors) = pollster::block_on(safetensors::read(&data, 0, "model.safetensors")) else {
        return;
    };
    for info in &tensors {
        let end = info
            .offset
            .checked_add(info.bytes)
            .expect("the end of a tensor fits u64");
        assert!(end <= data.len() as u64, "{info:?}");
    }
});
