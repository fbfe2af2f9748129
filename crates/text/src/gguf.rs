use crate::error::damaged;
use crate::gguf_vocabulary::{GgufVocabulary, token_type};
use crate::post_processor::Around;
use crate::{SpecialIds, TextError, TokenPieceText, Tokenizer, byte_level, sentencepiece};

impl Tokenizer {
    /// Builds the tokenizer of a GGUF file: `gpt2` (byte-level BPE), `llama` or `gemma` (sentencepiece BPE).
    ///
    /// # Errors
    /// Fails if its kind or pre-tokenizer is not supported, or its metadata are inconsistent.
    pub fn from_gguf(vocabulary: GgufVocabulary) -> Result<Self, TextError> {
        check(&vocabulary)?;
        let special = special_ids(&vocabulary);
        let vocab_size = vocabulary.tokens.len();
        let wants = (vocabulary.add_bos_token, vocabulary.add_eos_token);
        let (encoder, decoding, family_adds_bos) = match vocabulary.model.as_str() {
            "gpt2" => byte_level::encoder(&vocabulary)?,
            "llama" | "gemma" => sentencepiece::encoder(&vocabulary)?,
            _ => {
                return Err(TextError::UnsupportedTokenizer {
                    kind: format!("of the kind {}", vocabulary.model),
                    supported: "gpt2 (byte-level BPE), llama and gemma (sentencepiece BPE)"
                        .to_owned(),
                });
            }
        };
        let around = Around {
            before: required(special.bos, "BOS", wants.0.unwrap_or(family_adds_bos))?,
            after: required(special.eos, "EOS", wants.1.unwrap_or(false))?,
        };
        let piece = |id: u32| {
            let token = &vocabulary.tokens[id as usize];
            let bytes = match vocabulary.raw.get(&id) {
                Some(bytes) => bytes.clone(),
                None => decoding.part(token).into_bytes(),
            };
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let special = vocabulary.type_of(id as usize) == token_type::CONTROL;
            (
                id,
                TokenPieceText {
                    text,
                    bytes,
                    special,
                },
            )
        };
        let unlisted = vocabulary.unlisted().into_iter().map(piece).collect();
        let tokenizer = Self::from_parts(encoder, decoding, special, around, vocab_size);
        Ok(tokenizer.with_unlisted(unlisted))
    }
}

fn required(id: Option<u32>, name: &str, wanted: bool) -> Result<Vec<u32>, TextError> {
    match id {
        _ if !wanted => Ok(Vec::new()),
        Some(id) => Ok(vec![id]),
        None => Err(damaged(format!(
            "it adds {name} to texts, but gives no id for it"
        ))),
    }
}

/// Checks the lengths of the lists.
fn check(vocabulary: &GgufVocabulary) -> Result<(), TextError> {
    let count = vocabulary.tokens.len();
    if count == 0 || u32::try_from(count).is_err() {
        return Err(damaged(format!("it has {count} tokens")));
    }
    let lengths = [
        ("types", vocabulary.token_types.as_ref().map(Vec::len)),
        ("scores", vocabulary.scores.as_ref().map(Vec::len)),
    ];
    for (name, length) in lengths {
        if let Some(length) = length
            && length != count
        {
            return Err(damaged(format!(
                "it has {count} tokens, but {name} for {length}"
            )));
        }
    }
    Ok(())
}

fn special_ids(vocabulary: &GgufVocabulary) -> SpecialIds {
    // As llama.cpp does, an id that no token has is left out.
    let known_id = |id: Option<u32>| id.filter(|id| (*id as usize) < vocabulary.tokens.len());
    let named = [
        vocabulary.eos_token_id,
        vocabulary.eot_token_id,
        vocabulary.eom_token_id,
    ];
    let ids = 0..vocabulary.tokens.len() as u32;
    let known = ids.filter(|id| vocabulary.is_end(*id as usize));
    SpecialIds {
        bos: known_id(vocabulary.bos_token_id),
        eos: known_id(vocabulary.eos_token_id),
        ends: named
            .into_iter()
            .filter_map(known_id)
            .chain(known)
            .collect(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// All 256 bytes, a few merges, control tokens, and a user-defined token.
    pub(crate) fn small() -> GgufVocabulary {
        let mut alphabet: Vec<String> =
            tokenizers::pre_tokenizers::byte_level::ByteLevel::alphabet()
                .into_iter()
                .map(String::from)
                .collect();
        alphabet.sort();
        let mut tokens: Vec<String> = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
            .map(String::from)
            .to_vec();
        let mut token_types = vec![3; tokens.len()];
        tokens.extend(alphabet);
        tokens.extend(["Ġt", "he", "Ġthe", "12", "<tool>"].map(String::from));
        token_types.resize(tokens.len() - 1, 1);
        token_types.push(4);
        GgufVocabulary {
            model: "gpt2".to_owned(),
            pre: Some("smollm".to_owned()),
            tokens,
            token_types: Some(token_types),
            merges: Some(["Ġ t", "h e", "Ġt he", "1 2"].map(String::from).to_vec()),
            bos_token_id: Some(1),
            eos_token_id: Some(2),
            add_bos_token: Some(false),
            ..GgufVocabulary::default()
        }
    }

    fn pieces(tokenizer: &Tokenizer, text: &str) -> Vec<String> {
        let ids = tokenizer.encode(text, false).unwrap();
        ids.iter()
            .map(|id| tokenizer.piece(*id).unwrap().text.clone())
            .collect()
    }

    #[test]
    fn merges_apply_in_their_order_and_not_across_digits() {
        let tokenizer = Tokenizer::from_gguf(small()).unwrap();
        assert_eq!(pieces(&tokenizer, "a the12"), ["a", " the", "1", "2"]);
        let family = GgufVocabulary {
            pre: Some("gpt-2".to_owned()),
            ..small()
        };
        let tokenizer = Tokenizer::from_gguf(family).unwrap();
        assert_eq!(pieces(&tokenizer, "a the12"), ["a", " the", "12"]);
    }

    #[test]
    fn control_and_user_tokens_are_found_in_the_text() {
        let tokenizer = Tokenizer::from_gguf(small()).unwrap();
        let text = "<|im_start|>a<tool>b<|im_end |>";
        let ids = tokenizer.encode(text, false).unwrap();
        assert_eq!(
            pieces(&tokenizer, text)[..4],
            ["<|im_start|>", "a", "<tool>", "b"]
        );
        assert!(!ids.contains(&2), "a token that is only similar stays text");
        assert_eq!(tokenizer.decode(&ids, false), text);
        assert_eq!(tokenizer.decode(&ids, true), "a<tool>b<|im_end |>");
    }

    #[test]
    fn bos_and_eos_come_where_the_file_asks_for_them() {
        let plain = Tokenizer::from_gguf(small()).unwrap();
        assert!(plain.encode("", true).unwrap().is_empty());
        let both = GgufVocabulary {
            add_bos_token: Some(true),
            add_eos_token: Some(true),
            ..small()
        };
        let tokenizer = Tokenizer::from_gguf(both.clone()).unwrap();
        assert_eq!(tokenizer.encode("", true).unwrap(), [1, 2]);
        assert!(tokenizer.encode("", false).unwrap().is_empty());
        let missing = GgufVocabulary {
            bos_token_id: None,
            ..both
        };
        assert!(matches!(
            Tokenizer::from_gguf(missing),
            Err(TextError::Damaged(_))
        ));
    }

    #[test]
    fn llama_3_begins_with_bos_unless_the_file_says_no() {
        let llama = GgufVocabulary {
            pre: Some("llama-bpe".to_owned()),
            add_bos_token: None,
            ..small()
        };
        let tokenizer = Tokenizer::from_gguf(llama).unwrap();
        assert_eq!(tokenizer.encode("", true).unwrap(), [1]);
    }

    #[test]
    fn ends_are_the_eos_and_the_known_control_tokens() {
        let tokenizer = Tokenizer::from_gguf(small()).unwrap();
        assert_eq!(tokenizer.end_ids().collect::<Vec<_>>(), [0, 2]);
        assert!(tokenizer.is_end(2) && !tokenizer.is_end(1));
        let mut plain = small();
        plain.token_types = Some(vec![1; plain.tokens.len()]);
        let tokenizer = Tokenizer::from_gguf(plain).unwrap();
        assert_eq!(
            tokenizer.end_ids().collect::<Vec<_>>(),
            [0, 2],
            "the type does not matter"
        );
        // GPT-OSS ends parts of a turn with `<|end|>`.
        let mut parts = small();
        parts.tokens[0] = "<|end|>".to_owned();
        let ends = |vocabulary: &GgufVocabulary| {
            let tokenizer = Tokenizer::from_gguf(vocabulary.clone()).unwrap();
            tokenizer.end_ids().collect::<Vec<_>>()
        };
        assert_eq!(ends(&parts), [0, 2]);
        let last = parts.tokens.len() - 1;
        parts.tokens[1] = "<|return|>".to_owned();
        parts.tokens[last] = "<|call|>".to_owned();
        assert_eq!(ends(&parts), [1, 2, last as u32]);
        // Ids that no token has end nothing.
        parts.eot_token_id = Some(u32::MAX);
        assert_eq!(ends(&parts), [1, 2, last as u32]);
    }

    #[test]
    fn pieces_that_text_never_becomes_have_their_bytes() {
        let mut odd = small();
        let first = odd.tokens.len() as u32;
        for (token, raw) in [
            ("he", None),
            ("", None),
            ("\u{FFFD}", Some(vec![0xE6, 0x9D])),
            ("\u{FFFD}", Some(vec![0xB1])),
        ] {
            if let Some(bytes) = raw {
                odd.raw.insert(odd.tokens.len() as u32, bytes);
            }
            odd.tokens.push(token.to_owned());
            odd.token_types.as_mut().unwrap().push(1);
        }
        let tokenizer = Tokenizer::from_gguf(odd).unwrap();
        let known = tokenizer.encode("he", false).unwrap();
        assert!(known.len() == 1 && known[0] < first);
        assert_eq!(
            tokenizer.decode(&[first, first + 1, first + 2, first + 3], false),
            "he東"
        );
        assert_eq!(tokenizer.piece(first + 2).unwrap().bytes, [0xE6, 0x9D]);
        assert_eq!(tokenizer.vocab_size(), first as usize + 4);
    }

    #[test]
    fn a_piece_has_its_bytes() {
        let tokenizer = Tokenizer::from_gguf(small()).unwrap();
        let ids = tokenizer.encode("é", false).unwrap();
        let first = tokenizer.piece(ids[0]).unwrap();
        assert_eq!(
            (first.bytes.as_slice(), first.text.as_str()),
            (&[0xC3][..], "\u{FFFD}")
        );
        assert_eq!(tokenizer.decode(&ids, false), "é");
        assert_eq!(tokenizer.piece(u32::MAX), None);
        assert_eq!(tokenizer.decode(&[u32::MAX], false), "");
    }

    type Damage = fn(&mut GgufVocabulary);

    #[test]
    fn damaged_and_unknown_vocabularies_are_refused() {
        let damaged: [(&str, Damage); 5] = [
            ("no tokens", |v| v.tokens.clear()),
            ("too few types", |v| v.token_types = Some(vec![1])),
            ("a merge that is not a pair", |v| {
                v.merges = Some(vec!["ab".to_owned()]);
            }),
            ("a merge into an unknown token", |v| {
                v.merges = Some(vec!["a b".to_owned()]);
            }),
            ("a merge longer than any token", |v| {
                v.merges = Some(vec!["<|endoftext|> <|im_start|>".to_owned()]);
            }),
        ];
        for (name, damage) in damaged {
            let mut vocabulary = small();
            damage(&mut vocabulary);
            let result = Tokenizer::from_gguf(vocabulary);
            assert!(
                matches!(result, Err(TextError::Damaged(_))),
                "{name}: {result:?}"
            );
        }
        let other = GgufVocabulary {
            model: "t5".to_owned(),
            ..small()
        };
        let message = Tokenizer::from_gguf(other).unwrap_err().to_string();
        assert!(
            message.contains("t5") && message.contains("gpt2"),
            "{message}"
        );
        let silent = GgufVocabulary {
            pre: None,
            ..small()
        };
        assert_eq!(
            Tokenizer::from_gguf(silent).unwrap_err(),
            TextError::NoPreTokenizer
        );
    }
}
