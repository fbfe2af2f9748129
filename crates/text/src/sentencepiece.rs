//! Sentencepiece BPE (Llama 2, Phi-3, Mistral, Gemma) from a GGUF file's tokens and scores.
//!
//! Sentencepiece merges the neighbours whose result has the best score. The `tokenizers` crate needs a list of merges,
//! so the list is built from the scores, in the order of Llama 2's tokenizer.json: by score, then by the ids of both
//! parts.

use tokenizers::decoders::byte_fallback::ByteFallback;
use tokenizers::decoders::fuse::Fuse;
use tokenizers::decoders::sequence::Sequence as Decoders;
use tokenizers::decoders::strip::Strip;
use tokenizers::models::bpe::{BpeBuilder, Vocab};
use tokenizers::normalizers::{Prepend, Replace, Sequence as Normalizers};
use tokenizers::{DecoderWrapper, NormalizerWrapper, Tokenizer as Encoder};

use crate::decoding::Decoding;
use crate::error::damaged;
use crate::gguf_vocabulary::token_type;
use crate::{GgufVocabulary, TextError};

/// Builds the encoder and decoder of a GGUF vocabulary; also returns whether its family starts texts with BOS.
pub(crate) fn encoder(vocabulary: &GgufVocabulary) -> Result<(Encoder, Decoding, bool), TextError> {
    let ids = vocabulary.ids();
    let merges = merges(vocabulary, &ids)?;
    let add_space = vocabulary.add_space_prefix.unwrap_or(true);
    let mut added = vocabulary.added_tokens();
    if is_phi3(vocabulary) {
        for token in &mut added {
            token.rstrip = !["<unk>", "<s>", "<|endoftext|>"].contains(&&*token.content);
        }
    }
    if !add_space {
        // Gemma's runs of spaces are `▁▁` in sentencepiece, so they are matched after spaces were replaced.
        for token in &mut added {
            token.normalized = token.content.contains(' ');
        }
    }
    let unknown = unknown(vocabulary)?;
    let mut builder = BpeBuilder::new()
        .vocab_and_merges(ids, merges)
        .fuse_unk(true)
        .byte_fallback(true);
    if let Some(unknown) = unknown {
        builder = builder.unk_token(unknown);
    }
    let mut encoder = Encoder::new(builder.build().map_err(damaged)?);

    let mut steps: Vec<NormalizerWrapper> = Vec::new();
    if add_space {
        steps.push(Prepend::new("▁".to_owned()).into());
    }
    steps.push(Replace::new(" ", "▁").map_err(damaged)?.into());
    encoder
        .with_normalizer(Some(Normalizers::new(steps)))
        .map_err(damaged)?;

    let mut decoders: Vec<DecoderWrapper> = vec![
        Replace::new("▁", " ").map_err(damaged)?.into(),
        ByteFallback::new().into(),
        Fuse::new().into(),
    ];
    if add_space {
        decoders.push(Strip::new(' ', 1, 0).into());
    }
    encoder.with_decoder(Some(Decoders::new(decoders)));
    encoder.add_tokens(added).map_err(damaged)?;
    Ok((encoder, Decoding::sentencepiece(add_space), true))
}

/// The token for text that the vocabulary cannot represent.
fn unknown(vocabulary: &GgufVocabulary) -> Result<Option<String>, TextError> {
    let by_id = match vocabulary.unknown_token_id {
        Some(id) => Some(usize::try_from(id).map_err(damaged)?),
        None => {
            (0..vocabulary.tokens.len()).find(|id| vocabulary.type_of(*id) == token_type::UNKNOWN)
        }
    };
    by_id
        .map(|id| {
            vocabulary.tokens.get(id).cloned().ok_or_else(|| {
                damaged(format!(
                    "its unknown token is {id}, which is not in its vocabulary"
                ))
            })
        })
        .transpose()
}

/// Whether the model is Phi-3, recognised by its token names. All but three of its added tokens strip the white space
/// after them, which GGUF cannot express.
fn is_phi3(vocabulary: &GgufVocabulary) -> bool {
    ["<|placeholder1|>", "<|user|>", "<|assistant|>", "<|end|>"]
        .iter()
        .all(|name| vocabulary.tokens.iter().any(|token| token == name))
}

/// All pairs of tokens whose concatenation is a token, best first.
fn merges(vocabulary: &GgufVocabulary, ids: &Vocab) -> Result<Vec<(String, String)>, TextError> {
    let scores = vocabulary
        .scores
        .as_ref()
        .ok_or_else(|| damaged("its sentencepiece vocabulary has no scores"))?;
    // Sentencepiece never merges control tokens, user-defined tokens and bytes.
    let normal = |id: usize| vocabulary.type_of(id) == token_type::NORMAL;
    let part = |text: &str| {
        ids.get(text)
            .map(|id| *id as usize)
            .filter(|id| normal(*id))
    };
    // The score of the result and the ids of both parts.
    let mut merges: Vec<(f32, usize, usize)> = Vec::with_capacity(2 * ids.len());
    for (whole, score) in scores.iter().enumerate() {
        if !normal(whole) {
            continue;
        }
        let token = vocabulary.tokens[whole].as_str();
        if token.len() > MAX_LENGTH {
            return Err(damaged(format!("a token is {} bytes long", token.len())));
        }
        for (at, _) in token.char_indices().skip(1) {
            let (left, right) = token.split_at(at);
            if let Some(left) = part(left)
                && let Some(right) = part(right)
            {
                merges.push((*score, left, right));
            }
        }
    }
    merges.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let text = |id: usize| vocabulary.tokens[id].clone();
    Ok(merges
        .into_iter()
        .map(|(_, left, right)| (text(left), text(right)))
        .collect())
}

/// Maximum length of a token in bytes, larger than in any known vocabulary; `merges` takes quadratic time.
const MAX_LENGTH: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tokenizer;

    /// Three control tokens, all bytes, and a few pieces.
    fn small() -> GgufVocabulary {
        let mut tokens = ["<unk>", "<s>", "</s>"].map(String::from).to_vec();
        let mut types = vec![2, 3, 3];
        tokens.extend((0..256).map(|byte| format!("<0x{byte:02X}>")));
        types.resize(tokens.len(), 6);
        let pieces = ["▁a", "bc", "ab", "abc", "▁", "a", "b", "c", "▁▁"];
        tokens.extend(pieces.map(String::from));
        types.resize(tokens.len(), 1);
        let mut scores = vec![0.0; 259];
        scores.extend((0u8..9).map(|rank| -f32::from(rank)));
        GgufVocabulary {
            model: "llama".to_owned(),
            tokens,
            token_types: Some(types),
            scores: Some(scores),
            bos_token_id: Some(1),
            eos_token_id: Some(2),
            unknown_token_id: Some(0),
            ..GgufVocabulary::default()
        }
    }

    #[test]
    fn neighbours_with_the_best_join_are_joined_first() {
        let tokenizer = Tokenizer::from_gguf(small()).unwrap();
        let written = |text: &str| -> Vec<String> {
            let ids = tokenizer.encode(text, false).unwrap();
            ids.iter()
                .map(|id| tokenizer.vocabulary_entry(*id).unwrap())
                .collect()
        };
        assert_eq!(written("abc"), ["▁a", "bc"]);
        assert_eq!(written(" abc"), ["▁", "▁a", "bc"]);
        assert_eq!(written("bab"), ["▁", "b", "ab"]);
        assert_eq!(written("a\n"), ["▁a", "<0x0A>"]);
        assert_eq!(written("é"), ["▁", "<0xC3>", "<0xA9>"]);
        assert_eq!(written("</s>a<s>"), ["</s>", "▁a", "<s>"]);
        assert_eq!(tokenizer.encode("", true).unwrap(), [1]);
    }

    #[test]
    fn the_first_space_of_a_text_is_not_part_of_it() {
        let tokenizer = Tokenizer::from_gguf(small()).unwrap();
        for text in ["abc abc", " a", "", "é🙂", "</s> a", "\n a"] {
            let ids = tokenizer.encode(text, false).unwrap();
            let mut stream = tokenizer.stream(true);
            let parts: Vec<String> = ids.iter().map(|id| stream.push(*id)).collect();
            let whole = tokenizer.decode(&ids, true);
            assert_eq!(parts.concat() + &stream.finish(), whole, "{text:?}");
        }
        let ids = tokenizer.encode("a a", false).unwrap();
        assert_eq!(tokenizer.decode(&ids, false), "a a");
        assert_eq!(tokenizer.piece(ids[0]).unwrap().text, " a");
        let without = GgufVocabulary {
            add_space_prefix: Some(false),
            ..small()
        };
        let tokenizer = Tokenizer::from_gguf(without).unwrap();
        let ids = tokenizer.encode("a a", false).unwrap();
        assert_eq!(ids.len(), 2);
        assert_eq!(tokenizer.decode(&ids, false), "a a");
        assert_eq!(tokenizer.decode(&ids[1..], false), " a");
    }

    #[test]
    fn broken_bytes_show_as_the_tokenizers_crate_shows_them() {
        let tokenizer = Tokenizer::from_gguf(small()).unwrap();
        let byte = |byte: u32| byte + 3;
        let ids = [byte(0xE4), byte(0xBD), 264, byte(0xFF)];
        let mut stream = tokenizer.stream(false);
        let parts: Vec<String> = ids.iter().map(|id| stream.push(*id)).collect();
        assert_eq!(parts, ["", "", "\u{FFFD}\u{FFFD}a", "\u{FFFD}"]);
        assert_eq!(parts.concat(), tokenizer.decode(&ids, false));
    }

    #[test]
    fn damaged_vocabularies_are_refused() {
        let damage: [fn(&mut GgufVocabulary); 3] = [
            |v| v.scores = None,
            |v| v.scores = Some(vec![0.0]),
            |v| v.unknown_token_id = Some(9999),
        ];
        for (number, damage) in damage.into_iter().enumerate() {
            let mut vocabulary = small();
            damage(&mut vocabulary);
            let result = Tokenizer::from_gguf(vocabulary);
            assert!(
                matches!(result, Err(TextError::Damaged(_))),
                "{number}: {result:?}"
            );
        }
    }
}
