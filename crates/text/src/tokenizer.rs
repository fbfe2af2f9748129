use std::collections::BTreeSet;

use tokenizers::Tokenizer as Encoder;

use crate::decoding::Decoding;
use crate::post_processor::Around;
use crate::{StreamDecoder, TextError};

/// Text to ids and back, as the model's own files say.
pub struct Tokenizer {
    encoder: Encoder,
    decoding: Decoding,
    special: SpecialIds,
    around: Around,
    vocab_size: usize,
}

/// What a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenPieceText {
    /// Its text in the middle of others; U+FFFD where its bytes are only part of a character.
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
    /// From an encoder that puts no ids around a text, and knows how to decode.
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
            .encode_fast(text, false)
            .map_err(|error| TextError::Encode(error.to_string()))?;
        if !add_special {
            return Ok(encoding.get_ids().to_vec());
        }
        Ok([&self.around.before, encoding.get_ids(), &self.around.after].concat())
    }

    /// What an id stands for; `None` if no token has it.
    pub fn piece(&self, id: u32) -> Option<TokenPieceText> {
        let token = self.encoder.id_to_token(id)?;
        let bytes = self.decoding.part(&token).into_bytes();
        Some(TokenPieceText {
            text: String::from_utf8_lossy(&bytes).into_owned(),
            bytes,
            special: self.is_special(&token),
        })
    }

    /// How the vocabulary itself writes a token (`Ġcapital`).
    pub fn vocabulary_entry(&self, id: u32) -> Option<String> {
        self.encoder.id_to_token(id)
    }

    /// The text of ids. Bytes that are not UTF-8 show as U+FFFD; unknown ids stand for nothing.
    pub fn decode(&self, ids: &[u32], skip_special: bool) -> String {
        // The supported decoders cannot fail.
        self.encoder.decode(ids, skip_special).unwrap_or_default()
    }

    /// A decoder for ids that arrive one by one.
    pub fn stream(&self, skip_special: bool) -> StreamDecoder<'_> {
        StreamDecoder::new(self, skip_special)
    }

    /// How the vocabulary writes a token, unless it is not to be shown.
    pub(crate) fn shown(&self, id: u32, skip_special: bool) -> Option<String> {
        let token = self.encoder.id_to_token(id)?;
        (!(skip_special && self.is_special(&token))).then_some(token)
    }

    pub(crate) fn decoding(&self) -> &Decoding {
        &self.decoding
    }

    fn is_special(&self, token: &str) -> bool {
        self.encoder.get_added_vocabulary().is_special_token(token)
    }

    /// The id of a token, as the vocabulary writes it.
    pub fn token_id(&self, token: &str) -> Option<u32> {
        self.encoder.token_to_id(token)
    }

    /// How many ids there are.
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// Whether all ids are in a model's vocabulary. A model may have more rows than its tokenizer
    /// has tokens: many are padded.
    ///
    /// Gemma 3's text models share a tokenizer with those that see images, whose
    /// `<image_soft_token>` is one past their vocabulary: no text has it, so it does no harm.
    ///
    /// # Errors
    /// When the tokenizer has ids that the model has not.
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

    /// The id that begins a text.
    pub fn bos_id(&self) -> Option<u32> {
        self.special.bos
    }

    /// The id that ends a text.
    pub fn eos_id(&self) -> Option<u32> {
        self.special.eos
    }

    /// Whether a generation ends with this id: an EOS, end of turn or end of message of the files,
    /// or (GGUF) a control token that is known to be one of these.
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

pub(crate) fn damaged(error: impl std::fmt::Display) -> TextError {
    TextError::Damaged(error.to_string())
}
