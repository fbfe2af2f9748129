//! How a model's files recommend to sample.

use vitrine_model::Gguf;
use vitrine_model::gguf::Value;
use vitrine_protocol::SamplingDefaults;
use vitrine_text::TextError;

/// What generation_config.json says; what it does not say is transformers' default.
pub fn from_folder(generation_config: Option<&[u8]>) -> Result<SamplingDefaults, TextError> {
    let Some(bytes) = generation_config else {
        return Ok(SamplingDefaults::default());
    };
    serde_json::from_slice(bytes)
        .map_err(|error| TextError::Damaged(format!("generation_config.json: {error}")))
}

/// What a GGUF file says in its keys `general.sampling.*`.
pub fn from_gguf(gguf: &Gguf) -> SamplingDefaults {
    let key = |name: &str| gguf.get(&format!("general.sampling.{name}"));
    let float = |name: &str| key(name).and_then(Value::as_f64);
    // llama.cpp has negative numbers for "all", too.
    let top_k = key("top_k").and_then(Value::as_i64);
    SamplingDefaults {
        temperature: float("temp"),
        top_k: top_k.map(|k| u32::try_from(k).unwrap_or(0)),
        top_p: float("top_p"),
        min_p: float("min_p"),
        repetition_penalty: float("penalty_repeat"),
    }
}
