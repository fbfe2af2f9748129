//! The adapter and the model in a few words.

use std::collections::BTreeMap;

use vitrine_gpu::AdapterDescription;
use vitrine_gpu::Gpu;
use vitrine_model::source::ByteSource;
use vitrine_model::{Checkpoint, Model};
use vitrine_protocol::{AdapterSummary, ModelSummary};

/// The adapter behind a device.
#[must_use]
pub fn adapter_summary(gpu: &Gpu) -> AdapterSummary {
    describe(gpu.description())
}

/// An adapter, whether a device was made of it or not.
#[must_use]
pub fn describe(adapter: &AdapterDescription) -> AdapterSummary {
    AdapterSummary {
        name: adapter.name.clone(),
        backend: adapter.backend.clone(),
        device_type: adapter.device_type.clone(),
        driver: adapter.driver.clone(),
        features: adapter.caps.feature_names(),
        max_storage_binding: adapter.caps.max_storage_binding,
        max_buffer: adapter.caps.max_buffer,
    }
}

/// The model behind `name`, as it was loaded.
pub fn model_summary<S: ByteSource>(
    model: &Model,
    checkpoint: &Checkpoint<'_, S>,
    name: &str,
    has_chat_template: bool,
) -> ModelSummary {
    let config = model.config();
    let mut weights_by_type = BTreeMap::<&str, u64>::new();
    for tensor in checkpoint.tensors() {
        let elements = tensor.elements().unwrap_or_default();
        *weights_by_type.entry(&tensor.type_name).or_default() += elements;
    }
    let most = weights_by_type.iter().max_by_key(|(_, weights)| **weights);
    ModelSummary {
        name: match config.name.as_str() {
            "" => name.to_owned(),
            own => own.to_owned(),
        },
        architecture: config.architecture.model_type().to_owned(),
        parameters: weights_by_type.values().sum(),
        format: most.map(|(name, _)| (*name).to_owned()).unwrap_or_default(),
        weight_bytes: model.weight_bytes(),
        kv_bytes_per_token: model.kv_bytes_per_token(),
        num_hidden_layers: config.num_hidden_layers(),
        num_attention_heads: config.num_attention_heads,
        num_key_value_heads: config.num_key_value_heads,
        hidden_size: config.hidden_size,
        vocab_size: config.vocab_size,
        max_position_embeddings: config.max_position_embeddings,
        has_chat_template,
    }
}
