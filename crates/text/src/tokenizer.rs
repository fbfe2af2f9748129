use std::collections::{BTreeMap, BTreeSet};

use tokenizers::Tokenizer as Encoder;

use crate::TextError;
use crate::decoding::Decoding;
use crate::post_processor::Around;

/// Encodes text to token ids and decodes them.
pub struct Tokenizer {
    encoder: Encoder,
    decoding: Decoding,
    special: SpecialIds,
    around: Around,
    vocab_size: usize,
    /// Pieces that text never becomes, so that the encoder does not have them: empty ones, second ones of the same
    /// text, and bytes that are no characters.
    unlisted: BTreeMap<u32, TokenPieceText>,
}

/// Content of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenPieceText {
    /// Its text in the middle of a text; U+FFFD for an incomplete character.
    pub text: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Whether it is a control token (`<|im_start|>`).
    pub special: bool,
}

/// Ids with special meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpecialIds {
    /// Beginning of a text.
    pub bos: Option<u32>,
    /// End of a text.
    pub eos: Option<u32>,
    /// All ids that end a generation.
    pub ends: BTreeSet<u32>,
}

impl Tokenizer {
    /// Creates a tokenizer from an encoder that does not add `around` itself.
    pub(crate) fn from_parts(
        encoder: Encoder,
        decoding: Decoding,
        special: SpecialIds,
        around: Around,
        vocab_size: usize,
    ) -> Self {
        Self {
            encoder,
            decoding,
            special,
            around,
            vocab_size,
            unlisted: BTreeMap::new(),
        }
    }

    /// Adds pieces that text never becomes.
    pub(crate) fn with_unlisted(mut self, pieces: BTreeMap<u32, TokenPieceText>) -> Self {
        self.unlisted = pieces;
        self
    }

    /// Encodes a text. Control tokens written in the text (`<|im_start|>`) become their ids.
    ///
    /// `add_special` adds BOS and EOS if the model's files require them. Use it for raw prompts; chat templates write
    /// these tokens themselves.
    ///
    /// # Errors
    /// Fails if the text cannot be split.
    pub fn encode(&self, text: &str, add_special: bool) -> Result<Vec<u32>, TextError> {
        let encoding = self
            .encoder
            .encode_fast(text, false)
            .map_err(|error| TextError::Encode(error.to_string()))?;
        if !add_special {
            return Ok(encoding.get_ids().to_vec());
        }
        Ok([&self.around.before, encoding.get_ids(), &self.around.after].concat())
    }

    /// The content of a token; `None` if the id is not in use.
    pub fn piece(&self, id: u32) -> Option<TokenPieceText> {
        if let Some(piece) = self.unlisted.get(&id) {
            return Some(piece.clone());
        }
        let token = self.encoder.id_to_token(id)?;
        let bytes = self.decoding.part(&token).into_bytes();
        Some(TokenPieceText {
            text: String::from_utf8_lossy(&bytes).into_owned(),
            bytes,
            special: self.is_special(&token),
        })
    }

    /// A token as written in the vocabulary (`Ġcapital`).
    pub fn vocabulary_entry(&self, id: u32) -> Option<String> {
        let unlisted = self.unlisted.get(&id).map(|piece| piece.text.clone());
        unlisted.or_else(|| self.encoder.id_to_token(id))
    }

    /// Decodes ids. Invalid UTF-8 becomes U+FFFD; unknown ids are skipped.
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> String {
        if ids.iter().any(|id| self.unlisted.contains_key(id)) {
            let mut stream = self.stream(skip_special);
            let text: String = ids.iter().map(|id| stream.push(*id)).collect();
            return text + &stream.finish();
        }
        // The supported decoders cannot fail.
        self.encoder.decode(ids, skip_special).unwrap_or_default()
    }

    /// A token as written in the vocabulary; `None` for unknown ids and, with `skip_special`, for special tokens.
    pub(crate) fn shown(&self, id: u32, skip_special: bool) -> Option<String> {
        let token = self.encoder.id_to_token(id)?;
        (!(skip_special && self.is_special(&token))).then_some(token)
    }

    /// A piece that the encoder does not have.
    pub(crate) fn unlisted(&self, id: u32) -> Option<&TokenPieceText> {
        self.unlisted.get(&id)
    }

    pub(crate) fn decoding(&self) -> &Decoding {
        &self.decoding
    }

    fn is_special(&self, token: &str) -> bool {
        self.encoder.get_added_vocabulary().is_special_token(token)
    }

    /// The id of a token as written in the vocabulary.
    pub fn token_id(&self, token: &str) -> Option<u32> {
        self.encoder.token_to_id(token)
    }

    /// Size of the vocabulary: the highest id plus 1.
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// Checks that all ids are in a model's vocabulary, which may be larger because of padding.
    ///
    /// Gemma 3's text models share a tokenizer with its multimodal models. Its `<image_soft_token>` is one past the
    /// vocabulary of the text models, but never occurs in text.
    ///
    /// # Errors
    /// Fails if the tokenizer has ids that the model does not have.
    pub fn check_vocab(&self, model: usize) -> Result<(), TextError> {
        let shared = self.vocab_size == model + 1
            && u32::try_from(model).is_ok_and(|id| {
                self.encoder.id_to_token(id).as_deref() == Some("<image_soft_token>")
            });
        if self.vocab_size > model && !shared {
            return Err(TextError::LargerThanModel {
                tokenizer: self.vocab_size,
                model,
            });
        }
        Ok(())
    }

    /// The id that starts a text.
    pub fn bos_id(&self) -> Option<u32> {
        self.special.bos
    }

    /// The id that ends a text.
    pub fn eos_id(&self) -> Option<u32> {
        self.special.eos
    }

    /// Whether a generation ends with this id: EOS, end of turn or end of message as given in the files, or in GGUF a
    /// known control token.
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
            .field("vocab_size", &self.vocab_size)
            .field("special", &self.special)
            .finish_non_exhaustive()
    }
}
