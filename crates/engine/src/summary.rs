//! Summaries of the adapter and the model.

use std::collections::BTreeMap;

use vitrine_checkpoint::Checkpoint;
use vitrine_checkpoint::source::ByteSource;
use vitrine_gpu::{AdapterDescription, Gpu};
use vitrine_model::{LoadOptions, Model};
use vitrine_protocol::{AdapterSummary, ModelSummary};

/// The adapter behind a device.
#[must_use]
pub fn adapter_summary(gpu: &Gpu) -> AdapterSummary {
    describe(gpu.description())
}

/// An adapter, with or without a device.
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

/// The weight format of most weights of a checkpoint after loading.
pub fn most_frequent_format<S: ByteSource>(
    checkpoint: &Checkpoint<'_, S>,
    options: &LoadOptions,
) -> String {
    let mut weights_by_type = BTreeMap::<String, u64>::new();
    for tensor in checkpoint.tensors() {
        let quantize = match tensor.kind {
            Some(kind) if kind.is_float() => options.quantization.projections,
            _ => None,
        };
        let name = quantize.map_or_else(|| tensor.type_name.clone(), |to| to.to_string());
        *weights_by_type.entry(name).or_default() += tensor.elements().unwrap_or_default();
    }
    let most = weights_by_type
        .into_iter()
        .max_by_key(|(_, weights)| *weights);
    most.map(|(name, _)| name).unwrap_or_default()
}

/// The weight format of random weights.
pub fn random_format(options: &LoadOptions) -> String {
    let quantize = options.quantization.projections;
    quantize.map_or_else(|| "F16".to_owned(), |to| to.to_string())
}

/// The loaded model `name`, without its chat template.
pub fn model_summary(model: &Model, name: &str, format: String) -> ModelSummary {
    let config = model.config();
    ModelSummary {
        name: match config.name.as_str() {
            "" => name.to_owned(),
            own => own.to_owned(),
        },
        architecture: config.architecture.model_type().to_owned(),
        parameters: config.parameters(),
        format,
        weight_bytes: model.weight_bytes(),
        kv_bytes_per_token: model.kv_bytes_per_token(),
        num_hidden_layers: config.num_hidden_layers(),
        num_attention_heads: config.num_attention_heads,
        num_key_value_heads: config.num_key_value_heads,
        hidden_size: config.hidden_size,
        vocab_size: config.vocab_size,
        max_position_embeddings: config.max_position_embeddings,
        has_chat_template: false,
    }
}
