//! Tokenizer and chat template of a Hugging Face folder, combined from its files.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tokenizers::AddedToken;

use crate::post_processor::Around;
use crate::python_json;
use crate::tokenizer_json::Opened;
use crate::{ChatTemplateSource, SpecialIds, TextError, Tokenizer};

/// Contents of the files of a Hugging Face folder that concern text. Only tokenizer.json is required.
#[derive(Clone, Copy, Debug, Default)]
pub struct FolderTexts<'a> {
    /// tokenizer.json: takes precedence over the other files.
    pub tokenizer_json: &'a [u8],
    /// tokenizer_config.json: names of special tokens, chat templates, and whether BOS and EOS are added to a text if
    /// tokenizer.json does not define it.
    pub tokenizer_config: Option<&'a [u8]>,
    /// chat_template.jinja: takes precedence over the templates of tokenizer_config.json.
    pub chat_template: Option<&'a [u8]>,
    /// special_tokens_map.json: special tokens that tokenizer_config.json does not name.
    pub special_tokens_map: Option<&'a [u8]>,
    /// added_tokens.json: ids of tokens that the vocabulary does not have, in older folders.
    pub added_tokens: Option<&'a [u8]>,
    /// generation_config.json: the ids that end a generation.
    pub generation_config: Option<&'a [u8]>,
    /// config.json: the same, used if there is no generation_config.json.
    pub config: Option<&'a [u8]>,
}

/// Names of special tokens in transformers and in templates.
const SPECIAL_NAMES: [&str; 7] = [
    "bos_token",
    "eos_token",
    "unk_token",
    "pad_token",
    "sep_token",
    "cls_token",
    "mask_token",
];

impl FolderTexts<'_> {
    /// Builds the tokenizer. A generation ends with its EOS or with an id of [`end_ids`].
    ///
    /// # Errors
    /// Fails if a file is damaged, or the tokenizer uses an unsupported feature.
    pub fn tokenizer(&self) -> Result<Tokenizer, TextError> {
        let mut opened = Opened::new(self.tokenizer_json)?;
        let config = object(self.tokenizer_config, "tokenizer_config.json")?;
        opened.add(self.added_tokens(&config)?)?;
        let names = self.special_tokens_of(&config)?;
        let id = |name: &str| opened.encoder.token_to_id(names.get(name)?);
        let (bos, eos) = (id("bos_token"), id("eos_token"));
        let mut ends = end_ids(self.generation_config, self.config)?;
        ends.extend(eos);

        let around = |flag: &str, name: &str, id: Option<u32>| match (&config[flag], id) {
            (Value::Bool(true), Some(id)) => Ok(vec![id]),
            (Value::Bool(true), None) if opened.around.is_none() => Err(wrong(
                "tokenizer_config.json",
                format!("{flag} is true, but no {name} of the vocabulary is given"),
            )),
            _ => Ok(Vec::new()),
        };
        let around = Around {
            before: around("add_bos_token", "bos_token", bos)?,
            after: around("add_eos_token", "eos_token", eos)?,
        };
        Ok(opened.into_tokenizer(SpecialIds { bos, eos, ends }, around))
    }

    /// The chat template; `None` if no file has one.
    ///
    /// # Errors
    /// Fails if a file is damaged.
    pub fn chat_template(&self) -> Result<Option<ChatTemplateSource>, TextError> {
        let config = object(self.tokenizer_config, "tokenizer_config.json")?;
        let own = self
            .chat_template
            .map(|bytes| str::from_utf8(bytes).map_err(|error| wrong("chat_template.jinja", error)))
            .transpose()?;
        match own.or_else(|| template_of(&config["chat_template"])) {
            None => Ok(None),
            Some(source) => Ok(Some(ChatTemplateSource {
                source: source.to_owned(),
                tokens: self.special_tokens_of(&config)?,
            })),
        }
    }

    /// The tokens that the files beside tokenizer.json name: those with ids in order, then the special ones by name.
    fn added_tokens(&self, config: &Value) -> Result<Vec<AddedToken>, TextError> {
        let map = object(self.special_tokens_map, "special_tokens_map.json")?;
        let older = object(self.added_tokens, "added_tokens.json")?;
        let mut by_id = BTreeMap::new();
        for (content, id) in older.as_object().into_iter().flatten() {
            if let Some(id) = id.as_u64() {
                by_id.insert(id, AddedToken::from(content.as_str(), false));
            }
        }
        for (id, token) in config["added_tokens_decoder"]
            .as_object()
            .into_iter()
            .flatten()
        {
            if let (Ok(id), Some(token)) = (id.parse(), added_token(token, false)) {
                by_id.insert(id, token);
            }
        }
        let mut tokens: Vec<AddedToken> = by_id.into_values().collect();
        for file in [config, &map] {
            let named = SPECIAL_NAMES.iter().map(|name| &file[*name]);
            let lists =
                ["additional_special_tokens", "extra_special_tokens"].map(|name| &file[name]);
            let listed = lists.into_iter().flat_map(|list| match list {
                Value::Array(list) => list.iter().collect(),
                Value::Object(list) => list.values().collect(),
                _ => Vec::new(),
            });
            tokens.extend(
                named
                    .chain(listed)
                    .filter_map(|token| added_token(token, true)),
            );
        }
        Ok(tokens)
    }

    /// Texts of the special tokens by name (`bos_token`).
    fn special_tokens_of(&self, config: &Value) -> Result<BTreeMap<String, String>, TextError> {
        let map = object(self.special_tokens_map, "special_tokens_map.json")?;
        let text = |value: &Value| {
            // Either a string, or an object with the string and its matching rules.
            let text = value.as_str().or_else(|| value["content"].as_str());
            text.map(str::to_owned)
        };
        let named = SPECIAL_NAMES.iter().filter_map(|name| {
            // A null means that there is no such token.
            let value = match config.get(name) {
                Some(value) => text(value),
                None => text(&map[name]),
            };
            Some(((*name).to_owned(), value?))
        });
        Ok(named.collect())
    }
}

/// A token that is given as its text, or as an object with the text and its matching rules.
fn added_token(value: &Value, special: bool) -> Option<AddedToken> {
    let content = value.as_str().or_else(|| value["content"].as_str())?;
    let flag = |name: &str, otherwise: bool| value[name].as_bool().unwrap_or(otherwise);
    let special = flag("special", special);
    Some(
        AddedToken::from(content, special)
            .lstrip(flag("lstrip", false))
            .rstrip(flag("rstrip", false))
            .single_word(flag("single_word", false))
            .normalized(flag("normalized", !special)),
    )
}

/// The ids that end a generation: those of generation_config.json, or of config.json if the former does not exist. The
/// tokenizer's own EOS is not included.
///
/// # Errors
/// Fails if the file is damaged.
pub fn end_ids(
    generation_config: Option<&[u8]>,
    config: Option<&[u8]>,
) -> Result<BTreeSet<u32>, TextError> {
    // As transformers does, a file that is not JSON counts as absent.
    let generation_config = generation_config.filter(|bytes| python_json::parse(bytes).is_ok());
    let (file, name, bytes) = match generation_config {
        Some(_) => ("generation_config.json", "eos_token_id", generation_config),
        None => ("config.json", "eos_token_id", config),
    };
    let object = object(bytes, file)?;
    let ids = match &object[name] {
        // Multimodal models keep it in `text_config`.
        Value::Null => &object["text_config"][name],
        ids => ids,
    };
    // An id that no token has, such as -1, ends nothing.
    let id = |value: &Value| value.as_u64().and_then(|id| u32::try_from(id).ok());
    Ok(match ids {
        Value::Array(ids) => ids.iter().filter_map(id).collect(),
        one => id(one).into_iter().collect(),
    })
}

/// The default template.
fn template_of(value: &Value) -> Option<&str> {
    match value {
        Value::Array(named) => named
            .iter()
            .find(|template| template["name"] == "default")
            .and_then(|template| template["template"].as_str()),
        Value::Object(named) => named.get("default").and_then(Value::as_str),
        other => other.as_str(),
    }
}

/// Parses a JSON object; empty if there is no file.
fn object(bytes: Option<&[u8]>, file: &'static str) -> Result<Value, TextError> {
    let Some(bytes) = bytes else {
        return Ok(Value::Object(serde_json::Map::new()));
    };
    let value = python_json::parse(bytes).map_err(|error| wrong(file, error))?;
    if !value.is_object() {
        return Err(wrong(file, "it is not a JSON object"));
    }
    Ok(value)
}

fn wrong(file: &'static str, reason: impl std::fmt::Display) -> TextError {
    TextError::File {
        file,
        reason: reason.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Message, RenderChat};

    /// A byte-level tokenizer whose post-processor adds no tokens.
    fn tokenizer_json() -> Value {
        json!({
            "version": "1.0",
            "truncation": {"direction": "Right", "max_length": 1, "strategy": "LongestFirst", "stride": 0},
            "padding": {"strategy": {"Fixed": 9}, "direction": "Right", "pad_to_multiple_of": null,
                        "pad_id": 0, "pad_type_id": 0, "pad_token": "a"},
            "added_tokens": [
                {"id": 2, "content": "<s>", "single_word": false, "lstrip": false,
                 "rstrip": false, "normalized": false, "special": true},
                {"id": 3, "content": "</s>", "single_word": false, "lstrip": true,
                 "rstrip": true, "normalized": false, "special": true}
            ],
            "normalizer": null,
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false,
                              "trim_offsets": true, "use_regex": true},
            "post_processor": {"type": "ByteLevel", "add_prefix_space": true,
                               "trim_offsets": false, "use_regex": true},
            "decoder": {"type": "ByteLevel", "add_prefix_space": true,
                        "trim_offsets": true, "use_regex": true},
            "model": {"type": "BPE", "vocab": {"a": 0, "Ġ": 1}, "merges": []}
        })
    }

    /// Calls `test` with a folder whose files are given by the names of their fields.
    fn with<T>(files: &Value, test: impl FnOnce(&FolderTexts) -> T) -> T {
        let text = |name: &str| match files.get(name) {
            None => None,
            Some(Value::String(text)) => Some(text.clone().into_bytes()),
            Some(other) => Some(other.to_string().into_bytes()),
        };
        let own =
            [text("tokenizer_json").unwrap_or_else(|| tokenizer_json().to_string().into_bytes())];
        let others = [
            "tokenizer_config",
            "chat_template",
            "special_tokens_map",
            "added_tokens",
            "generation_config",
            "config",
        ]
        .map(text);
        let [
            tokenizer_config,
            chat_template,
            special_tokens_map,
            added_tokens,
            generation_config,
            config,
        ] = others.each_ref().map(Option::as_deref);
        test(&FolderTexts {
            tokenizer_json: &own[0],
            tokenizer_config,
            chat_template,
            special_tokens_map,
            added_tokens,
            generation_config,
            config,
        })
    }

    /// The ids are those of `AutoTokenizer`: what the files beside tokenizer.json name is one token.
    #[test]
    fn tokens_of_the_other_files_are_one_token_each() {
        let mut tokenizer = tokenizer_json();
        tokenizer["model"]["vocab"]["<s>"] = json!(2);
        tokenizer["model"]["vocab"]["</s>"] = json!(3);
        for (id, token) in [(4, "<t>"), (5, "<"), (6, "t"), (7, ">")] {
            tokenizer["model"]["vocab"][token] = json!(id);
        }
        let ids = |file: &str, contents: Value| {
            let mut files = json!({"tokenizer_json": tokenizer});
            files[file] = contents;
            encoded(&files, "a<t> a")
        };
        // Control: without them the text is split.
        assert_eq!(ids("config", json!({})), [0, 5, 6, 7, 1, 0]);
        let whole = [0, 4, 1, 0];
        assert_eq!(
            ids(
                "tokenizer_config",
                json!({"additional_special_tokens": ["<t>"]})
            ),
            whole
        );
        assert_eq!(
            ids(
                "tokenizer_config",
                json!({"extra_special_tokens": {"t_token": "<t>"}})
            ),
            whole
        );
        assert_eq!(ids("tokenizer_config", json!({"pad_token": "<t>"})), whole);
        assert_eq!(
            ids(
                "special_tokens_map",
                json!({"additional_special_tokens": [{"content": "<t>"}]})
            ),
            whole
        );
        assert_eq!(ids("added_tokens", json!({"<t>": 4})), whole);
        let strips = json!({"added_tokens_decoder": {"4": {"content": "<t>", "rstrip": true, "special": true}}});
        assert_eq!(ids("tokenizer_config", strips), [0, 4, 0]);
        // A token that the vocabulary does not have gets the next id.
        assert_eq!(
            encoded(&json!({"added_tokens": {"<new>": 4}}), "a<new>"),
            [0, 4]
        );
    }

    fn encoded(files: &Value, text: &str) -> Vec<u32> {
        with(files, |f| {
            f.tokenizer().unwrap().encode(text, true).unwrap()
        })
    }

    #[test]
    fn truncation_and_padding_are_left_to_training() {
        assert_eq!(encoded(&json!({}), "a a"), [0, 1, 0]);
    }

    #[test]
    fn white_space_next_to_a_token_is_stripped_if_it_says_so() {
        assert_eq!(encoded(&json!({}), "a </s> a<s> a"), [0, 3, 0, 2, 1, 0]);
    }

    #[test]
    fn bos_and_eos_come_from_the_config_where_the_tokenizer_is_silent() {
        let config = json!({"add_bos_token": true, "add_eos_token": true,
            "bos_token": {"content": "<s>", "lstrip": false}, "eos_token": "</s>"});
        assert_eq!(
            encoded(&json!({"tokenizer_config": config}), "a"),
            [2, 0, 3]
        );
        let mut speaks = tokenizer_json();
        speaks["post_processor"] = json!({"type": "TemplateProcessing",
            "single": [{"Sequence": {"id": "A", "type_id": 0}}], "pair": [], "special_tokens": {}});
        let files = json!({"tokenizer_json": speaks, "tokenizer_config": config});
        assert_eq!(encoded(&files, "a"), [0], "tokenizer.json takes precedence");
    }

    #[test]
    fn ends_are_those_of_generate_and_the_eos() {
        let ends = |files: &Value| {
            with(files, |f| {
                let tokenizer = f.tokenizer().unwrap();
                (tokenizer.end_ids().collect::<Vec<_>>(), tokenizer.eos_id())
            })
        };
        let map = json!({"eos_token": "</s>"});
        let config = json!({"eos_token_id": 7});
        let files = json!({"special_tokens_map": map, "config": config});
        assert_eq!(ends(&files), (vec![3, 7], Some(3)));
        let files = json!({"tokenizer_config": {"eos_token": null}, "special_tokens_map": map,
            "config": config, "generation_config": {"eos_token_id": [5, 6]}});
        assert_eq!(ends(&files), (vec![5, 6], None));
        let files = json!({"config": {"text_config": {"eos_token_id": [1]}}});
        assert_eq!(ends(&files), (vec![1], None));
    }

    #[test]
    fn the_template_file_goes_before_the_config() {
        let rendered = |files: &Value| {
            with(files, |f| {
                let template = f.chat_template().unwrap()?;
                let template = template.compile().unwrap();
                Some(template.render(&[Message::new("user", "x")], true).unwrap())
            })
        };
        let config = json!({"bos_token": "<s>", "pad_token": "<p>",
            "chat_template": "{{ bos_token }}{{ pad_token }}"});
        assert_eq!(rendered(&json!({})), None);
        let files = json!({"tokenizer_config": config});
        assert_eq!(rendered(&files).as_deref(), Some("<s><p>"));
        let files = json!({"tokenizer_config": config, "chat_template": "own{{ bos_token }}"});
        assert_eq!(rendered(&files).as_deref(), Some("own<s>"));
        let named = json!({"chat_template": [{"name": "tool_use", "template": "t"},
                                             {"name": "default", "template": "d"}]});
        let files = json!({"tokenizer_config": named});
        assert_eq!(rendered(&files).as_deref(), Some("d"));
    }

    #[test]
    fn damaged_files_are_named() {
        let cases = [
            ("tokenizer_config", json!("{"), "tokenizer_config.json"),
            ("special_tokens_map", json!("[]"), "special_tokens_map.json"),
            (
                "tokenizer_config",
                json!({"add_bos_token": true}),
                "bos_token",
            ),
        ];
        for (name, content, expected) in cases {
            let message = with(&json!({ name: content }), |f| {
                f.tokenizer().unwrap_err().to_string()
            });
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn ids_that_no_token_has_end_nothing() {
        let ends = |files: Value| with(&files, |f| end_ids(f.generation_config, f.config).unwrap());
        assert_eq!(
            ends(json!({"config": {"eos_token_id": [-1, 3]}})),
            [3].into()
        );
        assert_eq!(
            ends(json!({"generation_config": {"eos_token_id": -1}})),
            [].into()
        );
        // A file that is not JSON counts as absent.
        let files =
            json!({"generation_config": "{\"eos_token_id\": 2,}", "config": {"eos_token_id": 3}});
        assert_eq!(ends(files), [3].into());
    }

    #[test]
    fn a_tokenizer_may_be_smaller_than_the_model_but_not_larger() {
        with(&json!({}), |f| {
            let tokenizer = f.tokenizer().unwrap();
            assert_eq!(tokenizer.check_vocab(64), Ok(()));
            assert_eq!(tokenizer.check_vocab(4), Ok(()));
            let message = tokenizer.check_vocab(3).unwrap_err().to_string();
            assert!(message.contains('4') && message.contains('3'), "{message}");
        });
    }
}
