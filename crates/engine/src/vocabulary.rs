//! From a GGUF file's metadata to a tokenizer and a chat template.

use vitrine_model::gguf::Value;
use vitrine_model::source::ByteSource;
use vitrine_model::{Gguf, ModelFiles};
use vitrine_text::{ChatTemplate, GgufVocabulary, TextError, Tokenizer};

use crate::EngineError;

/// The tokenizer and the chat template of a model's files, where they bring them.
pub async fn read<S: ByteSource>(
    files: &ModelFiles<S>,
    gguf: Option<&Gguf>,
) -> Result<(Option<Tokenizer>, Option<ChatTemplate>), EngineError> {
    let Some(gguf) = gguf else {
        let _ = files;
        return Ok((None, None));
    };
    let tokenizer = tokenizer(gguf)?;
    let chat_template = chat_template(gguf, tokenizer.as_ref())?;
    Ok((tokenizer, chat_template))
}

/// The tokenizer, if the file brings one.
pub fn tokenizer(gguf: &Gguf) -> Result<Option<Tokenizer>, TextError> {
    let key = |name: &str| gguf.get(&format!("tokenizer.ggml.{name}"));
    let list = |name: &str| key(name).and_then(Value::as_array);
    let texts = |name: &str| -> Option<Vec<String>> {
        list(name)?
            .iter()
            .map(|value| value.as_str().map(str::to_owned))
            .collect()
    };
    let id = |name: &str| key(name)?.as_u64()?.try_into().ok();
    let (Some(model), Some(tokens)) = (key("model").and_then(Value::as_str), texts("tokens"))
    else {
        return Ok(None);
    };
    let vocabulary = GgufVocabulary {
        model: model.to_owned(),
        pre: key("pre").and_then(Value::as_str).map(str::to_owned),
        tokens,
        token_types: list("token_type").and_then(|values| {
            values
                .iter()
                .map(|value| value.as_i64()?.try_into().ok())
                .collect()
        }),
        scores: list("scores").and_then(|values| {
            values
                .iter()
                .map(|value| Some(value.as_f64()? as f32))
                .collect()
        }),
        merges: texts("merges"),
        bos_token_id: id("bos_token_id"),
        eos_token_id: id("eos_token_id"),
        eot_token_id: id("eot_token_id"),
        eom_token_id: id("eom_token_id"),
        unknown_token_id: id("unknown_token_id"),
        padding_token_id: id("padding_token_id"),
        add_bos_token: key("add_bos_token").and_then(Value::as_bool),
        add_eos_token: key("add_eos_token").and_then(Value::as_bool),
        add_space_prefix: key("add_space_prefix").and_then(Value::as_bool),
    };
    Tokenizer::from_gguf(vocabulary).map(Some)
}

/// The chat template, if the file brings one.
pub fn chat_template(
    gguf: &Gguf,
    tokenizer: Option<&Tokenizer>,
) -> Result<Option<ChatTemplate>, TextError> {
    let Some(source) = gguf.string("tokenizer.chat_template") else {
        return Ok(None);
    };
    let text = |id: Option<u32>| Some(tokenizer?.piece(id?)?.text.clone());
    let bos = text(tokenizer.and_then(Tokenizer::bos_id));
    let eos = text(tokenizer.and_then(Tokenizer::eos_id));
    ChatTemplate::new(source, bos, eos).map(Some)
}
