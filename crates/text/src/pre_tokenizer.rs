//! Pre-tokenizers, which split text before merges apply: the families that `tokenizer.ggml.pre` names.

use tokenizers::normalizers::NFC;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{NormalizerWrapper, PreTokenizerWrapper, SplitDelimiterBehavior};

use crate::TextError;

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
/// Qwen 3.5's pattern: marks belong to words.
const QWEN35: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Pattern of Mistral's Tekken: distinguishes upper and lower case, and every digit is separate.
const TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// GPT-4o's pattern: Tekken's with contractions and groups of three digits.
const GPT4O: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Kimi K2's pattern: GPT-4o's, but Han characters are words of their own.
const KIMI: &str = r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
/// Words and punctuation of DeepSeek V3.
const DEEPSEEK3: &str = r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"##;
/// Chinese and Japanese characters of DeepSeek V3.
const CJK: &str = "[一-龥぀-ゟ゠-ヿ]+";
/// Letters with upper and lower case, of DeepSeek LLM: without Georgian and mathematical ones, which its list lacks.
const CASED: &str = r"\s?[\p{Lu}\p{Ll}\p{Lt}&&[^\x{10D0}-\x{10FF}\x{1D400}-\x{1D7CB}]]+";
/// BLOOM's pattern: everything between spaces and sentence marks.
const BLOOM: &str = r" ?[^(\s|.,!?…。，、।۔،)]+";

/// A row of the table of families.
struct Row {
    /// Names of `tokenizer.ggml.pre`.
    names: &'static [&'static str],
    /// Patterns that split the text, one after the other.
    patterns: &'static [&'static str],
    ignore_merges: bool,
    add_bos: bool,
    /// Whether texts are normalised to NFC first, as the models' tokenizer.json does.
    nfc: bool,
}

const fn row(names: &'static [&'static str], patterns: &'static [&'static str]) -> Row {
    Row {
        names,
        patterns,
        ignore_merges: false,
        add_bos: false,
        nfc: false,
    }
}

/// The families of llama.cpp's `llama_vocab` whose texts are mapped to the byte-level alphabet.
#[rustfmt::skip]
const FAMILIES: [Row; 27] = [
    Row { ignore_merges: true, add_bos: true, ..row(
        &["llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano"],
        &[LLAMA3],
    ) },
    row(&["dbrx", "smaug-bpe", "glm4", "chatglm-bpe"], &[LLAMA3]),
    Row { nfc: true, ..row(&["qwen2", "deepseek-r1-qwen"], &[QWEN2]) },
    Row { nfc: true, ..row(&["qwen35"], &[QWEN35]) },
    row(&["megrez", "kormo", "f2llmv2", "stablelm2", "hunyuan", "solar-open", "grok-2"], &[QWEN2]),
    // A file without a name, and a tokenizer that llama.cpp's converter did not recognise.
    row(&["default"], &[r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"]),
    row(
        &[
            "gpt-2", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es", "jina-v2-de", "a.x-4.0", "mellum",
            "modern-bert", "mpt", "olmo", "jais", "trillion", "granite-docling", "exaone4",
        ],
        &[GPT2],
    ),
    row(
        &["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b", "mellum2"],
        &[r"\p{N}", GPT2],
    ),
    Row { ignore_merges: true, add_bos: true, ..row(&["tekken"], &[TEKKEN]) },
    row(&["gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"], &[GPT4O]),
    row(&["tiny_aya", "cohere2moe"], &[r"\d{1,3}(?=(?:\d{3})*\b)", GPT4O]),
    row(&["kimi-k2"], &[KIMI]),
    row(&["deepseek-llm"], &[
        r"[\r\n]", CASED, r"\s?[!-/:-~！-／：-～‘-‟　-。]+", r"\s+$", "[一-龥ࠀ-一가-퟿]+", r"\p{N}+",
    ]),
    row(&["deepseek-coder"], &[r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+", r"\p{N}"]),
    row(&["deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"], &[r"\p{N}{1,3}", CJK, DEEPSEEK3]),
    row(&["spark2_5"], &[
        r"\p{N}{1,3}", CJK,
        r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+|[\r\n]|\s+(?!\S)|\s+"##,
        r"\p{N}",
    ]),
    Row { ignore_merges: true, ..row(&["youtu"], &[
        "[가-힣ㄱ-ㆎ]+|[！…“”‘’—：；，、-〿︰-﹏]+|[ㄅ-ㄯ]+|[一-龥぀-ゟ゠-ヿ]+",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ]) },
    Row { ignore_merges: true, ..row(&["minicpm5"], &[
        r"\p{N}{1,3}",
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}+| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ]) },
    row(&["falcon"], &[r"[\p{P}\$\+<=>\^~\|`]+", GPT2, "[0-9][0-9][0-9]"]),
    row(&["bloom", "poro-chat", "gpt3-finnish"], &[BLOOM]),
    row(&["viking"], &[BLOOM, r"\p{N}"]),
    row(&["superbpe"], &[r"\p{N}+", r"(?=(\d{3})+(?!\d))"]),
    row(&["bailingmoe", "bailingmoe2", "llada-moe"], &[
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
    ]),
    row(&["seed-coder"], &[
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+",
    ]),
    row(&["ufakzeka"], &[
        r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
    ]),
    row(&["laguna"], &[r"[^\n]+|[\n]+", QWEN2]),
    row(&["exaone-moe"], &[
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?(?:\p{L}\p{M}*(?: \p{L}\p{M}*)*)+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+",
    ]),
];

/// Returns the family with this name.
pub(crate) fn family(name: &str) -> Result<Family, TextError> {
    let Some(row) = FAMILIES.iter().find(|row| row.names.contains(&name)) else {
        let names: Vec<&str> = FAMILIES.iter().flat_map(|row| row.names).copied().collect();
        return Err(TextError::UnsupportedPreTokenizer {
            family: name.to_owned(),
            supported: names.join(", "),
        });
    };
    Ok(Family {
        pre_tokenizer: split_by(row.patterns)?,
        normalizer: row.nfc.then(|| NFC.into()),
        ignore_merges: row.ignore_merges,
        add_bos: row.add_bos,
    })
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
    steps.push(ByteLevel::new(false, true, false).into());
    Ok(Sequence::new(steps).into())
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
    fn every_family_compiles_and_keeps_the_text() {
        let text = "It's 12345 HELLO wörld,\n\n  naïve 東京 x_1";
        let mut seen = Vec::new();
        for row in &FAMILIES {
            let pieces = split(row.names[0], text);
            let letters: usize = pieces.iter().map(|piece| piece.chars().count()).sum();
            assert_eq!(letters, text.len(), "{}", row.names[0]);
            seen.push(pieces);
        }
        // Control: they differ.
        seen.sort();
        seen.dedup();
        assert!(seen.len() > 15, "{} different splits", seen.len());
    }

    #[test]
    fn an_unknown_family_is_named_and_not_guessed() {
        let Err(error) = family("afmoe") else {
            panic!("afmoe was accepted")
        };
        let message = error.to_string();
        assert!(
            message.contains("afmoe") && message.contains("smollm"),
            "{message}"
        );
    }
}
