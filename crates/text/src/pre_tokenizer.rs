//! Pre-tokenizers, which split text before merges apply: the families that `tokenizer.ggml.pre` names.

use tokenizers::normalizers::NFC;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{NormalizerWrapper, PreTokenizerWrapper, SplitDelimiterBehavior};

use crate::TextError;

/// Names of the supported families, for messages.
pub(crate) const SUPPORTED: &str = "default, gpt-2, llama-bpe, qwen2, smollm, tekken";

/// Properties of a family of tokenizers.
pub(crate) struct Family {
    /// Splits the text.
    pub(crate) pre_tokenizer: PreTokenizerWrapper,
    /// Applied before the text is split.
    pub(crate) normalizer: Option<NormalizerWrapper>,
    /// Whether a split that is in the vocabulary becomes one token without merges.
    pub(crate) ignore_merges: bool,
    /// Whether texts start with BOS if the file does not define it.
    pub(crate) add_bos: bool,
}

/// GPT-2's pattern, in llama.cpp's form for its default family.
const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)";

/// Llama 3's pattern.
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Qwen 2's pattern: Llama 3's, but every digit is separate.
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Pattern of Mistral's Tekken: distinguishes upper and lower case, and every digit is separate.
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Returns the family with this name.
pub(crate) fn family(name: &str) -> Result<Family, TextError> {
    let plain = |pre_tokenizer| Family {
        pre_tokenizer,
        normalizer: None,
        ignore_merges: false,
        add_bos: false,
    };
    Ok(match name {
        "smollm" => plain(sequence(vec![
            Digits::new(true).into(),
            byte_level(true).into(),
        ])),
        "gpt-2" => plain(byte_level(true).into()),
        // llama.cpp's choice for files whose converter did not recognise the tokenizer.
        "default" => plain(split_by(&[
            r"[\p{P}\$\+<=>\^~\|]+",
            GPT2,
            r"\p{N}+",
            r"[0-9][0-9][0-9]",
        ])?),
        // The other names were written by other versions of the converter.
        "llama-bpe" | "llama3" | "llama-v3" => Family {
            ignore_merges: true,
            add_bos: true,
            ..plain(split_by(&[LLAMA3])?)
        },
        "tekken" => Family {
            ignore_merges: true,
            add_bos: true,
            ..plain(split_by(&[TEKKEN])?)
        },
        "qwen2" | "deepseek-r1-qwen" => Family {
            normalizer: Some(NFC.into()),
            ..plain(split_by(&[QWEN2])?)
        },
        _ => {
            return Err(TextError::UnsupportedPreTokenizer {
                family: name.to_owned(),
                supported: SUPPORTED.to_owned(),
            });
        }
    })
}

fn byte_level(use_regex: bool) -> ByteLevel {
    ByteLevel::new(false, true, use_regex)
}

fn sequence(steps: Vec<PreTokenizerWrapper>) -> PreTokenizerWrapper {
    Sequence::new(steps).into()
}

/// Splits by each pattern in turn, then maps bytes to the byte-level alphabet.
fn split_by(patterns: &[&str]) -> Result<PreTokenizerWrapper, TextError> {
    let mut steps = Vec::with_capacity(patterns.len() + 1);
    for pattern in patterns {
        let pattern = SplitPattern::Regex((*pattern).to_owned());
        let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false)
            .map_err(|error| TextError::Damaged(error.to_string()))?;
        steps.push(split.into());
    }
    steps.push(byte_level(false).into());
    Ok(sequence(steps))
}

#[cfg(test)]
mod tests {
    use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, PreTokenizer};

    use super::*;

    fn split(name: &str, text: &str) -> Vec<String> {
        let mut pieces = PreTokenizedString::from(text);
        family(name)
            .unwrap()
            .pre_tokenizer
            .pre_tokenize(&mut pieces)
            .unwrap();
        pieces
            .get_splits(OffsetReferential::Original, OffsetType::Byte)
            .into_iter()
            .map(|(piece, _, _)| piece.to_owned())
            .collect()
    }

    #[test]
    fn families_differ_on_digits() {
        let text = "in 12345";
        assert_eq!(split("smollm", text), ["in", "Ġ", "1", "2", "3", "4", "5"]);
        assert_eq!(split("gpt-2", text), ["in", "Ġ12345"]);
        assert_eq!(split("llama-bpe", text), ["in", "Ġ", "123", "45"]);
        assert_eq!(split("qwen2", text), ["in", "Ġ", "1", "2", "3", "4", "5"]);
        assert_eq!(split("default", text), ["in", "Ġ", "123", "45"]);
    }

    #[test]
    fn families_differ_on_case_and_lines() {
        assert_eq!(split("gpt-2", "I'M"), ["I", "'", "M"]);
        assert_eq!(split("llama-bpe", "I'M"), ["I", "'M"]);
        assert_eq!(split("gpt-2", "a;\n\nb"), ["a", ";", "Ċ", "Ċ", "b"]);
        assert_eq!(split("qwen2", "a;\n\nb"), ["a", ";ĊĊ", "b"]);
    }

    #[test]
    fn an_unknown_family_is_named_and_not_guessed() {
        let Err(error) = family("gpt-4o") else {
            panic!("gpt-4o was accepted")
        };
        let message = error.to_string();
        assert!(
            message.contains("gpt-4o") && message.contains("smollm"),
            "{message}"
        );
    }
}
