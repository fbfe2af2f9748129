//! Sampling defaults of a model's files.

use vitrine_checkpoint::Gguf;
use vitrine_checkpoint::gguf::Value;
use vitrine_protocol::SamplingDefaults;
use vitrine_text::python_json;

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

/// The settings of generation_config.json, with transformers' defaults for the rest. A file that is not JSON, and values
/// of another kind, are named among those that are not followed, for nothing else depends on them.
pub fn from_folder(generation_config: Option<&[u8]>) -> SamplingDefaults {
    let Some(bytes) = generation_config else {
        return SamplingDefaults::default();
    };
    let fields = match python_json::parse(bytes) {
        Ok(serde_json::Value::Object(fields)) => fields,
        _ => {
            return SamplingDefaults {
                not_followed: vec!["generation_config.json, which is not JSON".to_owned()],
                ..SamplingDefaults::default()
            };
        }
    };
    let mut wrong = Vec::new();
    let mut number = |name: &str, is_right: fn(f64) -> bool| {
        let value = fields.get(name).filter(|value| !value.is_null())?;
        let number = value.as_f64().filter(|number| is_right(*number));
        if number.is_none() {
            wrong.push(format!("{name} = {value}"));
        }
        number
    };
    let mut defaults = SamplingDefaults {
        temperature: number("temperature", |it| it >= 0.0),
        top_k: number("top_k", |it| it.fract() == 0.0 && (0.0..4e9).contains(&it))
            .map(|k| k as u32),
        top_p: number("top_p", |it| (0.0..=1.0).contains(&it)),
        min_p: number("min_p", |it| (0.0..=1.0).contains(&it)),
        repetition_penalty: number("repetition_penalty", |it| it > 0.0),
        not_followed: Vec::new(),
    };
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
    let set = set.map(|(name, _)| (*name).to_owned());
    defaults.not_followed = wrong.into_iter().chain(set).collect();
    defaults
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
        );
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
        );
        assert_eq!(neutral, SamplingDefaults::default());
        assert_eq!(from_folder(None), SamplingDefaults::default());
        // What is wrong is named, and the rest is followed.
        let odd = read(r#"{"top_k": -1, "temperature": "0.7", "top_p": 0.9, "min_p": NaN}"#);
        assert_eq!(odd.not_followed, ["temperature = \"0.7\"", "top_k = -1"]);
        assert_eq!((odd.top_k, odd.top_p), (None, Some(0.9)));
        assert_eq!(read(r#"{"top_k": 50.0}"#).top_k, Some(50));
        assert!(read("{\"top_k\": 5,}").not_followed[0].contains("not JSON"));
    }
}
