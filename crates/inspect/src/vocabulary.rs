//! Reads the tokenizer and the chat template of a model's files.

use std::collections::BTreeSet;

use vitrine_checkpoint::files::is_gguf;
use vitrine_checkpoint::gguf::Value;
use vitrine_checkpoint::source::ByteSource;
use vitrine_checkpoint::{CheckpointError, Gguf, ModelFiles};
use vitrine_protocol::SamplingDefaults;
use vitrine_text::{
    ChatTemplateSource, FolderTexts, GgufVocabulary, TextError, Tokenizer, end_ids,
};

use crate::{InspectError, sampling_defaults};

/// The tokenizer, chat template and related settings of a model's files.
#[derive(Default)]
pub struct Vocabulary {
    /// The tokenizer.
    pub tokenizer: Option<Tokenizer>,
    /// The chat template.
    pub chat_template: Option<ChatTemplateSource>,
    /// Ids that end a generation, in addition to those of the tokenizer.
    pub ends: BTreeSet<u32>,
    /// The sampling defaults.
    pub sampling: SamplingDefaults,
    /// A file of a tokenizer in an older form, where there is no tokenizer.json.
    pub older_form: Option<&'static str>,
}

/// Files of tokenizers without a tokenizer.json.
const OLDER_FORMS: [&str; 2] = ["tokenizer.model", "vocab.json"];

/// The vocabulary of a model with `vocab_size` rows.
///
/// # Errors
/// When a file is damaged or unreadable, the tokenizer is not supported, or it has more tokens than the model.
pub async fn read_vocabulary<S: ByteSource>(
    files: &ModelFiles<S>,
    gguf: Option<&Gguf>,
    vocab_size: u32,
) -> Result<Vocabulary, InspectError> {
    let vocabulary = match gguf {
        Some(gguf) => {
            let tokenizer = tokenizer(gguf)?;
            Vocabulary {
                chat_template: chat_template(gguf, tokenizer.as_ref()),
                tokenizer,
                ends: BTreeSet::new(),
                sampling: sampling_defaults::from_gguf(gguf),
                older_form: None,
            }
        }
        None => from_folder(files).await?,
    };
    // A token that was added to a folder's tokenizer and not to its model matters only to a prompt that has it.
    if let (Some(tokenizer), Some(_)) = (&vocabulary.tokenizer, gguf) {
        tokenizer.check_vocab(vocab_size as usize)?;
    }
    Ok(vocabulary)
}

/// Only the tokenizer, which needs no weights; `None` if the files have none.
///
/// # Errors
/// When a file is damaged or unreadable, or the tokenizer is not supported.
pub async fn read_tokenizer<S: ByteSource>(
    files: &ModelFiles<S>,
) -> Result<Option<Tokenizer>, InspectError> {
    let mut names = files.names();
    match names.find(|name| is_gguf(name)) {
        Some(name) => {
            let source = files.get(name).ok_or(CheckpointError::NoModel)?;
            Ok(tokenizer(&Gguf::read(source).await?)?)
        }
        None => {
            let vocabulary = from_folder(files).await?;
            match vocabulary.older_form {
                Some(file) => Err(TextError::OlderForm { file }.into()),
                None => Ok(vocabulary.tokenizer),
            }
        }
    }
}

/// The vocabulary of a Hugging Face folder, which may lack tokenizer.json.
async fn from_folder<S: ByteSource>(files: &ModelFiles<S>) -> Result<Vocabulary, InspectError> {
    let generation_config = files.read_small("generation_config.json").await?;
    let config = files.read_small("config.json").await?;
    let ends = end_ids(generation_config.as_deref(), config.as_deref())?;
    let sampling = sampling_defaults::from_folder(generation_config.as_deref());
    let Some(tokenizer_json) = files.read_small("tokenizer.json").await? else {
        let older = OLDER_FORMS.iter().find(|name| files.get(name).is_some());
        return Ok(Vocabulary {
            ends,
            sampling,
            older_form: older.copied(),
            ..Vocabulary::default()
        });
    };
    let tokenizer_config = files.read_small("tokenizer_config.json").await?;
    let chat_template = files.read_small("chat_template.jinja").await?;
    let special_tokens_map = files.read_small("special_tokens_map.json").await?;
    let added_tokens = files.read_small("added_tokens.json").await?;
    let texts = FolderTexts {
        tokenizer_json: &tokenizer_json,
        tokenizer_config: tokenizer_config.as_deref(),
        chat_template: chat_template.as_deref(),
        special_tokens_map: special_tokens_map.as_deref(),
        added_tokens: added_tokens.as_deref(),
        generation_config: generation_config.as_deref(),
        config: config.as_deref(),
    };
    Ok(Vocabulary {
        tokenizer: Some(texts.tokenizer()?),
        chat_template: texts.chat_template()?,
        ends,
        sampling,
        older_form: None,
    })
}

/// The tokenizer of the file, if it has one.
fn tokenizer(gguf: &Gguf) -> Result<Option<Tokenizer>, TextError> {
    let key = |name: &str| gguf.get(&format!("tokenizer.ggml.{name}"));
    let text = |name: &str| key(name).and_then(Value::as_str).map(str::to_owned);
    let flag = |name: &str| key(name).and_then(Value::as_bool);
    let id = |name: &str| key(name)?.as_u64()?.try_into().ok();
    let Some(model) = text("model") else {
        return Ok(None);
    };
    let texts = |name: &str| list(key(name), name, |value| value.to_text());
    let tokens = key("tokens").and_then(Value::as_array).unwrap_or_default();
    let raw = (0..).zip(tokens).filter_map(|(id, token)| match token {
        Value::Bytes(bytes) => Some((id, bytes.clone())),
        _ => None,
    });
    let vocabulary = GgufVocabulary {
        model,
        pre: text("pre"),
        tokens: texts("tokens")?.unwrap_or_default(),
        raw: raw.collect(),
        token_types: list(key("token_type"), "token_type", |value| {
            value.as_i64()?.try_into().ok()
        })?,
        scores: list(
            key("scores"),
            "scores",
            |value| Some(value.as_f64()? as f32),
        )?,
        merges: texts("merges")?,
        bos_token_id: id("bos_token_id"),
        eos_token_id: id("eos_token_id"),
        eot_token_id: id("eot_token_id"),
        eom_token_id: id("eom_token_id"),
        unknown_token_id: id("unknown_token_id"),
        padding_token_id: id("padding_token_id"),
        add_bos_token: flag("add_bos_token"),
        add_eos_token: flag("add_eos_token"),
        add_space_prefix: flag("add_space_prefix"),
    };
    Tokenizer::from_gguf(vocabulary).map(Some)
}

/// A list of one type; other types are refused.
fn list<T>(
    value: Option<&Value>,
    name: &str,
    item: impl Fn(&Value) -> Option<T>,
) -> Result<Option<Vec<T>>, TextError> {
    let Some(value) = value else {
        return Ok(None);
    };
    let items = value.as_array();
    let items: Option<Vec<T>> = items.and_then(|items| items.iter().map(item).collect());
    items
        .map(Some)
        .ok_or_else(|| TextError::Damaged(format!("tokenizer.ggml.{name} is of the wrong type")))
}

/// The chat template of the file, if it has one.
fn chat_template(gguf: &Gguf, tokenizer: Option<&Tokenizer>) -> Option<ChatTemplateSource> {
    let source = gguf.string("tokenizer.chat_template")?.to_owned();
    let token = |name: &str, id: Option<u32>| {
        let text = tokenizer?.piece(id?)?.text.clone();
        Some((name.to_owned(), text))
    };
    // As llama.cpp has it, a token that the file does not give is an empty text.
    let token = |name: &str, id: Option<u32>| {
        token(name, id).unwrap_or_else(|| (name.to_owned(), String::new()))
    };
    let bos = token("bos_token", tokenizer.and_then(Tokenizer::bos_id));
    let eos = token("eos_token", tokenizer.and_then(Tokenizer::eos_id));
    Some(ChatTemplateSource {
        source,
        tokens: [bos, eos].into(),
    })
}
