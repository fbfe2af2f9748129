//! Reads a config.json of any architecture.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vitrine_checkpoint::{Config, KvDtype};

fuzz_target!(|data: &[u8]| {
    if let Ok(config) = Config::from_json(data) {
        assert!(config.num_hidden_layers() > 0 && config.head_dim > 0 && config.vocab_size > 0);
        assert!(
            config
                .layers
                .iter()
                .all(|layer| layer.rope < config.ropes.len().max(1))
        );
        let _ = KvDtype::Q8.bytes_per_token(&config);
    }
});
