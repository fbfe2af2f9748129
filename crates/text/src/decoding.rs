//! Decodes tokens to text one at a time, as the `decoder` of a tokenizer.json describes.

use serde_json::Value;

use crate::error::damaged;
use crate::{TextError, byte_alphabet};

/// Names of the supported decoders, for messages.
const SUPPORTED: &str =
    "ByteLevel, Metaspace, and sequences of Replace, ByteFallback, Fuse and Strip";

/// Rules for decoding the tokens of a vocabulary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decoding {
    style: Style,
    /// Rule for the beginning of a text.
    pub(crate) start: Start,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Style {
    /// Each character of a token represents a byte (GPT-2).
    ByteLevel,
    /// Characters of a token are replaced (`▁` by a space). With `byte_fallback`, `<0x0A>` is a byte.
    Pieces {
        replacements: Vec<(char, String)>,
        byte_fallback: bool,
    },
    /// Tokens are words.
    Words,
}

/// What a decoder does at the beginning of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// Nothing.
    Keep,
    /// Drops this character up to this many times.
    Strip(char, usize),
    /// Removes this character of the vocabulary from the first token.
    DropFromFirst(char),
    /// Inserts a space before each token except the first.
    Separate,
}

/// Contribution of one token to a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Bytes, possibly of a character that later tokens complete.
    Bytes(Vec<u8>),
    /// Whole characters.
    Text(String),
}

impl Part {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Text(text) => text.into_bytes(),
        }
    }
}

impl Decoding {
    /// Decoding with the byte-level alphabet.
    pub(crate) fn byte_level() -> Self {
        Self {
            style: Style::ByteLevel,
            start: Start::Keep,
        }
    }

    /// Decoding of sentencepiece, where `▁` is a space. With `strip_space`, a space at the beginning is dropped.
    pub(crate) fn sentencepiece(strip_space: bool) -> Self {
        Self {
            style: Style::Pieces {
                replacements: vec![('▁', " ".to_owned())],
                byte_fallback: true,
            },
            start: if strip_space {
                Start::Strip(' ', 1)
            } else {
                Start::Keep
            },
        }
    }

    /// Parses the `decoder` of a tokenizer.json.
    pub(crate) fn parse(decoder: &Value) -> Result<Self, TextError> {
        if decoder.is_null() {
            return Ok(Self {
                style: Style::Words,
                start: Start::Separate,
            });
        }
        let mut steps = Vec::new();
        flatten(decoder, &mut steps, 0)?;
        let is = |step: &Value, name: &str| step["type"] == name;
        if steps.iter().any(|step| is(step, "ByteLevel")) {
            let other = steps
                .iter()
                .find(|step| !is(step, "ByteLevel") && !is(step, "Fuse"));
            return match other {
                Some(step) => Err(unsupported(step)),
                None => Ok(Self::byte_level()),
            };
        }
        let (mut replacements, mut byte_fallback, mut fused) = (Vec::new(), false, false);
        let mut start = Start::Keep;
        for step in steps {
            match step["type"].as_str() {
                Some("Replace") => {
                    let pattern = step["pattern"]["String"].as_str();
                    let content = step["content"].as_str();
                    let (Some(pattern), Some(content)) = (pattern, content) else {
                        return Err(unsupported(step));
                    };
                    // A longer pattern could match across token boundaries.
                    let mut characters = pattern.chars();
                    let (Some(character), None) = (characters.next(), characters.next()) else {
                        return Err(unsupported(step));
                    };
                    replacements.push((character, content.to_owned()));
                }
                Some("Metaspace") if !fused => {
                    let replacement = one_char(&step["replacement"])?;
                    replacements.push((replacement, " ".to_owned()));
                    if step["prepend_scheme"] != "never" && step["add_prefix_space"] != false {
                        start = Start::DropFromFirst(replacement);
                    }
                }
                Some("ByteFallback") if !fused => byte_fallback = true,
                Some("Fuse") => fused = true,
                Some("Strip") if fused && step["stop"] == 0 && start == Start::Keep => {
                    let count = step["start"].as_u64().and_then(|n| usize::try_from(n).ok());
                    let count = count.ok_or_else(|| damaged("its Strip decoder has no count"))?;
                    start = Start::Strip(one_char(&step["content"])?, count);
                }
                _ => return Err(unsupported(step)),
            }
        }
        Ok(Self {
            style: Style::Pieces {
                replacements,
                byte_fallback,
            },
            start,
        })
    }

    /// The contribution of a token in the middle of a text.
    pub(crate) fn part(&self, token: &str) -> Part {
        match &self.style {
            Style::ByteLevel => {
                Part::Bytes(byte_alphabet::bytes_of(token).unwrap_or_else(|| token.into()))
            }
            Style::Words => Part::Text(token.to_owned()),
            Style::Pieces {
                replacements,
                byte_fallback,
            } => match byte_token(token) {
                Some(byte) if *byte_fallback => Part::Bytes(vec![byte]),
                _ => Part::Text(
                    replacements
                        .iter()
                        .fold(token.to_owned(), |text, (character, content)| {
                            text.replace(*character, content)
                        }),
                ),
            },
        }
    }

    /// Whether an invalid character becomes one U+FFFD per byte instead of one per maximal subpart. The `tokenizers`
    /// crate does this for byte tokens.
    pub(crate) fn marks_each_byte(&self) -> bool {
        self.style != Style::ByteLevel
    }
}

/// Flattens nested sequences of decoders.
fn flatten<'a>(
    decoder: &'a Value,
    steps: &mut Vec<&'a Value>,
    depth: usize,
) -> Result<(), TextError> {
    match decoder["decoders"].as_array() {
        Some(inner) if decoder["type"] == "Sequence" && depth < 8 => {
            for step in inner {
                flatten(step, steps, depth + 1)?;
            }
        }
        _ => steps.push(decoder),
    }
    Ok(())
}

fn one_char(value: &Value) -> Result<char, TextError> {
    let mut characters = value.as_str().unwrap_or_default().chars();
    match (characters.next(), characters.next()) {
        (Some(character), None) => Ok(character),
        _ => Err(damaged("its decoder does not have exactly one character")),
    }
}

fn unsupported(step: &Value) -> TextError {
    TextError::UnsupportedTokenizer {
        kind: format!(
            "with the decoder {}",
            step["type"].as_str().unwrap_or("without a type")
        ),
        supported: SUPPORTED.to_owned(),
    }
}

/// The byte of a token like `<0x0A>`.
pub(crate) fn byte_token(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    (digits.len() == 2)
        .then(|| u8::from_str_radix(digits, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn llama() -> Value {
        json!({"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "ByteFallback"},
            {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0}
        ]})
    }

    #[test]
    fn the_usual_decoders_are_understood() {
        assert_eq!(Decoding::parse(&llama()), Ok(Decoding::sentencepiece(true)));
        let mut gemma = llama();
        gemma["decoders"].as_array_mut().map(Vec::pop);
        assert_eq!(Decoding::parse(&gemma), Ok(Decoding::sentencepiece(false)));
        let gpt2 = json!({"type": "ByteLevel"});
        assert_eq!(Decoding::parse(&gpt2), Ok(Decoding::byte_level()));
    }

    #[test]
    fn others_are_refused_by_name() {
        let mut strip_first = llama();
        strip_first["decoders"].as_array_mut().unwrap().swap(2, 3);
        let mut strip_end = llama();
        strip_end["decoders"][3]["stop"] = json!(1);
        let mut long = llama();
        long["decoders"][0]["pattern"] = json!({"String": "ab"});
        let mut mixed = llama();
        mixed["decoders"][1] = json!({"type": "ByteLevel"});
        let cases = [
            (strip_first, "Strip"),
            (strip_end, "Strip"),
            (long, "Replace"),
            (mixed, "Replace"),
            (json!({"type": "WordPiece"}), "WordPiece"),
            (json!({"type": "Sequence"}), "Sequence"),
            (json!({}), "without a type"),
        ];
        for (decoder, name) in cases {
            let message = Decoding::parse(&decoder).unwrap_err().to_string();
            assert!(message.contains(name), "{message}");
        }
    }

    #[test]
    fn tokens_are_parts() {
        let llama = Decoding::sentencepiece(true);
        assert_eq!(llama.part("▁a▁b"), Part::Text(" a b".to_owned()));
        assert_eq!(llama.part("<0xE2>"), Part::Bytes(vec![0xE2]));
        for text in ["<0xE>", "<0xGG>", "<0xE2", "<0x0e2>"] {
            assert_eq!(llama.part(text), Part::Text(text.to_owned()));
        }
        assert_eq!(
            Decoding::byte_level().part("Ġa"),
            Part::Bytes(b" a".to_vec())
        );
    }
}
