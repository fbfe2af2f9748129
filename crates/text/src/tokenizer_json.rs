//! Tokenizers in Hugging Face's own format.

use std::collections::HashSet;

use serde_json::Value;
use tokenizers::Tokenizer as Encoder;

use crate::tokenizer::{damaged, piece_of};
use crate::{SpecialIds, TextError, Tokenizer, byte_level, merges};

impl Tokenizer {
    /// The tokenizer of a tokenizer.json. Which ids begin and end a text is said in other files
    /// (generation_config.json).
    ///
    /// # Errors
    /// When the file is damaged, or its decoder is not the byte-level one.
    pub fn from_tokenizer_json(bytes: &[u8], special: SpecialIds) -> Result<Self, TextError> {
        let file: Value = serde_json::from_slice(bytes).map_err(damaged)?;
        check_merges(&file["model"])?;
        if !uses_byte_level(&file["decoder"]) {
            return Err(TextError::UnsupportedTokenizer {
                kind: file["decoder"]["type"]
                    .as_str()
                    .unwrap_or("no decoder")
                    .to_owned(),
                supported: "ByteLevel".to_owned(),
            });
        }
        drop(file);
        let encoder = Encoder::from_bytes(bytes).map_err(damaged)?;
        let added = encoder.get_added_tokens_decoder();
        let mut pieces = Vec::new();
        for (token, id) in encoder.get_vocab(true) {
            let id = usize::try_from(id).map_err(damaged)?;
            // Ids need not be dense, but a file cannot ask for a table of any size.
            if id >= MAX_IDS {
                return Err(damaged(format!("it has a token with the id {id}")));
            }
            if pieces.len() <= id {
                pieces.resize(id + 1, None);
            }
            let known = u32::try_from(id).ok().and_then(|id| added.get(&id));
            let bytes = if known.is_some() {
                None
            } else {
                byte_level::bytes_of(&token)
            };
            let special = known.is_some_and(|token| token.special);
            pieces[id] = Some(piece_of(
                bytes.unwrap_or_else(|| token.into_bytes()),
                special,
            ));
        }
        Ok(Self::from_parts(encoder, pieces, special))
    }
}

/// More than the largest vocabularies have, several times over.
const MAX_IDS: usize = 1 << 22;

/// Whether decoding goes from the byte-level alphabet to bytes, and does nothing else.
fn uses_byte_level(decoder: &Value) -> bool {
    match decoder["type"].as_str() {
        Some("ByteLevel") => true,
        Some("Sequence") => decoder["decoders"]
            .as_array()
            .is_some_and(|steps| !steps.is_empty() && steps.iter().all(uses_byte_level)),
        _ => false,
    }
}

/// The `tokenizers` crate panics on merges that do not fit the vocabulary.
fn check_merges(model: &Value) -> Result<(), TextError> {
    let Some(list) = model["merges"].as_array() else {
        return Ok(());
    };
    if model["continuing_subword_prefix"]
        .as_str()
        .is_some_and(|prefix| !prefix.is_empty())
    {
        return Err(TextError::UnsupportedTokenizer {
            kind: "BPE with a continuing subword prefix".to_owned(),
            supported: "BPE without one".to_owned(),
        });
    }
    let pairs = list
        .iter()
        .map(|merge| match merge {
            Value::String(merge) => merges::parse(merge),
            Value::Array(pair) => match pair.as_slice() {
                [Value::String(left), Value::String(right)] => Ok((left.clone(), right.clone())),
                _ => Err(damaged("a merge is not a pair of tokens")),
            },
            _ => Err(damaged("a merge is not a pair of tokens")),
        })
        .collect::<Result<Vec<_>, _>>()?;
    let vocabulary: HashSet<&str> = model["vocab"]
        .as_object()
        .into_iter()
        .flat_map(|map| map.keys())
        .map(|k| &**k)
        .collect();
    merges::check(
        &vocabulary,
        pairs
            .iter()
            .map(|(left, right)| (left.as_str(), right.as_str())),
    )
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
    fn files_made_to_hurt_are_refused() {
        let damage: [(&str, Damage); 5] = [
            ("merge into nothing", |f| {
                f["model"]["merges"] = json!([["a", "a"]]);
            }),
            ("merge of nothing", |f| {
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
