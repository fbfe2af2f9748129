//! Tokenizers in Hugging Face's format.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use serde::Deserialize;
use serde_json::Value;
use tokenizers::{AddedToken, PostProcessorWrapper, Tokenizer as Encoder};

use crate::decoding::Decoding;
use crate::error::damaged;
use crate::post_processor::{self, Around};
use crate::{SpecialIds, TextError, Tokenizer, merges};

impl Tokenizer {
    /// Builds the tokenizer of a tokenizer.json. Other files define the ids that start and end a text: see
    /// [`FolderTexts`](crate::FolderTexts).
    ///
    /// # Errors
    /// Fails if the file is damaged or uses an unsupported feature.
    pub fn from_tokenizer_json(bytes: &[u8], special: SpecialIds) -> Result<Self, TextError> {
        let opened = Opened::new(bytes)?;
        Ok(opened.into_tokenizer(special, Around::default()))
    }
}

/// A parsed tokenizer.json, not yet combined with the other files.
pub(crate) struct Opened {
    pub(crate) encoder: Encoder,
    decoding: Decoding,
    /// Ids around a text, if the file defines them.
    pub(crate) around: Option<Around>,
    vocab_size: usize,
}

impl Opened {
    pub(crate) fn new(bytes: &[u8]) -> Result<Self, TextError> {
        let text = str::from_utf8(bytes).map_err(damaged)?;
        let file: File = serde_json::from_str(text).map_err(damaged)?;
        file.check()?;
        let decoding = Decoding::parse(&file.decoder)?;
        let around = post_processor::parse(&file.post_processor)?;
        let added = file.added_tokens;
        let mut encoder: Encoder = text.parse().map_err(damaged)?;
        for Added { id, content } in added {
            let has = encoder.token_to_id(&content);
            if has.map(u64::from) != Some(id) && !content.is_empty() {
                return Err(damaged(format!(
                    "its added token `{content}` has the id {id}, which belongs to another token"
                )));
            }
        }
        let ids = around.iter().flat_map(|a| a.before.iter().chain(&a.after));
        for id in ids {
            if encoder.id_to_token(*id).is_none() {
                return Err(damaged(format!(
                    "it adds token {id} to texts, but its vocabulary does not have it"
                )));
            }
        }
        // Settings of the training must not truncate or pad prompts; transformers resets them too.
        encoder.with_truncation(None).map_err(damaged)?;
        encoder.with_padding(None);
        encoder.with_post_processor(None::<PostProcessorWrapper>);
        let highest = encoder.get_vocab(true).into_values().max();
        let vocab_size = highest.map_or(0, |id| id as usize + 1);
        Ok(Self {
            encoder,
            decoding,
            around,
            vocab_size,
        })
    }

    /// Adds tokens that other files name. One that the vocabulary has keeps its id; a new one gets the next id.
    pub(crate) fn add(&mut self, tokens: Vec<AddedToken>) -> Result<(), TextError> {
        let known = self.encoder.get_added_tokens_decoder();
        let is_new = |token: &AddedToken| {
            let same = known.values().find(|known| known.content == token.content);
            !token.content.is_empty() && same.is_none_or(|known| !known.special && token.special)
        };
        let tokens: Vec<AddedToken> = tokens.into_iter().filter(is_new).collect();
        let (special, plain): (Vec<_>, Vec<_>) =
            tokens.into_iter().partition(|token| token.special);
        self.encoder.add_special_tokens(special).map_err(damaged)?;
        self.encoder.add_tokens(plain).map_err(damaged)?;
        let highest = self.encoder.get_vocab(true).into_values().max();
        self.vocab_size = highest.map_or(0, |id| id as usize + 1);
        Ok(())
    }

    /// Builds the tokenizer; `other` is used if the file itself does not define the ids around a text.
    pub(crate) fn into_tokenizer(self, special: SpecialIds, other: Around) -> Tokenizer {
        let around = self.around.unwrap_or(other);
        Tokenizer::from_parts(
            self.encoder,
            self.decoding,
            special,
            around,
            self.vocab_size,
        )
    }
}

/// Upper bound of ids, several times that of the largest vocabularies.
const MAX_IDS: u64 = 1 << 22;

/// The fields that are checked before the `tokenizers` crate reads the file.
#[derive(Deserialize)]
struct File<'a> {
    #[serde(default)]
    added_tokens: Vec<Added>,
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    decoder: Value,
    #[serde(default)]
    post_processor: Value,
    #[serde(borrow)]
    model: Model<'a>,
}

#[derive(Deserialize)]
struct Added {
    id: u64,
    content: String,
}

#[derive(Deserialize)]
struct Model<'a> {
    dropout: Option<f64>,
    continuing_subword_prefix: Option<String>,
    #[serde(borrow)]
    vocab: Vocabulary<'a>,
    #[serde(borrow, default)]
    merges: Option<Vec<Merge<'a>>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Vocabulary<'a> {
    Ids(#[serde(borrow)] HashMap<Text<'a>, u64>),
    /// Unigram: a token's id is its index.
    Scores(Vec<(String, f64)>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Merge<'a> {
    Pair(#[serde(borrow)] Text<'a>, #[serde(borrow)] Text<'a>),
    /// The older form, separated by a space.
    Joined(#[serde(borrow)] Text<'a>),
}

/// A string of the file, copied only if it contains escapes.
#[derive(Deserialize, PartialEq, Eq, Hash)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl File<'_> {
    /// Rejects files on which the `tokenizers` crate would panic or behave randomly.
    fn check(&self) -> Result<(), TextError> {
        let unsupported = |kind: &str, supported: &str| {
            Err(TextError::UnsupportedTokenizer {
                kind: kind.to_owned(),
                supported: supported.to_owned(),
            })
        };
        if has_type(&self.normalizer, "Precompiled", 0) {
            return unsupported("with a precompiled normalizer", "the other normalizers");
        }
        if self.model.dropout.is_some_and(|dropout| dropout > 0.0) {
            return unsupported(
                "that skips merges at random (dropout)",
                "BPE without dropout",
            );
        }
        let ids = match &self.model.vocab {
            Vocabulary::Scores(scores) => {
                let count = scores.len() as u64;
                return check_id(count.saturating_sub(1));
            }
            Vocabulary::Ids(ids) => ids,
        };
        ids.values().try_for_each(|id| check_id(*id))?;
        let Some(list) = &self.model.merges else {
            return Ok(());
        };
        if self
            .model
            .continuing_subword_prefix
            .as_ref()
            .is_some_and(|p| !p.is_empty())
        {
            return unsupported("with a continuing_subword_prefix", "BPE without one");
        }
        let vocabulary: HashSet<&str> = ids.keys().map(|token| &*token.0).collect();
        for merge in list {
            match merge {
                Merge::Pair(left, right) => {
                    merges::check(&vocabulary, [(&*left.0, &*right.0)].into_iter())?;
                }
                Merge::Joined(both) => {
                    let (left, right) = merges::parse(&both.0)?;
                    merges::check(&vocabulary, [(&*left, &*right)].into_iter())?;
                }
            }
        }
        Ok(())
    }
}

/// Bounds an id. Ids need not be dense, so a file could otherwise cause a table of any size.
fn check_id(id: u64) -> Result<(), TextError> {
    if id >= MAX_IDS {
        return Err(damaged(format!("it has a token with the id {id}")));
    }
    Ok(())
}

/// Whether a step or a nested step has this type.
fn has_type(step: &Value, name: &str, depth: usize) -> bool {
    step["type"] == name
        || depth < 8
            && step["normalizers"]
                .as_array()
                .is_some_and(|steps| steps.iter().any(|step| has_type(step, name, depth + 1)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn file() -> Value {
        json!({
            "version": "1.0",
            "added_tokens": [
                {"id": 4, "content": "<end>", "single_word": false, "lstrip": false,
                 "rstrip": false, "normalized": false, "special": true}
            ],
            "normalizer": null,
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false,
                              "trim_offsets": true, "use_regex": true},
            "post_processor": null,
            "decoder": {"type": "ByteLevel", "add_prefix_space": false,
                        "trim_offsets": true, "use_regex": true},
            "model": {"type": "BPE", "dropout": null, "unk_token": null,
                      "continuing_subword_prefix": null, "end_of_word_suffix": null,
                      "fuse_unk": false, "byte_fallback": false,
                      "vocab": {"a": 0, "Ġ": 1, "Ġa": 2, "<end>": 4}, "merges": [["Ġ", "a"]]}
        })
    }

    fn open(file: &Value) -> Result<Tokenizer, TextError> {
        Tokenizer::from_tokenizer_json(file.to_string().as_bytes(), SpecialIds::default())
    }

    #[test]
    fn a_byte_level_file_encodes_and_decodes() {
        let tokenizer = open(&file()).unwrap();
        let ids = tokenizer.encode("a a<end>", true).unwrap();
        assert_eq!(ids, [0, 2, 4]);
        assert_eq!(tokenizer.decode(&ids, false), "a a<end>");
        assert_eq!(tokenizer.decode(&ids, true), "a a");
        assert_eq!((tokenizer.vocab_size(), tokenizer.piece(3)), (5, None));
    }

    type Damage = fn(&mut Value);

    #[test]
    fn malicious_files_are_refused() {
        let damage: [(&str, Damage); 5] = [
            ("merge into an unknown token", |f| {
                f["model"]["merges"] = json!([["a", "a"]]);
            }),
            ("merge of an unknown token", |f| {
                f["model"]["merges"] = json!(["b a"]);
            }),
            ("merge of three", |f| {
                f["model"]["merges"] = json!([["a", "a", "a"]]);
            }),
            ("huge id", |f| {
                f["model"]["vocab"]["b"] = json!(4_294_967_295u32);
            }),
            ("other decoder", |f| {
                f["decoder"] = json!({"type": "WordPiece"});
            }),
        ];
        for (name, damage) in damage {
            let mut file = file();
            damage(&mut file);
            assert!(open(&file).is_err(), "{name}");
        }
        assert!(Tokenizer::from_tokenizer_json(b"{", SpecialIds::default()).is_err());
    }
}
