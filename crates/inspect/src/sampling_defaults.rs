//! Sampling defaults of a model's files.

use std::fmt;

use vitrine_checkpoint::Gguf;
use vitrine_checkpoint::gguf::Value;
use vitrine_protocol::SamplingDefaults;
use vitrine_text::TextError;

/// Settings of transformers' `GenerationConfig` that change the draw and are not supported, with the value that has
/// no effect.
const NOT_FOLLOWED: [(&str, Option<f64>); 19] = [
    ("typical_p", Some(1.0)),
    ("epsilon_cutoff", Some(0.0)),
    ("eta_cutoff", Some(0.0)),
    ("top_h", None),
    ("no_repeat_ngram_size", Some(0.0)),
    ("bad_words_ids", None),
    ("sequence_bias", None),
    ("suppress_tokens", None),
    ("begin_suppress_tokens", None),
    ("min_length", Some(0.0)),
    ("min_new_tokens", Some(0.0)),
    ("forced_bos_token_id", None),
    ("forced_eos_token_id", None),
    ("exponential_decay_length_penalty", None),
    ("num_beams", Some(1.0)),
    ("penalty_alpha", Some(0.0)),
    ("guidance_scale", Some(1.0)),
    ("dola_layers", None),
    ("watermarking_config", None),
];

/// The same for llama.cpp's keys. It penalises only the last tokens, transformers all.
const NOT_FOLLOWED_GGUF: [(&str, Option<f64>); 4] = [
    ("sequence", None),
    ("xtc_probability", Some(0.0)),
    ("mirostat", Some(0.0)),
    ("penalty_last_n", None),
];

/// The settings of generation_config.json, with transformers' defaults for the rest.
pub fn from_folder(generation_config: Option<&[u8]>) -> Result<SamplingDefaults, TextError> {
    let Some(bytes) = generation_config else {
        return Ok(SamplingDefaults::default());
    };
    let damaged =
        |error: &dyn fmt::Display| TextError::Damaged(format!("generation_config.json: {error}"));
    let text = str::from_utf8(bytes).map_err(|error| damaged(&error))?;
    let fields: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(text).map_err(|error| damaged(&error))?;
    let mut defaults: SamplingDefaults =
        serde_json::from_str(text).map_err(|error| damaged(&error))?;
    let does_something = |value: &serde_json::Value, neutral: Option<f64>| match value {
        serde_json::Value::Null | serde_json::Value::Bool(false) => false,
        serde_json::Value::Array(values) => !values.is_empty(),
        serde_json::Value::Object(values) => !values.is_empty(),
        number => neutral.is_none() || number.as_f64() != neutral,
    };
    let set = NOT_FOLLOWED.iter().filter(|(name, neutral)| {
        fields
            .get(*name)
            .is_some_and(|value| does_something(value, *neutral))
    });
    defaults.not_followed = set.map(|(name, _)| (*name).to_owned()).collect();
    Ok(defaults)
}

/// The settings of a GGUF file's keys `general.sampling.*`.
pub fn from_gguf(gguf: &Gguf) -> SamplingDefaults {
    let key = |name: &str| gguf.get(&format!("general.sampling.{name}"));
    let float = |name: &str| key(name).and_then(Value::as_f64);
    // llama.cpp also uses negative numbers for "all".
    let top_k = key("top_k").and_then(Value::as_i64);
    let number = |value: &Value| value.as_f64().or(value.as_i64().map(|n| n as f64));
    let set = NOT_FOLLOWED_GGUF.iter().filter(|(name, neutral)| {
        key(name).is_some_and(|value| neutral.is_none() || number(value) != *neutral)
    });
    SamplingDefaults {
        temperature: float("temp"),
        top_k: top_k.map(|k| u32::try_from(k).unwrap_or(0)),
        top_p: float("top_p"),
        min_p: float("min_p"),
        repetition_penalty: float("penalty_repeat"),
        not_followed: set.map(|(name, _)| (*name).to_owned()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generation_config_is_followed_and_the_rest_is_named() {
        let read = |text: &str| from_folder(Some(text.as_bytes()));
        let defaults = read(
            r#"{"do_sample": true, "temperature": 0.6, "top_k": 20, "top_p": 0.95, "min_p": 0.05,
                "repetition_penalty": 1.1, "typical_p": 0.9, "no_repeat_ngram_size": 3,
                "num_beams": 4, "suppress_tokens": [7], "bad_words_ids": null}"#,
        )
        .unwrap();
        let params = defaults.params();
        assert_eq!((params.temperature, params.top_k), (0.6, 20));
        assert_eq!((params.top_p, params.min_p), (0.95, 0.05));
        assert_eq!(params.repetition_penalty, 1.1);
        let named = [
            "typical_p",
            "no_repeat_ngram_size",
            "suppress_tokens",
            "num_beams",
        ];
        assert_eq!(defaults.not_followed, named);
        // Control: settings without an effect are not listed, and missing ones have transformers' defaults.
        let neutral = read(
            r#"{"typical_p": 1.0, "no_repeat_ngram_size": 0, "num_beams": 1, "suppress_tokens": [],
                "guidance_scale": null, "eos_token_id": 2, "not_followed": ["nothing"]}"#,
        )
        .unwrap();
        assert_eq!(neutral, SamplingDefaults::default());
        assert_eq!(from_folder(None).unwrap(), SamplingDefaults::default());
        assert!(read("[1]").is_err() && read("{").is_err());
    }
}
