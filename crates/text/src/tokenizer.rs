use std::collections::{BTreeSet, HashSet};

use tokenizers::models::bpe::{BpeBuilder, Vocab};
use tokenizers::{AddedToken, Tokenizer as Encoder};

use crate::gguf::token_type;
use crate::{GgufVocabulary, StreamDecoder, TextError, byte_level, merges, pre_tokenizer};

/// Control tokens with these texts end a generation too, whatever the file names as its EOS: chat
/// models end a turn with one and a document with another.
const END_TOKENS: [&str; 7] = [
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end|>",
    "<|end_of_text|>",
    "<end_of_turn>",
];

/// Text to ids and back, as the model's own files say.
pub struct Tokenizer {
    encoder: Encoder,
    /// By id; none where no token has the id.
    pieces: Vec<Option<TokenPieceText>>,
    special: SpecialIds,
    starts: Vec<u32>,
    finishes: Vec<u32>,
}

/// What a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenPieceText {
    /// Its text; U+FFFD where its bytes are only part of a character.
    pub text: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Whether it is a control token (`<|im_start|>`).
    pub special: bool,
}

/// The ids that begin and end a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpecialIds {
    /// Begins a text.
    pub bos: Option<u32>,
    /// Ends a text.
    pub eos: Option<u32>,
    /// All ids that end a generation.
    pub ends: BTreeSet<u32>,
}

impl Tokenizer {
    /// The tokenizer of a GGUF file.
    ///
    /// # Errors
    /// When its kind or family is not supported, or when it contradicts itself.
    pub fn from_gguf(vocabulary: GgufVocabulary) -> Result<Self, TextError> {
        if vocabulary.model != "gpt2" {
            return Err(TextError::UnsupportedTokenizer {
                kind: vocabulary.model,
                supported: "gpt2 (byte-level BPE)".to_owned(),
            });
        }
        let family =
            pre_tokenizer::family(vocabulary.pre.as_deref().ok_or(TextError::NoPreTokenizer)?)?;
        check(&vocabulary)?;
        let type_of = |id: usize| vocabulary.token_types.as_ref().map_or(1, |types| types[id]);
        let pieces: Vec<_> = vocabulary
            .tokens
            .iter()
            .enumerate()
            .map(|(id, token)| Some(piece(token, type_of(id))))
            .collect();
        let special = special_ids(&vocabulary, &pieces);
        let starts = match vocabulary.add_bos_token.unwrap_or(family.add_bos) {
            true => vec![required(special.bos, "BOS")?],
            false => Vec::new(),
        };
        let finishes = match vocabulary.add_eos_token.unwrap_or(false) {
            true => vec![required(special.eos, "EOS")?],
            false => Vec::new(),
        };

        let merges = vocabulary
            .merges
            .iter()
            .flatten()
            .map(|merge| merges::parse(merge))
            .collect::<Result<Vec<_>, _>>()?;
        let known: HashSet<&str> = vocabulary.tokens.iter().map(String::as_str).collect();
        merges::check(
            &known,
            merges
                .iter()
                .map(|(left, right)| (left.as_str(), right.as_str())),
        )?;

        let added: Vec<AddedToken> = vocabulary
            .tokens
            .iter()
            .enumerate()
            .filter(|(id, _)| is_added(type_of(*id)))
            .map(|(id, token)| {
                AddedToken::from(token.as_str(), type_of(id) == token_type::CONTROL)
                    .normalized(false)
            })
            .collect();
        let ids: Vocab = vocabulary.tokens.into_iter().zip(0..).collect();
        let model = BpeBuilder::new()
            .vocab_and_merges(ids, merges)
            .ignore_merges(family.ignore_merges)
            .build()
            .map_err(damaged)?;
        let mut encoder = Encoder::new(model);
        encoder
            .with_normalizer(family.normalizer)
            .map_err(damaged)?;
        encoder.with_pre_tokenizer(Some(family.pre_tokenizer));
        encoder.add_tokens(added).map_err(damaged)?;
        Ok(Self {
            encoder,
            pieces,
            special,
            starts,
            finishes,
        })
    }

    /// For other files: the parts as they are. No ids are put before or after a text.
    pub(crate) fn from_parts(
        encoder: Encoder,
        pieces: Vec<Option<TokenPieceText>>,
        special: SpecialIds,
    ) -> Self {
        Self {
            encoder,
            pieces,
            special,
            starts: Vec::new(),
            finishes: Vec::new(),
        }
    }

    /// The ids of a text. Control tokens written in the text (`<|im_start|>`) become their ids.
    /// `add_special` puts BOS and EOS around it where the file asks for it: wanted for a raw
    /// prompt, not for the text of a chat template, which writes them itself.
    ///
    /// # Errors
    /// When the text cannot be split.
    pub fn encode(&self, text: &str, add_special: bool) -> Result<Vec<u32>, TextError> {
        let encoding = self
            .encoder
            .encode_fast(text, add_special)
            .map_err(|error| TextError::Encode(error.to_string()))?;
        let (starts, finishes): (&[u32], &[u32]) = if add_special {
            (&self.starts, &self.finishes)
        } else {
            (&[], &[])
        };
        Ok([starts, encoding.get_ids(), finishes].concat())
    }

    /// What an id stands for; `None` if no token has it.
    pub fn piece(&self, id: u32) -> Option<&TokenPieceText> {
        self.pieces.get(usize::try_from(id).ok()?)?.as_ref()
    }

    /// How the vocabulary itself writes a token (`Ġcapital`).
    pub fn vocabulary_entry(&self, id: u32) -> Option<String> {
        self.encoder.id_to_token(id)
    }

    /// The text of ids. Bytes that are not UTF-8 show as U+FFFD; unknown ids stand for nothing.
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> String {
        let bytes: Vec<u8> = ids
            .iter()
            .flat_map(|id| self.bytes(*id, skip_special))
            .copied()
            .collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// A decoder for ids that arrive one by one.
    pub fn stream(&self, skip_special: bool) -> StreamDecoder<'_> {
        StreamDecoder::new(self, skip_special)
    }

    /// The bytes that an id adds to a text.
    pub(crate) fn bytes(&self, id: u32, skip_special: bool) -> &[u8] {
        match self.piece(id) {
            Some(piece) if !(skip_special && piece.special) => &piece.bytes,
            _ => &[],
        }
    }

    /// How many ids there are.
    pub fn vocab_size(&self) -> usize {
        self.pieces.len()
    }

    /// The id that begins a text.
    pub fn bos_id(&self) -> Option<u32> {
        self.special.bos
    }

    /// The id that ends a text.
    pub fn eos_id(&self) -> Option<u32> {
        self.special.eos
    }

    /// Whether a generation ends with this id: the file's EOS, end of turn or end of message, or a
    /// control token that is known to be one of these.
    pub fn is_end(&self, id: u32) -> bool {
        self.special.ends.contains(&id)
    }

    /// All ids that end a generation, in ascending order.
    pub fn end_ids(&self) -> impl Iterator<Item = u32> {
        self.special.ends.iter().copied()
    }
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Tokenizer")
            .field("vocab_size", &self.pieces.len())
            .field("special", &self.special)
            .finish_non_exhaustive()
    }
}

pub(crate) fn damaged(error: impl std::fmt::Display) -> TextError {
    TextError::Damaged(error.to_string())
}

fn required(id: Option<u32>, name: &str) -> Result<u32, TextError> {
    id.ok_or_else(|| {
        damaged(format!(
            "texts shall have {name}, but the file gives no id for it"
        ))
    })
}

fn is_added(token_type: i32) -> bool {
    matches!(token_type, token_type::CONTROL | token_type::USER_DEFINED)
}

/// Refuses lengths and ids that do not fit.
fn check(vocabulary: &GgufVocabulary) -> Result<(), TextError> {
    let count = vocabulary.tokens.len();
    if count == 0 || u32::try_from(count).is_err() {
        return Err(damaged(format!("it has {count} tokens")));
    }
    if let Some(types) = &vocabulary.token_types
        && types.len() != count
    {
        return Err(damaged(format!(
            "it has {count} tokens, but the types of {}",
            types.len()
        )));
    }
    let ids = [
        ("BOS", vocabulary.bos_token_id),
        ("EOS", vocabulary.eos_token_id),
        ("EOT", vocabulary.eot_token_id),
        ("EOM", vocabulary.eom_token_id),
    ];
    for (name, id) in ids {
        if let Some(id) = id
            && usize::try_from(id).is_ok_and(|id| id >= count)
        {
            return Err(damaged(format!(
                "its {name} is token {id}, but it has {count} tokens"
            )));
        }
    }
    Ok(())
}

/// What a token of a byte-level vocabulary stands for.
fn piece(token: &str, kind: i32) -> TokenPieceText {
    // Added tokens are plain text, the others are written in the byte-level alphabet.
    let bytes = if is_added(kind) {
        None
    } else {
        byte_level::bytes_of(token)
    };
    piece_of(
        bytes.unwrap_or_else(|| token.as_bytes().to_vec()),
        kind == token_type::CONTROL,
    )
}

pub(crate) fn piece_of(bytes: Vec<u8>, special: bool) -> TokenPieceText {
    TokenPieceText {
        text: String::from_utf8_lossy(&bytes).into_owned(),
        bytes,
        special,
    }
}

fn special_ids(vocabulary: &GgufVocabulary, pieces: &[Option<TokenPieceText>]) -> SpecialIds {
    let named = [
        vocabulary.eos_token_id,
        vocabulary.eot_token_id,
        vocabulary.eom_token_id,
    ];
    let known = (0..).zip(pieces).filter_map(|(id, piece)| {
        piece
            .as_ref()
            .filter(|piece| piece.special && END_TOKENS.contains(&&*piece.text))?;
        Some(id)
    });
    SpecialIds {
        bos: vocabulary.bos_token_id,
        eos: vocabulary.eos_token_id,
        ends: named.into_iter().flatten().chain(known).collect(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// All 256 bytes, the letters of "Hi there" with some merges, and control tokens.
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
        assert!(!ids.contains(&2), "a token that is only similar is text");
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
            [2],
            "plain text ends nothing"
        );
    }

    #[test]
    fn a_piece_has_the_bytes_it_stands_for() {
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
        let damaged: [(&str, Damage); 6] = [
            ("no tokens", |v| v.tokens.clear()),
            ("types of other length", |v| v.token_types = Some(vec![1])),
            ("eos outside", |v| v.eos_token_id = Some(9999)),
            ("a merge that is no pair", |v| {
                v.merges = Some(vec!["ab".to_owned()]);
            }),
            ("a merge into nothing", |v| {
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
